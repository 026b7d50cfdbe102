//! Ids of loops, workers, cells, streams and sounds. They are small, local to this process, and say who owns the thing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One control loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoopId(pub u8);

/// One media worker thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId(pub u8);

/// A cell of control state. The upper byte is the loop that owns it, so that any task finds the owner without asking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellId(u64);

impl CellId {
    const SEQUENCE_BITS: u32 = 56;

    /// The `sequence`-th cell that `owner` made.
    pub fn new(owner: LoopId, sequence: u64) -> CellId {
        let mask = (1 << Self::SEQUENCE_BITS) - 1;
        CellId((u64::from(owner.0) << Self::SEQUENCE_BITS) | (sequence & mask))
    }

    /// The loop that owns this cell.
    pub fn owner(self) -> LoopId {
        LoopId((self.0 >> Self::SEQUENCE_BITS) as u8)
    }

    /// The id as one number, for tables that know nothing of cells.
    pub fn to_u64(self) -> u64 {
        self.0
    }

    /// The inverse of [`CellId::to_u64`].
    pub fn from_u64(raw: u64) -> CellId {
        CellId(raw)
    }
}

impl fmt::Debug for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell {}.{}", self.owner().0, self.0 & ((1 << Self::SEQUENCE_BITS) - 1))
    }
}

/// One RTP session of one leg: a slot of one worker for the length of one lease of a port pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// The worker that owns the stream.
    pub worker: WorkerId,
    /// The slot in that worker's table.
    pub slot: u32,
    /// Counts the leases of this slot, so that a late command or event of an earlier lease is recognised and dropped.
    pub lease: u32,
}

/// A sound that was made ready to be played: frames encoded for every codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SoundId(pub u64);

/// A mix of several streams on one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId {
    /// The worker that mixes. Whoever joins is moved there.
    pub worker: WorkerId,
    /// Unique in this process: the number of the conference's cell ([`CellId::to_u64`]).
    pub number: u64,
}

/// A recording; the same number as its resource id (a UUID's 128 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordingId(pub u128);
