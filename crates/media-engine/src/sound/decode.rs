//! A file of any kind that is understood to 8 kHz mono samples.

use std::io::{Read, Seek, SeekFrom};

use super::fold::Sink;
use super::kind::{Clues, Kind, LOOKED_AT};
use super::{mp3, ogg, raw, wav};

/// Decodes a whole file. What it is, is known by its content, then by `clues`. A file that ends early gives what is there; what was
/// given before an error stays given.
///
/// # Errors
/// In words: it is no sound that is understood, it is damaged, there is no sound in it; what `sink` says.
pub(crate) fn decode(
    mut file: impl Read + Seek + Send + Sync,
    clues: Clues<'_>,
    mut sink: Sink<'_>,
) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let mut beginning = Vec::with_capacity(LOOKED_AT);
    file.by_ref().take(LOOKED_AT as u64).read_to_end(&mut beginning).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let (mut is_empty, longest_s) = (true, sink.longest_s());
    let mut take = |piece: Vec<i16>| {
        is_empty &= piece.is_empty();
        sink.give(piece)
    };
    let sink = Sink::new(longest_s, &mut take);
    match Kind::of(&beginning, beginning.len() < LOOKED_AT, clues)? {
        Kind::Wav => wav::decode(file, sink)?,
        Kind::Mp3 => mp3::decode(file, sink)?,
        Kind::Ogg => ogg::decode(file, sink)?,
        Kind::Raw(raw) => raw::decode(file, raw, sink)?,
    }
    if is_empty { Err("there is no sound in the file".into()) } else { Ok(()) }
}
