//! WAV files of recordings: PCM of 16 bits, one channel. Where the samples lie, and the header of a file made on the fly.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Length of the header that we write.
pub(super) const HEADER: u64 = 44;
/// A file with more chunks before its samples is not one of ours.
const CHUNKS_MAX: usize = 32;

/// An open file and where its samples lie.
#[derive(Debug)]
pub(super) struct WavFile {
    pub(super) file: File,
    /// Where the first sample is.
    pub(super) start: u64,
    /// Bytes of samples, even.
    pub(super) length: u64,
    pub(super) rate: u32,
}

impl WavFile {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path) -> io::Result<WavFile> {
        let mut file = File::open(path)?;
        let end = file.metadata()?.len();
        let mut head = [0; 12];
        file.read_exact(&mut head)?;
        if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
            return Err(wrong("it is no WAV file"));
        }
        let (mut rate, mut at) = (None, 12);
        for _ in 0..CHUNKS_MAX {
            let mut chunk = [0; 8];
            file.read_exact(&mut chunk)?;
            at += 8;
            let size = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
            match &chunk[..4] {
                b"fmt " if size >= 16 => {
                    let mut format = [0; 16];
                    file.read_exact(&mut format)?;
                    let half = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
                    if (half(0), half(2), half(14)) != (1, 1, 16) {
                        return Err(wrong("it is not PCM of 16 bits and one channel"));
                    }
                    rate = Some(u32::from_le_bytes([format[4], format[5], format[6], format[7]]));
                }
                b"data" => {
                    let rate = rate.ok_or_else(|| wrong("its format is missing"))?;
                    let length = size.min(end.saturating_sub(at)) & !1;
                    return Ok(WavFile { file, start: at, length, rate });
                }
                _ => {}
            }
            at += size + size % 2;
            file.seek(SeekFrom::Start(at))?;
        }
        Err(wrong("its samples are missing"))
    }
}

/// The header of a file with `length` bytes of samples.
pub(super) fn header(length: u64, rate: u32) -> [u8; HEADER as usize] {
    // Longer than 4 GiB, some six days at 8 kHz, cannot be written; players then read to the end.
    let size = u32::try_from(length).unwrap_or(u32::MAX);
    let mut header = [0; HEADER as usize];
    header[..4].copy_from_slice(b"RIFF");
    header[4..8].copy_from_slice(&size.saturating_add(36).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    header[16..20].copy_from_slice(&16_u32.to_le_bytes());
    header[20..22].copy_from_slice(&1_u16.to_le_bytes());
    header[22..24].copy_from_slice(&1_u16.to_le_bytes());
    header[24..28].copy_from_slice(&rate.to_le_bytes());
    header[28..32].copy_from_slice(&rate.saturating_mul(2).to_le_bytes());
    header[32..34].copy_from_slice(&2_u16.to_le_bytes());
    header[34..36].copy_from_slice(&16_u16.to_le_bytes());
    header[36..40].copy_from_slice(b"data");
    header[40..].copy_from_slice(&size.to_le_bytes());
    header
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
