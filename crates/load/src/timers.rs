//! The deadlines of one thread's calls in a heap. A timer that was moved or stopped stays in the heap and is recognised as
//! stale when its turn comes, which is cheaper than taking it out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is due for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The next RTP packet.
    Frame,
    /// A SIP request is sent again (Timer A or E of RFC 3261 §17.1).
    Repeat,
    /// A SIP request is given up (Timer B or F), or an INVITE is cancelled.
    GiveUp,
    /// The call has lasted as long as it should.
    Hold,
    /// Digits are sent now.
    Digits,
    /// The expected tone should have come by now.
    Tone,
    /// The last frames have had their time to come back: BYE.
    Drain,
    /// The sockets are closed.
    Close,
    /// The call is forgotten.
    Forget,
}

/// Number of kinds in [`Timer`].
pub(crate) const TIMERS: usize = 9;

/// One due timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    /// CLOCK_MONOTONIC nanoseconds for which it was planned.
    pub at_ns: u64,
    /// The call's slot.
    pub slot: u32,
    /// The call's number, since slots are used again.
    pub number: u32,
    /// What for.
    pub timer: Timer,
}

/// The armed deadlines of one call, by kind. Zero is not armed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Armed([u64; TIMERS]);

impl Armed {
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = 0;
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.0[timer as usize] != 0
    }

    /// When it is due, if it is armed.
    pub(crate) fn deadline_ns(&self, timer: Timer) -> Option<u64> {
        Some(self.0[timer as usize]).filter(|deadline_ns| *deadline_ns != 0)
    }

    /// True once, if `due` is still what this call has armed.
    pub(crate) fn take(&mut self, due: Due) -> bool {
        let armed = &mut self.0[due.timer as usize];
        let current = *armed == due.at_ns;
        if current {
            *armed = 0;
        }
        current
    }
}

/// The heap of one thread.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Due>>,
}

impl Timers {
    /// Arms or moves `due.timer` of a call.
    pub(crate) fn set(&mut self, armed: &mut Armed, due: Due) {
        armed.0[due.timer as usize] = due.at_ns;
        self.heap.push(Reverse(due));
    }

    /// The earliest entry, stale or not.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(due)| due.at_ns)
    }

    /// Takes the earliest entry that is due at `now_ns`; the owner asks [`Armed::take`] whether it is stale.
    pub(crate) fn pop(&mut self, now_ns: u64) -> Option<Due> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at_ns: u64, timer: Timer) -> Due {
        Due { at_ns, slot: 0, number: 1, timer }
    }

    #[test]
    fn a_timer_that_was_moved_fires_only_at_its_new_time() {
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        timers.set(&mut armed, due(10, Timer::Hold));
        timers.set(&mut armed, due(20, Timer::Hold));
        let stale = timers.pop(15).unwrap();
        assert!(!armed.take(stale));
        assert_eq!(timers.pop(15), None);
        let fresh = timers.pop(20).unwrap();
        assert!(armed.take(fresh));
        assert!(!armed.take(fresh));
    }

    #[test]
    fn a_stopped_timer_does_not_fire() {
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        timers.set(&mut armed, due(10, Timer::Frame));
        timers.set(&mut armed, due(5, Timer::Repeat));
        armed.stop(Timer::Frame);
        assert!(!armed.is_armed(Timer::Frame));
        assert_eq!(armed.deadline_ns(Timer::Frame), None);
        assert_eq!(armed.deadline_ns(Timer::Repeat), Some(5));
        let first = timers.pop(99).unwrap();
        assert!(armed.take(first) && first.timer == Timer::Repeat);
        let second = timers.pop(99).unwrap();
        assert!(!armed.take(second));
    }
}
