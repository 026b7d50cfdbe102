//! MP3 to 8 kHz mono samples, in a stream: tags are passed over and frames decoded by `symphonia`; silence that the encoder put to
//! the ends is cut off where it says so.

use std::io::{Read, Seek, SeekFrom};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::default::codecs::MpaDecoder;
use symphonia::default::formats::MpaReader;

use super::fold::{Folder, Sink};
use super::mpeg::{self, Frame};

/// So much that is no frame may stand before the first one, tags not counted.
const JUNK_MAX: usize = 64 << 10;
/// More tags before the first frame are taken for damage.
const TAGS_MAX: u32 = 16;

/// Decodes what is behind the place where `file` stands: both channels folded into one, converted to 8 kHz. Frames that are damaged
/// are left out.
///
/// # Errors
/// In words: no frames in it, none that can be decoded; what `sink` says.
pub(crate) fn decode(mut file: impl Read + Seek + Send + Sync, sink: Sink<'_>) -> Result<(), String> {
    let first = find_frames(&mut file)?;
    let mut folder = Folder::new(first.rate_hz, first.channels, sink)?;
    // A reader that could seek would guess how long it is, and stop there.
    let source = Box::new(ReadOnlySource::new(file));
    let source = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut reader = MpaReader::try_new(source, FormatOptions::default()).map_err(in_words)?;
    let track = reader.tracks().first().ok_or("there is no sound in it")?;
    let parameters =
        track.codec_params.as_ref().and_then(CodecParameters::audio).ok_or("there is no sound in it")?.clone();
    let mut ends = Ends::new(track.delay, track.padding, track.num_frames);
    let mut decoder = new_decoder(&parameters)?;
    let mut samples: Vec<f32> = Vec::new();
    let (mut decoded, mut damage) = (false, None);
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Error::IoError(error)) => return Err(format!("it cannot be read: {error}")),
            Err(error) => {
                damage = Some(in_words(error));
                break;
            }
        };
        let Some(frame) = Frame::of(&packet.data) else { continue };
        if !folder.takes(frame.rate_hz, frame.channels) {
            // Another file was put behind the first.
            ends.release(&mut folder)?;
            folder.change(frame.rate_hz, frame.channels)?;
            decoder = new_decoder(&parameters)?;
        }
        match decoder.decode(&packet) {
            Ok(sound) => {
                decoded = true;
                sound.copy_to_vec_interleaved(&mut samples);
                ends.pass(&samples, &mut folder)?;
            }
            Err(error) => damage = Some(in_words(error)),
        }
    }
    match damage {
        Some(why) if !decoded => Err(format!("none of its MP3 frames can be decoded: {why}")),
        _ => folder.finish(),
    }
}

fn new_decoder(parameters: &AudioCodecParameters) -> Result<MpaDecoder, String> {
    MpaDecoder::try_new(parameters, &AudioDecoderOptions::default().gapless(false)).map_err(in_words)
}

fn in_words(error: Error) -> String {
    match error {
        Error::IoError(error) => format!("it cannot be read: {error}"),
        error => error.to_string(),
    }
}

/// Passes over ID3v2 tags (pictures and all) and what else is no frame, up to the first frame.
fn find_frames(file: &mut (impl Read + Seek)) -> Result<Frame, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    for _ in 0..TAGS_MAX {
        let mut head = Vec::new();
        file.by_ref().take(10).read_to_end(&mut head).map_err(unreadable)?;
        let length = id3_length(&head);
        file.seek(SeekFrom::Current(length as i64 - head.len() as i64)).map_err(unreadable)?;
        if length == 0 {
            break;
        }
    }
    let mut junk = Vec::new();
    file.by_ref().take(JUNK_MAX as u64 + 1).read_to_end(&mut junk).map_err(unreadable)?;
    let whole = junk.len() <= JUNK_MAX;
    let at = (0..junk.len()).find(|at| mpeg::begins(&junk[*at..], whole));
    let found = at.and_then(|at| Some((at, Frame::of(&junk[at..])?)));
    let (at, frame) = found.ok_or("not an MP3 file: there is no frame of MPEG layer III in its first 64 KiB")?;
    file.seek(SeekFrom::Current(at as i64 - junk.len() as i64)).map_err(unreadable)?;
    Ok(frame)
}

/// Length of the ID3v2 tag that begins so, with head and foot (ID3v2.4 §3.1); 0: there is none.
pub(super) fn id3_length(head: &[u8]) -> u64 {
    match head {
        [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] if (a | b | c | d) & 0x80 == 0 => {
            let body = [a, b, c, d].iter().fold(0, |length, octet| length << 7 | u64::from(**octet));
            10 + body + if flags & 0x10 == 0 { 0 } else { 10 }
        }
        _ => 0,
    }
}

