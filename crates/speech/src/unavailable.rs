//! Nobody who could speak, and the reason.

use model::Speech;

use crate::{Cancel, Ear, SpeechError, Synthesizer};

/// Stands in where a synthesizer could not be started: every request is answered with the reason, so that the log of a call
/// shows it.
#[derive(Clone, Debug)]
pub struct Unavailable {
    why: SpeechError,
}

impl Unavailable {
    /// `why` is what [`crate::Espeak::start`] said.
    pub fn new(why: SpeechError) -> Unavailable {
        Unavailable { why }
    }
}

impl Synthesizer for Unavailable {
    fn engine(&self) -> &str {
        "none"
    }

    fn synthesize(&self, _: &Speech, _: &Cancel, _: &mut dyn Ear) -> Result<(), SpeechError> {
        Err(self.why.clone())
    }
}
