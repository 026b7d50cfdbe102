//! WAV to 8 kHz mono samples, in a stream. PCM of 8 to 32 bit and float by `hound`; µ-law and A-law, which it refuses, here.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use media_core::Codec;

use super::resample::{RATE_HZ, Rate8k};

/// Rates outside of this are taken for damage.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// More channels than this are taken for damage.
const CHANNELS_MAX: u16 = 64;

/// WAVE_FORMAT_ALAW, _MULAW and _EXTENSIBLE (mmreg.h; RFC 2361).
const FORMAT_ALAW: u16 = 6;
const FORMAT_ULAW: u16 = 7;
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// Decodes a whole WAV file: all channels folded into one, converted to 8 kHz. A file that ends early gives what is there.
///
/// # Errors
/// In words: not a WAV file, an encoding that is not understood, no sound in it, longer than `longest_s`.
pub(crate) fn decode(mut file: impl Read + Seek, longest_s: u32) -> Result<Vec<i16>, String> {
    let out = match companded(&mut file)? {
        Some(found) => decode_companded(file, &found, longest_s)?,
        None => {
            file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
            decode_linear(file, longest_s)?
        }
    };
    if out.is_empty() { Err("there is no sound in the file".into()) } else { Ok(out) }
}

/// Folds the channels of each frame, converts, and stops what is too long.
struct Folder {
    rate: Rate8k,
    channels: u16,
    sum: f32,
    seen: u16,
    longest_s: u32,
}

impl Folder {
    fn new(rate_hz: u32, channels: u16, longest_s: u32) -> Result<Folder, String> {
        if !RATES_HZ.contains(&rate_hz) {
            return Err(format!("a sample rate of {rate_hz} Hz is not possible"));
        }
        if channels == 0 || channels > CHANNELS_MAX {
            return Err(format!("{channels} channels are not possible"));
        }
        Ok(Folder { rate: Rate8k::new(rate_hz)?, channels, sum: 0.0, seen: 0, longest_s })
    }

    fn push(&mut self, sample: f32) -> Result<(), String> {
        self.sum += sample;
        self.seen += 1;
        if self.seen < self.channels {
            return Ok(());
        }
        let folded = self.sum / f32::from(self.channels);
        (self.sum, self.seen) = (0.0, 0);
        if self.rate.len() > self.longest_s as usize * RATE_HZ as usize {
            return Err(format!("it is longer than {} s", self.longest_s));
        }
        self.rate.push(folded)
    }

    fn finish(self) -> Result<Vec<i16>, String> {
        self.rate.finish()
    }
}

