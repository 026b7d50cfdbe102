//! Adaptive jitter buffer, for audio that must be decoded on a tick (mixing, recording, detection). Forwarding needs none.
//!
//! Samples stand in a ring at the place of their RTP timestamp, so order, packet length and repeats do not matter. The
//! reader walks the ring at the pace of its ticks, a *target delay* behind the fastest packets. The target follows the
//! spread of the packets' delays in the last seconds. The reader falls back to it (it pauses) when there is nothing to read, so
//! that nobody hears a gap for a packet that came late and yet in time; it catches up slowly (it skips a frame now and then).
//! What is stored are the octets as they came: they are decoded when they are read, and only if somebody wants to hear them.
//!
//! ```text
//!        read ▼                                newest ▼
//!   ... ──────┬──────────┬──────────┬─ missing ─┬──────┐
//!             │◄──────────── target delay ────────────►│
//! ```

use crate::Codec;
use crate::settings::SAMPLES_PER_MS;

/// spec/media.md §5: the delay is between 20 and 200 ms.
const TARGET_MIN: i32 = 20 * SAMPLES_PER_MS as i32;
const TARGET_MAX: i32 = 200 * SAMPLES_PER_MS as i32;
/// Before anything is known.
const TARGET_FIRST: i32 = 40 * SAMPLES_PER_MS as i32;
/// Samples of the ring: 512 ms, enough for the largest delay and a burst. A power of two.
const CAPACITY: usize = 4096;
/// Packets that are later than this against the reader are another timeline.
const LATE_MAX: i32 = 8000;
/// The delays of the last one to two windows count.
const WINDOW_SAMPLES: i32 = 2000 * SAMPLES_PER_MS as i32;
/// Frames between two skips: delay is taken back by 4 %, which is hardly heard.
const SKIP_EVERY: u32 = 25;
/// A place of the ring: an octet, and above it which codec it is of.
type Place = u16;
/// Marks a place without a sample: there is no such codec.
const EMPTY: Place = Place::MAX;
const ALAW: Place = 0x100;
const NS_PER_SAMPLE: u64 = 125_000;

/// A ring of samples and its reader. All memory is allocated when it is made.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    ring: Box<[Place]>,
    /// Timestamp of the next sample to be read; none before the first packet.
    read: Option<u32>,
    delays: Delays,
    /// Nothing has been read of this timeline yet.
    is_fresh: bool,
    frames_since_skip: u32,
    counters: JitterBufferCounters,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It will be heard (what of it is not too late).
    Stored,
    /// Its time had passed.
    Late,
    /// Its timestamp was far from the others: the buffer was emptied and begins with it.
    Restarted,
}

/// What a read frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popped {
    /// Silence: nothing was read, because nothing has come yet, or the next samples have not and the delay is being enlarged.
    Waiting,
    /// Samples from this timestamp on; those that have not arrived are zero.
    Frame {
        /// RTP timestamp of the first sample.
        timestamp: u32,
        /// How many of the samples had arrived.
        arrived: usize,
    },
}

/// Totals of one buffer, in frames or packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterBufferCounters {
    /// Packets that came too late.
    pub late: u64,
    /// Restarts after a jump of the timestamps.
    pub restarted: u64,
    /// Frames of silence put in to enlarge the delay.
    pub waited: u64,
    /// Frames left out to shorten it.
    pub skipped: u64,
    /// Frames in which samples were missing.
    pub incomplete: u64,
}

impl Default for JitterBuffer {
    fn default() -> Self {
        JitterBuffer::new()
    }
}

impl JitterBuffer {
    /// An empty buffer.
    #[expect(clippy::disallowed_macros, reason = "a buffer is made outside of the worker's thread")]
    pub fn new() -> JitterBuffer {
        JitterBuffer {
            ring: vec![EMPTY; CAPACITY].into(),
            read: None,
            delays: Delays::default(),
            is_fresh: true,
            frames_since_skip: 0,
            counters: JitterBufferCounters::default(),
        }
    }

