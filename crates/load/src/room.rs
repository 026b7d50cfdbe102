//! The proof of a conference: each caller hears exactly the others who talk, each at the level at which it talks, and neither
//! itself, nor who is silent, nor another room.

use std::sync::Arc;

use crate::rtp::g711::{self, Codec};
use crate::rtp::packet::FRAME;
use crate::rtp::tones::{FREQUENCIES_HZ, Tones, WINDOW};
use crate::stats::RoomStats;

/// Below this share of its level a tone that is wanted is missing, ...
const MISSING: f64 = 0.3;
/// ... outside of these it is too low or too loud, ...
const TOO_LOW: f64 = 0.6;
const TOO_LOUD: f64 = 1.4;
/// ... and above this one that is not wanted is heard.
const HEARD: f64 = 0.2;
/// With more calls than this each judges one window a second only.
const ALL_WINDOWS: u32 = 100;

/// Who sits where, and who talks.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    calls: u32,
    size: u32,
    talkers: u32,
    tones: Arc<Tones>,
}

impl Rooms {
    /// `talkers` of the `size` callers of each room talk.
    pub(crate) fn new(calls: u32, size: u32, talkers: u32, codec: Codec) -> Rooms {
        Rooms { calls, size, talkers, tones: Arc::new(Tones::new(talkers, codec)) }
    }

    /// How many rooms there are.
    pub(crate) fn count(&self) -> u32 {
        self.calls.div_ceil(self.size)
    }

    /// The room of a call. One that takes the place of a call that ended has its seat.
    pub(crate) fn room_of(&self, call: u32) -> u32 {
        call % self.calls / self.size
    }

    fn place_of(&self, call: u32) -> u32 {
        call % self.calls % self.size
    }

    /// Whether it is the first of its room.
    pub(crate) fn is_first(&self, call: u32) -> bool {
        self.place_of(call) == 0
    }

    /// The tone of a call that talks. Rooms beside each other have others as far as there are enough.
    pub(crate) fn tone_of(&self, call: u32) -> Option<usize> {
        let place = self.place_of(call);
        (place < self.talkers).then(|| self.tone_at(self.room_of(call), place))
    }

    fn tone_at(&self, room: u32, place: u32) -> usize {
        (room * self.talkers + place) as usize % FREQUENCIES_HZ.len()
    }

    /// A frequency that nobody of this call's room has; `None` if all are taken.
    pub(crate) fn tone_of_nobody(&self, call: u32) -> Option<usize> {
        let taken = (0..self.talkers_in(self.room_of(call))).map(|place| self.tone_at(self.room_of(call), place));
        let taken: Vec<usize> = taken.collect();
        (0..FREQUENCIES_HZ.len()).find(|tone| !taken.contains(tone))
    }

    fn talkers_in(&self, room: u32) -> u32 {
        self.talkers.min(self.calls - room * self.size)
    }

    /// One frame of a tone.
    pub(crate) fn frame(&self, tone: usize, frame: u32) -> &[u8; FRAME] {
        self.tones.frame(tone, frame)
    }

    /// Which tones a call must hear.
    fn wanted_by(&self, call: u32) -> [bool; FREQUENCIES_HZ.len()] {
        let room = self.room_of(call);
        let mut wanted = [false; FREQUENCIES_HZ.len()];
        for place in (0..self.talkers_in(room)).filter(|place| *place != self.place_of(call)) {
            wanted[self.tone_at(room, place)] = true;
        }
        wanted
    }

    /// Frames that a call waits at first: a room is full for all at the same moment, and judging all of them at once would keep
    /// this program from sending.
    fn first_pause_of(&self, call: u32) -> u32 {
        call % (self.pause_frames() + (WINDOW / FRAME) as u32)
    }

    fn pause_frames(&self) -> u32 {
        if self.calls <= ALL_WINDOWS { 0 } else { 40 }
    }
}

/// What one call of a room hears.
#[derive(Debug, Default)]
pub(crate) struct RoomCheck {
    window: Vec<u8>,
    next_sequence: u16,
    /// Frames until the next window begins.
    pause: u32,
    /// Windows judged.
    pub judged: u32,
    /// The first thing that was wrong, for people.
    pub fault: Option<String>,
}

