//! A sound that is played while it is still being made. Parts are only ever added, each is set once and never moves, so a
//! reader neither locks nor waits nor allocates: it looks whether the next part is there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::Part;

/// Parts stand on shelves, the first of this many places, each further one twice as long as the one before it.
const FIRST_SHELF: usize = 16;
/// So there is room for about a million parts.
const SHELVES: usize = 16;

/// Values of [`Growing::end`]: not over, or the number of parts times four with one of these.
const FINISHED: u64 = 1;
const FAILED: u64 = 2;

type Shelf = Box<[OnceLock<Arc<Part>>]>;

/// What feeder and readers share.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    shelves: [OnceLock<Shelf>; SHELVES],
    samples: AtomicU64,
    /// 0 while it grows. Written after the last part.
    end: AtomicU64,
}

/// What a reader finds at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// This part.
    Part(&'a Part),
    /// Nothing yet: it is still being made.
    NotYet,
    /// Nothing: all of it has been read.
    Finished,
    /// Nothing, and nothing more will come: whoever made it broke off.
    Failed,
}

impl Growing {
    /// The part at `place`. Wait-free: one or two loads, never a store.
    pub(crate) fn find(&self, place: usize) -> Found<'_> {
        if let Some(part) = self.part(place) {
            return Found::Part(part);
        }
        let end = self.end.load(Ordering::Acquire);
        if end == 0 {
            return Found::NotYet;
        }
        // It may have come between the two looks; what stands before the end is seen now.
        match self.part(place) {
            Some(part) => Found::Part(part),
            None if end & FAILED != 0 => Found::Failed,
            None => Found::Finished,
        }
    }

    fn part(&self, place: usize) -> Option<&Part> {
        let (shelf, at) = shelf_of(place);
        self.shelves.get(shelf)?.get()?.get(at)?.get().map(|part| &**part)
    }

    pub(crate) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.load(Ordering::Acquire) != 0
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.end.load(Ordering::Acquire) & FAILED != 0
    }
}

/// On which shelf a place is, and where on it.
fn shelf_of(place: usize) -> (usize, usize) {
    let number = place / FIRST_SHELF + 1;
    let shelf = number.ilog2() as usize;
    (shelf, place - FIRST_SHELF * ((1 << shelf) - 1))
}

/// Makes a sound grow that [`super::Sound::growing`] has begun. There is one for each; dropping it unfinished means that the
/// sound failed, so a playback of it ends in any case.
#[derive(Debug)]
pub struct SoundFeeder {
    growing: Arc<Growing>,
    parts: usize,
}

impl SoundFeeder {
    pub(crate) fn new(growing: Arc<Growing>) -> SoundFeeder {
        SoundFeeder { growing, parts: 0 }
    }

    /// Adds linear samples at 8 kHz to the end. False if there is no room for further parts (about a million).
    pub fn push(&mut self, samples: &[i16]) -> bool {
        if samples.is_empty() {
            return true;
        }
        let (shelf, at) = shelf_of(self.parts);
        let Some(shelf_cell) = self.growing.shelves.get(shelf) else { return false };
        let places = shelf_cell.get_or_init(|| (0..FIRST_SHELF << shelf).map(|_| OnceLock::new()).collect());
        let set = places[at].set(Arc::new(Part::from_samples(samples)));
        debug_assert!(set.is_ok(), "there is one feeder, and it goes on");
        self.parts += 1;
        self.growing.samples.fetch_add(samples.len() as u64, Ordering::Relaxed);
        true
    }

    /// Says that this was all: playbacks of it complete.
    pub fn finish(self) {
        self.end(FINISHED);
    }

    /// Says that no more will come although there was more to say: playbacks of it end there, as
    /// [`crate::PlaybackOutcome::SoundGone`].
    pub fn fail(self) {
        self.end(FAILED);
    }

    fn end(&self, how: u64) {
        let end = (self.parts as u64) << 2 | how;
        // The first word stands: dropping comes after finishing.
        let _ = self.growing.end.compare_exchange(0, end, Ordering::Release, Ordering::Relaxed);
    }
}

impl Drop for SoundFeeder {
    fn drop(&mut self) {
        self.end(FAILED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_on_one_shelf_and_within_it() {
        let mut expected = (0, 0);
        for place in 0..10_000 {
            assert_eq!(shelf_of(place), expected, "place {place}");
            expected.1 += 1;
            if expected.1 == FIRST_SHELF << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn parts_that_are_added_stand_where_they_were_put() {
        let growing = Arc::new(Growing::default());
        let mut feeder = SoundFeeder::new(growing.clone());
        for n in 0..300_i16 {
            assert!(matches!(growing.find(n as usize), Found::NotYet));
            assert!(feeder.push(&vec![0; n as usize + 1]));
        }
        feeder.finish();
        for n in 0..300 {
            assert!(matches!(growing.find(n), Found::Part(part) if part.pcmu.len() == n + 1));
        }
        assert!(matches!(growing.find(300), Found::Finished));
        assert_eq!(growing.samples(), 300 * 301 / 2);
    }

    #[test]
    fn a_feeder_that_is_dropped_has_failed_and_one_that_finished_has_not() {
        let growing = Arc::new(Growing::default());
        drop(SoundFeeder::new(growing.clone()));
        assert!(growing.is_over() && growing.has_failed());
        let growing = Arc::new(Growing::default());
        SoundFeeder::new(growing.clone()).finish();
        assert!(growing.is_over() && !growing.has_failed());
    }
}
