//! One RTP session of one leg. What it does lives in its parts:
//!
//! ```text
//!   in   ── latch (whose packet?) ── receiver (order, loss, jitter) ──┬── digit detector ── facts ── events
//!                                                                     ├── barge-in (ends the playback)
//!                                                                     ├── room member ── room
//!                                                                     └── echo ──┐
//!   out  ── tick: digits, else playback, else silence (not while echoing) ───────┼── sender (SSRC, sequence, clock)
//!           tick of the room: digits, else playback, else the other members ─────┘
//!   RTCP ── reporter
//!   in and out ── recording (if one runs)
//! ```

mod barge_in;
mod conference;
pub(crate) mod context;
mod echo;
mod facts;
mod generate;
mod latch;
mod playback;
mod receive;
mod receiver;
mod record;
mod report;
mod sender;

use std::sync::Arc;

use base::{LoopId, MS, RoomId, StreamId};

use self::barge_in::BargeIn;
use self::context::Context;
use self::echo::EchoMap;
use self::facts::Facts;
use self::latch::{Latch, is_usable};
use self::playback::Playback;
use self::receiver::Receiver;
use self::record::Recording;
use self::report::{Reporter, Sent};
use self::sender::{Route, Sender};
use crate::recording::TapEnd;
use crate::room::{FAREWELL, Member};
use crate::seed::Seed;
use crate::telephone_event::{Digit, DigitDetector, DigitSender};
use crate::{DigitString, EchoMode, PlaybackOutcome, Port, Sound, StreamConfig, StreamSettings, StreamStats, WorkerIo};

/// How soon facts that were not taken are offered again.
pub(crate) const RETRY_NS: u64 = 5 * MS;

/// Everything a worker holds of one stream. Made outside of the worker's thread, freed outside of it.
#[derive(Debug)]
pub struct Stream {
    id: StreamId,
    owner: LoopId,
    /// In the table of the worker that serves it.
    place: u32,
    settings: StreamSettings,
    latch: Latch,
    receiver: Receiver,
    sender: Sender,
    reporter: Reporter,
    echo_mode: EchoMode,
    echo: EchoMap,
    playback: Option<Playback>,
    digits: DigitSender,
    /// The last packet was a telephone event: audio that follows begins a talkspurt.
    event_sent: bool,
    detector: DigitDetector,
    facts: Facts,
    recording: Option<Recording>,
    /// Its part in the room that it is in.
    member: Option<Box<Member>>,
    /// The end of what it heard there, still to be sent.
    farewell: Option<[u8; FAREWELL]>,
    /// We have left our first SSRC after a collision. It is done once: what comes with the second one is our own echo.
    ssrc_changed: bool,
}

/// How far the ticks of neighbouring slots are apart. Five phases spread the work of 20 ms evenly enough; each finer one is a
/// wake of the worker that serves fewer streams.
const PHASE_NS: u64 = 4 * MS;

impl Stream {
    /// A stream with all the memory it will ever need.
    #[expect(clippy::disallowed_methods, reason = "a stream is made outside of the worker's thread")]
    pub fn new(id: StreamId, config: &StreamConfig) -> Box<Stream> {
        let settings = StreamSettings::from_config(config);
        let seed = Seed::new(config.ssrc, config.first_sequence, config.first_timestamp);
        Box::new(Stream {
            id,
            owner: LoopId::default(),
            place: id.slot,
            settings,
            latch: Latch::new(settings.remote_rtp),
            receiver: Receiver::default(),
            sender: Sender::new(config.ssrc, config.first_sequence, config.first_timestamp),
            reporter: Reporter::new(seed, settings.remote_rtcp),
            echo_mode: EchoMode::Off,
            echo: EchoMap::default(),
            playback: None,
            digits: DigitSender::default(),
            event_sent: false,
            detector: DigitDetector::default(),
            facts: Facts::new(),
            recording: None,
            member: None,
            farewell: None,
            ssrc_changed: false,
        })
    }

