//! The port pool: bound RTP/RTCP pairs, ready before a call needs them, resting after it.

mod pair;
mod pool;
mod range;
mod thread;

pub(crate) use pool::Pool;
pub(crate) use thread::{PoolRequest, PoolThread, pairs_possible, spawn};
