//! Digits as telephone events (RFC 4733 §2.5): the packets of one digit after the other, at the pace of the frames.

use super::packet::FRAME;

/// Packets of one digit before its end: 100 ms at 20 ms each.
const HELD_PACKETS: u16 = 5;
/// RFC 4733 §2.5.1.4: the end is sent three times.
const END_PACKETS: u16 = 3;
/// Frames of audio between two digits: 100 ms.
const PAUSE_FRAMES: u16 = 5;
/// Power level in -dBm0.
const VOLUME: u8 = 10;

/// The event code of a digit (RFC 4733 §3.2).
pub(crate) fn event_of(digit: char) -> Option<u8> {
    match digit {
        '0'..='9' => Some(digit as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'A'..='D' => Some(digit as u8 - b'A' + 12),
        _ => None,
    }
}

/// What goes out in one frame period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Ordinary audio.
    Audio,
    /// One packet of an event: its timestamp stands still at `began_ago` timestamp units before the current frame.
    Event { payload: [u8; 4], marker: bool, began_ago: u32, last_of_all: bool },
}

/// The digits still to send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digits {
    events: Vec<u8>,
    current: usize,
    step: u16,
}

impl Digits {
    /// Sends `digits`; those that are no telephone event were refused with the command line.
    pub(crate) fn new(digits: &str) -> Digits {
        Digits { events: digits.chars().filter_map(event_of).collect(), current: 0, step: 0 }
    }

    /// The next frame's content.
    pub(crate) fn next_frame(&mut self) -> Frame {
        let Some(event) = self.events.get(self.current).copied() else { return Frame::Audio };
        let step = self.step;
        self.step += 1;
        if step >= HELD_PACKETS + END_PACKETS {
            if self.step == HELD_PACKETS + END_PACKETS + PAUSE_FRAMES {
                self.step = 0;
                self.current += 1;
            }
            return Frame::Audio;
        }
        let end = step >= HELD_PACKETS;
        let duration = (step + 1).min(HELD_PACKETS) * FRAME as u16;
        let [high, low] = duration.to_be_bytes();
        let last_of_all = step == HELD_PACKETS && self.current + 1 == self.events.len();
        Frame::Event {
            payload: [event, (u8::from(end) << 7) | VOLUME, high, low],
            marker: step == 0,
            began_ago: u32::from(step) * FRAME as u32,
            last_of_all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_five_growing_packets_and_three_equal_ends() {
        let mut digits = Digits::new("#");
        let mut seen = Vec::new();
        while let Frame::Event { payload, marker, began_ago, last_of_all } = digits.next_frame() {
            assert_eq!(payload[0], 11);
            seen.push((
                payload[1] & 0x80 != 0,
                u16::from_be_bytes([payload[2], payload[3]]),
                marker,
                began_ago,
                last_of_all,
            ));
        }
        assert_eq!(
            seen,
            [
                (false, 160, true, 0, false),
                (false, 320, false, 160, false),
                (false, 480, false, 320, false),
                (false, 640, false, 480, false),
                (false, 800, false, 640, false),
                (true, 800, false, 800, true),
                (true, 800, false, 960, false),
                (true, 800, false, 1120, false),
            ]
        );
    }

    #[test]
    fn digits_follow_each_other_after_a_pause_and_then_there_is_audio_for_ever() {
        let mut digits = Digits::new("1*");
        let kinds: Vec<Option<u8>> = (0..40)
            .map(|_| match digits.next_frame() {
                Frame::Audio => None,
                Frame::Event { payload, .. } => Some(payload[0]),
            })
            .collect();
        assert!(kinds[..8].iter().all(|kind| *kind == Some(1)));
        assert!(kinds[8..13].iter().all(Option::is_none));
        assert!(kinds[13..21].iter().all(|kind| *kind == Some(10)));
        assert!(kinds[21..].iter().all(Option::is_none));
    }
}
