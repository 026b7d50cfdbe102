//! What the engine tells the control loops.

use base::{LoopId, RecordingId, SoundId};
use media_core::{Event, PortLease, RecordingFact, RecordingSource};
use model::Speech;

/// One message to one control loop.
#[derive(Clone, Debug, PartialEq)]
pub enum FromEngine {
    /// A fact about a stream of the loop.
    Media(Event),
    /// The one answer to [`crate::EngineHandle::want_ports`].
    Ports {
        /// Of which address family.
        ipv6: bool,
        /// As many as there were; none when the range is exhausted.
        leases: Vec<PortLease>,
    },
    /// The one answer to [`crate::EngineHandle::prepare_sound`].
    Sound {
        /// As in the request.
        token: u128,
        /// The sound, or why there is none.
        result: Result<PreparedSound, String>,
        /// Parts that were left out: URL and reason.
        skipped: Vec<(String, String)>,
    },
    /// A fact about a recording. It may come after the stream's [`media_core::Event::Closed`].
    Recording {
        /// What is, or was, recorded.
        source: RecordingSource,
        /// As in the command that started it.
        recording: RecordingId,
        /// What happened. `Ended` is the last one, and there is exactly one.
        fact: RecordingFact,
    },
}

/// A sound that may be played. It is kept at least for [`crate::SoundConfig::hold_ms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreparedSound {
    /// Its name for [`media_core::Command::Play`].
    pub sound: SoundId,
    /// Its length, ms; of speech that is still being made, what there was when the answer was given.
    pub duration_ms: u64,
}

/// A request for a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundRequest {
    /// Chosen by control; comes back with the answer.
    pub token: u128,
    /// Where it comes from.
    pub source: SoundSource,
}

/// Where a sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundSource {
    /// In playing order: `http:`, `https:`, `file:` or `tone:beep`. Parts that cannot be had are left out.
    Urls(Vec<String>),
    /// A text that is spoken. The answer comes as soon as the beginning can be heard; the sound grows while it plays.
    Speech(Speech),
}

/// How messages get to the loops: called from the engine's helper threads, never from a worker. It must not wait for long.
pub type Deliver = dyn Fn(LoopId, FromEngine) + Send + Sync;
