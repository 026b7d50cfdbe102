//! What a stream borrows from its worker for the length of one call.

use std::sync::Arc;

use crate::recording::RecorderTap;
use crate::{Retired, Sound, WorkerCounters, WorkerIo};

/// Longest datagram that is read or made: an Ethernet frame's worth.
pub(crate) const DATAGRAM_MAX: usize = 1500;

/// The worker's side of a stream's work.
pub(crate) struct Context<'a, Io> {
    pub(crate) now_ns: u64,
    pub(crate) io: &'a mut Io,
    pub(crate) counters: &'a mut WorkerCounters,
    pub(crate) graveyard: &'a mut Graveyard,
    /// Where datagrams are put together.
    pub(crate) datagram: &'a mut [u8; DATAGRAM_MAX],
}

impl<Io: WorkerIo> Context<'_, Io> {
    /// Gives a sound away for being freed elsewhere.
    pub(crate) fn retire_sound(&mut self, sound: Arc<Sound>) {
        self.retire(Retired::Sound(sound));
    }

    /// Gives anything else away.
    pub(crate) fn retire(&mut self, retired: Retired) {
        self.graveyard.add(retired, self.io, self.counters);
    }

    /// Gives a tap away for being freed elsewhere.
    pub(crate) fn retire_tap(&mut self, tap: Box<dyn RecorderTap>) {
        self.graveyard.add(Retired::Tap(tap), self.io, self.counters);
    }
}

/// What could not be handed over for freeing yet. Its room is reserved when the worker is made.
#[derive(Debug)]
pub(crate) struct Graveyard {
    #[expect(clippy::disallowed_types, reason = "all its room is reserved when it is made; `add` never goes beyond")]
    waiting: Vec<Retired>,
    /// From here on the worker asks for no more instructions.
    full_at: usize,
}

impl Graveyard {
    /// Each slot can add one sound and one tap by itself, when its playback or recording ends, and each room its tap and itself; as
    /// many again as there are slots may come by instructions.
    #[expect(clippy::disallowed_types, reason = "made with the worker, before its first tick")]
    pub(crate) fn new(slots: usize, rooms: usize) -> Graveyard {
        let full_at = slots + 32;
        Graveyard { waiting: Vec::with_capacity(full_at + 2 * (slots + rooms) + 32), full_at }
    }

    pub(crate) fn add(&mut self, retired: Retired, io: &mut impl WorkerIo, counters: &mut WorkerCounters) {
        self.flush(io, counters);
        let refused = if self.waiting.is_empty() { io.retire(retired).err() } else { Some(retired) };
        if let Some(retired) = refused {
            if self.waiting.len() < self.waiting.capacity() {
                self.waiting.push(retired);
            } else {
                // Only when the caller ignores `accepts_ops`.
                counters.freed_in_place += 1;
            }
        }
        counters.retired_waiting = self.waiting.len() as u64;
    }

    pub(crate) fn flush(&mut self, io: &mut impl WorkerIo, counters: &mut WorkerCounters) {
        while let Some(retired) = self.waiting.pop() {
            if let Err(retired) = io.retire(retired) {
                self.waiting.push(retired);
                break;
            }
        }
        counters.retired_waiting = self.waiting.len() as u64;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.full_at
    }
}
