//! What every pure crate is handed instead of reaching for it: time, randomness, and the ids of who owns what.
//!
//! Entry types: [`Now`], [`TimerTable`], [`Random`], [`StreamId`], [`CellId`], [`Network`]; [`metric_group!`] for what is counted.
//! Invariant: this crate never reads a clock and never asks the system for randomness.
#![forbid(unsafe_code)]

mod id;
pub mod metric;
mod network;
mod now;
mod random;
mod timer_table;
mod turns;

pub use id::{CellId, LoopId, RecordingId, RoomId, SoundId, StreamId, WorkerId};
pub use network::Network;
pub use now::{MS, Now, SECOND};
pub use random::Random;
pub use timer_table::TimerTable;
pub use turns::Turns;
