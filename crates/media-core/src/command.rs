//! What control tells a worker to do with a stream or a room. Plain data: it can be written down and replayed.
#![allow(
    clippy::disallowed_types,
    reason = "control makes commands; `Op::resolve` turns them into what a worker may hold"
)]

use std::net::{IpAddr, SocketAddr};

use base::{RecordingId, RoomId, SoundId, StreamId};
use serde::{Deserialize, Serialize};

use crate::recording::RecordingSource;

/// One instruction for one stream or room. Commands of one stream are carried out in the order in which they were sent, and so are
/// those of one room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Take the leased port pair into service. Until told otherwise the stream sends silence (if it may send).
    Open {
        /// The lease, from the port pool.
        stream: StreamId,
        /// What was negotiated.
        config: StreamConfig,
    },
    /// Replace what was negotiated (re-INVITE). SSRC, sequence numbers and timestamps go on.
    Configure {
        /// The stream.
        stream: StreamId,
        /// What is valid from now on.
        config: StreamConfig,
    },
    /// Play a prepared sound from its start; a playback that is running is replaced and reports `Stopped`.
    Play {
        /// The stream.
        stream: StreamId,
        /// Chosen by control; comes back in [`crate::Event::PlaybackEnded`].
        playback: u64,
        /// What to play.
        sound: SoundId,
        /// The party ends it by speaking: [`crate::PlaybackOutcome::BargeIn`].
        barge_in: bool,
    },
    /// Stop the running playback, if any; it reports `Stopped`.
    StopPlayback {
        /// The stream.
        stream: StreamId,
    },
    /// Return what arrives, or stop doing so.
    Echo {
        /// The stream.
        stream: StreamId,
        /// What is returned.
        mode: EchoMode,
    },
    /// Send digits: as RFC 4733 events where negotiated, else as in-band tones.
    SendDigits {
        /// The stream.
        stream: StreamId,
        /// `0-9A-D*#`, at most 100.
        digits: String,
        /// Length of each digit, 100–1000 ms.
        duration_ms: u16,
        /// Pause between two digits, 0–5000 ms.
        interval_ms: u16,
    },
    /// The party has pressed a key of which its phone told by signalling (SIP INFO): the other one of a room for two is told, as of
    /// those that come as telephone-events, if the stream joined it so. It is not reported.
    ForwardKey {
        /// The stream.
        stream: StreamId,
        /// `0-9A-D*#`.
        digit: char,
        /// How long it was pressed, ms.
        duration_ms: u32,
    },
    /// Record a stream into `<file_stem>_in.wav` (the party) and `<file_stem>_out.wav` (what is sent to it) of the recordings
    /// folder, or a room's mix into the first of these alone. A room that nobody has joined yet begins with it, and one that is
    /// recorded stands until its recording has ended, whoever leaves. Answered by exactly one [`crate::RecordingFact::Ended`],
    /// whatever happens; one that is given while another runs on the stream or in the room ends as failed.
    StartRecording {
        /// What is recorded.
        source: RecordingSource,
        /// Chosen by control; comes back with each fact.
        recording: RecordingId,
        /// Name of the files without their endings: no folder, no leading dot.
        file_stem: String,
        /// End when the party, or the room, has been silent this long, ms; 0: never.
        end_of_silence_ms: u32,
        /// End after this much audio, ms; 0: no limit but the engine's.
        duration_ms: u64,
    },
    /// End a recording. Nothing happens if this one does not run.
    StopRecording {
        /// What is recorded.
        source: RecordingSource,
        /// As in the command that started it.
        recording: RecordingId,
    },
    /// Put the stream into a room, where it hears all others and they hear it; it leaves the room in which it is. A stream that
    /// lives on another worker than the room is moved there first. Refused by [`crate::Event::RoomRefused`] when the room is
    /// full. While the stream is in a room, what its echo mode says does not count.
    JoinRoom {
        /// The stream.
        stream: StreamId,
        /// The room. It exists from its first member's coming to its last one's going, and while it is recorded.
        room: RoomId,
        /// Whether the keys of its members are sent on to the other one, as long as there are two: the same for all of a room.
        forwards_keys: bool,
    },
    /// Take the stream out of its room, if it is in one.
    LeaveRoom {
        /// The stream.
        stream: StreamId,
    },
    /// End the stream and give its ports back. Answered by [`crate::Event::Closed`].
    Close {
        /// The stream.
        stream: StreamId,
    },
}

