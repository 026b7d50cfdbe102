//! Which keys were pressed: one digit per event, however many of its packets were lost, repeated or reordered.
//!
//! ```text
//!            packet of a new timestamp          end packet, or 200 ms without a packet, or a newer event
//!   idle ───────────────────────────────► held ───────────────────────────────────────► reported, idle
//!                                          │ ▲
//!                                          └─┘ same timestamp: longer; next segment (§2.5.1.3): goes on
//! ```
//! Events are told apart by their timestamps (RFC 4733 §2.2). Markers are not needed: the first packet may be lost.

use base::MS;

use super::TelephoneEvent;
use crate::digit_string::digit_of_code;
use crate::settings::SAMPLES_PER_MS;

/// spec/media.md §5: an event whose end packets are lost ends this long after its last packet.
const LOST_END_NS: u64 = 200 * MS;
/// Timestamps of finished events that are remembered, so that their stragglers are known.
const FINISHED: usize = 8;
/// Longest duration of one segment (RFC 4733 §2.5.1.3).
const SEGMENT_MAX: u32 = 0xffff;
/// A segment that ends before half of that was not cut off for its length.
const SEGMENT_MIN: u32 = 0x8000;

/// A key press that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// `0-9A-D*#`
    pub digit: char,
    /// As the peer stated it, ms.
    pub duration_ms: u32,
}

/// What one packet leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// An earlier key press that this packet shows to be over.
    pub earlier: Option<Digit>,
    /// The key press of this packet, if this ends it.
    pub own: Option<Digit>,
    /// The packet says nothing: no DTMF event, or an old one that was never reported and now is without its end.
    pub ignored: bool,
}

/// The state of one source's keys.
#[derive(Clone, Debug, Default)]
pub struct DigitDetector {
    held: Option<Held>,
    finished: [Option<u32>; FINISHED],
    next_finished: usize,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    digit: char,
    code: u8,
    /// Timestamp of the current segment.
    timestamp: u32,
    /// Of the segments before.
    earlier_samples: u32,
    /// Of this segment so far.
    samples: u32,
    last_packet_ns: u64,
}

impl Held {
    fn over(&self) -> Digit {
        Digit { digit: self.digit, duration_ms: self.earlier_samples.saturating_add(self.samples) / SAMPLES_PER_MS }
    }
}

impl DigitDetector {
    /// One telephone-event packet that is not a repeat by its sequence number.
    pub fn packet(&mut self, now_ns: u64, timestamp: u32, event: TelephoneEvent) -> Detected {
        let Some(digit) = digit_of_code(event.code) else {
            return Detected { ignored: true, ..Detected::default() };
        };
        if self.finished.contains(&Some(timestamp)) {
            return Detected::default();
        }
        let mut detected = Detected::default();
        let samples = u32::from(event.duration);
        match &mut self.held {
            Some(held) if held.timestamp == timestamp => {
                held.samples = held.samples.max(samples);
                held.last_packet_ns = now_ns;
            }
            Some(held) if held.code == event.code && held.is_followed_by(timestamp) => {
                let segment = held.timestamp;
                held.earlier_samples = held.earlier_samples.saturating_add(timestamp.wrapping_sub(segment));
                held.timestamp = timestamp;
                held.samples = samples;
                held.last_packet_ns = now_ns;
                self.finish(segment);
            }
            Some(held) if (timestamp.wrapping_sub(held.timestamp) as i32) < 0 => {
                // Older than the key that is held, and never seen: of the whole event only this packet came, late.
                if !event.end {
                    return Detected { ignored: true, ..detected };
                }
                self.finish(timestamp);
                detected.own = Some(Digit { digit, duration_ms: samples / SAMPLES_PER_MS });
                return detected;
            }
            _ => {
                detected.earlier = self.release();
                self.held = Some(Held {
                    digit,
                    code: event.code,
                    timestamp,
                    earlier_samples: 0,
                    samples,
                    last_packet_ns: now_ns,
                });
            }
        }
        if event.end {
            detected.own = self.release();
        }
        detected
    }

    /// When the held key counts as released unless another packet comes, ns.
    pub fn deadline_ns(&self) -> Option<u64> {
        self.held.map(|held| held.last_packet_ns.saturating_add(LOST_END_NS))
    }

    /// The held key if its deadline has passed.
    pub fn expire(&mut self, now_ns: u64) -> Option<Digit> {
        if self.deadline_ns()? <= now_ns { self.release() } else { None }
    }

    /// The source is gone or has changed: what was held is over, and timestamps begin anew.
    pub fn restart(&mut self) -> Option<Digit> {
        let digit = self.release();
        self.finished = [None; FINISHED];
        digit
    }

    fn release(&mut self) -> Option<Digit> {
        let held = self.held.take()?;
        self.finish(held.timestamp);
        Some(held.over())
    }

    fn finish(&mut self, timestamp: u32) {
        self.finished[self.next_finished] = Some(timestamp);
        self.next_finished = (self.next_finished + 1) % FINISHED;
    }
}

