//! The far end's stream by its headers and its pace: sequence, timestamps, SSRC (RFC 3550 §5.1) and the kernel's receive times.

use super::packet::{FRAME, Header};
use crate::stats::MediaStats;

/// A packet is on time this long after the one before ...
const PERIOD_NS: u64 = 20_000_000;
/// ... give or take this much.
const TOLERANCE_NS: u64 = 5_000_000;
/// RFC 3550 appendix A.1, MAX_DROPOUT: a larger step forward is a restart, not a loss.
const MAX_GAP: u16 = 3000;

/// What one call receives.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamCheck {
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    ssrc: u32,
    /// The highest sequence number, and the timestamp and receive time of that packet.
    sequence: u16,
    timestamp: u32,
    kernel_ns: u64,
    /// One bit for each of the 64 numbers up to `sequence`; the lowest is `sequence` itself.
    seen: u64,
}

/// What the check found out about one packet, for those who count more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The next one, or one after a gap.
    Next,
    /// A late one.
    Late,
    /// One that came before.
    Duplicate,
}

impl StreamCheck {
    /// Takes in one audio packet and counts what is wrong with it.
    pub(crate) fn take(&mut self, header: &Header, kernel_ns: u64, media: &mut MediaStats) -> Place {
        let Some(last) = &mut self.last else {
            self.last = Some(Last::at(header, kernel_ns));
            return Place::Next;
        };
        if header.ssrc != last.ssrc {
            media.ssrc_changes += 1;
            self.last = Some(Last::at(header, kernel_ns));
            return Place::Next;
        }
        let ahead = header.sequence.wrapping_sub(last.sequence);
        if ahead == 0 || ahead > 0x8000 {
            return late(last, last.sequence.wrapping_sub(header.sequence), media);
        }
        if ahead > MAX_GAP {
            media.sequence_jumps += 1;
            self.last = Some(Last::at(header, kernel_ns));
            return Place::Next;
        }
        media.sequence_gaps += u64::from(ahead) - 1;
        if header.marker {
            // A talkspurt begins: the pause before it is no lateness, and its timestamp may have moved on by any time.
            media.talkspurts += 1;
        } else {
            if header.timestamp.wrapping_sub(last.timestamp) != u32::from(ahead) * FRAME as u32 {
                media.timestamp_errors += 1;
            }
            if ahead == 1 {
                pace(kernel_ns.saturating_sub(last.kernel_ns), media);
            }
        }
        let seen = if ahead < 64 { (last.seen << ahead) | 1 } else { 1 };
        *last = Last { seen, ..Last::at(header, kernel_ns) };
        Place::Next
    }
}

impl Last {
    fn at(header: &Header, kernel_ns: u64) -> Last {
        // What came before a beginning is not awaited: its numbers count as seen.
        Last { ssrc: header.ssrc, sequence: header.sequence, timestamp: header.timestamp, kernel_ns, seen: u64::MAX }
    }
}

fn late(last: &mut Last, behind: u16, media: &mut MediaStats) -> Place {
    if behind < 64 && last.seen & (1 << behind) == 0 {
        last.seen |= 1 << behind;
        // It was counted as missing when the gap was seen.
        media.sequence_gaps = media.sequence_gaps.saturating_sub(1);
        media.sequence_late += 1;
        Place::Late
    } else {
        media.sequence_duplicates += 1;
        Place::Duplicate
    }
}

fn pace(since_last_ns: u64, media: &mut MediaStats) {
    media.interarrival.add(since_last_ns);
    if since_last_ns.abs_diff(PERIOD_NS) <= TOLERANCE_NS {
        media.on_time += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        check: StreamCheck,
        media: MediaStats,
    }

    impl Rig {
        fn new() -> Rig {
            Rig { check: StreamCheck::default(), media: MediaStats::default() }
        }

        /// A packet with the number `n` that is in step in everything, `off_ns` late.
        fn take(&mut self, n: u32, off_ns: u64, change: impl FnOnce(&mut Header)) -> Place {
            let mut header = Header {
                marker: false,
                payload_type: 0,
                sequence: (n as u16).wrapping_add(65_530),
                timestamp: n.wrapping_mul(160),
                ssrc: 5,
            };
            change(&mut header);
            self.check.take(&header, u64::from(n) * PERIOD_NS + off_ns, &mut self.media)
        }
    }

    #[test]
    fn a_steady_stream_is_faultless_across_the_wrap_of_its_numbers() {
        let mut rig = Rig::new();
        for n in 0..200 {
            assert_eq!(rig.take(n, 0, |_| ()), Place::Next);
        }
        let media = &rig.media;
        assert_eq!((media.sequence_gaps, media.timestamp_errors, media.ssrc_changes), (0, 0, 0));
        assert_eq!((media.on_time, media.interarrival.count()), (199, 199));
    }

    #[test]
    fn missing_numbers_are_gaps_until_they_come_late() {
        let mut rig = Rig::new();
        for n in [0, 1, 5] {
            rig.take(n, 0, |_| ());
        }
        assert_eq!(rig.media.sequence_gaps, 3);
        assert_eq!(rig.take(3, 0, |_| ()), Place::Late);
        assert_eq!(rig.take(3, 0, |_| ()), Place::Duplicate);
        assert_eq!(rig.take(5, 0, |_| ()), Place::Duplicate);
        assert_eq!(rig.take(1, 0, |_| ()), Place::Duplicate);
        let media = &rig.media;
        assert_eq!((media.sequence_gaps, media.sequence_late, media.sequence_duplicates), (2, 1, 3));
    }

    #[test]
    fn a_changed_source_a_jump_and_a_wrong_timestamp_are_told_apart() {
        let mut rig = Rig::new();
        rig.take(0, 0, |_| ());
        rig.take(1, 0, |header| header.timestamp += 1);
        assert_eq!(rig.media.timestamp_errors, 1);
        rig.take(2, 0, |header| header.ssrc = 6);
        assert_eq!(rig.media.ssrc_changes, 1);
        rig.take(3, 0, |header| {
            header.ssrc = 6;
            header.sequence = header.sequence.wrapping_add(20_000);
        });
        assert_eq!((rig.media.sequence_jumps, rig.media.sequence_gaps), (1, 0));
    }

    #[test]
    fn a_packet_six_milliseconds_late_is_not_on_time_unless_it_begins_a_talkspurt() {
        let mut rig = Rig::new();
        rig.take(0, 0, |_| ());
        rig.take(1, 4_000_000, |_| ());
        rig.take(2, 10_000_000, |_| ());
        assert_eq!((rig.media.on_time, rig.media.interarrival.count()), (1, 2));
        rig.take(3, 900_000_000, |header| {
            header.marker = true;
            header.timestamp += 77;
        });
        assert_eq!((rig.media.talkspurts, rig.media.interarrival.count(), rig.media.timestamp_errors), (1, 2, 0));
    }
}
