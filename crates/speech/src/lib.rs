//! Text to speech behind one trait: plain text or SSML in, linear audio out, as soon as the first of it exists.
//!
//! Entry types: [`Synthesizer`] is what the media engine asks, and an [`Ear`] is who listens to it.

mod error;
mod synthesizer;

pub use error::SpeechError;
pub use synthesizer::{Cancel, Ear, Synthesizer};