impl Held {
    /// RFC 4733 §2.5.1.3: a long event is cut into segments; the next one begins where this one ended.
    fn is_followed_by(&self, timestamp: u32) -> bool {
        let distance = timestamp.wrapping_sub(self.timestamp);
        // The last packets of the segment may be lost, so its full length counts as well as what was seen of it.
        distance == SEGMENT_MAX || (distance == self.samples && self.samples >= SEGMENT_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets as (ms, timestamp, code, end, duration); prints what is reported, `+200` lines are deadlines.
    fn run(packets: &[(u64, u32, u8, bool, u16)]) -> String {
        let mut detector = DigitDetector::default();
        let mut heard = String::new();
        let mut note = |digit: Option<Digit>| {
            if let Some(digit) = digit {
                heard.push_str(&format!("{}:{} ", digit.digit, digit.duration_ms));
            }
        };
        for (at_ms, timestamp, code, end, duration) in packets {
            note(detector.expire(at_ms * MS));
            let event = TelephoneEvent { code: *code, end: *end, volume: 10, duration: *duration };
            let detected = detector.packet(at_ms * MS, *timestamp, event);
            note(detected.earlier);
            note(detected.own);
        }
        if let Some(deadline_ns) = detector.deadline_ns() {
            assert_eq!(detector.expire(deadline_ns - 1), None);
            note(detector.expire(deadline_ns));
        }
        assert_eq!(detector.deadline_ns(), None);
        heard.trim_end().to_string()
    }

    #[test]
    fn one_digit_is_reported_at_its_first_end_packet_only() {
        let packets = [
            (0, 100, 5, false, 160),
            (20, 100, 5, false, 320),
            (40, 100, 5, true, 800),
            (60, 100, 5, true, 800),
            (80, 100, 5, true, 800),
        ];
        assert_eq!(run(&packets), "5:100");
    }

    #[test]
    fn lost_ends_are_replaced_by_200_ms_of_nothing() {
        assert_eq!(run(&[(0, 100, 10, false, 160), (20, 100, 10, false, 640)]), "*:80");
        // The end packet that comes after that is a straggler.
        assert_eq!(run(&[(0, 100, 10, false, 160), (250, 100, 10, true, 800)]), "*:20");
    }

    #[test]
    fn a_newer_event_ends_the_one_before() {
        assert_eq!(run(&[(0, 100, 1, false, 400), (60, 900, 1, false, 160), (80, 900, 1, true, 480)]), "1:50 1:60");
    }

    #[test]
    fn a_single_end_packet_is_a_digit() {
        assert_eq!(run(&[(0, 100, 11, true, 800)]), "#:100");
    }

    #[test]
    fn stragglers_of_a_finished_event_do_not_press_the_key_again() {
        let packets =
            [(0, 100, 1, true, 800), (50, 1000, 2, false, 160), (55, 100, 1, false, 640), (60, 1000, 2, true, 320)];
        assert_eq!(run(&packets), "1:100 2:40");
    }

    #[test]
    fn a_whole_event_that_was_overtaken_is_reported_at_its_end() {
        let packets =
            [(0, 1000, 2, false, 160), (5, 100, 1, false, 640), (6, 100, 1, true, 800), (9, 1000, 2, true, 400)];
        assert_eq!(run(&packets), "1:100 2:50");
    }

    #[test]
    fn reordered_updates_never_shorten_the_digit() {
        assert_eq!(run(&[(0, 7, 3, false, 640), (1, 7, 3, false, 320), (220, 7, 3, false, 480)]), "3:80");
    }

    #[test]
    fn a_long_event_in_segments_is_one_digit() {
        let second = 100 + 0xffff;
        let packets = [
            (0, 100, 9, false, 0xfff0),
            // The first packet of the next segment; the rest of the first one was lost.
            (20, second, 9, false, 160),
            (25, 100, 9, false, 0xffff),
            (40, second, 9, true, 8000),
        ];
        assert_eq!(run(&packets), format!("9:{}", (0xffff + 8000) / 8));
    }

    #[test]
    fn the_same_key_twice_is_two_digits() {
        assert_eq!(run(&[(0, 100, 4, false, 400), (50, 500, 4, true, 400)]), "4:50 4:50");
    }

    #[test]
    fn timestamps_may_turn_over() {
        assert_eq!(run(&[(0, u32::MAX - 10, 1, false, 400), (90, 700, 2, true, 400)]), "1:50 2:50");
    }

    #[test]
    fn events_that_are_no_keys_are_ignored() {
        let mut detector = DigitDetector::default();
        let flash = TelephoneEvent { code: 16, end: true, volume: 0, duration: 800 };
        assert!(detector.packet(0, 5, flash).ignored);
        assert_eq!(detector.deadline_ns(), None);
    }

    #[test]
    fn a_new_source_may_use_the_same_timestamp() {
        let mut detector = DigitDetector::default();
        let event = TelephoneEvent { code: 1, end: true, volume: 0, duration: 800 };
        assert!(detector.packet(0, 5, event).own.is_some());
        assert!(detector.packet(0, 5, event).own.is_none());
        assert_eq!(detector.restart(), None);
        assert!(detector.packet(0, 5, event).own.is_some());
    }
}
