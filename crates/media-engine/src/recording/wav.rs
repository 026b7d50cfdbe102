//! WAV files that are whole at any moment: PCM of 16 bit, 8 kHz, one channel.
//!
//! Audio goes behind what is there, then the two lengths in the header are made to fit. A process that is killed in between leaves a
//! header that says less than there is, never more; [`repair_recording`] makes up for that.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use media_core::recording::SAMPLE_RATE_HZ;

const HEADER: usize = 44;
const OCTETS_PER_SAMPLE: u64 = 2;
/// Files grow by pieces of so many octets, 128 ms of audio: half of what the system keeps together in memory.
const PIECE: u64 = 2_048;

/// The largest number of samples up to `samples` that makes whole pieces of a file, header included: no piece lies across two of
/// the system's pages then, which would cost twice.
pub(super) fn whole_pieces(samples: u64) -> u64 {
    let octets = (HEADER as u64).saturating_add(samples.saturating_mul(OCTETS_PER_SAMPLE)) / PIECE * PIECE;
    octets.saturating_sub(HEADER as u64) / OCTETS_PER_SAMPLE
}

/// Samples of a piece.
pub(super) const PIECE_SAMPLES: u64 = PIECE / OCTETS_PER_SAMPLE;

/// A file that grows.
#[derive(Debug)]
pub(super) struct WavFile {
    file: File,
    path: PathBuf,
    /// What the header says.
    samples: u64,
}

impl WavFile {
    /// Makes a file without a sample.
    ///
    /// # Errors
    /// As the system says; a file of this name exists already.
    pub(super) fn create(path: PathBuf) -> io::Result<WavFile> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let wav = WavFile { file, path, samples: 0 };
        wav.file.write_all_at(&header(0), 0)?;
        Ok(wav)
    }

    /// Writes audio at the position `from`, which is not behind the end, and makes the header fit if it has become longer.
    /// `octets` is room for the samples as they stand in a file.
    ///
    /// # Errors
    /// As the system says. The header is not changed then.
    pub(super) fn write(&mut self, from: u64, samples: &[i16], octets: &mut Vec<u8>) -> io::Result<()> {
        if samples.is_empty() {
            return Ok(());
        }
        octets.resize(samples.len() * OCTETS_PER_SAMPLE as usize, 0);
        for (place, sample) in octets.as_chunks_mut().0.iter_mut().zip(samples) {
            *place = sample.to_le_bytes();
        }
        self.file.write_all_at(octets, HEADER as u64 + from * OCTETS_PER_SAMPLE)?;
        let samples = from + samples.len() as u64;
        if samples > self.samples {
            self.file.write_all_at(&header(samples * OCTETS_PER_SAMPLE), 0)?;
            self.samples = samples;
        }
        Ok(())
    }

    /// After a failure: cuts off what is behind so many samples, and what the header does not speak of.
    pub(super) fn cut(&mut self, samples: u64) -> io::Result<()> {
        self.samples = self.samples.min(samples);
        let octets = self.samples * OCTETS_PER_SAMPLE;
        self.file.write_all_at(&header(octets), 0)?;
        self.file.set_len(HEADER as u64 + octets)
    }

    /// What the header says.
    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// Takes the file away again.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// The header of a file with so many octets of audio; what does not fit into 32 bits is said to be the most that does.
