//! Sends digits, one frame at a time: as telephone events (RFC 4733 §2.5.1) or, where those were not negotiated, as tones.
//!
//! ```text
//!   key: first packet (marker) ── updates every frame, timestamp frozen ── end packet ── pause: end packet twice more
//! ```
//! A key and its pause take `duration + interval`, however long the frames are. Where a pause is too short for the
//! repeated end packets, they go out together before the next key.

use super::TelephoneEvent;
use crate::DigitString;
use crate::settings::SAMPLES_PER_MS;
use crate::tone::DtmfTone;

/// Power of the events we send, -dBm0 (RFC 4733 §2.3.2; keys of telephones are at about this level).
const VOLUME: u8 = 10;
/// RFC 4733 §2.5.1.4: the end packet is sent three times in all.
const END_REPEATS: u8 = 2;
/// Two tones of the same key need a pause to be told apart: ITU-T Q.24 has receivers accept 40 ms.
const IN_BAND_PAUSE_MIN_MS: u32 = 40;
/// Digit strings that may wait.
const QUEUE: usize = 4;

/// What goes out in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// End packets of the key before, to be sent (that many times) ahead of the rest.
    pub(crate) repeats: Option<(u8, EventPacket)>,
    /// The rest.
    pub(crate) content: Content,
}

/// The audio side of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    /// No packet: the repeats stand for it.
    #[default]
    Nothing,
    /// A packet of the key.
    Event(EventPacket),
    /// The samples that were written, a tone or a pause.
    Samples,
}

/// A telephone event with the header fields that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventPacket {
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) event: TelephoneEvent,
}

/// Digits that are being sent or wait to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct DigitSender {
    queue: [Option<DigitString>; QUEUE],
    /// Of the first string: which key.
    index: usize,
    phase: Phase,
    /// End packets still to be repeated.
    repeats: Option<(u8, EventPacket)>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Key {
        code: u8,
        /// Frozen for the length of the event.
        timestamp: u32,
        elapsed: u32,
        total: u32,
        tone: Option<DtmfTone>,
    },
    Pause {
        samples_left: u32,
    },
}