impl Command {
    /// The stream that the command is for; none: it is for [`Command::room`].
    pub fn stream(&self) -> Option<StreamId> {
        match self {
            Command::Open { stream, .. }
            | Command::Configure { stream, .. }
            | Command::Play { stream, .. }
            | Command::StopPlayback { stream }
            | Command::Echo { stream, .. }
            | Command::SendDigits { stream, .. }
            | Command::ForwardKey { stream, .. }
            | Command::StartRecording { source: RecordingSource::Stream(stream), .. }
            | Command::StopRecording { source: RecordingSource::Stream(stream), .. }
            | Command::JoinRoom { stream, .. }
            | Command::LeaveRoom { stream }
            | Command::Close { stream } => Some(*stream),
            Command::StartRecording { source: RecordingSource::Room(_), .. }
            | Command::StopRecording { source: RecordingSource::Room(_), .. } => None,
        }
    }

    /// The room that the command is for, if it is for no stream.
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Command::StartRecording { source: RecordingSource::Room(room), .. }
            | Command::StopRecording { source: RecordingSource::Room(room), .. } => Some(*room),
            _ => None,
        }
    }
}

/// The outcome of an offer and answer as far as RTP is concerned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamConfig {
    /// Source address of what we send: the one that stands in our SDP (or the local one behind it).
    pub local_ip: IpAddr,
    /// Where RTP goes until the peer's packets come from somewhere else (symmetric RTP).
    pub remote_rtp: SocketAddr,
    /// Where RTCP goes (RFC 3605, or RTP port + 1).
    pub remote_rtcp: SocketAddr,
    /// Codec of what we send.
    pub codec: Codec,
    /// Payload type of what we send.
    pub payload_type: u8,
    /// Payload types of audio that we may receive: ours by our SDP. At most [`StreamConfig::RECEIVE_MAX`].
    pub receive: Vec<ReceivePayload>,
    /// Negotiated RFC 4733 payload types.
    pub telephone_event: Option<TelephoneEventTypes>,
    /// Length of the packets we send, ms: a multiple of 10 from 10 to 60.
    pub ptime_ms: u16,
    /// Whether we may send (their direction allows receiving and they are not on hold).
    pub send: bool,
    /// Whether what arrives counts.
    pub receive_enabled: bool,
    /// Our SSRC; the same in every `Configure` of a stream.
    pub ssrc: u32,
    /// First sequence number (RFC 3550 §5.1: random). Used by `Open` only.
    pub first_sequence: u16,
    /// First timestamp (random). Used by `Open` only.
    pub first_timestamp: u32,
}

impl StreamConfig {
    /// Most audio payload types one stream receives.
    pub const RECEIVE_MAX: usize = 4;
}

/// A payload type that may arrive and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivePayload {
    /// RTP payload type.
    pub payload_type: u8,
    /// Its codec.
    pub codec: Codec,
}

/// RFC 4733 payload types of both ways; they may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelephoneEventTypes {
    /// In packets that we send: as the peer's SDP says.
    pub send: u8,
    /// In packets that arrive: as our SDP says.
    pub receive: u8,
}

/// Audio codecs of the media engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
}

/// What an echo returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EchoMode {
    /// Nothing.
    #[default]
    Off,
    /// Audio only: digits are reported, not returned (action `echo`).
    Audio,
    /// Everything, telephone events too (action `stream_echo`).
    Stream,
}
