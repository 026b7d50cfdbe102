//! The proof of echo: every frame that comes back is this call's, in order, once and unaltered.

use super::g711;
use super::mark::Mark;

/// How far back a frame may come and still be known as late rather than repeated.
const WINDOW: u32 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;

/// What a payload turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This call's, for the first time. Carries the send time, and whether frames sent after it came before it.
    Returned { sent_ns: u64, reordered: bool },
    /// This call's, but it came before.
    Duplicate,
    /// A sound mark of another call or another run.
    Foreign { run: u64, call: u32, frame: u32 },
    /// Silence that the far end made itself.
    Silence,
    /// Neither silence nor a sound mark.
    Altered,
}

/// Which of one call's frames came back.
#[derive(Clone, Debug)]
pub(crate) struct EchoCheck {
    run: u64,
    call: u32,
    /// The frame after the highest that came back.
    next: u32,
    /// One bit for each of the last [`WINDOW`] frames before `next`.
    seen: [u64; WORDS],
    first: Option<u32>,
    returned: u64,
}

impl EchoCheck {
    pub(crate) fn new(run: u64, call: u32) -> EchoCheck {
        EchoCheck { run, call, next: 0, seen: [0; WORDS], first: None, returned: 0 }
    }

    /// Judges one received payload.
    pub(crate) fn judge(&mut self, payload: &[u8]) -> Verdict {
        let Some(mark) = Mark::read(payload) else {
            return if g711::is_silence(payload) { Verdict::Silence } else { Verdict::Altered };
        };
        if mark.run != self.run || mark.call != self.call {
            return Verdict::Foreign { run: mark.run, call: mark.call, frame: mark.frame };
        }
        let reordered = mark.frame < self.next;
        if reordered {
            // Older than the window cannot be told from a repetition; it is wrong either way.
            if self.next - mark.frame > WINDOW || self.bit(mark.frame) {
                return Verdict::Duplicate;
            }
        } else {
            for skipped in self.next.max(mark.frame.saturating_sub(WINDOW - 1))..mark.frame {
                self.set(skipped, false);
            }
            self.next = mark.frame.saturating_add(1);
        }
        self.set(mark.frame, true);
        self.first.get_or_insert(mark.frame);
        self.returned += 1;
        Verdict::Returned { sent_ns: mark.sent_ns, reordered }
    }

    /// How many different frames came back.
    pub(crate) fn returned(&self) -> u64 {
        self.returned
    }

    /// How many of `sent` frames were sent before the first one that came back.
    pub(crate) fn before_the_first(&self, sent: u64) -> u64 {
        self.first.map_or(sent, u64::from)
    }

    fn bit(&self, frame: u32) -> bool {
        self.seen[(frame % WINDOW / 64) as usize] & (1 << (frame % 64)) != 0
    }

    fn set(&mut self, frame: u32, seen: bool) {
        let word = &mut self.seen[(frame % WINDOW / 64) as usize];
        let bit = 1 << (frame % 64);
        if seen { *word |= bit } else { *word &= !bit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::packet::FRAME;

    fn payload(run: u64, call: u32, frame: u32) -> [u8; FRAME] {
        let mut payload = [0; FRAME];
        Mark { run, call, frame, sent_ns: 42 }.write(&mut payload);
        payload
    }

    #[test]
    fn frames_in_order_are_returned_once_each() {
        let mut check = EchoCheck::new(9, 3);
        for frame in 0..5000 {
            assert_eq!(check.judge(&payload(9, 3, frame)), Verdict::Returned { sent_ns: 42, reordered: false });
            assert_eq!(check.judge(&payload(9, 3, frame)), Verdict::Duplicate);
        }
        assert_eq!(check.returned(), 5000);
        assert_eq!(check.before_the_first(5000), 0);
    }

    #[test]
    fn a_late_frame_is_reordered_the_first_time_and_a_duplicate_the_second() {
        let mut check = EchoCheck::new(9, 3);
        for frame in [0, 1, 5, 6, 900] {
            check.judge(&payload(9, 3, frame));
        }
        for late in [4, 2, 3, 899, 7] {
            assert_eq!(check.judge(&payload(9, 3, late)), Verdict::Returned { sent_ns: 42, reordered: true });
            assert_eq!(check.judge(&payload(9, 3, late)), Verdict::Duplicate);
        }
        check.judge(&payload(9, 3, 4000));
        assert_eq!(check.judge(&payload(9, 3, 3999)), Verdict::Returned { sent_ns: 42, reordered: true });
        assert_eq!(check.judge(&payload(9, 3, 900)), Verdict::Duplicate);
    }

    #[test]
    fn frames_of_other_calls_and_runs_are_foreign() {
        let mut check = EchoCheck::new(9, 3);
        assert_eq!(check.judge(&payload(9, 4, 0)), Verdict::Foreign { run: 9, call: 4, frame: 0 });
        assert_eq!(check.judge(&payload(8, 3, 0)), Verdict::Foreign { run: 8, call: 3, frame: 0 });
        assert_eq!(check.returned(), 0);
        assert_eq!(check.before_the_first(12), 12);
    }

    #[test]
    fn silence_is_no_fault_and_anything_else_is() {
        let mut check = EchoCheck::new(9, 3);
        assert_eq!(check.judge(&[0xff; FRAME]), Verdict::Silence);
        assert_eq!(check.judge(&[0x44; FRAME]), Verdict::Altered);
        assert_eq!(check.judge(&[]), Verdict::Altered);
        let mut altered = payload(9, 3, 0);
        altered[100] ^= 1;
        assert_eq!(check.judge(&altered), Verdict::Altered);
        check.judge(&payload(9, 3, u32::MAX - 1));
    }
}
