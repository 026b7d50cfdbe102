//! Sounds made ready: found, fetched, decoded or spoken, converted to 8 kHz and encoded on threads of low priority, then shared.

mod cache;
mod decode;
mod fetch;
mod fetching;
mod fold;
mod kind;
mod load;
mod mp3;
mod mpeg;
mod ogg;
mod pinned;
mod progress;
mod queues;
mod raw;
mod resample;
mod service;
mod source;
mod speak;
mod threads;
mod wav;

use std::io::{Read, Seek};

pub(crate) use service::Sounds;
pub use source::look_for_sound_file;
pub(crate) use threads::{SoundThreads, spawn};

/// Decodes a whole sound file as playing it does: all channels folded into one, samples at 8 kHz. What it is, is known by its
/// content, else by the `Content-Type` it came with, else by the suffix of `url`. A file that ends early gives what is there.
///
/// # Errors
/// In words: it is no sound that is understood, it is damaged, there is no sound in it, it is longer than `longest_s` seconds.
pub fn decode_sound(
    file: impl Read + Seek + Send + Sync,
    content_type: Option<&str>,
    url: &str,
    longest_s: u32,
) -> Result<Vec<i16>, String> {
    fold::collected(longest_s, |sink| decode::decode(file, kind::Clues { content_type, url }, sink))
}