    /// Stores the payload of a packet.
    pub fn push(&mut self, now_ns: u64, timestamp: u32, codec: Codec, payload: &[u8]) -> Pushed {
        let payload = &payload[..payload.len().min(CAPACITY / 2)];
        let now = (now_ns / NS_PER_SAMPLE) as u32;
        let mut pushed = Pushed::Stored;
        let ahead = self.read.map_or(0, |read| timestamp.wrapping_sub(read) as i32);
        if ahead < -LATE_MAX || ahead > (CAPACITY - payload.len()) as i32 {
            self.clear();
            self.counters.restarted += 1;
            pushed = Pushed::Restarted;
        }
        self.delays.packet(now, timestamp);
        let read = *self.read.get_or_insert_with(|| self.delays.ideal(now));
        let too_late = (read.wrapping_sub(timestamp) as i32).max(0) as usize;
        let Some(rest) = payload.get(too_late..).filter(|rest| !rest.is_empty()) else {
            self.counters.late += 1;
            return Pushed::Late;
        };
        let mark = match codec {
            Codec::Pcmu => 0,
            Codec::Pcma => ALAW,
        };
        let at = timestamp.wrapping_add(too_late as u32) as usize % CAPACITY;
        let (first, second) = rest.split_at(rest.len().min(CAPACITY - at));
        for (place, octet) in self.ring[at..].iter_mut().zip(first) {
            *place = mark | Place::from(*octet);
        }
        for (place, octet) in self.ring.iter_mut().zip(second) {
            *place = mark | Place::from(*octet);
        }
        pushed
    }

    /// Reads the next frame. Called once per frame of time.
    pub fn pop(&mut self, now_ns: u64, frame: &mut [i16]) -> Popped {
        frame.fill(0);
        self.pop_if(now_ns, frame, |_| true)
    }

    /// Reads the next frame if it is wanted, judged by the timestamp of its first sample; else it is passed over without being
    /// decoded. `frame` keeps what it holds where nothing is written: all of it when there is nothing to read or it is not
    /// wanted, and the places of samples that are missing. Of a frame that is not wanted nothing counts as arrived.
    #[inline]
    pub fn pop_if(&mut self, now_ns: u64, frame: &mut [i16], is_wanted: impl FnOnce(u32) -> bool) -> Popped {
        let now = (now_ns / NS_PER_SAMPLE) as u32;
        let Some(read) = self.read else { return Popped::Waiting };
        let length = frame.len() as i32;
        // How far the reader is behind where it should be.
        let behind = self.delays.ideal(now).wrapping_sub(read) as i32;
        if behind < -(length / 2) && !self.has_arrived(read, frame.len()) {
            self.counters.waited += 1;
            return Popped::Waiting;
        }
        self.frames_since_skip = self.frames_since_skip.saturating_add(1);
        if std::mem::take(&mut self.is_fresh) {
            // The tick comes up to a frame after the packet. Where it comes late the target is met better by the next frame;
            // now that costs nothing, later it would be a skip.
            if behind > length / 2 {
                self.pass_over(frame.len());
            }
        } else if behind > 2 * length && self.frames_since_skip >= SKIP_EVERY {
            self.counters.skipped += 1;
            self.frames_since_skip = 0;
            self.pass_over(frame.len());
        }
        let timestamp = self.read.unwrap_or(read);
        if !is_wanted(timestamp) {
            self.pass_over(frame.len());
            return Popped::Frame { timestamp, arrived: 0 };
        }
        let arrived = self.take(frame);
        if arrived < frame.len() {
            self.counters.incomplete += 1;
        }
        Popped::Frame { timestamp, arrived }
    }

    /// The delay that is aimed at, ms.
    pub fn target_ms(&self) -> u32 {
        self.delays.target() as u32 / SAMPLES_PER_MS
    }

    /// Timestamp of the sample that is read next; none before the first packet.
    pub fn next_timestamp(&self) -> Option<u32> {
        self.read
    }

    /// What was counted.
    pub fn counters(&self) -> &JitterBufferCounters {
        &self.counters
    }

    /// Forgets everything but the counters: the source has changed.
    pub fn clear(&mut self) {
        self.ring.fill(EMPTY);
        self.read = None;
        self.delays = Delays::default();
        self.is_fresh = true;
        self.frames_since_skip = 0;
    }

