//! What a stream sends by its own clock: digits before playback before silence. An echo sends by itself, when packets arrive;
//! in a room the room's clock counts (`conference`).

use super::Stream;
use super::context::Context;
use super::playback::Frame;
use super::sender::Outgoing;
use crate::room::FAREWELL;
use crate::rtp::Header;
use crate::telephone_event::{Content, EventPacket, TelephoneEvent};
use crate::{EchoMode, WorkerIo};

/// Frames that are sent at once after a delay. If more are missing, the clock skips them instead: a burst would only fill the
/// listener's jitter buffer.
const CATCH_UP_MAX: u64 = 3;
/// Samples of the longest frame: 60 ms.
const FRAME_SAMPLES_MAX: usize = 480;

impl Stream {
    /// Does everything that is due.
    pub(crate) fn tick<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        if let Some(digit) = self.detector.expire(cx.now_ns) {
            self.key(cx, digit);
        }
        self.serve_frames(cx);
        if self.reporter.next_ns() <= cx.now_ns {
            self.report(cx, false);
        }
        self.flush(cx);
    }

    fn serve_frames<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        // In a room its clock is served by the room.
        if self.member.is_some() || !self.needs_frames() || self.sender.due_ns() > cx.now_ns {
            return;
        }
        let missed = (cx.now_ns - self.sender.due_ns()) / self.settings.frame_ns();
        cx.counters.missed_ticks += missed;
        if missed > CATCH_UP_MAX {
            // Timestamps show the gap; the sound itself goes on where it was.
            self.sender.advance(missed, &self.settings);
            self.sender.begin_talkspurt();
            cx.counters.clock_rebased += 1;
        }
        while self.needs_frames() && self.sender.due_ns() <= cx.now_ns {
            self.frame(cx);
            self.sender.advance(1, &self.settings);
        }
    }

    fn frame<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        let samples = self.settings.frame_samples() as usize;
        if self.digits.is_active() {
            self.digit_frame(cx, samples);
            return;
        }
        if self.playback_frame(cx, samples) {
            return;
        }
        if self.echo_mode == EchoMode::Off {
            let payload = &mut cx.datagram[Header::LENGTH..Header::LENGTH + samples];
            payload.fill(self.settings.codec.silence());
            if let Some(farewell) = self.farewell.take() {
                payload[..FAREWELL].copy_from_slice(&farewell);
            }
            self.send_audio(cx, samples);
        }
    }

    /// Sends what the playback has for this frame. False: there is none, or none any more, and the datagram is as it was.
    pub(super) fn playback_frame<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, samples: usize) -> bool {
        let Some(playback) = &mut self.playback else { return false };
        let payload = &mut cx.datagram[Header::LENGTH..Header::LENGTH + samples];
        match playback.frame(self.settings.codec, payload) {
            Frame::Over(outcome) => {
                self.end_playback(cx, outcome);
                false
            }
            frame => {
                cx.counters.playback_underruns += u64::from(frame == Frame::Starved);
                self.send_audio(cx, samples);
                true
            }
        }
    }

    pub(super) fn digit_frame<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, samples: usize) {
        let mut linear = [0; FRAME_SAMPLES_MAX];
        let linear = &mut linear[..samples];
        let events = self.settings.telephone_event.map(|types| types.send);
        let frame = self.digits.frame(self.sender.timestamp(), events.is_some(), linear);
        if let (Some((count, packet)), Some(payload_type)) = (frame.repeats, events) {
            for _ in 0..count {
                self.send_event(cx, payload_type, packet);
            }
        }
        match (frame.content, events) {
            (Content::Event(packet), Some(payload_type)) => self.send_event(cx, payload_type, packet),
            (Content::Samples, _) => {
                let payload = &mut cx.datagram[Header::LENGTH..Header::LENGTH + samples];
                for (octet, sample) in payload.iter_mut().zip(linear) {
                    *octet = self.settings.codec.encode(*sample);
                }
                self.send_audio(cx, samples);
            }
            _ => {}
        }
    }

    /// The stream closes: the end packets that are owed go out now (RFC 4733 §2.5.1.4), what has not begun does not.
    pub(super) fn finish_digits<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        let owed = self.digits.finish();
        if let (Some((count, packet)), Some(types)) = (owed, self.settings.telephone_event) {
            for _ in 0..count {
                self.send_event(cx, types.send, packet);
            }
        }
    }

    fn send_event<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, payload_type: u8, packet: EventPacket) {
        let Some(route) = self.route() else { return };
        cx.datagram[Header::LENGTH..Header::LENGTH + TelephoneEvent::LENGTH].copy_from_slice(&packet.event.to_bytes());
        let outgoing = Outgoing {
            payload_type,
            marker: packet.marker,
            timestamp: packet.timestamp,
            samples: u32::from(packet.event.duration),
            payload_octets: TelephoneEvent::LENGTH,
        };
        self.event_sent = true;
        cx.counters.frames_sent += 1;
        self.sender.send_next(cx, route, outgoing);
    }

    /// The payload stands in the context's datagram.
    pub(super) fn send_audio<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, samples: usize) {
        let Some(route) = self.route() else { return };
        let outgoing = Outgoing {
            payload_type: self.settings.payload_type,
            marker: self.take_talkspurt(),
            timestamp: self.sender.timestamp(),
            samples: samples as u32,
            payload_octets: samples,
        };
        cx.counters.frames_sent += 1;
        self.sender.send_next(cx, route, outgoing);
        self.record_sent(cx, self.settings.codec, outgoing);
    }

    /// Whether an audio packet that is about to be sent begins a talkspurt.
    pub(super) fn take_talkspurt(&mut self) -> bool {
        std::mem::take(&mut self.event_sent) | self.sender.take_talkspurt()
    }
}
