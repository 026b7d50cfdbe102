//! Tones: a sine generator, the dual tones of DTMF (ITU-T Q.23), and the Goertzel detector that hears them.

use std::f64::consts::TAU;

/// Sample rate of everything here, Hz.
pub const SAMPLE_RATE_HZ: u32 = 8000;

/// ITU-T Q.23: the frequencies of the four rows of keys, Hz.
pub const DTMF_ROWS_HZ: [u32; 4] = [697, 770, 852, 941];
/// ITU-T Q.23: the frequencies of the four columns of keys, Hz.
pub const DTMF_COLUMNS_HZ: [u32; 4] = [1209, 1336, 1477, 1633];

/// A sine wave, one sample at a time: a phasor turned by a constant angle, so a sample costs four multiplications and no
/// call of `sin`. Its length is corrected at every step and so does not drift.
#[derive(Clone, Copy, Debug)]
pub struct Sine {
    re: f64,
    im: f64,
    turn_re: f64,
    turn_im: f64,
    amplitude: f64,
}

impl Sine {
    /// A tone of `frequency_hz` that starts at zero and rises; `amplitude` is its peak.
    pub fn new(frequency_hz: f64, amplitude: i16) -> Sine {
        let (turn_im, turn_re) = (TAU * frequency_hz / f64::from(SAMPLE_RATE_HZ)).sin_cos();
        Sine { re: 1.0, im: 0.0, turn_re, turn_im, amplitude: f64::from(amplitude) }
    }

    /// The next sample.
    #[inline]
    pub fn next_sample(&mut self) -> i16 {
        // A rounded value within ±32767, since |im| ≤ 1 up to rounding; the cast saturates.
        (self.next_value() * self.amplitude).round() as i16
    }

    #[inline]
    fn next_value(&mut self) -> f64 {
        let value = self.im;
        let re = self.re * self.turn_re - self.im * self.turn_im;
        let im = self.re * self.turn_im + self.im * self.turn_re;
        // One Newton step towards length 1.
        let correction = 1.5 - 0.5 * (re * re + im * im);
        self.re = re * correction;
        self.im = im * correction;
        value
    }
}

/// The two frequencies of a DTMF digit by its RFC 4733 event code (row, column), Hz. None for codes above 15.
pub fn dtmf_frequencies(code: u8) -> Option<(u32, u32)> {
    // Keys of the pad by row: 1 2 3 A / 4 5 6 B / 7 8 9 C / * 0 # D.
    const PLACE: [(usize, usize); 16] = [
        (3, 1),
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (1, 1),
        (1, 2),
        (2, 0),
        (2, 1),
        (2, 2), // 0-9
        (3, 0),
        (3, 2), // * #
        (0, 3),
        (1, 3),
        (2, 3),
        (3, 3), // A-D
    ];
    let (row, column) = *PLACE.get(usize::from(code))?;
    Some((DTMF_ROWS_HZ[row], DTMF_COLUMNS_HZ[column]))
}

/// The dual tone of one DTMF digit.
#[derive(Clone, Copy, Debug)]
pub struct DtmfTone {
    row: Sine,
    column: Sine,
}

impl DtmfTone {
    /// Peak of each of the two tones: about -9 dBm0, the usual sending level (ITU-T Q.23, ETSI ES 201 235-2), with the
    /// column 2 dB above the row to make up for line loss.
    const ROW_PEAK: i16 = 6500;
    const COLUMN_PEAK: i16 = 8180;

    /// The tone of an RFC 4733 event code, 0–15.
    pub fn new(code: u8) -> Option<DtmfTone> {
        let (row_hz, column_hz) = dtmf_frequencies(code)?;
        Some(DtmfTone {
            row: Sine::new(f64::from(row_hz), Self::ROW_PEAK),
            column: Sine::new(f64::from(column_hz), Self::COLUMN_PEAK),
        })
    }

