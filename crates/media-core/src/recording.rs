//! Recording (`spec/media.md` §8): what a worker hands to whoever records, and how that becomes two tracks of equal start and
//! length, or the one track of a room.
//!
//! ```text
//!  stream ── packets, as they are ─► RecorderTap ── (outside of the worker) ─► Recorder ─► two tracks of samples
//!  room ──── the mix of each tick ──►     "                                       "     ─► one track
//! ```
//! The worker's side is [`RecorderTap`]: a packet of G.711 is handed over with its media time, undecoded, and a room's mix as it is
//! before it is encoded for anybody. [`Recorder`] runs in no tick: it decodes, places and counts.
#![allow(clippy::disallowed_types, reason = "facts and requests are made outside of the worker's thread")]

mod recorder;
mod tap;
mod timeline;

use base::{LoopId, RecordingId, RoomId, StreamId};
use serde::{Deserialize, Serialize};

pub(crate) use recorder::SOUND_MIN;
pub use recorder::{Recorder, Settled};
pub use tap::{Coding, RecorderTap, TapEnd, TapPacket};

/// Samples per second of a recording.
pub const SAMPLE_RATE_HZ: u32 = 8_000;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordingSource {
    /// A stream: what its party says, and what is sent to it.
    Stream(StreamId),
    /// A room: the voices of all who talk, added up.
    Room(RoomId),
}

impl RecordingSource {
    /// Its tracks. Each becomes a file.
    pub fn tracks(self) -> &'static [Track] {
        match self {
            RecordingSource::Stream(_) => &[Track::In, Track::Out],
            RecordingSource::Room(_) => &[Track::In],
        }
    }

    /// What it is to those who are told of it.
    pub fn noun(self) -> &'static str {
        match self {
            RecordingSource::Stream(_) => "call",
            RecordingSource::Room(_) => "conference",
        }
    }
}

impl From<StreamId> for RecordingSource {
    fn from(stream: StreamId) -> RecordingSource {
        RecordingSource::Stream(stream)
    }
}

impl From<RoomId> for RecordingSource {
    fn from(room: RoomId) -> RecordingSource {
        RecordingSource::Room(room)
    }
}

/// One of the two sides of a recorded stream. A room has the first only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Track {
    /// What the party says: packets that arrived and were accepted. Of a room: the mix.
    In,
    /// What is sent to the party.
    Out,
}

/// What happened to a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingFact {
    /// All files exist; audio goes in.
    Started,
    /// It is over: the files are complete. The last fact, also of a recording that never started.
    Ended {
        /// Why.
        end: RecordingEnd,
        /// Length of each file, samples at 8 kHz.
        samples: u64,
        /// Silence in place of audio that did not come from the party: loss, hold, a late start. Of a room: in place of ticks
        /// that were left out. Samples.
        gap_samples_in: u64,
        /// Silence in place of audio that was not sent to the party; of a room none. Samples.
        gap_samples_out: u64,
        /// Audio that was there and is not in the files: the writer was too slow, or it came too late. Samples.
        dropped_samples: u64,
    },
}

/// Why a recording ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingEnd {
    /// By [`crate::Command::StopRecording`].
    Stopped,
    /// The party was silent for `end_of_silence_ms`.
    Silence,
    /// It has the length that was asked for.
    Duration,
    /// The stream was closed, or the room's worker ended.
    StreamClosed,
    /// It could not be started, or not go on. Why, in plain words.
    Failed(String),
}

/// A [`crate::Command::StartRecording`] on its way to whoever records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingRequest {
    /// The loop that gets the facts.
    pub owner: LoopId,
    /// What is recorded.
    pub source: RecordingSource,
    /// Chosen by control.
    pub recording: RecordingId,
    /// Name of the files without their endings.
    pub file_stem: String,
    /// End when the party has been silent this long, ms; 0: never.
    pub end_of_silence_ms: u32,
    /// End after this much audio, ms; 0: no limit.
    pub duration_ms: u64,
}
