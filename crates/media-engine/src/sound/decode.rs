//! A file of any kind that is understood to 8 kHz mono samples.

use std::io::{Read, Seek, SeekFrom};

use super::kind::{Clues, Kind, LOOKED_AT};
use super::{mp3, ogg, raw, wav};

/// Decodes a whole file. What it is, is known by its content, then by `clues`. A file that ends early gives what is there.
///
/// # Errors
/// In words: it is no sound that is understood, it is damaged, there is no sound in it, it is longer than `longest_s`.
pub(crate) fn decode(
    mut file: impl Read + Seek + Send + Sync,
    clues: Clues<'_>,
    longest_s: u32,
) -> Result<Vec<i16>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let mut beginning = Vec::with_capacity(LOOKED_AT);
    file.by_ref().take(LOOKED_AT as u64).read_to_end(&mut beginning).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let samples = match Kind::of(&beginning, beginning.len() < LOOKED_AT, clues)? {
        Kind::Wav => wav::decode(file, longest_s)?,
        Kind::Mp3 => mp3::decode(file, longest_s)?,
        Kind::Ogg => ogg::decode(file, longest_s)?,
        Kind::Raw(raw) => raw::decode(file, raw, longest_s)?,
    };
    if samples.is_empty() { Err("there is no sound in the file".into()) } else { Ok(samples) }
}
