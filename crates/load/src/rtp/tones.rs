//! The tones of a room: who talks there sings one, and who listens knows each of them by its frequency.
//!
//! All frequencies are prime multiples of 5 Hz, so that each fits whole turns into 200 ms, none is a multiple of another, and a
//! mix of them that is cut to such windows has nothing of one in the place of another.

use std::f64::consts::TAU;

use super::g711::Codec;
use super::packet::FRAME;

/// At least 80 Hz apart, within what a telephone line passes.
pub(crate) const FREQUENCIES_HZ: [f64; 30] = [
    305.0, 395.0, 485.0, 565.0, 655.0, 745.0, 835.0, 955.0, 1055.0, 1145.0, 1255.0, 1355.0, 1465.0, 1565.0, 1685.0,
    1795.0, 1915.0, 2045.0, 2155.0, 2285.0, 2395.0, 2515.0, 2615.0, 2735.0, 2855.0, 2965.0, 3085.0, 3205.0, 3305.0,
    3385.0,
];
/// Frames of one window: 200 ms, whole turns of each tone.
pub(crate) const WINDOW_FRAMES: usize = 10;
/// Samples of one window.
pub(crate) const WINDOW: usize = WINDOW_FRAMES * FRAME;
/// The loudest that one tone is, of 32767.
const LOUDEST: f64 = 4000.0;
/// What all tones of a room together may reach, so that no mixer has to cut.
const TOGETHER: f64 = 28_000.0;

/// The tones of rooms with so many talkers, ready to be sent.
#[derive(Debug)]
pub(crate) struct Tones {
    amplitude: f64,
    frames: Vec<[[u8; FRAME]; WINDOW_FRAMES]>,
}

impl Tones {
    pub(crate) fn new(talkers: u32, codec: Codec) -> Tones {
        let amplitude = LOUDEST.min(TOGETHER / f64::from(talkers.max(1)));
        let frames = FREQUENCIES_HZ.iter().enumerate().map(|(index, hertz)| frames_of(index, *hertz, amplitude, codec));
        Tones { amplitude, frames: frames.collect() }
    }

    /// What the tone `index` sounds like in the given frame of its stream.
    pub(crate) fn frame(&self, index: usize, frame: u32) -> &[u8; FRAME] {
        &self.frames[index][frame as usize % WINDOW_FRAMES]
    }

    /// How loud each tone is in one window, by the loudness with which it was sent.
    pub(crate) fn levels(&self, window: &[u8], codec: Codec) -> [f64; FREQUENCIES_HZ.len()] {
        let samples: Vec<f64> = window.iter().map(|octet| f64::from(codec.decode(*octet))).collect();
        FREQUENCIES_HZ.map(|hertz| amplitude_at(hertz, &samples) / self.amplitude)
    }
}

fn frames_of(index: usize, hertz: f64, amplitude: f64, codec: Codec) -> [[u8; FRAME]; WINDOW_FRAMES] {
    // Phases that grow with the square keep the peak of the sum low.
    let phase = std::f64::consts::PI * (index * index) as f64 / FREQUENCIES_HZ.len() as f64;
    let mut frames = [[0; FRAME]; WINDOW_FRAMES];
    for (at, octet) in frames.as_flattened_mut().iter_mut().enumerate() {
        let sample = amplitude * (TAU * hertz * at as f64 / 8000.0 + phase).sin();
        *octet = codec.encode(sample as i16);
    }
    frames
}

/// Goertzel's recurrence: the amplitude of the sine of this frequency.
fn amplitude_at(hertz: f64, samples: &[f64]) -> f64 {
    let coefficient = 2.0 * (TAU * hertz / 8000.0).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        let next = sample + coefficient * last - before;
        before = last;
        last = next;
    }
    let power: f64 = last * last + before * before - coefficient * last * before;
    power.max(0.0).sqrt() * 2.0 / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_far_apart_and_none_is_a_multiple_of_another() {
        for (at, hertz) in FREQUENCIES_HZ.iter().enumerate() {
            assert_eq!(hertz % 5.0, 0.0);
            for other in &FREQUENCIES_HZ[..at] {
                assert!(hertz - other >= 80.0, "{other} {hertz}");
                assert_ne!(hertz % other, 0.0);
            }
        }
    }

    #[test]
    fn each_tone_of_a_full_room_is_heard_at_its_level_and_no_other() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let tones = Tones::new(10, codec);
            for missing in 0..10 {
                let mut window = Vec::new();
                for frame in 0..WINDOW_FRAMES as u32 {
                    // Each talker began at another time.
                    let parts = (0..10).filter(|index| *index != missing);
                    let parts: Vec<_> = parts.map(|index| tones.frame(index, frame + index as u32 * 3)).collect();
                    window.extend((0..FRAME).map(|at| {
                        codec.encode(parts.iter().map(|part| i32::from(codec.decode(part[at]))).sum::<i32>() as i16)
                    }));
                }
                for (index, level) in tones.levels(&window, codec).into_iter().enumerate() {
                    if index < 10 && index != missing {
                        assert!((0.9..1.1).contains(&level), "{index}: {level}");
                    } else {
                        assert!(level < 0.05, "{index}: {level}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_lost_frame_of_another_talker_makes_nobody_heard() {
        let tones = Tones::new(3, Codec::Pcmu);
        let mut window: Vec<u8> = (0..10).flat_map(|frame| *tones.frame(5, frame)).collect();
        window[480..640].fill(0xff);
        for (index, level) in tones.levels(&window, Codec::Pcmu).into_iter().enumerate() {
            assert!(if index == 5 { level > 0.8 } else { level < 0.15 }, "{index}: {level}");
        }
    }
}
