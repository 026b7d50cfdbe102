//! Whether a frame of audio is mostly one tone: Goertzel's recurrence at that frequency against the frame's whole energy.

use super::g711::Codec;

/// Share of the frame's energy that must be at the wanted frequency.
pub(crate) const SHARE: f64 = 0.7;
/// Mean square below which a frame is silence: about -50 dBm0.
const FLOOR: f64 = 2500.0;

/// A detector of one frequency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tone {
    coefficient: f64,
}

impl Tone {
    pub(crate) fn new(frequency_hz: f64) -> Tone {
        Tone { coefficient: 2.0 * (std::f64::consts::TAU * frequency_hz / 8000.0).cos() }
    }

    /// Whether the frame is mostly this tone.
    pub(crate) fn is_in(&self, payload: &[u8], codec: Codec) -> bool {
        self.share_of(payload.iter().map(|octet| codec.decode(*octet))) >= SHARE
    }

    /// The share of the energy that is this tone, from 0 to 1; of silence 0.
    pub(crate) fn share_of(&self, samples: impl ExactSizeIterator<Item = i16>) -> f64 {
        let count = samples.len() as f64;
        let (mut before, mut last, mut energy) = (0.0, 0.0, 0.0);
        for sample in samples {
            let sample = f64::from(sample);
            energy += sample * sample;
            let next = sample + self.coefficient * last - before;
            before = last;
            last = next;
        }
        if energy < FLOOR * count || count == 0.0 {
            return 0.0;
        }
        let power = last * last + before * before - self.coefficient * last * before;
        // A pure tone of amplitude A has power (A·n/2)² here and energy A²·n/2.
        power * 2.0 / count / energy
    }
}

/// Whether a frame is louder than what counts as silence here: about -50 dBm0. Far ends fill pauses with less.
pub(crate) fn is_sound(payload: &[u8], codec: Codec) -> bool {
    let energy: f64 = payload.iter().map(|octet| f64::from(codec.decode(*octet)).powi(2)).sum();
    energy >= FLOOR * payload.len() as f64 && !payload.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency_hz: f64, amplitude: f64) -> Vec<u8> {
        // Nearest µ-law code by search: slow, but leans on the decoder alone.
        (0..160)
            .map(|i| {
                let wanted = amplitude * (std::f64::consts::TAU * frequency_hz * f64::from(i) / 8000.0 + 0.3).sin();
                (0..=255u8).min_by_key(|code| (f64::from(Codec::Pcmu.decode(*code)) - wanted).abs() as i64).unwrap()
            })
            .collect()
    }

    #[test]
    fn a_tone_is_found_at_its_frequency_and_nowhere_else() {
        for played in [440.0, 697.0, 1000.0, 1500.0, 3000.0] {
            for wanted in [440.0, 697.0, 1000.0, 1500.0, 3000.0] {
                let found = Tone::new(wanted).is_in(&sine(played, 8000.0), Codec::Pcmu);
                assert_eq!(found, played == wanted, "{played} heard as {wanted}");
            }
        }
    }

    #[test]
    fn silence_and_noise_have_no_tone() {
        assert!(!Tone::new(1000.0).is_in(&[0xff; 160], Codec::Pcmu));
        assert!(!Tone::new(1000.0).is_in(&sine(1000.0, 20.0), Codec::Pcmu));
        let noise: Vec<u8> = (0..160u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(!Tone::new(1000.0).is_in(&noise, Codec::Pcmu));
        assert!(!Tone::new(1000.0).is_in(&[], Codec::Pcmu));
        assert!(is_sound(&noise, Codec::Pcmu) && is_sound(&sine(1000.0, 200.0), Codec::Pcmu));
        assert!(!is_sound(&sine(1000.0, 20.0), Codec::Pcmu) && !is_sound(&[], Codec::Pcmu));
    }
}
