//! Sound without a header: octets of µ-law or A-law, or signed 16 bit samples, low octet first (Asterisk's `sln`); one channel.

use std::io::{ErrorKind, Read};

use media_core::Codec;

use super::fold::{Folder, Sink};
use super::resample::RATE_HZ;

/// What the octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// One octet a sample, 8 kHz.
    Companded(Codec),
    /// Two octets a sample, at this rate, Hz.
    Linear(u32),
}

/// Decodes a whole file.
///
/// # Errors
/// In words: it cannot be read; what `sink` says.
pub(crate) fn decode(file: impl Read, raw: Raw, sink: Sink<'_>) -> Result<(), String> {
    let rate_hz = match raw {
        Raw::Companded(_) => RATE_HZ,
        Raw::Linear(rate_hz) => rate_hz,
    };
    decode_into(file, raw, Folder::new(rate_hz, 1, sink)?)
}

/// The same for another rate or more channels: as `folder` is.
pub(super) fn decode_into(mut file: impl Read, raw: Raw, mut folder: Folder<'_>) -> Result<(), String> {
    let mut block = [0; 4_096];
    // Of a sample, what stood at the end of the block before.
    let mut low = None;
    loop {
        let length = match file.read(&mut block) {
            Ok(0) => return folder.finish(),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        for octet in &block[..length] {
            let sample = match (raw, low.take()) {
                (Raw::Companded(codec), _) => codec.decode(*octet),
                (Raw::Linear(_), Some(low)) => i16::from_le_bytes([low, *octet]),
                (Raw::Linear(_), None) => {
                    low = Some(*octet);
                    continue;
                }
            };
            folder.push(f32::from(sample) / 32_768.0)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::fold::collected;

    fn decode(file: impl Read, raw: Raw, longest_s: u32) -> Result<Vec<i16>, String> {
        collected(longest_s, |sink| super::decode(file, raw, sink))
    }

    /// Gives one octet at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (block[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    #[test]
    fn every_octet_of_mu_law_and_a_law_is_its_sample() {
        let octets: Vec<u8> = (0..=255).collect();
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let expected: Vec<i16> = octets.iter().map(|octet| codec.decode(*octet)).collect();
            assert_eq!(decode(&octets[..], Raw::Companded(codec), 1).unwrap(), expected);
        }
    }

    #[test]
    fn signed_linear_is_read_low_octet_first_however_it_comes_in_pieces() {
        let octets = [0x01, 0x00, 0xff, 0xff, 0x34, 0x12, 0x77];
        assert_eq!(
            decode(Slowly(&octets), Raw::Linear(8_000), 1).unwrap(),
            [1, -1, 0x1234],
            "half a sample is left out"
        );
        assert_eq!(decode(&[0; 3_200][..], Raw::Linear(16_000), 1).unwrap().len(), 800);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let octets = vec![0xff; 17_000];
        assert_eq!(decode(&octets[..], Raw::Companded(Codec::Pcmu), 2).unwrap_err(), "it is longer than 2 s");
    }
}
