//! How many programs run at once, and how many texts may wait for one of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Cancel, SpeechError};

/// How often a wait looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// A counted number of places.
#[derive(Debug)]
pub(crate) struct Slots {
    running_max: usize,
    waiting_max: usize,
    counts: Mutex<Counts>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    running: usize,
    waiting: usize,
}

/// A place that was taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(running_max: usize, waiting_max: usize) -> Slots {
        Slots { running_max: running_max.max(1), waiting_max, counts: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// Too many wait already, none became free in time, or the wait was cancelled.
    pub(crate) fn take(&self, until: Instant, cancel: &Cancel) -> Result<Slot<'_>, SpeechError> {
        let mut counts = self.counts();
        if counts.running < self.running_max {
            counts.running += 1;
            return Ok(Slot(self));
        }
        if counts.waiting >= self.waiting_max {
            return Err(SpeechError::Busy);
        }
        counts.waiting += 1;
        let result = loop {
            if cancel.is_cancelled() {
                break Err(SpeechError::Cancelled);
            }
            if counts.running < self.running_max {
                counts.running += 1;
                break Ok(Slot(self));
            }
            if Instant::now() >= until {
                break Err(SpeechError::TooSlow("too much else is being spoken".into()));
            }
            counts = self.freed.wait_timeout(counts, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        };
        counts.waiting -= 1;
        result
    }

    /// Places that are taken.
    pub(crate) fn running(&self) -> usize {
        self.counts().running
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing under this lock can panic half way.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.counts().running -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_run_than_may_and_no_more_wait_than_may() {
        let (slots, cancel) = (Slots::new(1, 1), Cancel::new());
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = slots.take(soon(), &cancel).unwrap();
        assert!(matches!(slots.take(soon(), &cancel), Err(SpeechError::TooSlow(_))));
        let later = Instant::now() + Duration::from_secs(20);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(later, &cancel).is_ok());
            while slots.counts().waiting == 0 {
                std::thread::yield_now();
            }
            assert_eq!(slots.take(later, &cancel).unwrap_err(), SpeechError::Busy);
            drop(first);
            assert!(waiting.join().unwrap());
        });
        assert_eq!(slots.running(), 0);
    }

    #[test]
    fn a_wait_can_be_cancelled() {
        let (slots, cancel) = (Slots::new(1, 1), Cancel::new());
        let later = Instant::now() + Duration::from_secs(20);
        let _first = slots.take(later, &cancel).unwrap();
        cancel.cancel();
        assert_eq!(slots.take(later, &cancel).unwrap_err(), SpeechError::Cancelled);
    }
}
