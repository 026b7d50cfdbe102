//! One stream's part in a room: its voice on the way to the others, and what it hears on the way to packets.
//!
//! ```text
//!   packets ── voice detector ── jitter buffer ── frame of 20 ms, if it talks ──► sum of the room
//!   sum without its own frame, encoded ──► octets that wait ──► packets of its ptime
//! ```

use super::ROOM_FRAME;
use super::fade::{fade_in, fade_out, mirror};
use super::voice::VoiceDetector;
use crate::jitter_buffer::{Popped, Pushed};
use crate::telephone_event::Digit;
use crate::{Codec, JitterBuffer, WorkerCounters};

/// What comes before a voice is heard as well: 20 ms, the least that the jitter buffer holds back.
const PREROLL: u32 = 160;
/// A voice is heard on after it has fallen silent, so that the ends of words are not clipped: 240 ms.
const HANGOVER: u32 = 1920;
/// So many packets in a row that come too late are no jitter: the peer's clock has jumped back or stood still.
const LATE_IN_ROW_MAX: u8 = 5;
/// Octets that may wait for their packet: one of 60 ms, and a frame of the room.
const WAITING_MAX: usize = 480 + ROOM_FRAME;
/// Keys that may wait for the tick, which comes in 20 ms.
const KEYS_MAX: usize = 4;

/// Made outside of the worker's thread and freed outside of it; it comes with the instruction to join.
#[derive(Debug)]
pub struct Member {
    /// Which of the worker's rooms.
    pub(crate) room: u32,
    buffer: JitterBuffer,
    voice: VoiceDetector,
    spurt: Option<Spurt>,
    /// Timestamp behind the newest packet.
    newest: u32,
    late_in_row: u8,
    /// What it said in the last tick in which it talked.
    frame: [i16; ROOM_FRAME],
    /// What it says at present has faded away, or not begun.
    is_faded: bool,
    /// It was heard in the last tick.
    talked: bool,
    /// It heard the mix in the last tick: the next one goes on from there.
    pub(crate) hears: bool,
    waiting: [u8; WAITING_MAX],
    waiting_length: usize,
    /// Whether its keys go to the other one of two; the same for all of a room.
    pub(crate) forwards_keys: bool,
    /// Keys that were pressed since the last tick, the oldest first.
    keys: [Option<Digit>; KEYS_MAX],
}

/// Timestamps between which a member talks.
#[derive(Clone, Copy, Debug)]
struct Spurt {
    from: u32,
    until: u32,
}

impl Member {
    #[expect(clippy::disallowed_methods, reason = "a member is made outside of the worker's thread")]
    pub(crate) fn new(forwards_keys: bool) -> Box<Member> {
        Box::new(Member {
            room: 0,
            buffer: JitterBuffer::new(),
            voice: VoiceDetector::default(),
            spurt: None,
            newest: 0,
            late_in_row: 0,
            frame: [0; ROOM_FRAME],
            is_faded: true,
            talked: false,
            hears: false,
            waiting: [0; WAITING_MAX],
            waiting_length: 0,
            forwards_keys,
            keys: [None; KEYS_MAX],
        })
    }

    /// A key was pressed. More of them than a hand can press between two ticks are not sent on.
    pub(crate) fn key(&mut self, digit: Digit) {
        if self.forwards_keys
            && let Some(free) = self.keys.iter_mut().find(|place| place.is_none())
        {
            *free = Some(digit);
        }
    }

    /// Takes the keys that are to be sent on.
    pub(crate) fn take_keys(&mut self) -> [Option<Digit>; KEYS_MAX] {
        std::mem::take(&mut self.keys)
    }

    /// A packet of audio has arrived.
    pub(crate) fn push(
        &mut self,
        now_ns: u64,
        timestamp: u32,
        codec: Codec,
        payload: &[u8],
        counters: &mut WorkerCounters,
    ) {
        let pushed = self.buffer.push(now_ns, timestamp, codec, payload);
        let end = timestamp.wrapping_add(payload.len() as u32);
        if pushed == Pushed::Late {
            counters.room_packets_late += 1;
            self.late_in_row += 1;
            if self.late_in_row >= LATE_IN_ROW_MAX {
                self.forget_source();
            }
            return;
        }
        if pushed == Pushed::Restarted || !is_before(end, self.newest) {
            self.newest = end;
        }
        if pushed == Pushed::Restarted {
            self.spurt = None;
        }
        self.late_in_row = 0;
        if self.voice.is_voice(codec, payload) {
            self.talks(timestamp.wrapping_sub(PREROLL), end.wrapping_add(HANGOVER));
        }
    }