impl DigitSender {
    /// Adds digits behind those that wait. False when too many wait already: these are not sent.
    pub(crate) fn push(&mut self, digits: DigitString) -> bool {
        if digits.codes().is_empty() {
            return true;
        }
        match self.queue.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                *place = Some(digits);
                true
            }
            None => false,
        }
    }

    /// Whether frames are taken up by digits.
    pub(crate) fn is_active(&self) -> bool {
        self.queue[0].is_some() || self.repeats.is_some() || !matches!(self.phase, Phase::Idle)
    }

    /// Gives up what waits. The end packets that are still owed, to be sent at once (that many times): without them the
    /// far end would take the key for held until its own timeout.
    pub(crate) fn finish(&mut self) -> Option<(u8, EventPacket)> {
        let cut_short = match self.phase {
            Phase::Key { code, timestamp, elapsed, total, tone: _ } if elapsed > 0 => {
                let event = TelephoneEvent { code, end: true, volume: VOLUME, duration: elapsed.min(total) as u16 };
                Some((END_REPEATS + 1, EventPacket { timestamp, marker: false, event }))
            }
            _ => None,
        };
        std::mem::take(self).repeats.or(cut_short)
    }

    /// The next frame. `timestamp` is that of its first sample; `events`: whether telephone events are negotiated; else the
    /// samples of the frame are written to `samples`.
    pub(crate) fn frame(&mut self, timestamp: u32, events: bool, samples: &mut [i16]) -> Frame {
        if events { self.event_frame(timestamp, samples) } else { self.tone_frame(timestamp, samples) }
    }

    fn event_frame(&mut self, timestamp: u32, samples: &mut [i16]) -> Frame {
        let length = samples.len() as u32;
        if let Phase::Pause { samples_left } = self.phase
            && samples_left > 0
        {
            self.phase = Phase::Pause { samples_left: samples_left.saturating_sub(length) };
            return self.pause_frame(samples);
        }
        if !matches!(self.phase, Phase::Key { .. }) && !self.begin_key(timestamp) {
            return self.pause_frame(samples);
        }
        let repeats = self.repeats.take();
        let Phase::Key { code, timestamp, elapsed, total, .. } = &mut self.phase else { return Frame::default() };
        let marker = *elapsed == 0;
        *elapsed = elapsed.saturating_add(length);
        let (over, end) = (elapsed.saturating_sub(*total), elapsed >= total);
        let duration = *elapsed.min(total) as u16;
        let event = TelephoneEvent { code: *code, end, volume: VOLUME, duration };
        let packet = EventPacket { timestamp: *timestamp, marker, event };
        if end {
            self.repeats = Some((END_REPEATS, EventPacket { marker: false, ..packet }));
            self.end_key(over, 0);
        }
        Frame { repeats, content: Content::Event(packet) }
    }

    /// A frame of the pause: an end packet while there are some to repeat, else silence.
    fn pause_frame(&mut self, samples: &mut [i16]) -> Frame {
        if let Some((count, packet)) = self.repeats {
            self.repeats = if count > 1 { Some((count - 1, packet)) } else { None };
            return Frame { repeats: Some((1, packet)), content: Content::Nothing };
        }
        samples.fill(0);
        Frame { repeats: None, content: Content::Samples }
    }

    fn tone_frame(&mut self, timestamp: u32, samples: &mut [i16]) -> Frame {
        // Only after a change of what is negotiated in the middle of a key.
        self.repeats = None;
        for (n, sample) in samples.iter_mut().enumerate() {
            if let Phase::Pause { samples_left: 0 } | Phase::Idle = self.phase {
                self.begin_key(timestamp.wrapping_add(n as u32));
            }
            *sample = match &mut self.phase {
                Phase::Key { elapsed, total, tone, .. } => {
                    *elapsed += 1;
                    let value = tone.as_mut().map_or(0, DtmfTone::next_sample);
                    if elapsed >= total {
                        self.end_key(0, IN_BAND_PAUSE_MIN_MS * SAMPLES_PER_MS);
                    }
                    value
                }
                Phase::Pause { samples_left } => {
                    *samples_left -= 1;
                    0
                }
                Phase::Idle => 0,
            };
        }
        Frame { repeats: None, content: Content::Samples }
    }

    /// Starts the next key, if there is one.
    fn begin_key(&mut self, timestamp: u32) -> bool {
        self.phase = match &self.queue[0] {
            Some(digits) => {
                let code = digits.codes()[self.index];
                let total = u32::from(digits.duration_ms()) * SAMPLES_PER_MS;
                Phase::Key { code, timestamp, elapsed: 0, total, tone: DtmfTone::new(code) }
            }
            None => Phase::Idle,
        };
        matches!(self.phase, Phase::Key { .. })
    }

    /// Goes to the pause after a key; `over`: how much of it the key's last frame has used up.
    fn end_key(&mut self, over: u32, pause_min: u32) {
        let Some(digits) = &self.queue[0] else { return };
        let pause = (u32::from(digits.interval_ms()) * SAMPLES_PER_MS).max(pause_min);
        self.phase = Phase::Pause { samples_left: pause.saturating_sub(over) };
        self.index += 1;
        if self.index >= digits.codes().len() {
            self.index = 0;
            self.queue.rotate_left(1);
            self.queue[QUEUE - 1] = None;
            if self.queue[0].is_none() && pause_min == 0 {
                // Nothing follows: there is no pause to keep.
                self.phase = Phase::Idle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::detect_dtmf;

    /// One line per frame: `r2 5@100+160M` is two repeats and an update of key 5, `E` marks the end, `-` is silence.
    fn ladder(sender: &mut DigitSender, frame_samples: u32, frames: u32) -> Vec<String> {
        let mut samples = vec![0; frame_samples as usize];
        let mut lines = Vec::new();
        for n in 0..frames {
            if !sender.is_active() {
                lines.push("idle".to_string());
                continue;
            }
            let frame = sender.frame(100 + n * frame_samples, true, &mut samples);
            let mut line = String::new();
            if let Some((count, packet)) = frame.repeats {
                line.push_str(&format!("r{count} {} ", text(packet)));
            }
            match frame.content {
                Content::Event(packet) => line.push_str(&text(packet)),
                Content::Samples => line.push('-'),
                Content::Nothing => {}
            }
            lines.push(line.trim_end().to_string());
        }
        lines
    }

    fn text(packet: EventPacket) -> String {
        let event = packet.event;
        let (end, marker) = (if event.end { "E" } else { "" }, if packet.marker { "M" } else { "" });
        format!("{}@{}+{}{end}{marker}", event.code, packet.timestamp, event.duration)
    }

    #[test]
    fn a_key_has_a_marker_a_frozen_timestamp_and_three_ends() {
        let mut sender = DigitSender::default();
        assert!(sender.push(DigitString::new("5", 100, 0)));
        assert_eq!(
            ladder(&mut sender, 160, 8),
            [
                "5@100+160M",
                "5@100+320",
                "5@100+480",
                "5@100+640",
                "5@100+800E",
                "r1 5@100+800E",
                "r1 5@100+800E",
                "idle"
            ]
        );
    }

    #[test]
    fn the_ends_that_are_owed_are_given_out_at_once_whenever_it_is_over() {
        for (frames, owed) in [(0, None), (1, Some((3, 160))), (4, Some((3, 640))), (5, Some((2, 800)))] {
            let mut sender = DigitSender::default();
            sender.push(DigitString::new("5", 100, 0));
            ladder(&mut sender, 160, frames);
            let finished = sender.finish().map(|(count, packet)| {
                assert!(packet.event.end && !packet.marker && packet.timestamp == 100);
                (count, packet.event.duration)
            });
            assert_eq!(finished, owed, "after {frames} frames");
            assert!(!sender.is_active());
        }
    }

    #[test]
    fn keys_without_a_pause_take_just_their_durations() {
        let mut sender = DigitSender::default();
        sender.push(DigitString::new("12", 100, 0));
        let lines = ladder(&mut sender, 480, 6);
        assert_eq!(
            lines,
            [
                "1@100+480M",
                "1@100+800E",
                "r2 1@100+800E 2@1060+480M",
                "2@1060+800E",
                "r1 2@1060+800E",
                "r1 2@1060+800E"
            ]
        );
        assert!(!sender.is_active());
    }

    #[test]
    fn the_pause_is_silence_after_the_repeated_ends() {
        let mut sender = DigitSender::default();
        sender.push(DigitString::new("#1", 110, 110));
        let lines = ladder(&mut sender, 160, 20);
        assert_eq!(lines[5..8], ["11@100+880E", "r1 11@100+880E", "r1 11@100+880E"]);
        // 120 ms of frames for the key, of which 10 ms count for the pause; 100 ms remain.
        assert_eq!(lines[8..12], ["-", "-", "-", "1@1860+160M"]);
    }

    #[test]
    fn strings_wait_for_each_other_and_too_many_are_refused() {
        let mut sender = DigitSender::default();
        for _ in 0..QUEUE {
            assert!(sender.push(DigitString::new("1", 100, 0)));
        }
        assert!(!sender.push(DigitString::new("1", 100, 0)));
        assert!(sender.push(DigitString::new("", 100, 0)), "nothing to send is no refusal");
        let lines = ladder(&mut sender, 160, 5 * QUEUE as u32 + 3);
        assert_eq!(lines.iter().filter(|line| line.ends_with('M')).count(), QUEUE);
        assert_eq!(lines.last().unwrap(), "idle");
    }

    #[test]
    fn without_telephone_events_the_keys_are_heard() {
        let mut sender = DigitSender::default();
        sender.push(DigitString::new("77", 100, 0));
        let mut heard = Vec::new();
        while sender.is_active() {
            let mut samples = [1; 240];
            sender.frame(0, false, &mut samples);
            heard.extend_from_slice(&samples);
        }
        assert_eq!(detect_dtmf(&heard[..800]), Some(7));
        assert_eq!(heard[800..1120], [0; 320], "40 ms between keys, though none were asked for");
        assert_eq!(detect_dtmf(&heard[1120..1920]), Some(7));
        assert!(heard[1920..].iter().all(|sample| *sample == 0));
        assert!(heard.len() < 1920 + 3 * 240);
    }
}
