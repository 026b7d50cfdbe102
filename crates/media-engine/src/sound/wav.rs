//! WAV to 8 kHz mono samples, in a stream. The header is read here; PCM of 8 to 32 bit and float by `hound`; µ-law, A-law and MP3,
//! which it refuses, here and by [`super::mp3`].

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};

use media_core::Codec;

use super::fold::{Folder, Sink};
use super::mp3;
use super::raw::{self, Raw};

/// More chunks before the sound are taken for damage: passing over one may cost a system call.
const CHUNKS_MAX: u32 = 1_024;

/// WAVE_FORMAT_PCM, _IEEE_FLOAT, _ALAW, _MULAW, _MPEGLAYER3 and _EXTENSIBLE (mmreg.h; RFC 2361).
const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_ALAW: u16 = 6;
const FORMAT_ULAW: u16 = 7;
const FORMAT_MP3: u16 = 0x55;
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// Decodes a whole WAV file: all channels folded into one, converted to 8 kHz. A file that ends early gives what is there.
///
/// # Errors
/// In words: not a WAV file, an encoding that is not understood; what `sink` says.
pub(crate) fn decode(mut file: impl Read + Seek + Send + Sync, sink: Sink<'_>) -> Result<(), String> {
    let format = Format::read(&mut file)?;
    match format.tag {
        FORMAT_PCM | FORMAT_FLOAT => decode_linear(Cursor::new(format.header()).chain(file), sink),
        FORMAT_ULAW | FORMAT_ALAW if format.bits == 8 => {
            let codec = if format.tag == FORMAT_ULAW { Codec::Pcmu } else { Codec::Pcma };
            let folder = Folder::new(format.rate_hz, format.channels, sink)?;
            raw::decode_into(file.take(u64::from(format.data_length)), Raw::Companded(codec), folder)
        }
        // Chunks behind the sound are passed over as everything that is no frame.
        FORMAT_MP3 => mp3::decode(file, sink),
        tag => Err(format!(
            "its encoding ({}) is not understood; of WAV, PCM, float, µ-law, A-law and MP3 are",
            encoding(tag, format.bits)
        )),
    }
}

/// For people.
fn encoding(tag: u16, bits: u16) -> String {
    let name = match tag {
        0x02 | 0x11 => "ADPCM",
        0x31 => "GSM 6.10",
        0x50 => "MPEG layer I or II",
        FORMAT_ULAW => "µ-law",
        FORMAT_ALAW => "A-law",
        _ => "unknown",
    };
    format!("format {tag:#06x}, {name}, {bits} bit")
}

fn decode_linear(file: impl Read, sink: Sink<'_>) -> Result<(), String> {
    let reader = hound::WavReader::new(file).map_err(refused)?;
    let spec = reader.spec();
    let mut folder = Folder::new(spec.sample_rate, spec.channels, sink)?;
    match spec.sample_format {
        hound::SampleFormat::Int => {
            if !(1..=32).contains(&spec.bits_per_sample) {
                return Err(format!("{} bits per sample are not possible", spec.bits_per_sample));
            }
            let full_scale = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            feed(reader.into_samples::<i32>().map(|sample| sample.map(|s| s as f32 / full_scale)), &mut folder)?;
        }
        hound::SampleFormat::Float => feed(reader.into_samples::<f32>(), &mut folder)?,
    }
    folder.finish()
}

