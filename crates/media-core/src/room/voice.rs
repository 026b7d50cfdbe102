//! Who talks: judged from the octets of G.711 as they arrive, without decoding them.
//!
//! The seven bits below the sign are the magnitude: linear for quiet samples, logarithmic above. Their mean over 5 ms is the
//! measure here. Above -40 dBm0 it is a voice, below -58 dBm0 it is none, and between the two it must be twice as strong as what
//! the member usually sends, its noise floor.

use crate::Codec;

/// Samples of the blocks of which the loudest counts: 5 ms, so that a word is noticed that begins late in a packet.
const BLOCK: usize = 40;
/// Levels are sixteenths of a µ-law step (8 of 32768). Mean magnitude of noise at -58 dBm0 and at -40 dBm0.
const QUIET: u32 = 32;
const LOUD: u32 = 240;
/// The floor goes down to a lower level by a quarter of the way in each packet, and up by a part of this: some seconds.
const RISE: u32 = 256;
/// Floors are kept with so many more bits, or the slow rise would be lost in rounding.
const FLOOR_BITS: u32 = 8;

/// Hears one member.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VoiceDetector {
    floor: u32,
}

impl VoiceDetector {
    /// Whether this packet is worth hearing.
    pub(crate) fn is_voice(&mut self, codec: Codec, payload: &[u8]) -> bool {
        let (mut sum, mut loudest) = (0, 0);
        for block in payload.chunks(BLOCK) {
            let magnitude = magnitude(codec, block);
            sum += magnitude;
            loudest = loudest.max(level(codec, magnitude, block.len()));
        }
        if payload.is_empty() {
            return false;
        }
        let floor = self.floor >> FLOOR_BITS;
        let is_voice = loudest > (2 * floor).clamp(QUIET, LOUD);
        let level = level(codec, sum, payload.len()) << FLOOR_BITS;
        if level < self.floor {
            self.floor -= (self.floor - level) / 4;
        } else {
            self.floor += (level - self.floor) / RISE;
        }
        is_voice
    }
}

/// The sum of the octets' magnitudes.
fn magnitude(codec: Codec, octets: &[u8]) -> u32 {
    // G.711: µ-law octets are sent inverted, of A-law ones every other bit.
    let inverted = match codec {
        Codec::Pcmu => 0xff,
        Codec::Pcma => 0x55,
    };
    octets.iter().map(|octet| u32::from((octet ^ inverted) & 0x7f)).sum()
}

fn level(codec: Codec, magnitude: u32, octets: usize) -> u32 {
    // The smallest step of A-law is twice that of µ-law.
    let scale = match codec {
        Codec::Pcmu => 16,
        Codec::Pcma => 32,
    };
    magnitude * scale / octets as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{dbm0, noise};

    #[test]
    fn loud_is_always_a_voice_and_quiet_never_whatever_was_before() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let (mut detector, mut seed) = (VoiceDetector::default(), 1);
            for n in 0..3000 {
                assert!(detector.is_voice(codec, &noise(codec, dbm0(-35.0), &mut seed)), "{codec:?} {n}");
            }
            for n in 0..3000 {
                assert!(!detector.is_voice(codec, &noise(codec, dbm0(-62.0), &mut seed)), "{codec:?} {n}");
            }
            assert!(!detector.is_voice(codec, &[codec.silence(); 160]));
            assert!(!detector.is_voice(codec, &[]));
        }
    }

    #[test]
    fn a_steady_noise_is_no_voice_after_some_seconds_and_a_voice_stands_out_of_it() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let (mut detector, mut seed) = (VoiceDetector::default(), 1);
            let mut hears =
                |detector: &mut VoiceDetector| detector.is_voice(codec, &noise(codec, dbm0(-48.0), &mut seed));
            let taken = (0..1000).filter(|_| hears(&mut detector)).count();
            assert!((50..500).contains(&taken), "{codec:?}: {taken} packets");
            assert!((0..500).all(|_| !hears(&mut detector)));
            assert!(detector.is_voice(codec, &noise(codec, dbm0(-38.0), &mut seed)));
        }
    }

    #[test]
    fn a_word_that_begins_late_in_a_packet_is_noticed() {
        let mut detector = VoiceDetector::default();
        let mut payload = [Codec::Pcmu.silence(); 160];
        for (n, octet) in payload[135..].iter_mut().enumerate() {
            *octet = Codec::Pcmu.encode(if n % 8 < 4 { 3000 } else { -3000 });
        }
        assert!(detector.is_voice(Codec::Pcmu, &payload));
    }
}
