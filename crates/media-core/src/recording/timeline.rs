//! One track: places packets by their media time and gives out samples in order.
//!
//! ```text
//!            settled ▼                given out up to ▼ end
//!   ... ─────────────┬────────────────────────────────┬─ ─ ─ ─ ─ ─ ┐
//!                    │ late packets still have a place │ early ones │     a ring of about a second
//! ```
//! Behind the last sample that was placed the ring holds what was there a turn ago; only a packet that leaves a gap empties the
//! places in front of it. So audio that comes in order is written once and read once.
//!
//! The track's length follows the wall clock alone. A packet is placed by its RTP timestamp against the packets before it, and the
//! first one, or the first after a jump, at the moment of its arrival. So a peer's clock can shift its own audio by some hundred milliseconds,
//! but never make the track longer.

use std::ops::Range;

use super::Coding;
use crate::settings::SAMPLES_PER_MS;

/// Samples of the ring. A power of two.
const CAPACITY: u64 = 8_192;
/// What was given out less than this ago may still change: a packet that comes later has no place any more.
const LATE_MAX: u64 = 250 * SAMPLES_PER_MS as u64;
/// How far the media time may be ahead of the arrival: the first packet came late, or a burst did.
const AHEAD_MAX: u64 = 380 * SAMPLES_PER_MS as u64;
/// What follows a jump is put behind what stands there already, at most this far ahead.
const AHEAD_AFTER_JUMP: u64 = 120 * SAMPLES_PER_MS as u64;
/// The end moves by this much at once at most.
pub(super) const STEP_MAX: u64 = 200 * SAMPLES_PER_MS as u64;
/// An older packet that is this far back is no late one: the clock was set back.
const SET_BACK: i32 = 1_000 * SAMPLES_PER_MS as i32;
/// Longest payload that is placed, and how far an arrival may be ahead of the end: what fits into the ring in any case.
const PACKET_MAX: u64 = 1_488;

const _: () = assert!(LATE_MAX + STEP_MAX + AHEAD_MAX + PACKET_MAX <= CAPACITY);

/// Marks a place without a sample. G.711 has no such value: its extremes are ±32256. A mix that has it loses one step of it.
const EMPTY: i16 = i16::MIN;

/// A track.
#[derive(Debug)]
pub(super) struct Timeline {
    ring: Box<[i16]>,
    /// Samples given out.
    end: u64,
    /// From here on samples have changed since they were given out; never above `end`.
    dirty: u64,
    anchor: Option<Anchor>,
    /// Behind the last sample that was placed.
    placed_until: u64,
    /// Positions that have a sample.
    filled: u64,
    /// Samples that came too late for their place.
    pub(super) late: u64,
    /// Times that the timestamps jumped.
    pub(super) jumps: u64,
}

/// Which position a timestamp stands for: of the newest packet.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    timestamp: u32,
    position: u64,
}

/// Where a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Behind its last sample.
    pub(super) until: u64,
    /// Mean of the samples' absolute values.
    pub(super) loudness: u32,
}

impl Timeline {
    #[expect(clippy::disallowed_macros, reason = "a recorder is made outside of the worker's thread")]
    pub(super) fn new() -> Timeline {
        Timeline {
            ring: vec![EMPTY; CAPACITY as usize].into(),
            end: 0,
            dirty: 0,
            anchor: None,
            placed_until: 0,
            filled: 0,
            late: 0,
            jumps: 0,
        }
    }

