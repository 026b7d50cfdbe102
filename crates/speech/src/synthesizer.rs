//! What every synthesizer offers, whether it is a program beside us or a service far away.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::Speech;

use crate::{SpeechCounters, SpeechError};

/// Turns texts into sound. Used from several threads at once.
pub trait Synthesizer: Send + Sync {
    /// Which engine and version speaks: equal requests to an equal engine sound equal, so this is a part of the cache's key.
    fn engine(&self) -> &str;

    /// Speaks: calls `ear` with the pieces of sound in their order, each as soon as it exists, and returns when the last one
    /// was delivered. It blocks, and looks at `cancel` at least every 100 ms. Speech is to have an active level of about
    /// -20 dB below full scale, which is what a caller expects on a telephone.
    ///
    /// # Errors
    /// See [`SpeechError`]. What was delivered before an error remains delivered.
    fn synthesize(&self, speech: &Speech, cancel: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError>;

    /// What was counted.
    fn counters(&self) -> SpeechCounters {
        SpeechCounters::default()
    }
}

/// Who listens to a synthesis.
pub trait Ear {
    /// The next samples: linear, 16 bit, mono, `rate_hz` per second, the same rate in all pieces. `Break` ends the synthesis
    /// as [`SpeechError::Cancelled`].
    fn piece(&mut self, rate_hz: u32, samples: &[i16]) -> ControlFlow<()>;

    /// Something that the author of the flow may want to know, such as a language that there is no voice for.
    fn note(&mut self, note: &str) {
        let _ = note;
    }
}

/// Ends a synthesis from another thread. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// From now on every synthesis that has this ends as soon as it looks.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