fn header(octets: u64) -> [u8; HEADER] {
    let data = u32::try_from(octets).unwrap_or(u32::MAX - 37);
    let rate = SAMPLE_RATE_HZ;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(b"RIFF");
    header[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    header[16..20].copy_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    header[20..22].copy_from_slice(&1_u16.to_le_bytes());
    header[22..24].copy_from_slice(&1_u16.to_le_bytes());
    header[24..28].copy_from_slice(&rate.to_le_bytes());
    header[28..32].copy_from_slice(&(rate * 2).to_le_bytes());
    header[32..34].copy_from_slice(&2_u16.to_le_bytes());
    header[34..36].copy_from_slice(&16_u16.to_le_bytes());
    header[36..40].copy_from_slice(b"data");
    header[40..44].copy_from_slice(&data.to_le_bytes());
    header
}

/// Makes the header of a recording of ours fit what is in the file, should the process that wrote it have been killed between
/// the two; says whether that was needed. Not to be called for a recording that runs.
///
/// # Errors
/// As the system says, or the file is none that the engine has written (then it is not touched).
pub fn repair_recording(path: &Path) -> io::Result<bool> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut found = [0; HEADER];
    if length >= HEADER as u64 {
        file.read_exact_at(&mut found, 0)?;
    } else if length > 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is shorter than the header of a recording"));
    }
    // An empty file: killed before its header was written.
    let is_ours = length == 0 || {
        let mut expected = header(0);
        expected[4..8].copy_from_slice(&found[4..8]);
        expected[40..44].copy_from_slice(&found[40..44]);
        expected == found
    };
    if !is_ours {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has not the header of a recording"));
    }
    let octets = length.saturating_sub(HEADER as u64) / OCTETS_PER_SAMPLE * OCTETS_PER_SAMPLE;
    let right = header(octets);
    if right == found && length == HEADER as u64 + octets {
        return Ok(false);
    }
    file.set_len(HEADER as u64 + octets)?;
    file.write_all_at(&right, 0)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("media-engine-wav-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn read(path: &Path) -> Vec<i16> {
        let mut reader = hound::WavReader::open(path).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 8_000, 16));
        reader.samples::<i16>().map(Result::unwrap).collect()
    }

    #[test]
    fn a_file_is_whole_after_each_write_and_late_samples_go_to_their_place() {
        let path = folder("whole").join("a.wav");
        let (mut wav, mut octets) = (WavFile::create(path.clone()).unwrap(), Vec::new());
        assert!(read(&path).is_empty());
        wav.write(0, &[1, 2, 3, 0, 5], &mut octets).unwrap();
        assert_eq!(read(&path), [1, 2, 3, 0, 5]);
        wav.write(3, &[4, 5, -6], &mut octets).unwrap();
        assert_eq!(read(&path), [1, 2, 3, 4, 5, -6]);
        wav.write(0, &[7], &mut octets).unwrap();
        assert_eq!((read(&path), wav.samples()), (vec![7, 2, 3, 4, 5, -6], 6));
        assert_eq!(WavFile::create(path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_header_behind_its_data_is_made_to_fit_and_nothing_else_is_touched() {
        let folder = folder("repair");
        let path = folder.join("a.wav");
        let (mut wav, mut octets) = (WavFile::create(path.clone()).unwrap(), Vec::new());
        wav.write(0, &[1, 2], &mut octets).unwrap();
        assert!(!repair_recording(&path).unwrap());
        // Killed between audio and header, and in the middle of a sample.
        wav.file.write_all_at(&[3, 0, 4, 0, 5], 48).unwrap();
        assert_eq!(read(&path), [1, 2]);
        assert!(repair_recording(&path).unwrap());
        assert_eq!(read(&path), [1, 2, 3, 4]);
        assert!(!repair_recording(&path).unwrap());
        // Killed before the header.
        let empty = folder.join("empty.wav");
        File::create(&empty).unwrap();
        assert!(repair_recording(&empty).unwrap());
        assert!(read(&empty).is_empty());
        let foreign = folder.join("foreign.wav");
        fs::write(&foreign, [b'x'; 100]).unwrap();
        assert_eq!(repair_recording(&foreign).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read(&foreign).unwrap(), [b'x'; 100]);
    }

    #[test]
    fn pieces_are_counted_from_the_beginning_of_the_file_not_of_the_audio() {
        let first = (PIECE - HEADER as u64) / 2;
        let pieces = [0, first - 1, first, first + 1_023, first + 1_024, u64::MAX].map(whole_pieces);
        assert_eq!(pieces[..5], [0, 0, first, first, first + 1_024]);
        assert!(pieces[5] > u64::MAX / 4);
    }

    #[test]
    fn a_length_beyond_32_bits_is_the_most_that_can_be_said() {
        assert_eq!(header(u64::MAX)[4..8], [0xfe, 0xff, 0xff, 0xff]);
    }
}
