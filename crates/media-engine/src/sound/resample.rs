//! Any sample rate to 8 kHz, in a stream: memory does not grow with the length of the input.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// What every prompt is brought to (G.711).
pub(crate) const RATE_HZ: u32 = 8_000;

/// Input frames per block, about; the true number is a multiple of what the two rates have in common. Blocks of this length put
/// the filter's edge close to 4 kHz; the delay that comes with them does not matter, it is cut off again.
const BLOCK_FRAMES: usize = 4_096;

/// The same for sound that is heard while it is still being made: its first sample cannot come out before two blocks went in.
/// 40 ms of speech at 22.05 kHz; the filter lets nothing pass that would fold back below 3.4 kHz.
const STREAM_BLOCK_FRAMES: usize = 882;

/// Where a sample is clipped before it is converted; after it, it is at full scale.
const LOUDEST: f32 = 4.0;

/// Collects 8 kHz samples from samples of another rate.
pub(crate) struct Rate8k {
    /// None: the input has 8 kHz already.
    converter: Option<Converter>,
    out: Vec<i16>,
}

struct Converter {
    fft: Fft<f32>,
    block_in: Vec<f32>,
    block_out: Vec<f32>,
    filled: usize,
    taken_in: u64,
    given_out: u64,
    /// Output frames at the start that are the filter's delay.
    delay: u64,
    from_hz: u64,
}

impl Rate8k {
    /// A converter from `from_hz`.
    pub(crate) fn new(from_hz: u32) -> Result<Rate8k, String> {
        Rate8k::with_block(from_hz, BLOCK_FRAMES)
    }

    /// One that gives what it has sooner, for [`Rate8k::take`].
    pub(crate) fn streaming(from_hz: u32) -> Result<Rate8k, String> {
        Rate8k::with_block(from_hz, STREAM_BLOCK_FRAMES)
    }

    fn with_block(from_hz: u32, block_frames: usize) -> Result<Rate8k, String> {
        let converter = if from_hz == RATE_HZ { None } else { Some(Converter::new(from_hz, block_frames)?) };
        Ok(Rate8k { converter, out: Vec::new() })
    }

    /// Takes one sample, full scale is ±1.
    pub(crate) fn push(&mut self, sample: f32) -> Result<(), String> {
        // A file of floats may hold anything, and the transform panics at what is not finite. Far above full scale it is noise.
        let sample = if sample.is_nan() { 0.0 } else { sample.clamp(-LOUDEST, LOUDEST) };
        match &mut self.converter {
            None => {
                self.out.push(to_i16(sample));
                Ok(())
            }
            Some(converter) => converter.push(sample, &mut self.out),
        }
    }

    /// What comes from here on has another rate; what came before is brought to its end.
    pub(crate) fn change(&mut self, from_hz: u32) -> Result<(), String> {
        if let Some(converter) = &mut self.converter {
            converter.flush(&mut self.out)?;
        }
        self.converter = if from_hz == RATE_HZ { None } else { Some(Converter::new(from_hz, BLOCK_FRAMES)?) };
        Ok(())
    }

    /// Samples at 8 kHz so far.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// What is ready, once.
    pub(crate) fn take(&mut self) -> Vec<i16> {
        std::mem::take(&mut self.out)
    }

    /// All of it that was not taken; with that, of the same duration as the input.
    pub(crate) fn finish(mut self) -> Result<Vec<i16>, String> {
        if let Some(converter) = &mut self.converter {
            converter.flush(&mut self.out)?;
        }
        self.out.shrink_to_fit();
        Ok(self.out)
    }
}