    fn talks(&mut self, from: u32, until: u32) {
        let read = self.buffer.next_timestamp();
        self.spurt = Some(match self.spurt {
            // One talkspurt with the one before it, unless that is over.
            Some(spurt) if !is_before(spurt.until, from) || read.is_some_and(|read| is_before(read, spurt.until)) => {
                Spurt { until: if is_before(spurt.until, until) { until } else { spurt.until }, ..spurt }
            }
            _ => Spurt { from, until },
        });
    }

    /// Another source is heard from now on.
    pub(crate) fn forget_source(&mut self) {
        self.buffer.clear();
        self.spurt = None;
        self.late_in_row = 0;
    }

    /// Reads on by a frame: what it says in this tick, if anything.
    pub(crate) fn say(
        &mut self,
        now_ns: u64,
        may_talk: bool,
        counters: &mut WorkerCounters,
    ) -> Option<&[i16; ROOM_FRAME]> {
        self.talked = self.read(now_ns, may_talk, counters);
        self.said()
    }

    fn read(&mut self, now_ns: u64, may_talk: bool, counters: &mut WorkerCounters) -> bool {
        let Member { buffer, spurt, frame, is_faded, newest, .. } = self;
        let mut talks = false;
        let mut timestamp = 0;
        // What is not read over stands for what is missing.
        if !*is_faded {
            mirror(frame);
        } else if spurt.is_some() {
            frame.fill(0);
        }
        let popped = buffer.pop_if(now_ns, frame, |first| {
            timestamp = first;
            talks = may_talk && spurt.is_some_and(|spurt| spurt.covers(first));
            talks || !*is_faded
        });
        let arrived = match popped {
            Popped::Waiting => 0,
            Popped::Frame { arrived, .. } => arrived,
        };
        counters.room_frames_decoded += u64::from(arrived > 0);
        if popped != Popped::Waiting {
            // Not what comes before a voice, and not what is still to come.
            let is_due = |spurt: &Spurt| !is_before(timestamp, spurt.from.wrapping_add(PREROLL));
            let is_lost = arrived < ROOM_FRAME && is_before(timestamp, *newest) && spurt.as_ref().is_some_and(is_due);
            counters.room_frames_lost += u64::from(talks && is_lost);
            if spurt.is_some_and(|spurt| !is_before(timestamp, spurt.until)) {
                *spurt = None;
            }
        }
        if talks && arrived > 0 {
            if *is_faded {
                fade_in(frame);
            }
            *is_faded = false;
            return true;
        }
        // It has fallen silent, or nothing has come: either is the end of what it says for now.
        let was_heard = !*is_faded;
        if was_heard {
            fade_out(frame);
            *is_faded = true;
        }
        was_heard
    }

    /// What it said in the last tick, if anything.
    pub(crate) fn said(&self) -> Option<&[i16; ROOM_FRAME]> {
        self.talked.then_some(&self.frame)
    }

    /// It leaves: what it said goes on for a frame, fading; none if it did not talk.
    pub(crate) fn last_words(&mut self) -> Option<&[i16; ROOM_FRAME]> {
        if self.is_faded {
            return None;
        }
        mirror(&mut self.frame);
        fade_out(&mut self.frame);
        self.is_faded = true;
        Some(&self.frame)
    }

    /// Octets of the mix wait for a packet to be full.
    pub(crate) fn keep(&mut self, heard: &[u8]) {
        let over = (self.waiting_length + heard.len()).saturating_sub(WAITING_MAX);
        self.forget(over);
        self.waiting[self.waiting_length..self.waiting_length + heard.len()].copy_from_slice(heard);
        self.waiting_length += heard.len();
    }

    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting_length > 0
    }

    /// Takes the octets that wait longest; returns how many there were.
    pub(crate) fn take(&mut self, payload: &mut [u8]) -> usize {
        let count = payload.len().min(self.waiting_length);
        payload[..count].copy_from_slice(&self.waiting[..count]);
        self.forget(count);
        count
    }

    /// Drops the octets that wait longest.
    pub(crate) fn forget(&mut self, count: usize) {
        let count = count.min(self.waiting_length);
        self.waiting.copy_within(count..self.waiting_length, 0);
        self.waiting_length -= count;
    }

    /// Whole packets of so many octets that nobody has taken only make what is heard late.
    pub(crate) fn catch_up(&mut self, packet: usize) {
        self.forget(self.waiting_length / packet * packet);
    }

    /// The codec of what it hears has changed: what waits is of no use.
    pub(crate) fn forget_heard(&mut self) {
        self.waiting_length = 0;
    }
}

impl Spurt {
    /// Whether a frame from `first` on touches it.
    fn covers(self, first: u32) -> bool {
        is_before(first, self.until) && is_before(self.from, first.wrapping_add(ROOM_FRAME as u32))
    }
}

/// Of timestamps, which turn over.
fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