    /// The lease it was made for.
    pub fn id(&self) -> StreamId {
        self.id
    }

    pub(crate) fn owner(&self) -> LoopId {
        self.owner
    }

    /// Totals so far.
    pub fn stats(&self) -> StreamStats {
        let mut stats = StreamStats::default();
        self.sender.fill(&mut stats);
        self.receiver.fill(&mut stats);
        self.reporter.fill(&mut stats);
        stats
    }

    pub(crate) fn open(&mut self, now_ns: u64, owner: LoopId, place: u32) {
        self.owner = owner;
        self.place = place;
        self.sender.start(now_ns, self.settings.frame_ns(), u64::from(self.id.slot) * PHASE_NS);
        self.reporter.start(now_ns);
    }

    /// Another worker serves it from now on, in this place of its table.
    pub(crate) fn move_to(&mut self, place: u32) {
        self.place = place;
    }

    /// Facts that wait.
    pub(crate) fn facts_waiting(&self) -> u64 {
        self.facts.len() as u64
    }

    pub(crate) fn configure<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, settings: StreamSettings) {
        self.change(cx, |stream, cx| {
            let sent_before = stream.sends();
            let codec_before = stream.settings.codec;
            stream.settings = settings;
            stream.latch.signal(cx.now_ns, settings.remote_rtp);
            stream.reporter.signal(settings.remote_rtcp);
            if stream.sends() != sent_before {
                // Numbers do not count what was held back: the hold is no loss.
                stream.echo.stop();
                stream.sender.begin_talkspurt();
            }
            if stream.settings.codec != codec_before {
                stream.farewell = None;
                if let Some(member) = stream.member() {
                    member.forget_heard();
                }
            }
        });
    }

    pub(crate) fn play<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, id: u64, sound: Arc<Sound>, barge_in: bool) {
        self.change(cx, |stream, cx| {
            stream.end_playback(cx, PlaybackOutcome::Stopped);
            let barge_in = barge_in.then(|| BargeIn::new(cx.now_ns));
            stream.playback = Some(Playback::new(id, sound, barge_in));
        });
    }

    pub(crate) fn sound_gone<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, id: u64) {
        self.change(cx, |stream, cx| {
            stream.end_playback(cx, PlaybackOutcome::Stopped);
            stream.facts.playback_ended(id, PlaybackOutcome::SoundGone, cx.counters);
        });
    }

    pub(crate) fn stop_playback<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        self.change(cx, |stream, cx| stream.end_playback(cx, PlaybackOutcome::Stopped));
    }

    pub(crate) fn set_echo<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, mode: EchoMode) {
        self.change(cx, |stream, _| stream.echo_mode = mode);
    }

    pub(crate) fn send_digits<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, digits: DigitString) {
        self.change(cx, |stream, cx| {
            if !stream.digits.push(digits) {
                cx.counters.digit_strings_refused += 1;
            }
        });
    }

    /// A key of the party is over: it is reported, and sent on to the other one of a room for two.
    fn key<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, digit: Digit) {
        self.facts.digit(digit, cx.counters);
        self.forward_key(digit);
    }

    /// A key of the party is sent on to the other one of a room for two.
    pub(crate) fn forward_key(&mut self, digit: Digit) {
        if let Some(member) = &mut self.member {
            member.key(digit);
        }
    }

    pub(crate) fn refuse_room<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, room: RoomId) {
        self.facts.room_refused(room, cx.counters);
        self.flush(cx);
    }

    /// The last thing a stream does: what runs is ended and the peer is told. Its facts may still wait.
    pub(crate) fn close<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        if let Some(digit) = self.detector.restart() {
            self.key(cx, digit);
        }
        self.end_playback(cx, PlaybackOutcome::Stopped);
        self.finish_digits(cx);
        self.end_recording(cx, TapEnd::StreamClosed);
        self.report(cx, true);
        self.flush(cx);
    }

    /// Hands over the facts that wait; true when none is left.
    pub(crate) fn flush<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) -> bool {
        self.facts.flush(self.id, self.owner, cx.io, cx.counters);
        self.facts.is_empty()
    }

    /// Whether instructions that add facts can be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.facts.has_room()
    }

    /// Reads what [`Stream::receive_rtp`] will read, so that it is in the cache then. The value means nothing.
    pub(crate) fn touch(&self) -> u64 {
        let tap = self.recording.as_ref().map_or(0, Recording::touch);
        let settings = u64::from(self.settings.receive_enabled) ^ u64::from(self.settings.remote_rtp.port());
        tap ^ settings
            ^ self.latch.touch()
            ^ self.receiver.touch()
            ^ self.sender.touch()
            ^ self.echo.touch()
            ^ self.reporter.next_ns()
            ^ self.detector.deadline_ns().unwrap_or(0)
            ^ self.facts.len() as u64
            ^ u64::from(self.needs_frames())
            ^ u64::from(self.member.is_some())
    }

    /// When `tick` must be called, ns.
    pub(crate) fn wake_ns(&self, now_ns: u64) -> u64 {
        let mut wake_ns = self.reporter.next_ns();
        if self.needs_frames() && self.member.is_none() {
            wake_ns = wake_ns.min(self.sender.due_ns());
        }
        if let Some(deadline_ns) = self.detector.deadline_ns() {
            wake_ns = wake_ns.min(deadline_ns);
        }
        if !self.facts.is_empty() {
            wake_ns = wake_ns.min(now_ns + RETRY_NS);
        }
        wake_ns
    }

    /// Applies a change of what is sent, and wakes the media clock if it slept before.
    fn change<Io: WorkerIo>(
        &mut self,
        cx: &mut Context<'_, Io>,
        change: impl FnOnce(&mut Stream, &mut Context<'_, Io>),
    ) {
        let needed_before = self.needs_frames();
        change(self, cx);
        if self.needs_frames() && !needed_before {
            self.echo.stop();
            self.sender.resume(cx.now_ns, &self.settings);
        }
        self.flush(cx);
    }

    /// Whether the media clock must be served frame by frame. A playback's time passes on hold, too, and in a room so does all.
    fn needs_frames(&self) -> bool {
        self.member.is_some()
            || self.digits.is_active()
            || self.playback.is_some()
            || (self.echo_mode == EchoMode::Off && self.sends())
    }

    /// Whether we may send, and the peer has an address to send to (0.0.0.0 is an old form of hold, RFC 3264 §8.4).
    fn sends(&self) -> bool {
        self.settings.send && is_usable(self.settings.remote_rtp)
    }

    fn route(&self) -> Option<Route> {
        if !self.sends() {
            return None;
        }
        let to = self.latch.destination()?;
        Some(Route { slot: self.place, to, from: self.settings.local_ip })
    }

    fn end_playback<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, outcome: PlaybackOutcome) {
        if let Some(playback) = self.playback.take() {
            self.facts.playback_ended(playback.id, outcome, cx.counters);
            cx.retire_sound(playback.into_sound());
        }
    }

    fn report<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, bye: bool) {
        let sent = Sent {
            ssrc: self.sender.ssrc,
            packets: self.sender.packets,
            octets: self.sender.octets,
            rtp_timestamp: self.sender.timestamp_at(cx.now_ns),
        };
        let heard = self.latch.ssrc().and_then(|ssrc| self.receiver.report(ssrc));
        let length = self.reporter.write(cx.now_ns, sent, heard, cx.datagram, bye);
        // On hold reports go on (RFC 3264 §8.4), but not to nowhere.
        let Some(to) = self.reporter.destination().filter(|_| is_usable(self.settings.remote_rtp)) else { return };
        if cx.io.send(self.place, Port::Rtcp, &cx.datagram[..length], to, self.settings.local_ip) {
            cx.counters.rtcp_sent += 1;
        } else {
            cx.counters.send_errors += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_takes_less_than_4_kb() {
        assert!(size_of::<Stream>() < 4096, "{} octets", size_of::<Stream>());
    }
}