impl Converter {
    fn new(from_hz: u32, block_frames: usize) -> Result<Converter, String> {
        // One sub-chunk and both sides fixed: every block is one transform, in and out have the exact ratio of the rates.
        let fft = Fft::new_custom(
            from_hz as usize,
            RATE_HZ as usize,
            block_frames,
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .map_err(|error| format!("no conversion from {from_hz} Hz: {error}"))?;
        let (frames_in, frames_out) = (fft.input_frames_next(), fft.output_frames_next());
        if frames_in as u64 * u64::from(RATE_HZ) != frames_out as u64 * u64::from(from_hz) {
            return Err(format!("no exact conversion from {from_hz} Hz"));
        }
        Ok(Converter {
            delay: fft.output_delay() as u64,
            fft,
            block_in: vec![0.0; frames_in],
            block_out: vec![0.0; frames_out],
            filled: 0,
            taken_in: 0,
            given_out: 0,
            from_hz: u64::from(from_hz),
        })
    }

    fn push(&mut self, sample: f32, out: &mut Vec<i16>) -> Result<(), String> {
        self.block_in[self.filled] = sample;
        self.filled += 1;
        self.taken_in += 1;
        if self.filled == self.block_in.len() { self.convert(out) } else { Ok(()) }
    }

    fn convert(&mut self, out: &mut Vec<i16>) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("conversion from {} Hz failed: {error}", self.from_hz);
        let (frames_in, frames_out) = (self.block_in.len(), self.block_out.len());
        let input = SequentialSlice::new(&self.block_in, 1, frames_in).map_err(|error| failed(&error))?;
        let mut output =
            SequentialSlice::new_mut(&mut self.block_out, 1, frames_out).map_err(|error| failed(&error))?;
        let (read, written) =
            self.fft.process_into_buffer(&input, &mut output, None).map_err(|error| failed(&error))?;
        // dependencies.md of the design, section 6: assert the frame count, or the sound would drift.
        if (read, written) != (frames_in, frames_out) {
            return Err(failed(&format_args!("{read} in, {written} out")));
        }
        self.filled = 0;
        // The start of the output is delay, the end of the last block is padding: both are cut.
        let total = self.total_out();
        for sample in &self.block_out {
            let place = self.given_out;
            self.given_out += 1;
            if place >= self.delay && place - self.delay < total {
                out.push(to_i16(*sample));
            }
        }
        Ok(())
    }

    /// Output frames that belong to what was taken in.
    fn total_out(&self) -> u64 {
        (self.taken_in * u64::from(RATE_HZ)).div_ceil(self.from_hz)
    }

    fn flush(&mut self, out: &mut Vec<i16>) -> Result<(), String> {
        while self.given_out < self.delay + self.total_out() {
            self.block_in[self.filled..].fill(0.0);
            self.convert(out)?;
        }
        Ok(())
    }
}

