//! Sounds that are ready to be sent: encoded once for every codec, shared by all who hear them.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "sounds are made outside of the worker's thread; a tick only reads them"
)]

mod growing;

use std::sync::Arc;

use crate::Codec;
use crate::settings::SAMPLES_PER_MS;
use crate::tone::Sine;

pub use self::growing::SoundFeeder;
use self::growing::{Found, Growing};

/// 8 kHz mono audio as G.711 octets of every codec, so that a packet of any ptime is a slice. It is made of one or more
/// parts that are played as one, without a gap; parts are shared, so joining cached sounds copies no audio. A part may still
/// grow while it is played: [`Sound::growing`].
#[derive(Clone, Debug)]
pub struct Sound {
    segments: Box<[Segment]>,
}

#[derive(Clone, Debug)]
enum Segment {
    Whole(Arc<Part>),
    Growing(Arc<Growing>),
}

#[derive(Debug)]
pub(crate) struct Part {
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
}

/// Where a playback stands in a sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    segment: usize,
    /// Of a growing segment.
    part: usize,
    /// In the part.
    offset: usize,
}

/// What follows after what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The frame is full.
    More,
    /// The sound is still being made, and this is its present end.
    Waits,
    /// The sound is over.
    Over,
    /// Whoever made the sound broke off here.
    Broken,
}

impl Sound {
    /// A sound of one part from linear samples at 8 kHz.
    pub fn from_samples(samples: &[i16]) -> Sound {
        Sound { segments: Box::new([Segment::Whole(Arc::new(Part::from_samples(samples)))]) }
    }

    /// A sound that is empty yet and can be played already, and what makes it grow. A playback that reaches its present end
    /// sends silence and goes on when more comes; it ends when the feeder says so.
    pub fn growing() -> (Sound, SoundFeeder) {
        let growing = Arc::new(Growing::default());
        let feeder = SoundFeeder::new(growing.clone());
        (Sound { segments: Box::new([Segment::Growing(growing)]) }, feeder)
    }

    /// Several sounds played as one. Those that still grow go on growing in it: a playback waits at the end of each until it
    /// is over, and if one fails, the whole ends there.
    pub fn join<'a>(sounds: impl IntoIterator<Item = &'a Sound>) -> Sound {
        Sound { segments: sounds.into_iter().flat_map(|sound| sound.segments.iter().cloned()).collect() }
    }

    /// A sine tone. `amplitude` is the peak sample value.
    pub fn tone(frequency_hz: u32, duration_ms: u32, amplitude: i16) -> Sound {
        let mut sine = Sine::new(f64::from(frequency_hz), amplitude);
        let samples: Vec<i16> = (0..duration_ms * SAMPLES_PER_MS).map(|_| sine.next_sample()).collect();
        Sound::from_samples(&samples)
    }

    /// Its length in samples at 8 kHz; of one that grows, so far.
    pub fn samples(&self) -> u64 {
        let length = |segment: &Segment| match segment {
            Segment::Whole(part) => part.pcmu.len() as u64,
            Segment::Growing(growing) => growing.samples(),
        };
        self.segments.iter().map(length).sum()
    }

    /// Its length in ms, rounded up; of one that grows, so far.
    pub fn duration_ms(&self) -> u64 {
        self.samples().div_ceil(u64::from(SAMPLES_PER_MS))
    }

    /// Octets of memory that its audio takes; parts that other sounds share count in each.
    pub fn memory_octets(&self) -> u64 {
        2 * self.samples()
    }

    /// Whether a part of it is still being made.
    pub fn is_growing(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Growing(growing) if !growing.is_over()))
    }

    /// Whether whoever made it broke off.
    pub fn has_failed(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Growing(growing) if growing.has_failed()))
    }

    /// Copies the next octets of `codec` to `frame` and moves `position` on; returns how many there were, and why there were
    /// not more.
    pub(crate) fn read(&self, position: &mut Position, codec: Codec, frame: &mut [u8]) -> (usize, Then) {
        let mut filled = 0;
        while filled < frame.len() {
            let part = match self.segments.get(position.segment) {
                None => return (filled, Then::Over),
                Some(Segment::Whole(part)) if position.part == 0 => &**part,
                Some(Segment::Whole(_)) => {
                    *position = Position { segment: position.segment + 1, ..Position::default() };
                    continue;
                }
                Some(Segment::Growing(growing)) => match growing.find(position.part) {
                    Found::Part(part) => part,
                    Found::NotYet => return (filled, Then::Waits),
                    Found::Failed => return (filled, Then::Broken),
                    Found::Finished => {
                        *position = Position { segment: position.segment + 1, ..Position::default() };
                        continue;
                    }
                },
            };
            let octets = part.octets(codec);
            let rest = &octets[position.offset.min(octets.len())..];
            let count = rest.len().min(frame.len() - filled);
            frame[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
            position.offset += count;
            if position.offset >= octets.len() {
                *position = Position { part: position.part + 1, offset: 0, ..*position };
            }
        }
        (filled, Then::More)
    }
}

