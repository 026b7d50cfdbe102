//! What a worker tells control. Facts: none is ever dropped. A fact that finds its ring full waits in its stream's slot.

use base::{RoomId, StreamId};
use serde::{Deserialize, Serialize};

/// One fact about one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A key press ended (RFC 4733), each reported once.
    Digit {
        /// The stream.
        stream: StreamId,
        /// `0-9A-D*#`
        digit: char,
        /// How long it was held, ms.
        duration_ms: u32,
    },
    /// A playback is over. Every `Command::Play` has exactly one of these.
    PlaybackEnded {
        /// The stream.
        stream: StreamId,
        /// As in the command.
        playback: u64,
        /// How.
        outcome: PlaybackOutcome,
    },
    /// The stream is not in the room that it should have joined: the room is full.
    RoomRefused {
        /// The stream.
        stream: StreamId,
        /// As in the command.
        room: RoomId,
    },
    /// The stream is closed and its slot is free. The last event of a stream.
    Closed {
        /// The stream.
        stream: StreamId,
        /// Its totals.
        stats: StreamStats,
    },
}

impl Event {
    /// The stream that the event is about.
    pub fn stream(&self) -> StreamId {
        match self {
            Event::Digit { stream, .. }
            | Event::PlaybackEnded { stream, .. }
            | Event::RoomRefused { stream, .. }
            | Event::Closed { stream, .. } => *stream,
        }
    }
}

/// How a playback ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaybackOutcome {
    /// The last sample was sent.
    Completed,
    /// Stopped, replaced, or its stream was closed.
    Stopped,
    /// The party spoke, and the command said that this ends it.
    BargeIn,
    /// The sound was not there any more when the command was carried out, or it broke off while it was still being made.
    SoundGone,
}

/// Totals of one stream (RFC 3550 §6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamStats {
    /// RTP packets sent.
    pub sent_packets: u64,
    /// Payload octets sent.
    pub sent_octets: u64,
    /// RTP packets that arrived and were accepted.
    pub received_packets: u64,
    /// Payload octets of those.
    pub received_octets: u64,
    /// Packets of the peer that never arrived, by sequence numbers (may be negative with duplicates, RFC 3550 §6.4.1).
    pub lost_packets: i64,
    /// Arrived too late or twice.
    pub discarded_packets: u64,
    /// Interarrival jitter of the peer's packets, RTP timestamp units.
    pub jitter_samples: u32,
    /// Loss that the peer reports of our packets (last report block), if any.
    pub peer_lost_packets: Option<i32>,
    /// Last measured round trip, microseconds, if the peer sends reports.
    pub round_trip_us: Option<u32>,
    /// Sends that the kernel refused (buffer full, peer's port closed).
    pub send_errors: u64,
}