fn decode_linear(file: impl Read, longest_s: u32) -> Result<Vec<i16>, String> {
    let reader = hound::WavReader::new(file).map_err(refused)?;
    let spec = reader.spec();
    let mut folder = Folder::new(spec.sample_rate, spec.channels, longest_s)?;
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

fn feed(samples: impl Iterator<Item = hound::Result<f32>>, folder: &mut Folder) -> Result<(), String> {
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
        hound::Error::Unsupported => "this encoding of WAV is not supported (PCM, float, µ-law and A-law are)".into(),
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

/// Where the octets of a µ-law or A-law file are.
struct Companded {
    codec: Codec,
    rate_hz: u32,
    channels: u16,
    data_length: u32,
}

/// Reads up to the sound of a µ-law or A-law file; `None` for everything that is hound's matter.
fn companded(file: &mut (impl Read + Seek)) -> Result<Option<Companded>, String> {
    let mut head = [0; 12];
    if file.read_exact(&mut head).is_err() || &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
        return Ok(None);
    }
    let mut found = None;
    loop {
        let mut chunk = [0; 8];
        if file.read_exact(&mut chunk).is_err() {
            return Ok(None);
        }
        let length = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        match &chunk[..4] {
            b"fmt " if length >= 16 => {
                let mut format = [0; 40];
                let wanted = format.len().min(length as usize);
                file.read_exact(&mut format[..wanted]).map_err(unreadable)?;
                skip(file, length, wanted as u32)?;
                found = companded_format(&format[..wanted]);
                if found.is_none() {
                    return Ok(None);
                }
            }
            b"data" => return Ok(found.map(|format| Companded { data_length: length, ..format })),
            _ => skip(file, length, 0)?,
        }
    }
}

fn companded_format(format: &[u8]) -> Option<Companded> {
    let u16_at = |at: usize| format.get(at..at + 2).map(|octets| u16::from_le_bytes([octets[0], octets[1]]));
    let tag = match u16_at(0)? {
        // The real tag is the start of the sub-format's GUID.
        FORMAT_EXTENSIBLE => u16_at(24)?,
        tag => tag,
    };
    let codec = match tag {
        FORMAT_ULAW => Codec::Pcmu,
        FORMAT_ALAW => Codec::Pcma,
        _ => return None,
    };
    let rate_hz = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
    (u16_at(14)? == 8).then_some(Companded { codec, rate_hz, channels: u16_at(2)?, data_length: 0 })
}

/// Chunks are padded to an even length (RIFF).
fn skip(file: &mut impl Seek, length: u32, read: u32) -> Result<(), String> {
    let padded = i64::from(length) + i64::from(length & 1);
    file.seek(SeekFrom::Current(padded - i64::from(read))).map(|_| ()).map_err(unreadable)
}

fn decode_companded(file: impl Read, found: &Companded, longest_s: u32) -> Result<Vec<i16>, String> {
    let mut folder = Folder::new(found.rate_hz, found.channels, longest_s)?;
    let mut data = file.take(u64::from(found.data_length));
    let mut block = [0; 4_096];
    loop {
        let length = match data.read(&mut block) {
            Ok(0) => return folder.finish(),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        for octet in &block[..length] {
            folder.push(f32::from(found.codec.decode(*octet)) / 32_768.0)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A WAV file with one `fmt ` and one `data` chunk.
    pub(crate) fn file(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut wav = b"RIFF".to_vec();
        wav.extend((36 + data.len() as u32).to_le_bytes());
        wav.extend(b"WAVEfmt ");
        wav.extend(16u32.to_le_bytes());
        wav.extend(tag.to_le_bytes());
        wav.extend(channels.to_le_bytes());
        wav.extend(rate_hz.to_le_bytes());
        wav.extend((rate_hz * u32::from(block)).to_le_bytes());
        wav.extend(block.to_le_bytes());
        wav.extend(bits.to_le_bytes());
        wav.extend(b"data");
        wav.extend((data.len() as u32).to_le_bytes());
        wav.extend(data);
        wav
    }

    fn decoded(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Result<Vec<i16>, String> {
        decode(Cursor::new(file(tag, channels, rate_hz, bits, data)), 60)
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

    #[test]
    fn a_file_that_ends_early_gives_what_is_there() {
        let data: Vec<u8> = [5i16, 6, 7, 8].iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut wav = file(1, 1, 8_000, 16, &data);
        wav.truncate(wav.len() - 3);
        assert_eq!(decode(Cursor::new(wav), 60).unwrap(), [5, 6]);
    }

    #[test]
    fn what_is_no_sound_is_refused_in_words() {
        let reason = |bytes: &[u8]| decode(Cursor::new(bytes.to_vec()), 60).unwrap_err();
        assert!(reason(b"").contains("not a WAV file"));
        assert!(reason(b"<html>not found</html>").contains("not a WAV file"));
        assert_eq!(reason(&file(1, 1, 8_000, 16, &[])), "there is no sound in the file");
        assert!(reason(&file(0x55, 1, 8_000, 16, &[0; 8])).contains("not supported"));
        assert!(reason(&file(7, 1, 0, 8, &[0; 8])).contains("0 Hz"));
        assert!(reason(&file(7, 0, 8_000, 8, &[0; 8])).contains("0 channels"));
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_fills_the_memory() {
        let wav = file(7, 1, 8_000, 8, &vec![0xff; 17_000]);
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
            let mut wav = file(tag, 1, 8_000, bits, &[0x11; 64]);
            wav[at] = with;
            let _ = decode(Cursor::new(wav), 1);
        }
    }
}
