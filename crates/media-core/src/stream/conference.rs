//! What a stream does in a room: it gives its voice, and sends what it hears by the room's clock instead of its own.

use super::Stream;
use super::context::Context;
use crate::room::{FAREWELL, Heard, Member, ROOM_FRAME, ROOM_TICK_NS};
use crate::rtp::Header;
use crate::{Codec, WorkerIo};

/// Frames by which it may be late before its clock is set anew.
const CATCH_UP_MAX: u64 = 3;

impl Stream {
    /// Its place in the room's clock: from now on frames are due when the room is served, or between two services for packets of
    /// other lengths. What was due at another moment comes up to a frame later or earlier, once; timestamps go on.
    pub(crate) fn enter<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, member: Box<Member>, room_due_ns: u64) {
        self.change(cx, |stream, _| {
            stream.member = Some(member);
            stream.farewell = None;
        });
        self.echo.stop();
        // A packet that holds more than a frame of the room is full so much later.
        self.sender.set_due((room_due_ns + self.settings.frame_ns()).saturating_sub(ROOM_TICK_NS));
    }

    /// The room that it is in.
    pub(crate) fn room(&self) -> Option<u32> {
        self.member.as_ref().map(|member| member.room)
    }

    /// It is in no room any more; what it heard fades by `farewell`.
    pub(crate) fn leave(&mut self, farewell: [u8; FAREWELL]) -> Option<Box<Member>> {
        let member = self.member.take()?;
        self.farewell = member.hears.then_some(farewell);
        Some(member)
    }

    pub(crate) fn member(&mut self) -> Option<&mut Member> {
        self.member.as_deref_mut()
    }

    pub(crate) fn codec(&self) -> Codec {
        self.settings.codec
    }

    /// What it says in this tick of the room, if anything.
    pub(crate) fn say<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, tick_ns: u64) -> Option<&[i16; ROOM_FRAME]> {
        let member = self.member.as_deref_mut()?;
        member.say(tick_ns, self.settings.receive_enabled, cx.counters)
    }

    /// Whether it hears the room now, and not a playback, its own digits, or nothing at all.
    pub(crate) fn hears_room(&self) -> bool {
        self.playback.is_none() && !self.digits.is_active() && self.sends()
    }

    /// Sends what is due at this tick of the room; `heard` is what the room says to it, none if it hears something else.
    pub(crate) fn hear<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, tick_ns: u64, heard: Option<&Heard>) {
        let silence = [self.settings.codec.silence(); ROOM_FRAME];
        let mut heard_now = heard.unwrap_or(&silence);
        let frame_ns = self.settings.frame_ns();
        let samples = self.settings.frame_samples() as usize;
        let Some(member) = self.member.as_deref_mut() else { return };
        member.hears = heard.is_some();
        // A packet of 20 ms is what comes now, without a detour.
        let is_direct = samples == ROOM_FRAME && !member.has_waiting();
        if !is_direct {
            member.keep(heard_now);
            heard_now = &silence;
        }
        let behind = tick_ns.saturating_sub(self.sender.due_ns()) / frame_ns;
        if behind > CATCH_UP_MAX {
            self.sender.advance(behind, &self.settings);
            self.sender.begin_talkspurt();
            cx.counters.clock_rebased += 1;
        }
        while self.sender.due_ns() <= tick_ns {
            self.room_frame(cx, samples, if is_direct { Some(heard_now) } else { None });
            self.sender.advance(1, &self.settings);
            heard_now = &silence;
        }
        if let Some(member) = self.member.as_deref_mut() {
            member.catch_up(samples);
        }
        if !self.facts.is_empty() {
            self.flush(cx);
        }
    }

    /// One packet: digits before playback before what the room says.
    fn room_frame<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, samples: usize, direct: Option<&Heard>) {
        let payload = &mut cx.datagram[Header::LENGTH..Header::LENGTH + samples];
        let Some(member) = self.member.as_deref_mut() else { return };
        let heard = match direct {
            Some(direct) => {
                payload.copy_from_slice(&direct[..samples]);
                samples
            }
            None => member.take(payload),
        };
        payload[heard..].fill(self.settings.codec.silence());
        if self.digits.is_active() {
            self.digit_frame(cx, samples);
            return;
        }
        if !self.playback_frame(cx, samples) {
            self.send_audio(cx, samples);
        }
    }
}
