//! Which slot is due when: a wheel of one-millisecond phases, a second long. Setting and taking cost the same however many
//! slots there are, and nothing is allocated after the start.
//!
//! ```text
//!   phase   0    1    2   ...  1023        each phase: a ring of the slots that are due in that millisecond
//!           │         │
//!           s7─s2     s5                   a bit per phase says whether it is empty
//! ```

use base::MS;

/// Phases of the wheel. Whoever is due later is put into the last one and looked at again then.
const PHASES: u64 = 1024;
const WORDS: usize = (PHASES / 64) as usize;
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Schedule {
    /// First slot of each phase.
    first: Box<[u32]>,
    occupied: [u64; WORDS],
    places: Box<[Place]>,
    /// Nothing is due before this millisecond.
    cursor_ms: u64,
    scheduled: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    due_ms: Option<u64>,
    previous: u32,
    next: u32,
}

impl Schedule {
    #[expect(clippy::disallowed_macros, reason = "made with the worker, before its first tick")]
    pub(crate) fn new(slots: usize) -> Schedule {
        Schedule {
            first: vec![NONE; PHASES as usize].into(),
            occupied: [0; WORDS],
            places: vec![Place { due_ms: None, previous: NONE, next: NONE }; slots].into(),
            cursor_ms: 0,
            scheduled: 0,
        }
    }

    /// Makes `slot` due at `due_ns`, rounded up to a millisecond and later than what has been served already.
    pub(crate) fn set(&mut self, slot: u32, now_ns: u64, due_ns: u64) {
        self.clear(slot);
        if self.scheduled == 0 {
            self.cursor_ms = self.cursor_ms.max(now_ns / MS);
        }
        let due_ms = due_ns.div_ceil(MS).clamp(self.cursor_ms, self.cursor_ms + PHASES - 1);
        let phase = (due_ms % PHASES) as usize;
        let first = self.first[phase];
        if first == NONE {
            self.first[phase] = slot;
            self.occupied[phase / 64] |= 1 << (phase % 64);
            self.places[slot as usize] = Place { due_ms: Some(due_ms), previous: slot, next: slot };
        } else {
            // Behind the last one: who was set first is served first.
            let last = self.places[first as usize].previous;
            self.places[slot as usize] = Place { due_ms: Some(due_ms), previous: last, next: first };
            self.places[last as usize].next = slot;
            self.places[first as usize].previous = slot;
        }
        self.scheduled += 1;
    }

    /// When `slot` is due, ns.
    pub(crate) fn due_ns(&self, slot: u32) -> Option<u64> {
        self.places[slot as usize].due_ms.map(|due_ms| due_ms * MS)
    }

    /// `slot` is not due any more.
    pub(crate) fn clear(&mut self, slot: u32) {
        let place = self.places[slot as usize];
        let Some(due_ms) = place.due_ms else { return };
        let phase = (due_ms % PHASES) as usize;
        if place.next == slot {
            self.first[phase] = NONE;
            self.occupied[phase / 64] &= !(1 << (phase % 64));
        } else {
            self.places[place.previous as usize].next = place.next;
            self.places[place.next as usize].previous = place.previous;
            if self.first[phase] == slot {
                self.first[phase] = place.next;
            }
        }
        self.places[slot as usize] = Place { due_ms: None, previous: NONE, next: NONE };
        self.scheduled -= 1;
    }

    /// Takes the next slot that is due at `now_ns`. When none is left, whatever is set after this is due later.
    pub(crate) fn pop_due(&mut self, now_ns: u64) -> Option<u32> {
        let now_ms = now_ns / MS;
        match self.next_ms() {
            Some(due_ms) if due_ms <= now_ms => {
                self.cursor_ms = due_ms;
                let slot = self.first[(due_ms % PHASES) as usize];
                self.clear(slot);
                Some(slot)
            }
            _ => {
                self.cursor_ms = self.cursor_ms.max(now_ms + 1);
                None
            }
        }
    }

    /// When the next slot is due, ns.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.next_ms().map(|due_ms| due_ms * MS)
    }

    fn next_ms(&self) -> Option<u64> {
        let start = (self.cursor_ms % PHASES) as usize;
        // The words in turn from the cursor's on; the cursor's own once more at the end, for what lies before the cursor.
        for step in 0..=WORDS {
            let word = (start / 64 + step) % WORDS;
            let mask = match step {
                0 => u64::MAX << (start % 64),
                WORDS => !(u64::MAX << (start % 64)),
                _ => u64::MAX,
            };
            let bits = self.occupied[word] & mask;
            if bits != 0 {
                let phase = (word * 64) as u64 + u64::from(bits.trailing_zeros());
                return Some(self.cursor_ms + (phase + PHASES - start as u64) % PHASES);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_are_served_in_order_of_their_due_times_and_then_of_their_setting() {
        let mut schedule = Schedule::new(8);
        for (slot, due_ms) in [(3, 20), (1, 10), (5, 20), (0, 11), (2, 10)] {
            schedule.set(slot, 0, due_ms * MS);
        }
        schedule.clear(0);
        assert_eq!(schedule.next_ns(), Some(10 * MS));
        assert_eq!(schedule.pop_due(10 * MS - 1), None);
        let served: Vec<u32> = std::iter::from_fn(|| schedule.pop_due(25 * MS)).collect();
        assert_eq!(served, [1, 2, 3, 5]);
        assert_eq!(schedule.next_ns(), None);
    }

    #[test]
    fn what_is_set_while_serving_is_never_due_in_the_past() {
        let mut schedule = Schedule::new(2);
        schedule.set(0, 0, 5 * MS);
        assert_eq!(schedule.pop_due(9 * MS), Some(0));
        assert_eq!(schedule.pop_due(9 * MS), None);
        schedule.set(0, 9 * MS, 3 * MS);
        assert_eq!(schedule.next_ns(), Some(10 * MS));
    }

    #[test]
    fn a_due_time_beyond_the_wheel_comes_up_early_and_never_late() {
        let mut schedule = Schedule::new(1);
        schedule.set(0, 50 * MS, 5000 * MS);
        assert_eq!(schedule.next_ns(), Some((50 + PHASES - 1) * MS));
    }

    proptest! {
        /// Against a sorted list.
        #[test]
        fn it_serves_what_a_list_would(ops in proptest::collection::vec((0_u32..6, 0_u64..300, 0_u64..80), 1..200)) {
            let mut schedule = Schedule::new(6);
            let mut list: Vec<(u64, u32)> = Vec::new();
            let mut now_ms = 1000;
            for (slot, ahead_ms, step_ms) in ops {
                list.retain(|(_, other)| *other != slot);
                list.push((now_ms + 1 + ahead_ms, slot));
                schedule.set(slot, now_ms * MS, (now_ms + 1 + ahead_ms) * MS);
                prop_assert_eq!(schedule.next_ns(), list.iter().map(|(due_ms, _)| due_ms * MS).min());
                now_ms += step_ms;
                let mut expected: Vec<u64> = list.iter().map(|(due_ms, _)| *due_ms).filter(|due| *due <= now_ms).collect();
                expected.sort_unstable();
                let mut served = Vec::new();
                while let Some(slot) = schedule.pop_due(now_ms * MS) {
                    let at = list.iter().position(|(_, other)| *other == slot).unwrap();
                    served.push(list.remove(at).0);
                }
                prop_assert_eq!(served, expected);
            }
        }
    }
}