fn to_i16(sample: f32) -> i16 {
    // `as` saturates, and makes NaN 0.
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    fn convert(from_hz: u32, samples: impl Iterator<Item = f32>) -> Vec<i16> {
        let mut rate = Rate8k::new(from_hz).unwrap();
        samples.for_each(|sample| rate.push(sample).unwrap());
        rate.finish().unwrap()
    }

    fn tone(rate_hz: u32, tone_hz: f32, seconds: f32) -> impl Iterator<Item = f32> {
        let frames = (rate_hz as f32 * seconds) as u32;
        (0..frames)
            .map(move |n| 0.5 * (TAU * (f64::from(tone_hz) * f64::from(n) / f64::from(rate_hz)).fract() as f32).sin())
    }

    /// Loudness of the whole, dB below a full-scale sine.
    fn level_db(samples: &[i16]) -> f64 {
        let power = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * (power * 2.0 / 32_768f64.powi(2)).log10()
    }

    #[test]
    fn samples_at_8_khz_pass_unchanged() {
        let samples: Vec<i16> = vec![0, 1, -1, 32_767, -32_768, 1234];
        assert_eq!(convert(8_000, samples.iter().map(|s| f32::from(*s) / 32_768.0)), samples);
    }

    #[test]
    fn a_tone_of_6_khz_at_48_khz_disappears() {
        // Without a filter it would come back as 2 kHz, as loud as it was (-6 dB). The first and last 100 ms are left out:
        // switching a tone on and off is a click, which does have lower frequencies.
        let out = convert(48_000, tone(48_000, 6_000.0, 1.0));
        let level = level_db(&out[800..7_200]);
        assert!(level < -70.0, "{level} dB");
    }

    #[test]
    fn speech_frequencies_keep_their_level_at_every_usual_rate() {
        for rate_hz in [6_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000] {
            for tone_hz in [300.0, 1_000.0, if rate_hz < 8_000 { 2_700.0 } else { 3_400.0 }] {
                let level = level_db(&convert(rate_hz, tone(rate_hz, tone_hz, 1.0)));
                assert!((level - -6.02).abs() < 0.3, "{rate_hz} Hz, tone {tone_hz} Hz: {level} dB");
            }
        }
    }

    #[test]
    fn the_duration_stays_and_nothing_is_late() {
        for rate_hz in [7_999, 11_025, 12_345, 22_050, 44_100, 44_101, 48_000] {
            // 300 ms of silence, then a tone: the onset must be at 300 ms, whatever the filter's delay.
            let onset = rate_hz as usize * 3 / 10;
            let input = tone(rate_hz, 1_000.0, 1.0).enumerate().map(|(n, s)| if n < onset { 0.0 } else { s });
            let out = convert(rate_hz, input);
            assert_eq!(out.len(), 8_000, "{rate_hz} Hz");
            let heard = out.iter().position(|s| s.unsigned_abs() > 3_000).unwrap();
            assert!((2_390..=2_412).contains(&heard), "{rate_hz} Hz: onset at {heard}");
        }
    }

    /// Taken in pieces, as it comes.
    fn stream(from_hz: u32, samples: impl Iterator<Item = f32>) -> Vec<i16> {
        let mut rate = Rate8k::streaming(from_hz).unwrap();
        let mut out = Vec::new();
        for sample in samples {
            rate.push(sample).unwrap();
            out.extend(rate.take());
        }
        out.extend(rate.finish().unwrap());
        out
    }

    #[test]
    fn a_stream_is_as_long_and_as_loud_and_lets_nothing_fold_back() {
        for rate_hz in [16_000, 22_050, 24_000] {
            for tone_hz in [300.0, 1_000.0, 3_400.0] {
                let out = stream(rate_hz, tone(rate_hz, tone_hz, 1.0));
                assert_eq!(out.len(), 8_000);
                let level = level_db(&out);
                assert!((level - -6.02).abs() < 0.5, "{rate_hz} Hz, tone {tone_hz} Hz: {level} dB");
            }
            // Above half of our rate; without a filter it would come back as 3.4 kHz and below.
            for tone_hz in [4_600.0, 5_500.0, 7_000.0] {
                let level = level_db(&stream(rate_hz, tone(rate_hz, tone_hz, 1.0))[800..7_200]);
                assert!(level < -66.0, "{rate_hz} Hz, tone {tone_hz} Hz: {level} dB");
            }
        }
    }

    #[test]
    fn a_stream_gives_its_first_tenth_of_a_second_soon() {
        let mut rate = Rate8k::streaming(22_050).unwrap();
        let needed = tone(22_050, 440.0, 1.0).position(|sample| {
            rate.push(sample).unwrap();
            rate.len() >= 800
        });
        assert!(needed.unwrap() <= 22_050 / 5, "{needed:?}");
    }

    #[test]
    fn a_clip_shorter_than_one_block_is_not_lost() {
        let out = convert(48_000, tone(48_000, 1_000.0, 0.02));
        assert_eq!(out.len(), 160);
        assert!(level_db(&out) > -9.0);
    }

    #[test]
    fn too_loud_is_clipped_and_not_a_number_is_silence() {
        assert_eq!(convert(8_000, [2.0, -2.0, f32::NAN].into_iter()), [32_767, -32_768, 0]);
    }

    #[test]
    fn numbers_that_no_sound_has_do_not_end_the_conversion_of_other_rates() {
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -1e30, f32::MIN_POSITIVE] {
            let input = tone(16_000, 1_000.0, 2.0).enumerate().map(|(n, s)| if n == 5_000 { wild } else { s });
            let out = convert(16_000, input);
            assert_eq!(out.len(), 16_000);
            let level = level_db(&out[8_000..]);
            assert!((level - -6.02).abs() < 0.3, "{wild}: {level} dB");
        }
    }
}
