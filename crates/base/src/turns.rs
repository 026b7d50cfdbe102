//! When a thread that is woken often should let its work gather: under load, one wake for several pieces of work costs less
//! than one for each; without load, each piece is taken up at once.

use crate::MS;

/// The load is judged over windows of this length.
const WINDOW_NS: u64 = 10 * MS;

/// Counts pieces of work and says whether they come so densely that turns pay.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    busy_from: u64,
    window_ends_ns: u64,
    pieces: u64,
    busy: bool,
}

impl Turns {
    /// Busy from `per_second` pieces of work on.
    pub fn from_rate(per_second: u64) -> Turns {
        Turns { busy_from: (per_second / 100).max(1), window_ends_ns: 0, pieces: 0, busy: false }
    }

    /// Notes that at `now_ns` so many pieces were done; says whether to let the next ones gather.
    pub fn after(&mut self, now_ns: u64, pieces: u64) -> bool {
        self.pieces += pieces;
        if now_ns >= self.window_ends_ns {
            // A window that lasted longer than it should was a quiet one.
            self.busy = self.pieces >= self.busy_from && now_ns < self.window_ends_ns + WINDOW_NS;
            self.pieces = 0;
            self.window_ends_ns = now_ns + WINDOW_NS;
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_begin_under_load_and_end_with_it() {
        let mut turns = Turns::from_rate(1_000);
        let mut now_ns = 5_000 * MS;
        assert!(!turns.after(now_ns, 1), "the first piece waits for nobody");
        let busy = (0..100).map(|_| {
            now_ns += MS;
            turns.after(now_ns, 2)
        });
        assert!(busy.last().unwrap());
        let quiet = (0..20).map(|_| {
            now_ns += 5 * MS;
            turns.after(now_ns, 1)
        });
        assert!(!quiet.last().unwrap(), "200 pieces in a second are few");
        now_ns += 60_000 * MS;
        assert!(!turns.after(now_ns, 50), "a burst after a long silence is taken up at once");
    }
}
