//! When to answer each packet at once, and when to let some gather first.
//!
//! A worker of real-time priority is on the processor before the sender of a packet has gone on to the next one: every packet
//! costs a wake-up of its own. Under load it therefore takes turns of a millisecond and a half. Measured by `tests/cost.rs`.

use base::Turns;

/// From this many packets in a second on gathering is cheaper than waking for each.
const BUSY_PER_SECOND: u64 = 2_000;

/// Says how long to let packets gather.
pub(crate) struct Pace {
    turn_ns: u64,
    turns: Turns,
    busy: bool,
    turn_began_ns: u64,
}

impl Pace {
    /// Turns of `turn_us` under load; 0: never gather.
    pub(crate) fn new(turn_us: u32) -> Pace {
        let turns = Turns::from_rate(BUSY_PER_SECOND);
        Pace { turn_ns: u64::from(turn_us) * 1_000, turns, busy: false, turn_began_ns: 0 }
    }

    /// A round began at `now_ns` and found so many packets.
    pub(crate) fn round(&mut self, now_ns: u64, packets: u64) {
        self.turn_began_ns = now_ns;
        self.busy = self.turns.after(now_ns, packets);
    }

    /// Whether packets are let gather at present.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy && self.turn_ns > 0
    }

    /// How long to let packets gather from `now_ns` on before they are taken up; 0: not at all.
    pub(crate) fn gather_ns(&self, now_ns: u64) -> u64 {
        if self.busy { (self.turn_began_ns + self.turn_ns).saturating_sub(now_ns) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use base::MS;

    use super::*;

    /// Rounds of `packets` each, `apart_ns` apart, from `now_ns` on for 50 ms; says when the last one began.
    fn rounds(pace: &mut Pace, mut now_ns: u64, apart_ns: u64, packets: u64) -> u64 {
        let end_ns = now_ns + 50 * MS;
        while now_ns < end_ns {
            now_ns += apart_ns;
            pace.round(now_ns, packets);
        }
        now_ns
    }

    #[test]
    fn few_packets_are_answered_at_once() {
        let mut pace = Pace::new(1_000);
        let now_ns = rounds(&mut pace, base::SECOND, MS, 1);
        assert_eq!(pace.gather_ns(now_ns), 0);
    }

    #[test]
    fn many_packets_gather_until_the_turn_is_over() {
        let mut pace = Pace::new(1_000);
        let now_ns = rounds(&mut pace, base::SECOND, MS, 5);
        assert_eq!(pace.gather_ns(now_ns + MS / 4), MS * 3 / 4);
        assert_eq!(pace.gather_ns(now_ns + 2 * MS), 0);
    }

    #[test]
    fn when_the_load_is_over_packets_are_answered_at_once_again() {
        let mut pace = Pace::new(1_000);
        let now_ns = rounds(&mut pace, base::SECOND, MS, 5);
        let now_ns = now_ns + 500 * MS;
        pace.round(now_ns, 1);
        assert_eq!(pace.gather_ns(now_ns), 0);
    }

    #[test]
    fn turns_of_zero_never_gather() {
        let mut pace = Pace::new(0);
        let now_ns = rounds(&mut pace, base::SECOND, MS, 50);
        assert_eq!(pace.gather_ns(now_ns), 0);
    }
}
