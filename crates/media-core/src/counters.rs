//! What a worker counts. Plain numbers of one thread; the engine publishes them.

macro_rules! worker_counters {
    ($($(#[doc = $help:literal])+ $name:ident,)+) => {
        /// Counters of one worker since its start, and gauges, whose help begins with that word.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct WorkerCounters {
            $($(#[doc = $help])+ pub $name: u64,)+
        }

        impl WorkerCounters {
            /// Names of all fields, in the order of [`WorkerCounters::values`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
            /// What each field means, in the same order: help texts of metrics.
            pub const HELP: &'static [&'static str] = &[$(concat!($($help),+)),+];
            /// How many fields there are.
            pub const COUNT: usize = Self::NAMES.len();

            /// All values, in the order of [`WorkerCounters::NAMES`].
            pub fn values(&self) -> [u64; Self::COUNT] {
                [$(self.$name),+]
            }
        }
    };
}

worker_counters! {
    /// Gauge: slots in service, closing ones included.
    open_streams,
    /// Gauge: events that wait in their streams' slots because a ring was full.
    facts_waiting,
    /// Gauge: sounds and the like that wait to be freed because the ring was full.
    retired_waiting,
    /// Gauge: rooms that have members, or are recorded.
    rooms,
    /// Gauge: streams that are in a room.
    room_members,
    /// Gauge: members who were heard in the last tick of their room.
    room_talkers,
    /// Streams opened.
    opened,
    /// Streams closed.
    closed,
    /// Instructions for a lease that is over, or for no stream.
    ops_stale,
    /// Open instructions for a slot that is in use or does not exist.
    opens_refused,
    /// Packets generated on ticks: silence, playback, digits.
    frames_sent,
    /// Of these, those of playbacks whose sound was still being made and came too late.
    playback_underruns,
    /// RTP packets returned by echo.
    echoed,
    /// Datagrams that the kernel refused to send.
    send_errors,
    /// Frames that were due a whole packet length or more before they were served.
    missed_ticks,
    /// Times that a stream was so late that its media clock was set anew, not caught up.
    clock_rebased,
    /// RTP packets accepted.
    rtp_received,
    /// RTCP datagrams accepted.
    rtcp_received,
    /// RTCP datagrams sent.
    rtcp_sent,
    /// Datagrams to a slot that is not in service.
    drop_no_stream,
    /// Datagrams that are no RTP: too short, another version, lengths that do not add up.
    drop_malformed_rtp,
    /// Datagrams that are no RTCP.
    drop_malformed_rtcp,
    /// RTCP that came to the RTP port without rtcp-mux (RFC 5761 §4).
    drop_rtcp_on_rtp_port,
    /// RTP datagrams longer than what an audio packet can be.
    drop_oversized,
    /// RTP with a payload type that was not negotiated.
    drop_payload_type,
    /// RTP from an address other than the one that the stream listens to.
    drop_foreign_source,
    /// RTP of a new source that has yet to prove itself by a second packet in sequence (RFC 3550 A.1).
    drop_probation,
    /// RTCP from an address that is not the peer's.
    drop_foreign_rtcp,
    /// RTP with our own SSRC: our packets sent back to us, or a collision (RFC 3550 §8.2).
    drop_own_ssrc,
    /// Times that a stream took a new SSRC after a collision.
    ssrc_changed,
    /// RTP packets that came twice.
    drop_duplicate,
    /// RTP packets whose sequence number is far from what was expected; the next in sequence is taken for a restart.
    drop_jump,
    /// RTP packets that an echo did not return because their place among what was returned is gone.
    echo_late,
    /// Times that a stream took up another source: restarts of the peer, moves of its address.
    source_changed,
    /// Telephone-event payloads that are too short or no DTMF.
    events_ignored,
    /// Digits received and reported.
    digits_received,
    /// Digits lost because the stream's slot held too many unsent events.
    digits_dropped,
    /// Digit strings not sent because too many waited in the stream.
    digit_strings_refused,
    /// Playback events lost because the caller went on giving instructions while `accepts_ops` was false.
    facts_dropped,
    /// Recordings refused because one was running on the stream or in the room already.
    recordings_refused,
    /// Times that a stream was put into a room.
    room_joins,
    /// Times that a stream was not put into a room because that was full.
    room_joins_refused,
    /// Keys that one of two sent on to the other.
    room_keys_forwarded,
    /// Ticks of rooms served, each 20 ms of one room.
    room_ticks,
    /// Ticks of rooms that were due 20 ms or more before they were served.
    room_ticks_missed,
    /// Frames of members that were decoded.
    room_frames_decoded,
    /// Frames of talkers in which samples were missing.
    room_frames_lost,
    /// Packets of members that came too late for their jitter buffer.
    room_packets_late,
    /// Frames of mixes encoded as PCMU: one of each room for all who do not talk, and one for each talker.
    room_encodes_pcmu,
    /// Frames of mixes encoded as PCMA.
    room_encodes_pcma,
    /// Streams that came from another worker.
    moved_in,
    /// Streams that went to another worker.
    moved_out,
    /// Sounds and the like freed on the worker's thread because the caller went on while `accepts_ops` was false.
    freed_in_place,
}
