//! Where streams stand in a worker's table: its own slots first, then room for the guests of every other worker, so that each
//! stream has one place on each worker and nobody must look for a free one.
//!
//! ```text
//!   worker 1 of 3:   own slots │ slots of worker 0 │ slots of worker 2
//! ```

use base::{StreamId, WorkerId};

/// The order of one worker's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    own: WorkerId,
    slots: u32,
    workers: u32,
}

impl Places {
    /// The table of worker `own`, one of `workers` (numbered from 0) that have `slots` slots each. With one worker there are
    /// no guests, whatever its number is.
    pub fn new(own: WorkerId, slots: u32, workers: u8) -> Places {
        Places { own, slots, workers: u32::from(workers.max(1)) }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.slots * self.workers
    }

    /// The place of a stream; none if it could not be here.
    pub fn place(&self, stream: StreamId) -> Option<u32> {
        let (own, home) = (u32::from(self.own.0), u32::from(stream.worker.0));
        let block = match home.cmp(&own) {
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Less => home + 1,
            std::cmp::Ordering::Greater => home,
        };
        (stream.slot < self.slots && block < self.workers).then(|| block * self.slots + stream.slot)
    }

    /// Whose slot has this place: the inverse of [`Places::place`].
    pub fn home(&self, place: u32) -> (WorkerId, u32) {
        let (block, slot) = (place / self.slots.max(1), place % self.slots.max(1));
        let worker = match block {
            0 => self.own,
            block if block <= u32::from(self.own.0) => WorkerId((block - 1) as u8),
            block => WorkerId(block as u8),
        };
        (worker, slot)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_stream_has_a_place_of_its_own_on_every_worker() {
        for own in 0..4 {
            let places = Places::new(WorkerId(own), 5, 4);
            let mut taken = BTreeSet::new();
            for (worker, slot) in (0..4).flat_map(|worker| (0..5).map(move |slot| (WorkerId(worker), slot))) {
                let place = places.place(StreamId { worker, slot, lease: 9 }).unwrap();
                assert_eq!(places.home(place), (worker, slot));
                assert!(place < places.count() && taken.insert(place));
                assert!(worker != WorkerId(own) || place == slot, "its own come first");
            }
        }
    }

    #[test]
    fn who_cannot_be_here_has_no_place() {
        let alone = Places::new(WorkerId(7), 5, 1);
        let stream = |worker, slot| StreamId { worker: WorkerId(worker), slot, lease: 1 };
        assert_eq!(alone.place(stream(7, 4)), Some(4));
        assert_eq!(alone.place(stream(7, 5)), None);
        assert_eq!(alone.place(stream(6, 0)), None);
        assert_eq!(Places::new(WorkerId(0), 5, 2).place(stream(2, 0)), None);
    }
}
