//! Facts about a stream that control has not taken yet, in order.

use base::{LoopId, RoomId, StreamId};

use crate::telephone_event::Digit;
use crate::{Event, PlaybackOutcome, WorkerCounters, WorkerIo};

/// Digits that wait at most; a caller who presses more while control does not listen loses them, counted.
pub(crate) const DIGITS_MAX: usize = 32;
/// Ended playbacks and refused rooms that wait at most.
const PLAYBACKS_MAX: usize = 32;
/// With so many, no more instructions are taken (each adds two at most).
const PLAYBACKS_FULL: usize = 24;
const ROOM: usize = DIGITS_MAX + PLAYBACKS_MAX;

#[derive(Clone, Copy, Debug)]
enum Fact {
    Digit(Digit),
    PlaybackEnded(u64, PlaybackOutcome),
    RoomRefused(RoomId),
}

/// A ring in the stream's slot.
#[derive(Debug)]
pub(crate) struct Facts {
    ring: [Option<Fact>; ROOM],
    first: usize,
    digits: usize,
    playbacks: usize,
}

impl Facts {
    pub(crate) fn new() -> Facts {
        Facts { ring: [None; ROOM], first: 0, digits: 0, playbacks: 0 }
    }

    pub(crate) fn digit(&mut self, digit: Digit, counters: &mut WorkerCounters) {
        if self.digits < DIGITS_MAX {
            self.push(Fact::Digit(digit), counters);
            self.digits += 1;
            counters.digits_received += 1;
        } else {
            counters.digits_dropped += 1;
        }
    }

    pub(crate) fn playback_ended(&mut self, playback: u64, outcome: PlaybackOutcome, counters: &mut WorkerCounters) {
        if self.playbacks < PLAYBACKS_MAX {
            self.push(Fact::PlaybackEnded(playback, outcome), counters);
            self.playbacks += 1;
        } else {
            counters.facts_dropped += 1;
        }
    }

    /// Takes the room of an ended playback: both are answers to instructions.
    pub(crate) fn room_refused(&mut self, room: RoomId, counters: &mut WorkerCounters) {
        if self.playbacks < PLAYBACKS_MAX {
            self.push(Fact::RoomRefused(room), counters);
            self.playbacks += 1;
        } else {
            counters.facts_dropped += 1;
        }
    }

    fn push(&mut self, fact: Fact, counters: &mut WorkerCounters) {
        self.ring[(self.first + self.len()) % ROOM] = Some(fact);
        counters.facts_waiting += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.digits + self.playbacks
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn has_room(&self) -> bool {
        self.playbacks < PLAYBACKS_FULL
    }

    /// Hands over as many as are taken.
    pub(crate) fn flush(
        &mut self,
        stream: StreamId,
        owner: LoopId,
        io: &mut impl WorkerIo,
        counters: &mut WorkerCounters,
    ) {
        while let Some(fact) = self.ring[self.first] {
            let event = match fact {
                Fact::Digit(Digit { digit, duration_ms }) => Event::Digit { stream, digit, duration_ms },
                Fact::PlaybackEnded(playback, outcome) => Event::PlaybackEnded { stream, playback, outcome },
                Fact::RoomRefused(room) => Event::RoomRefused { stream, room },
            };
            if io.event(owner, event).is_err() {
                return;
            }
            match fact {
                Fact::Digit(_) => self.digits -= 1,
                Fact::PlaybackEnded(..) | Fact::RoomRefused(_) => self.playbacks -= 1,
            }
            self.ring[self.first] = None;
            self.first = (self.first + 1) % ROOM;
            counters.facts_waiting -= 1;
        }
    }
}