    /// Samples given out.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn placed_until(&self) -> u64 {
        self.placed_until
    }

    fn settled(&self) -> u64 {
        self.end.saturating_sub(LATE_MAX)
    }

    /// Places a packet that arrived (or left) at `at`, which is at most [`STEP_MAX`] behind the end; none if its place is gone.
    pub(super) fn place(
        &mut self,
        at: u64,
        timestamp: u32,
        source_changed: bool,
        coding: Coding,
        payload: &[u8],
    ) -> Option<Placed> {
        let length = ((payload.len() / coding.octets()) as u64).min(PACKET_MAX);
        // Of what was written down before the end had moved so far, or of a clock that was wrong.
        let at = at.clamp(self.end.saturating_sub(STEP_MAX), self.end + STEP_MAX);
        let position = self.position(at, timestamp, source_changed, length)?;
        let until = position + length;
        self.make_place(position, until);
        let sum = match coding {
            Coding::G711(codec) => self.put(position, until, payload.as_chunks().0, |[octet]| codec.decode(octet)),
            Coding::Linear => {
                let decode = |octets| i16::from_le_bytes(octets).max(EMPTY + 1);
                self.put(position, until, payload.as_chunks().0, decode)
            }
        };
        self.dirty = self.dirty.min(position);
        self.placed_until = self.placed_until.max(until);
        Some(Placed { until, loudness: sum.checked_div(length as u32).unwrap_or(0) })
    }

    /// Fills the places from `position` to before `until`; says the sum of the samples' absolute values.
    fn put<const OCTETS: usize>(
        &mut self,
        position: u64,
        until: u64,
        samples: &[[u8; OCTETS]],
        decode: impl Fn([u8; OCTETS]) -> i16,
    ) -> u32 {
        let mut sum = 0_u32;
        let mut rest = samples;
        for part in parts(position, until) {
            let (here, behind) = rest.split_at(part.len());
            rest = behind;
            for (place, sample) in self.ring[part].iter_mut().zip(here) {
                *place = decode(*sample);
                sum = sum.wrapping_add(u32::from(place.unsigned_abs()));
            }
        }
        sum
    }

    fn position(&mut self, at: u64, timestamp: u32, source_changed: bool, length: u64) -> Option<u64> {
        let anchor = self.anchor.filter(|_| !source_changed);
        let distance = anchor.map_or(0, |anchor| timestamp.wrapping_sub(anchor.timestamp) as i32);
        let wanted = anchor.map(|anchor| anchor.position as i64 + i64::from(distance));
        let fits = wanted
            .and_then(|wanted| u64::try_from(wanted).ok())
            .filter(|wanted| *wanted >= self.settled() && *wanted <= at + AHEAD_MAX);
        let position = match fits {
            Some(position) => position,
            None if wanted.is_some() && (-SET_BACK..0).contains(&distance) => {
                self.late += length;
                return None;
            }
            None => {
                self.jumps += u64::from(self.anchor.is_some());
                self.placed_until.clamp(at, at + AHEAD_AFTER_JUMP)
            }
        };
        if anchor.is_none() || fits.is_none() || distance > 0 {
            self.anchor = Some(Anchor { timestamp, position });
        }
        Some(position)
    }

    /// What is behind the last sample becomes empty up to `position`; what becomes filled up to `until` is counted.
    fn make_place(&mut self, position: u64, until: u64) {
        let known = self.placed_until;
        if position > known {
            for part in parts(known.max(self.settled()), position) {
                self.ring[part].fill(EMPTY);
            }
        } else if position < known {
            self.filled += self.count(position, until.min(known), |sample| sample == EMPTY);
        }
        self.filled += until.saturating_sub(position.max(known));
    }

    /// Moves the end to `to`, by [`STEP_MAX`] at most, and writes what has changed since the last time to `samples`; says where
    /// that begins. It reaches to the end.
    pub(super) fn advance(&mut self, to: u64, samples: &mut Vec<i16>) -> u64 {
        let to = to.clamp(self.end, self.end + STEP_MAX);
        let from = self.dirty;
        samples.clear();
        for part in parts(from, to.min(self.placed_until).max(from)) {
            samples.extend(self.ring[part].iter().map(|sample| if *sample == EMPTY { 0 } else { *sample }));
        }
        samples.resize((to - from) as usize, 0);
        self.end = to;
        self.dirty = to;
        from
    }

    /// Positions given out that have no sample.
    pub(super) fn gaps(&self) -> u64 {
        let ahead = self.count(self.end, self.placed_until.max(self.end), |sample| sample != EMPTY);
        self.end - (self.filled - ahead)
    }

    /// Positions from `from` to before `to` whose places are such; all of them were placed or emptied.
    fn count(&self, from: u64, to: u64, is_such: impl Fn(i16) -> bool) -> u64 {
        parts(from, to)
            .map(|part| self.ring[part].iter().filter(|sample| is_such(**sample)).count() as u64)
            .iter()
            .sum()
    }
}

/// Where the positions from `from` to before `to`, a ring's worth at most, are in the ring: in one piece or in two.
fn parts(from: u64, to: u64) -> [Range<usize>; 2] {
    let (begin, length) = ((from % CAPACITY) as usize, (to - from) as usize);
    let first = length.min(CAPACITY as usize - begin);
    [begin..begin + first, 0..length - first]
}

#[cfg(test)]
mod tests;