    /// Whether a frame that begins with `read` can be read without a gap at its begin or end.
    fn has_arrived(&self, read: u32, length: usize) -> bool {
        let is_there = |at: u32| self.ring[at as usize % CAPACITY] != EMPTY;
        is_there(read) && is_there(read.wrapping_add(length as u32).wrapping_sub(1))
    }

    /// Moves samples from the ring to the frame; returns how many had arrived.
    fn take(&mut self, frame: &mut [i16]) -> usize {
        let Some(read) = &mut self.read else { return 0 };
        let at = *read as usize % CAPACITY;
        *read = read.wrapping_add(frame.len() as u32);
        let (first, second) = frame.split_at_mut(frame.len().min(CAPACITY - at));
        let (before, after) = self.ring.split_at_mut(at);
        [(first, after), (second, before)].into_iter().map(|(samples, places)| take_part(samples, places)).sum()
    }

    /// Empties the next `length` places.
    fn pass_over(&mut self, length: usize) {
        let Some(read) = &mut self.read else { return };
        let at = *read as usize % CAPACITY;
        *read = read.wrapping_add(length as u32);
        let length = length.min(CAPACITY);
        let until_end = length.min(CAPACITY - at);
        self.ring[at..at + until_end].fill(EMPTY);
        self.ring[..length - until_end].fill(EMPTY);
    }
}

/// [`JitterBuffer::take`] for a part of the ring in one piece.
fn take_part(samples: &mut [i16], places: &mut [Place]) -> usize {
    let mut arrived = 0;
    for (sample, place) in samples.iter_mut().zip(places.iter()) {
        if *place != EMPTY {
            arrived += 1;
            *sample =
                if *place & ALAW == 0 { Codec::Pcmu.decode(*place as u8) } else { Codec::Pcma.decode(*place as u8) };
        }
    }
    let length = samples.len().min(places.len());
    places[..length].fill(EMPTY);
    arrived
}

/// The spread of the packets' delays. A delay is arrival minus timestamp; only differences of delays mean something.
#[derive(Clone, Copy, Debug, Default)]
struct Delays {
    /// Delays are relative to this one's, so that they are small numbers.
    origin: Option<u32>,
    window_start: u32,
    current: Option<Spread>,
    previous: Option<Spread>,
}

#[derive(Clone, Copy, Debug)]
struct Spread {
    least: i32,
    most: i32,
}

impl Spread {
    fn with(self, other: Spread) -> Spread {
        Spread { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
}

impl Delays {
    fn packet(&mut self, now: u32, timestamp: u32) {
        let delay = now.wrapping_sub(timestamp);
        let origin = *self.origin.get_or_insert(delay);
        let relative = delay.wrapping_sub(origin) as i32;
        if (now.wrapping_sub(self.window_start) as i32) >= WINDOW_SAMPLES || self.current.is_none() {
            self.previous = self.current.take();
            self.window_start = now;
        }
        let own = Spread { least: relative, most: relative };
        self.current = Some(self.current.map_or(own, |spread| spread.with(own)));
    }

    fn spread(&self) -> Option<Spread> {
        match (self.current, self.previous) {
            (Some(current), Some(previous)) => Some(current.with(previous)),
            (current, previous) => current.or(previous),
        }
    }

    fn target(&self) -> i32 {
        match (self.spread(), self.previous) {
            // A margin of 10 ms above what was seen.
            (Some(spread), Some(_)) => (spread.most - spread.least + 80).clamp(TARGET_MIN, TARGET_MAX),
            (Some(spread), None) => (spread.most - spread.least + 80).clamp(TARGET_FIRST, TARGET_MAX),
            (None, _) => TARGET_FIRST,
        }
    }

    /// The timestamp that should be read at `now`: the fastest packets wait for the length of the target.
    fn ideal(&self, now: u32) -> u32 {
        let least = self.spread().map_or(0, |spread| spread.least);
        now.wrapping_sub(self.origin.unwrap_or(0)).wrapping_sub(least as u32).wrapping_sub(self.target() as u32)
    }
}

#[cfg(test)]
mod tests;