impl Part {
    fn from_samples(samples: &[i16]) -> Part {
        let encode = |codec: Codec| samples.iter().map(|sample| codec.encode(*sample)).collect();
        Part { pcmu: encode(Codec::Pcmu), pcma: encode(Codec::Pcma) }
    }

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
            let (count, then) = sound.read(&mut position, Codec::Pcma, &mut frame);
            all.extend_from_slice(&frame[..count]);
            assert_eq!(then == Then::More, count == frame_samples);
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
        let part_of = |sound: &Sound, at: usize| match &sound.segments[at] {
            Segment::Whole(part) => part.clone(),
            Segment::Growing(_) => panic!("it does not grow"),
        };
        assert!(Arc::ptr_eq(&part_of(&joined, 0), &part_of(&joined, 1)));
        assert!(Arc::ptr_eq(&part_of(&joined, 0), &part_of(&part, 0)));
    }

    #[test]
    fn durations_are_rounded_up_to_whole_milliseconds() {
        assert_eq!(Sound::from_samples(&[0; 9]).duration_ms(), 2);
        assert_eq!(Sound::from_samples(&[]).duration_ms(), 0);
        assert_eq!(Sound::tone(1000, 500, 8000).duration_ms(), 500);
    }

    #[test]
    fn a_growing_sound_waits_at_its_present_end_and_goes_on_where_it_was() {
        let (sound, mut feeder) = Sound::growing();
        let mut position = Position::default();
        let mut frame = [0; 10];
        assert_eq!(sound.read(&mut position, Codec::Pcmu, &mut frame), (0, Then::Waits));
        assert!(feeder.push(&[0; 4]));
        assert!(feeder.push(&[]));
        assert!(feeder.push(&[0; 9]));
        assert_eq!(sound.read(&mut position, Codec::Pcmu, &mut frame), (10, Then::More));
        assert_eq!(sound.read(&mut position, Codec::Pcmu, &mut frame), (3, Then::Waits));
        assert_eq!(sound.read(&mut position, Codec::Pcmu, &mut frame), (0, Then::Waits));
        assert!(sound.is_growing());
        assert!(feeder.push(&[0; 5]));
        feeder.finish();
        assert_eq!(sound.read(&mut position, Codec::Pcmu, &mut frame), (5, Then::Over));
        assert_eq!(sound.read(&mut position, Codec::Pcmu, &mut frame), (0, Then::Over));
        assert!(!sound.is_growing() && !sound.has_failed());
        assert_eq!((sound.samples(), sound.duration_ms()), (18, 3));
    }

    #[test]
    fn a_growing_sound_that_fails_ends_after_what_there_was() {
        let (sound, mut feeder) = Sound::growing();
        feeder.push(&[0; 4]);
        feeder.fail();
        let mut frame = [0; 10];
        assert_eq!(sound.read(&mut Position::default(), Codec::Pcmu, &mut frame), (4, Then::Broken));
        assert!(sound.has_failed() && !sound.is_growing());
    }

    #[test]
    fn a_sound_that_grows_may_be_joined_at_any_place() {
        let (growing, mut feeder) = Sound::growing();
        let joined = Sound::join([&numbered(0, 3), &growing, &numbered(50, 3)]);
        let mut position = Position::default();
        let mut frame = [0; 10];
        assert_eq!(joined.read(&mut position, Codec::Pcma, &mut frame), (3, Then::Waits));
        let samples: Vec<i16> = (20..25).map(|n| n * 256).collect();
        feeder.push(&samples);
        feeder.finish();
        assert_eq!(joined.read(&mut position, Codec::Pcma, &mut frame), (8, Then::Over));
        let expected = [numbered(0, 3), numbered(20, 5), numbered(50, 3)].map(|sound| read_all(&sound, 100)).concat();
        assert_eq!(read_all(&joined, 2), expected);
        assert_eq!(joined.samples(), 11);
    }

    #[test]
    fn what_one_thread_adds_another_one_reads_in_order_and_whole() {
        let (sound, mut feeder) = Sound::growing();
        let samples: Vec<i16> = (0..200_000).map(|n: i32| (n * 37 % 60_000 - 30_000) as i16).collect();
        let expected = read_all(&Sound::from_samples(&samples), 160);
        let (mut heard, mut position, mut frame) = (Vec::new(), Position::default(), [0; 160]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut rest = &samples[..];
                for length in (1..400).cycle() {
                    let (next, after) = rest.split_at(length.min(rest.len()));
                    feeder.push(next);
                    rest = after;
                    if rest.is_empty() {
                        return feeder.finish();
                    }
                }
            });
            loop {
                let (count, then) = sound.read(&mut position, Codec::Pcma, &mut frame);
                heard.extend_from_slice(&frame[..count]);
                if then == Then::Over {
                    break;
                }
            }
        });
        assert!(heard == expected);
    }
}
