//! Text to speech behind one trait: plain text or SSML in, linear audio out, as soon as the first of it exists.
//!
//! Entry types: [`Synthesizer`] is what the media engine asks, and an [`Ear`] is who listens to it. [`Espeak`] speaks by the
//! program `espeak-ng`, [`DiskCache`] remembers what another one said, and [`Unavailable`] says why nobody speaks. A text with sounds
//! of others in it is taken apart by [`text_parts`] before.
//!
//! ```text
//!  media engine ─► DiskCache ── known ─────────────────────────────────────► pieces of sound
//!                      └─ new ─► Espeak ─ ssml ─► a child process ─ wav ───────┘
//! ```

mod counters;
mod disk_cache;
mod error;
mod espeak;
mod parts;
mod say_as;
mod ssml;
mod synthesizer;
mod unavailable;
mod wav;

pub use counters::SpeechCounters;
pub use disk_cache::{DiskCache, content_key};
pub use error::SpeechError;
pub use espeak::{Espeak, EspeakConfig};
pub use parts::{TextPart, text_parts};
pub use synthesizer::{Cancel, Ear, Synthesizer};
pub use unavailable::Unavailable;
