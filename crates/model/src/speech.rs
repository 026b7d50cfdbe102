//! What is to be spoken (spec/actions.md `talk`).

use serde::{Deserialize, Serialize};

/// One text and how it is to sound. Equal requests sound equal, so they are a key of the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Speech {
    /// Plain text or SSML.
    pub text: String,
    /// BCP 47, two-letter form allowed; empty = the engine's default.
    pub language: String,
    /// `male`, `female`, `neutral` or empty; picks a voice when `voice_id` is empty.
    pub gender: String,
    /// `gcp`, `aws` or anything else: mapped to the embedded engine.
    pub provider: String,
    /// The provider's name of a voice, or empty.
    pub voice_id: String,
}