/// Cuts off what the encoder and its last frame put to the sound's ends (the LAME tag).
struct Ends {
    /// Frames still to be left out at the beginning.
    skip: u64,
    /// Frames of the sound still to come; none: not known.
    valid: Option<u64>,
    /// Frames behind them.
    padding: usize,
    /// What came behind them, in case that more comes: then the tag was of the first of several files.
    held: Vec<f32>,
}

impl Ends {
    fn new(delay: Option<u32>, padding: Option<u32>, valid: Option<u64>) -> Ends {
        let padding = padding.unwrap_or(0) as usize;
        let valid = valid.filter(|_| padding > 0);
        Ends { skip: u64::from(delay.unwrap_or(0)), valid, padding, held: Vec::new() }
    }

    fn pass(&mut self, samples: &[f32], folder: &mut Folder<'_>) -> Result<(), String> {
        let channels = folder.channels();
        let frames = |samples: &[f32]| (samples.len() / channels) as u64;
        let skipped = self.skip.min(frames(samples));
        self.skip -= skipped;
        let samples = &samples[skipped as usize * channels..];
        let Some(valid) = self.valid else { return folder.push_all(samples) };
        let now = valid.min(frames(samples));
        self.valid = Some(valid - now);
        let (sound, behind) = samples.split_at(now as usize * channels);
        folder.push_all(sound)?;
        self.held.extend_from_slice(behind);
        if self.held.len() > self.padding * channels { self.release(folder) } else { Ok(()) }
    }

    /// What was held belongs to the sound.
    fn release(&mut self, folder: &mut Folder<'_>) -> Result<(), String> {
        self.valid = None;
        folder.push_all(&std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::sound::fold::collected;

    fn decode(file: impl Read + Seek + Send + Sync, longest_s: u32) -> Result<Vec<i16>, String> {
        collected(longest_s, |sink| super::decode(file, sink))
    }

    fn passed(ends: &mut Ends, pieces: &[&[f32]]) -> Vec<i16> {
        let passed = collected(60, |sink| {
            let mut folder = Folder::new(8_000, 1, sink)?;
            pieces.iter().try_for_each(|piece| ends.pass(piece, &mut folder))?;
            folder.finish()
        });
        passed.unwrap()
    }

    #[test]
    fn what_the_encoder_added_is_cut_off_wherever_it_falls() {
        let samples: Vec<f32> = (1..=10u8).map(|n| f32::from(n) / 32_768.0).collect();
        for piece in 1..=10 {
            let mut ends = Ends::new(Some(3), Some(2), Some(5));
            let pieces: Vec<&[f32]> = samples.chunks(piece).collect();
            assert_eq!(passed(&mut ends, &pieces), [4, 5, 6, 7, 8], "pieces of {piece}");
        }
    }

    #[test]
    fn nothing_is_lost_when_more_follows_than_the_tag_says() {
        let samples: Vec<f32> = (1..=10u8).map(|n| f32::from(n) / 32_768.0).collect();
        for piece in 1..=10 {
            let mut ends = Ends::new(Some(3), Some(2), Some(4));
            let pieces: Vec<&[f32]> = samples.chunks(piece).collect();
            assert_eq!(passed(&mut ends, &pieces), [4, 5, 6, 7, 8, 9, 10], "pieces of {piece}");
        }
    }

    #[test]
    fn a_tag_is_as_long_as_it_says_in_seven_bits_an_octet() {
        assert_eq!(id3_length(b"ID3\x04\0\0\0\0\x02\x01"), 10 + 257);
        assert_eq!(id3_length(b"ID3\x04\0\x10\0\0\0\x05"), 10 + 5 + 10);
        assert_eq!(id3_length(b"ID3\x04\0\0\0\0\0\x80"), 0);
        assert_eq!(id3_length(b"ID3"), 0);
    }

    #[test]
    fn what_has_no_frames_is_refused_in_words() {
        for bytes in [&b""[..], b"ID3\x04\0\0\x7f\x7f\x7f\x7f", &[0xff; 5_000], &[0x11; 70_000]] {
            let why = decode(Cursor::new(bytes.to_vec()), 60).unwrap_err();
            assert!(why.contains("no frame of MPEG layer III"), "{why}");
        }
    }

    #[test]
    fn frames_without_sound_give_silence_or_a_reason() {
        // Two frames of MPEG-1, 44.1 kHz, mono, all side information 0.
        let mut file = vec![0; 2 * 417];
        for at in [0, 417] {
            file[at..at + 4].copy_from_slice(&[0xff, 0xfb, 0x90, 0xc0]);
        }
        let samples = decode(Cursor::new(file), 60).unwrap();
        assert_eq!(samples.len(), (2 * 1_152 * 8_000usize).div_ceil(44_100));
        assert!(samples.iter().all(|sample| *sample == 0));
    }
}
