//! Noise of a known level, for tests of what listens to levels.

use crate::Codec;

/// 20 ms of white noise of this effective value.
pub(crate) fn noise(codec: Codec, effective: f64, seed: &mut u32) -> Vec<u8> {
    let mut uniform = || {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*seed >> 8) / f64::from(1 << 24) - 0.5
    };
    // A uniform distribution of width 1 has an effective value of 1/√12.
    (0..160).map(|_| codec.encode((uniform() * 12_f64.sqrt() * effective) as i16)).collect()
}

/// Effective value at this level: a full-scale sine is 3.17 dBm0 (ITU-T G.711).
pub(crate) fn dbm0(level: f64) -> f64 {
    32_124.0 / 2_f64.sqrt() * 10_f64.powf((level - 3.17) / 20.0)
}
