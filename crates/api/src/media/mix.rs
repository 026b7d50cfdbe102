//! The files of a recording as one: samples added, made while they are sent. Any range can be had without the rest.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::wav::{HEADER, WavFile, header};

/// The mix of one or more files that began together.
#[derive(Debug)]
pub(crate) struct Mix {
    parts: Vec<WavFile>,
    /// Bytes of samples of the longest.
    samples: u64,
    rate: u32,
}

impl Mix {
    /// Opens the files.
    ///
    /// # Errors
    /// A file that is missing or no WAV file of our form, files of different rates, none at all.
    pub(crate) fn open(paths: &[PathBuf]) -> io::Result<Mix> {
        let parts = paths.iter().map(|path| WavFile::open(path)).collect::<io::Result<Vec<_>>>()?;
        let rate = parts.first().ok_or(io::ErrorKind::NotFound)?.rate;
        if parts.iter().any(|part| part.rate != rate) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the files have different rates"));
        }
        let samples = parts.iter().map(|part| part.length).max().unwrap_or(0);
        Ok(Mix { parts, samples, rate })
    }

    /// Length of the mixed file, bytes.
    pub(crate) fn length(&self) -> u64 {
        HEADER + self.samples
    }

    /// The bytes from `at` on, at most `most` (and 2 more). Empty only at the end.
    pub(crate) fn read(&mut self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        if at < HEADER {
            let header = header(self.samples, self.rate);
            let octets = &header[at as usize..];
            return Ok(octets[..octets.len().min(most.max(1))].to_vec());
        }
        // Samples have two bytes; a range may begin within one.
        let within = (at - HEADER).min(self.samples);
        let (from, skip) = (within & !1, (within & 1) as usize);
        let wanted = (self.samples - from).min((most as u64 + 1) & !1) as usize;
        let mut sums = vec![0_i32; wanted / 2];
        let mut octets = vec![0; wanted];
        for part in &mut self.parts {
            let here = part.length.saturating_sub(from).min(wanted as u64) as usize;
            part.file.seek(SeekFrom::Start(part.start + from))?;
            part.file.read_exact(&mut octets[..here])?;
            for (sum, sample) in sums.iter_mut().zip(octets[..here].as_chunks().0) {
                *sum += i32::from(i16::from_le_bytes(*sample));
            }
        }
        for (sum, sample) in sums.iter().zip(octets.as_chunks_mut().0) {
            let limited = (*sum).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
            *sample = limited.to_le_bytes();
        }
        Ok(octets.split_off(skip.min(octets.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, samples: &[i16]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("flowswitch-mix-{}-{name}.wav", std::process::id()));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        path
    }

    #[test]
    fn samples_are_added_and_limited_and_every_range_is_a_part_of_the_whole() {
        let paths = [file("a", &[1, 2, 30_000, -30_000]), file("b", &[10, -20, 30_000, -30_000, 7])];
        let mut mix = Mix::open(&paths).unwrap();
        assert_eq!(mix.length(), 44 + 10);
        let mut whole = Vec::new();
        while whole.len() < 54 {
            let more = mix.read(whole.len() as u64, 1_000).unwrap();
            assert!(!more.is_empty());
            whole.extend(more);
        }
        let read = hound::WavReader::new(whole.as_slice()).unwrap();
        assert_eq!(read.spec().sample_rate, 8_000);
        let samples: Vec<i16> = read.into_samples().map(Result::unwrap).collect();
        assert_eq!(samples, [11, -18, 32_767, -32_768, 7]);
        for at in 0..54 {
            for most in [1, 2, 3, 100] {
                let part = mix.read(at as u64, most).unwrap();
                assert!(!part.is_empty() && part.len() <= most + 2, "{at} {most}");
                assert_eq!(part, whole[at..at + part.len()], "{at} {most}");
            }
        }
        assert!(mix.read(54, 10).unwrap().is_empty());
        assert!(mix.read(1_000, 10).unwrap().is_empty());
        paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    #[test]
    fn what_is_no_wav_file_is_refused() {
        let path = std::env::temp_dir().join(format!("flowswitch-mix-{}-nonsense.wav", std::process::id()));
        let chunks = |n: usize| [b"RIFF\0\0\0\0WAVE".as_slice(), &b"junk\0\0\0\0".repeat(n)].concat();
        for content in [b"".to_vec(), b"RIFFxxxxWAVX".to_vec(), b"nonsense".repeat(20), chunks(3), chunks(100)] {
            std::fs::write(&path, content).unwrap();
            assert!(Mix::open(std::slice::from_ref(&path)).is_err());
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Mix::open(&[]).is_err() && Mix::open(&[path]).is_err());
    }
}
