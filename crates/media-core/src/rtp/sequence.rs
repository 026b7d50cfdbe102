//! Sequence numbers of one source: extension to 64 bits, gaps, repeats, restarts, loss (RFC 3550 A.1 and A.3).
//! Probation of new sources is the matter of whoever decides which source is heard.

/// RFC 3550 A.1: a forward jump below this is loss.
const MAX_DROPOUT: u16 = 3000;
/// RFC 3550 A.1: a backward jump up to this is reordering.
const MAX_MISORDER: u16 = 100;
/// One turn of the sequence number. Extended numbers begin in turn 1, so that a late packet never falls below zero.
const TURN: u64 = 1 << 16;

/// What the tracker makes of a packet. `extended` numbers of one source compare as the packets were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Newer than all before it; packets between may be missing.
    Newest {
        /// Extended sequence number.
        extended: u64,
    },
    /// Reordered: older than the newest, and here for the first time.
    Late {
        /// Extended sequence number.
        extended: u64,
    },
    /// Was here before.
    Duplicate,
    /// Far from what was expected. If the next packet follows it, the source has restarted.
    Jump,
    /// The second packet in sequence after a jump: numbers begin anew with it.
    Restarted {
        /// Extended sequence number, larger than all before.
        extended: u64,
    },
}

/// State of one source.
#[derive(Clone, Debug)]
pub struct SequenceTracker {
    /// Where the source starts, extended.
    base: u64,
    /// Largest seen, extended.
    highest: u64,
    /// Bit n: packet `highest - n` has arrived.
    window: u128,
    /// With repeats, as RFC 3550 §6.4.1 counts.
    received: u64,
    /// The number that would prove a restart.
    after_jump: Option<u16>,
    /// Loss up to the last restart.
    lost_before: i64,
    expected_at_report: u64,
    received_at_report: u64,
}

impl SequenceTracker {
    /// A source whose first packet, which counts as received, has this number.
    pub fn new(first: u16) -> SequenceTracker {
        let extended = TURN + u64::from(first);
        SequenceTracker {
            base: extended,
            highest: extended,
            window: 1,
            received: 1,
            after_jump: None,
            lost_before: 0,
            expected_at_report: 0,
            received_at_report: 0,
        }
    }

    /// The arrival of the first packet.
    pub fn first(&self) -> Arrival {
        Arrival::Newest { extended: self.base }
    }

    /// One more packet.
    pub fn arrived(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = ahead.wrapping_neg();
        if ahead == 0 {
            self.received += 1;
            Arrival::Duplicate
        } else if ahead < MAX_DROPOUT {
            self.highest += u64::from(ahead);
            self.window = self.window.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.received += 1;
            self.after_jump = None;
            Arrival::Newest { extended: self.highest }
        } else if behind <= MAX_MISORDER {
            self.received += 1;
            self.behind(behind)
        } else if self.after_jump == Some(sequence) {
            Arrival::Restarted { extended: self.restart(sequence) }
        } else {
            self.after_jump = Some(sequence.wrapping_add(1));
            Arrival::Jump
        }
    }

    fn behind(&mut self, behind: u16) -> Arrival {
        let bit = 1_u128 << behind;
        if self.window & bit != 0 {
            return Arrival::Duplicate;
        }
        self.window |= bit;
        let extended = self.highest - u64::from(behind);
        // A packet from before the first one: it was expected, too.
        self.base = self.base.min(extended);
        Arrival::Late { extended }
    }

    fn restart(&mut self, sequence: u16) -> u64 {
        // A gap of two turns keeps extended numbers rising without meaning anything.
        let extended = (self.highest / TURN + 2) * TURN + u64::from(sequence);
        let lost_before = self.lost();
        *self = SequenceTracker { lost_before, ..SequenceTracker::new(sequence) };
        self.base = extended;
        self.highest = extended;
        extended
    }

    /// The newest sequence number.
    pub fn highest(&self) -> u16 {
        self.highest as u16
    }

    /// "Extended highest sequence number received" of a report block (RFC 3550 §6.4.1).
    pub fn extended_highest(&self) -> u32 {
        (self.highest - TURN) as u32
    }

    /// Packets expected minus packets received; negative when repeats outweigh loss (RFC 3550 A.3).
    pub fn lost(&self) -> i64 {
        self.lost_before + (self.expected() as i64 - self.received as i64)
    }

    fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }

    /// The share of packets lost since the last call, in 1/256 (RFC 3550 A.3).
    pub fn fraction_lost(&mut self) -> u8 {
        let expected = self.expected().saturating_sub(self.expected_at_report);
        let received = self.received - self.received_at_report;
        self.expected_at_report = self.expected();
        self.received_at_report = self.received;
        match expected.checked_sub(received) {
            Some(lost) if expected > 0 => (lost * 256 / expected).min(255) as u8,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn newest(tracker: &mut SequenceTracker, sequence: u16) -> u64 {
        match tracker.arrived(sequence) {
            Arrival::Newest { extended } => extended,
            other => panic!("{sequence}: {other:?}"),
        }
    }

    #[test]
    fn numbers_go_on_over_the_turn() {
        let mut tracker = SequenceTracker::new(65_534);
        let before = newest(&mut tracker, 65_535);
        assert_eq!(newest(&mut tracker, 0), before + 1);
        assert_eq!(tracker.extended_highest(), 65_536);
        assert_eq!(tracker.lost(), 0);
    }

    #[test]
    fn a_gap_is_loss_until_the_late_packet_comes_once() {
        let mut tracker = SequenceTracker::new(10);
        let extended = newest(&mut tracker, 13);
        assert_eq!(tracker.lost(), 2);
        assert_eq!(tracker.arrived(11), Arrival::Late { extended: extended - 2 });
        assert_eq!(tracker.lost(), 1);
        assert_eq!(tracker.arrived(11), Arrival::Duplicate);
        assert_eq!(tracker.arrived(13), Arrival::Duplicate);
        assert_eq!(tracker.lost(), -1);
    }

    #[test]
    fn a_packet_older_than_the_first_counts_as_expected() {
        let mut tracker = SequenceTracker::new(10);
        assert!(matches!(tracker.arrived(9), Arrival::Late { .. }));
        assert_eq!(tracker.lost(), 0);
    }

    #[test]
    fn one_stray_number_changes_nothing_two_in_sequence_are_a_restart() {
        let mut tracker = SequenceTracker::new(10);
        let before = newest(&mut tracker, 12);
        assert_eq!(tracker.arrived(30_000), Arrival::Jump);
        assert_eq!(newest(&mut tracker, 13), before + 1);
        assert_eq!(tracker.arrived(30_001), Arrival::Jump);
        let Arrival::Restarted { extended } = tracker.arrived(30_002) else { panic!("no restart") };
        assert!(extended > before);
        assert_eq!(newest(&mut tracker, 30_003), extended + 1);
        assert_eq!(tracker.lost(), 1);
    }

    #[test]
    fn the_fraction_covers_the_time_since_the_last_report() {
        let mut tracker = SequenceTracker::new(0);
        for sequence in 1..100 {
            if sequence % 4 != 0 {
                tracker.arrived(sequence);
            }
        }
        assert_eq!(tracker.fraction_lost(), (24 * 256 / 100) as u8);
        assert_eq!(tracker.fraction_lost(), 0);
        tracker.arrived(101);
        assert_eq!(tracker.fraction_lost(), 128);
        // Late ones make up for it: nothing was lost then.
        tracker.arrived(100);
        assert_eq!(tracker.fraction_lost(), 0);
    }

    proptest! {
        /// Within the window every packet is new exactly once, whatever the order.
        #[test]
        fn every_packet_is_new_once(first: u16, steps in proptest::collection::vec(-50_i32..60, 1..300)) {
            let mut tracker = SequenceTracker::new(first);
            let mut highest = 0_i64;
            let mut seen = BTreeSet::from([0_i64]);
            for step in steps {
                let offset = highest + i64::from(step);
                let sequence = first.wrapping_add(offset as u16);
                let arrival = tracker.arrived(sequence);
                let expected_extended = TURN as i64 + i64::from(first) + offset;
                match arrival {
                    Arrival::Duplicate => prop_assert!(seen.contains(&offset)),
                    Arrival::Newest { extended } => {
                        prop_assert!(offset > highest);
                        prop_assert_eq!(extended as i64, expected_extended);
                    }
                    Arrival::Late { extended } => {
                        prop_assert!(offset < highest && !seen.contains(&offset));
                        prop_assert_eq!(extended as i64, expected_extended);
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
                seen.insert(offset);
                highest = highest.max(offset);
            }
        }
    }
}