fn feed(samples: impl Iterator<Item = hound::Result<f32>>, folder: &mut Folder<'_>) -> Result<(), String> {
    for sample in samples {
        match sample {
            Ok(sample) => folder.push(sample)?,
            // Programs that write to a pipe put a length too large into the header; downloads that broke are refused elsewhere.
            Err(hound::Error::IoError(error)) if ends_early(&error) => break,
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(())
}

fn refused(error: hound::Error) -> String {
    match error {
        hound::Error::IoError(error) => unreadable(error),
        hound::Error::FormatError(what) => format!("not a WAV file that can be read: {what}"),
        hound::Error::Unsupported => {
            "not a WAV file that can be read: this width of its samples is not supported".into()
        }
        error => format!("not a WAV file that can be read: {error}"),
    }
}

/// hound makes its own error of kind `Other` at the end of the file; errors of the system never have that kind.
fn ends_early(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Other)
}

fn unreadable(error: std::io::Error) -> String {
    if ends_early(&error) {
        "not a WAV file: it ends within its header".into()
    } else {
        format!("it cannot be read: {error}")
    }
}

/// What the header says.
struct Format {
    /// The encoding; of an extensible one, what its GUID begins with.
    tag: u16,
    channels: u16,
    rate_hz: u32,
    bits: u16,
    /// The `fmt ` chunk, as far as it matters.
    octets: Vec<u8>,
    data_length: u32,
}

impl Format {
    /// Reads up to the first octet of the sound.
    fn read(file: &mut (impl Read + Seek)) -> Result<Format, String> {
        let mut head = [0; 12];
        file.read_exact(&mut head).map_err(unreadable)?;
        if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
            return Err("not a WAV file: it does not begin with RIFF and WAVE".into());
        }
        let mut found = None;
        for _ in 0..CHUNKS_MAX {
            let mut chunk = [0; 8];
            file.read_exact(&mut chunk).map_err(unreadable)?;
            let length = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
            match (&chunk[..4], found) {
                (b"fmt ", _) if length >= 16 => {
                    let mut octets = vec![0; 40.min(length as usize)];
                    file.read_exact(&mut octets).map_err(unreadable)?;
                    skip(file, length, octets.len() as u32)?;
                    found = Some(Format::of(octets));
                }
                (b"data", Some(format)) => return Ok(Format { data_length: length, ..format }),
                (b"data", None) => {
                    return Err("not a WAV file that can be read: no format stands before its sound".into());
                }
                (_, before) => {
                    skip(file, length, 0)?;
                    found = before;
                }
            }
        }
        Err(format!("not a WAV file that can be read: no sound in its first {CHUNKS_MAX} chunks"))
    }

    /// `octets` are at least 16.
    fn of(octets: Vec<u8>) -> Format {
        let u16_at = |at: usize| octets.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]));
        Format {
            tag: match u16_at(0) {
                FORMAT_EXTENSIBLE => u16_at(24),
                tag => tag,
            },
            channels: u16_at(2),
            rate_hz: u32::from(u16_at(4)) | u32::from(u16_at(6)) << 16,
            bits: u16_at(14),
            octets,
            data_length: 0,
        }
    }

    /// The header as hound wants it, without what it is strict about and what is often wrong: the octets per second, the size of
    /// the format, a length of the sound that is unknown or does not end with a frame, and valid bits, which are the upper ones.
    fn header(&self) -> Vec<u8> {
        let block = u16::from_le_bytes([self.octets[12], self.octets[13]]);
        let frames = self.data_length.checked_div(u32::from(block)).unwrap_or(0);
        let mut format = self.octets.clone();
        format[8..12].copy_from_slice(&self.rate_hz.wrapping_mul(u32::from(block)).to_le_bytes());
        if u16::from_le_bytes([format[0], format[1]]) == FORMAT_EXTENSIBLE && format.len() == 40 {
            format[16..20].copy_from_slice(&[22, 0, self.octets[14], self.octets[15]]);
        } else {
            format.truncate(16);
        }
        let mut header = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        header.extend((format.len() as u32).to_le_bytes());
        header.extend(format);
        header.extend(b"data");
        header.extend((frames * u32::from(block)).to_le_bytes());
        header
    }
}

/// Chunks are padded to an even length (RIFF).
fn skip(file: &mut impl Seek, length: u32, read: u32) -> Result<(), String> {
    let padded = i64::from(length) + i64::from(length & 1);
    file.seek(SeekFrom::Current(padded - i64::from(read))).map(|_| ()).map_err(unreadable)
}

