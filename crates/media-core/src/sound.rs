//! Sounds that are ready to be sent: encoded once for every codec, shared by all who hear them.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "sounds are made outside of the worker's thread; a tick only reads them"
)]

use std::sync::Arc;

use crate::Codec;
use crate::settings::SAMPLES_PER_MS;
use crate::tone::Sine;

/// 8 kHz mono audio as G.711 octets of every codec, so that a packet of any ptime is a slice. It is made of one or more
/// parts that are played as one, without a gap; parts are shared, so joining cached sounds copies no audio.
#[derive(Clone, Debug)]
pub struct Sound {
    parts: Box<[Arc<Part>]>,
    samples: u64,
}

#[derive(Debug)]
struct Part {
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
}

/// Where a playback stands in a sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    part: usize,
    offset: usize,
}

impl Sound {
    /// A sound of one part from linear samples at 8 kHz.
    pub fn from_samples(samples: &[i16]) -> Sound {
        let encode = |codec: Codec| samples.iter().map(|sample| codec.encode(*sample)).collect();
        let part = Part { pcmu: encode(Codec::Pcmu), pcma: encode(Codec::Pcma) };
        Sound { samples: samples.len() as u64, parts: Box::new([Arc::new(part)]) }
    }

    /// Several sounds played as one.
    pub fn join<'a>(sounds: impl IntoIterator<Item = &'a Sound>) -> Sound {
        let mut parts = Vec::new();
        let mut samples = 0;
        for sound in sounds {
            parts.extend(sound.parts.iter().cloned());
            samples += sound.samples;
        }
        Sound { parts: parts.into(), samples }
    }

    /// A sine tone. `amplitude` is the peak sample value.
    pub fn tone(frequency_hz: u32, duration_ms: u32, amplitude: i16) -> Sound {
        let mut sine = Sine::new(f64::from(frequency_hz), amplitude);
        let samples: Vec<i16> = (0..duration_ms * SAMPLES_PER_MS).map(|_| sine.next_sample()).collect();
        Sound::from_samples(&samples)
    }

    /// Its length in samples at 8 kHz.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Its length in ms, rounded up.
    pub fn duration_ms(&self) -> u64 {
        self.samples.div_ceil(u64::from(SAMPLES_PER_MS))
    }

    /// Octets of memory that its audio takes; parts that other sounds share count in each.
    pub fn memory_octets(&self) -> u64 {
        2 * self.samples
    }

    /// Copies the next octets of `codec` to `frame` and moves `position` on; returns how many there were, which is less
    /// than the frame's length only at the end of the sound.
    pub(crate) fn read(&self, position: &mut Position, codec: Codec, frame: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < frame.len() {
            let Some(part) = self.parts.get(position.part) else { break };
            let octets = part.octets(codec);
            let rest = &octets[position.offset.min(octets.len())..];
            let count = rest.len().min(frame.len() - filled);
            frame[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
            position.offset += count;
            if position.offset >= octets.len() {
                *position = Position { part: position.part + 1, offset: 0 };
            }
        }
        filled
    }
}

impl Part {
    fn octets(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(from: i16, count: i16) -> Sound {
        let samples: Vec<i16> = (from..from + count).map(|n| n * 256).collect();
        Sound::from_samples(&samples)
    }

    fn read_all(sound: &Sound, frame_samples: usize) -> Vec<u8> {
        let mut position = Position::default();
        let mut all = Vec::new();
        loop {
            let mut frame = vec![0; frame_samples];
            let count = sound.read(&mut position, Codec::Pcma, &mut frame);
            all.extend_from_slice(&frame[..count]);
            if count < frame_samples {
                return all;
            }
        }
    }

    #[test]
    fn joined_sounds_are_read_as_one_whatever_the_packet_length() {
        let joined = Sound::join([&numbered(0, 7), &Sound::from_samples(&[]), &numbered(20, 1), &numbered(40, 12)]);
        let expected = [numbered(0, 7), numbered(20, 1), numbered(40, 12)].map(|sound| read_all(&sound, 100)).concat();
        assert_eq!(joined.samples(), 20);
        for frame_samples in 1..25 {
            assert_eq!(read_all(&joined, frame_samples), expected, "{frame_samples} samples at a time");
        }
    }

    #[test]
    fn joining_shares_the_audio() {
        let part = numbered(0, 10);
        let joined = Sound::join([&part, &part]);
        assert!(Arc::ptr_eq(&joined.parts[0], &joined.parts[1]));
        assert!(Arc::ptr_eq(&joined.parts[0], &part.parts[0]));
    }

    #[test]
    fn durations_are_rounded_up_to_whole_milliseconds() {
        assert_eq!(Sound::from_samples(&[0; 9]).duration_ms(), 2);
        assert_eq!(Sound::from_samples(&[]).duration_ms(), 0);
        assert_eq!(Sound::tone(1000, 500, 8000).duration_ms(), 500);
    }
}