impl RoomCheck {
    /// Takes in a frame while all calls are up.
    pub(crate) fn take(
        &mut self,
        rooms: &Rooms,
        call: u32,
        codec: Codec,
        sequence: u16,
        payload: &[u8],
        stats: &mut RoomStats,
    ) {
        let follows = sequence == self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        let wanted = rooms.wanted_by(call);
        if g711::is_silence(payload) && wanted.contains(&true) {
            stats.holes += 1;
            self.fault.get_or_insert_with(|| "a frame of silence while others talk".to_owned());
        }
        if !follows {
            // A gap is counted as one; the tones begin anew behind it.
            self.window.clear();
        }
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        self.window.extend_from_slice(payload);
        if self.window.len() >= WINDOW {
            let levels = rooms.tones.levels(&self.window[..WINDOW], codec);
            self.window.clear();
            self.pause = rooms.pause_frames();
            self.judged += 1;
            self.judge(&levels, &wanted, rooms.tone_of(call), stats);
        }
    }

    /// Not all calls are up any more, or not yet.
    pub(crate) fn interrupt(&mut self, rooms: &Rooms, call: u32) {
        self.window.clear();
        self.pause = rooms.first_pause_of(call);
    }

    fn judge(&mut self, levels: &[f64], wanted: &[bool], own: Option<usize>, stats: &mut RoomStats) {
        stats.windows += 1;
        for (tone, level) in levels.iter().enumerate() {
            let (count, what) = match (wanted[tone], *level) {
                (true, level) if level < MISSING => (&mut stats.missing, "was not heard"),
                (true, level) if !(TOO_LOW..=TOO_LOUD).contains(&level) => (&mut stats.off_level, "had a wrong level"),
                (true, _) => {
                    stats.heard += 1;
                    continue;
                }
                (false, level) if level < HEARD => continue,
                (false, _) if own == Some(tone) => (&mut stats.own, "was heard, the call's own"),
                (false, _) => (&mut stats.uninvited, "was heard, of nobody who talks here"),
            };
            *count += 1;
            let said = || format!("{} Hz {what}: {:.0} % of its level", FREQUENCIES_HZ[tone], level * 100.0);
            self.fault.get_or_insert_with(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_filled_room_by_room_and_given_again_to_those_who_come_later() {
        let rooms = Rooms::new(25, 10, 3, Codec::Pcmu);
        assert_eq!(rooms.count(), 3);
        assert_eq!([0, 9, 10, 24, 25, 49].map(|call| rooms.room_of(call)), [0, 0, 1, 2, 0, 2]);
        assert_eq!(
            [0, 2, 3, 10, 12, 25].map(|call| rooms.tone_of(call)),
            [Some(0), Some(2), None, Some(3), Some(5), Some(0)]
        );
        assert_eq!(rooms.tone_of_nobody(4), Some(3));
        let wanted = rooms.wanted_by(11);
        assert_eq!((0..30).filter(|tone| wanted[*tone]).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn the_windows_of_a_full_room_do_not_end_together() {
        let rooms = Rooms::new(500, 500, 3, Codec::Pcmu);
        let mut ends = std::collections::BTreeMap::new();
        for call in 0..500 {
            let (mut check, mut stats) = (RoomCheck::default(), RoomStats::default());
            check.interrupt(&rooms, call);
            let frames = (0..100).take_while(|frame| {
                check.take(&rooms, call, Codec::Pcmu, *frame, rooms.frame(0, u32::from(*frame)), &mut stats);
                check.judged == 0
            });
            *ends.entry(frames.count()).or_insert(0) += 1;
        }
        assert!(ends.values().all(|together| *together <= 10), "{ends:?}");
    }

    #[test]
    fn the_last_room_may_be_smaller_than_its_number_of_talkers() {
        let rooms = Rooms::new(12, 10, 5, Codec::Pcmu);
        assert_eq!(rooms.wanted_by(10).iter().filter(|wanted| **wanted).count(), 1);
    }

    #[test]
    fn everything_that_can_be_wrong_in_a_window_is_told_apart() {
        let (mut check, mut stats) = (RoomCheck::default(), RoomStats::default());
        let mut levels = [0.0; FREQUENCIES_HZ.len()];
        let mut wanted = [false; FREQUENCIES_HZ.len()];
        wanted[..4].fill(true);
        // Right, missing, too low, too loud, the own one, a stranger, and a trace that is none.
        levels[..7].copy_from_slice(&[1.0, 0.1, 0.4, 1.6, 0.5, 0.3, 0.1]);
        check.judge(&levels, &wanted, Some(4), &mut stats);
        assert_eq!((stats.windows, stats.heard, stats.missing, stats.off_level), (1, 1, 1, 2));
        assert_eq!((stats.own, stats.uninvited), (1, 1));
        assert!(check.fault.unwrap().contains("395 Hz"));
    }
}