#[cfg(test)]
#[path = "../../tests/support/wav_file.rs"]
mod wav_file;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::wav_file::wav_file;
    use super::*;
    use crate::sound::fold::collected;

    fn decode(file: impl Read + Seek + Send + Sync, longest_s: u32) -> Result<Vec<i16>, String> {
        collected(longest_s, |sink| super::decode(file, sink))
    }

    fn decoded(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Result<Vec<i16>, String> {
        decode(Cursor::new(wav_file(tag, channels, rate_hz, bits, data)), 60)
    }

    #[test]
    fn sixteen_bit_mono_at_8_khz_passes_bit_by_bit() {
        let samples = [0i16, 1, -1, 300, -32_768, 32_767];
        let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(decoded(1, 1, 8_000, 16, &data).unwrap(), samples);
    }

    #[test]
    fn every_width_means_the_same_level() {
        // Half of full scale in each form.
        assert_eq!(decoded(1, 1, 8_000, 8, &[0xc0]).unwrap(), [16_384]);
        assert_eq!(decoded(1, 1, 8_000, 16, &[0x00, 0x40]).unwrap(), [16_384]);
        assert_eq!(decoded(1, 1, 8_000, 24, &[0, 0, 0x40]).unwrap(), [16_384]);
        assert_eq!(decoded(1, 1, 8_000, 32, &[0, 0, 0, 0x40]).unwrap(), [16_384]);
        assert_eq!(decoded(3, 1, 8_000, 32, &0.5f32.to_le_bytes()).unwrap(), [16_384]);
    }

    #[test]
    fn stereo_is_folded_into_its_mean() {
        let data: Vec<u8> = [1_000i16, 3_000, -10, 10].iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(decoded(1, 2, 8_000, 16, &data).unwrap(), [2_000, 0]);
    }

    #[test]
    fn mu_law_and_a_law_are_read() {
        for (tag, codec) in [(7, Codec::Pcmu), (6, Codec::Pcma)] {
            let octets: Vec<u8> = (0..=255).collect();
            let expected: Vec<i16> = octets.iter().map(|octet| codec.decode(*octet)).collect();
            assert_eq!(decoded(tag, 1, 8_000, 8, &octets).unwrap(), expected);
        }
    }

    #[test]
    fn mu_law_with_an_extension_and_further_chunks_is_read() {
        // As encoders write it: fmt of 18 octets, then fact, then LIST of odd length.
        let mut wav = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        wav.extend(18u32.to_le_bytes());
        wav.extend([7, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0, 0, 0]);
        wav.extend(b"fact\x04\0\0\0\x02\0\0\0LIST\x03\0\0\0abc\0data\x02\0\0\0\xff\x80");
        let expected = [Codec::Pcmu.decode(0xff), Codec::Pcmu.decode(0x80)];
        assert_eq!(decode(Cursor::new(wav), 60).unwrap(), expected);
    }

    /// The extensible form: `valid` bits of each sample count; the GUID begins with `tag`.
    fn extensible(tag: u16, channels: u16, rate_hz: u32, bits: u16, valid: u16, data: &[u8]) -> Vec<u8> {
        let mut wav = wav_file(FORMAT_EXTENSIBLE, channels, rate_hz, bits, data);
        wav[16] = 40;
        let mut more = vec![22, 0];
        more.extend(valid.to_le_bytes());
        more.extend([4, 0, 0, 0]);
        more.extend(tag.to_le_bytes());
        more.extend(*b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        wav.splice(36..36, more);
        wav
    }

    #[test]
    fn the_extensible_form_is_read_and_its_valid_bits_are_the_upper_ones() {
        for (wav, expected) in [
            (extensible(1, 1, 8_000, 16, 16, &[0x00, 0x40]), 16_384),
            (extensible(1, 1, 8_000, 24, 20, &[0, 0, 0x40]), 16_384),
            (extensible(1, 1, 8_000, 32, 24, &[0, 0, 0, 0x40]), 16_384),
            (extensible(3, 1, 8_000, 32, 32, &0.5f32.to_le_bytes()), 16_384),
            (extensible(7, 1, 8_000, 8, 8, &[0x80]), Codec::Pcmu.decode(0x80)),
            (extensible(6, 1, 8_000, 8, 8, &[0x80]), Codec::Pcma.decode(0x80)),
        ] {
            assert_eq!(decode(Cursor::new(&wav), 60).as_deref(), Ok(&[expected][..]), "{wav:02x?}");
        }
    }

    #[test]
    fn headers_that_programs_get_wrong_are_read() {
        let data: Vec<u8> = [5i16, 6, 7].iter().flat_map(|s| s.to_le_bytes()).collect();
        let right = wav_file(1, 1, 8_000, 16, &data);
        let mut unknown_length = right.clone();
        unknown_length[40..44].fill(0xff);
        let mut half_a_sample = right.clone();
        half_a_sample.push(9);
        half_a_sample[40] = 7;
        let mut wrong_octets_per_second = right.clone();
        wrong_octets_per_second[28..32].fill(0);
        // 32 bit with the size of an extension that is empty.
        let mut extended = wav_file(1, 1, 8_000, 32, &[0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0]);
        extended[16] = 18;
        extended.splice(36..36, [0, 0]);
        for wav in [right, unknown_length, half_a_sample, wrong_octets_per_second, extended] {
            assert_eq!(decode(Cursor::new(&wav), 60).as_deref(), Ok(&[5i16, 6, 7][..]), "{wav:02x?}");
        }
    }

    #[test]
    fn a_file_that_ends_early_gives_what_is_there() {
        let data: Vec<u8> = [5i16, 6, 7, 8].iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut wav = wav_file(1, 1, 8_000, 16, &data);
        wav.truncate(wav.len() - 3);
        assert_eq!(decode(Cursor::new(wav), 60).unwrap(), [5, 6]);
    }

    #[test]
    fn what_is_no_sound_is_refused_in_words() {
        let reason = |bytes: &[u8]| decode(Cursor::new(bytes.to_vec()), 60).unwrap_err();
        assert!(reason(b"").contains("not a WAV file"));
        assert!(reason(b"<html>not found</html>").contains("not a WAV file"));
        assert!(reason(b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd").contains("no format stands before its sound"));
        let chunks = [b"RIFF\0\0\0\0WAVE".as_slice(), &b"junk\0\0\0\0".repeat(2_000)].concat();
        assert!(reason(&chunks).contains("no sound in its first 1024 chunks"));
        assert!(
            reason(&wav_file(0x11, 1, 8_000, 4, &[0; 8])).contains("format 0x0011, ADPCM, 4 bit) is not understood")
        );
        assert!(reason(&wav_file(7, 1, 8_000, 16, &[0; 8])).contains("µ-law, 16 bit"));
        assert!(reason(&wav_file(1, 1, 8_000, 12, &[0; 8])).contains("not a WAV file that can be read"));
        assert!(reason(&wav_file(0x55, 1, 8_000, 16, &[0; 8])).contains("no frame of MPEG layer III"));
        assert!(reason(&wav_file(7, 1, 0, 8, &[0; 8])).contains("0 Hz"));
        assert!(reason(&wav_file(7, 0, 8_000, 8, &[0; 8])).contains("0 channels"));
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_fills_the_memory() {
        let wav = wav_file(7, 1, 8_000, 8, &vec![0xff; 17_000]);
        assert_eq!(decode(Cursor::new(wav.clone()), 2).unwrap_err(), "it is longer than 2 s");
        assert_eq!(decode(Cursor::new(wav), 3).unwrap().len(), 17_000);
    }

    proptest! {
        #[test]
        fn any_bytes_give_sound_or_a_reason(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(Cursor::new(bytes), 1);
        }

        #[test]
        fn a_damaged_header_gives_sound_or_a_reason(at in 0usize..44, with in any::<u8>(), tag in prop_oneof![Just(1u16), Just(3), Just(6), Just(7)]) {
            let bits = match tag { 1 => 16, 3 => 32, _ => 8 };
            let mut wav = wav_file(tag, 1, 8_000, bits, &[0x11; 64]);
            wav[at] = with;
            let _ = decode(Cursor::new(wav), 1);
        }
    }
}