    /// The next sample.
    #[inline]
    pub fn next_sample(&mut self) -> i16 {
        // The peaks add up to less than 32767.
        self.row.next_sample() + self.column.next_sample()
    }
}

/// How much of `samples` is a tone of `frequency_hz`: the amplitude (peak) of that component, by the Goertzel algorithm
/// (generalised to frequencies between the bins). 0 for no samples.
pub fn goertzel(samples: &[i16], frequency_hz: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let omega = TAU * frequency_hz / f64::from(SAMPLE_RATE_HZ);
    let coefficient = 2.0 * omega.cos();
    let (mut previous, mut before) = (0.0, 0.0);
    for sample in samples {
        let current = f64::from(*sample) + coefficient * previous - before;
        before = previous;
        previous = current;
    }
    let power = previous * previous + before * before - coefficient * previous * before;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

/// The DTMF code that is heard in `samples` (at least 20 ms are needed to tell the tones apart), by the strongest row and
/// column; none when either is weak, when they differ by more than 10 dB, or when the rest of the signal is as strong.
pub fn detect_dtmf(samples: &[i16]) -> Option<u8> {
    const WEAKEST_PEAK: f64 = 300.0;
    const TWIST: f64 = 3.17;
    let row = strongest(samples, &DTMF_ROWS_HZ);
    let column = strongest(samples, &DTMF_COLUMNS_HZ);
    let (low, high) = if row.1 < column.1 { (row.1, column.1) } else { (column.1, row.1) };
    if low < WEAKEST_PEAK || high > TWIST * low {
        return None;
    }
    // A sine's power is half its squared peak.
    let tones = (row.1 * row.1 + column.1 * column.1) / 2.0;
    let all = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64;
    if tones < all / 2.0 {
        return None;
    }
    (0..16).find(|code| dtmf_frequencies(*code) == Some((row.0, column.0)))
}

fn strongest(samples: &[i16], frequencies: &[u32; 4]) -> (u32, f64) {
    let mut best = (frequencies[0], 0.0);
    for frequency in frequencies {
        let peak = goertzel(samples, f64::from(*frequency));
        if peak > best.1 {
            best = (*frequency, peak);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(mut next: impl FnMut() -> i16, count: usize) -> Vec<i16> {
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_sine_has_its_frequency_and_amplitude_and_nothing_else() {
        let mut sine = Sine::new(440.0, 10_000);
        let samples = take(|| sine.next_sample(), 8000);
        assert!((goertzel(&samples, 440.0) - 10_000.0).abs() < 5.0);
        for other in [220.0, 430.0, 450.0, 880.0] {
            assert!(goertzel(&samples, other) < 5.0, "{other} Hz");
        }
    }

    #[test]
    fn six_minutes_of_sine_do_not_drift() {
        let mut sine = Sine::new(1000.0, 20_000);
        for _ in 0..8000 * 3600 / 10 {
            sine.next_value();
        }
        // 1000 Hz repeats every 8 samples, and 2,880,000 is a multiple of 8.
        let samples = take(|| sine.next_sample(), 8);
        assert_eq!(samples, [0, 14142, 20000, 14142, 0, -14142, -20000, -14142]);
    }

    #[test]
    fn every_digit_is_heard_from_its_own_tone() {
        for code in 0..16 {
            let mut tone = DtmfTone::new(code).unwrap();
            assert_eq!(detect_dtmf(&take(|| tone.next_sample(), 320)), Some(code));
        }
        assert!(DtmfTone::new(16).is_none());
    }

    #[test]
    fn a_single_tone_silence_and_noise_are_no_digit() {
        let mut sine = Sine::new(697.0, 8000);
        assert_eq!(detect_dtmf(&take(|| sine.next_sample(), 320)), None);
        assert_eq!(detect_dtmf(&[0; 320]), None);
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        };
        assert_eq!(detect_dtmf(&take(&mut noise, 320)), None);
        assert_eq!(detect_dtmf(&[]), None);
    }
}
