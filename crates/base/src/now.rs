//! The time of an input, read once at the edge and handed down.

use serde::{Deserialize, Serialize};

/// Nanoseconds in a millisecond.
pub const MS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// When an input happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Now {
    /// Monotonic nanoseconds since an arbitrary origin. Deadlines are in this unit.
    pub mono_ns: u64,
    /// Microseconds since the Unix epoch, UTC. For what people read; never for a deadline.
    pub wall_us: u64,
}

impl Now {
    /// The deadline `delay_ms` milliseconds from here.
    pub fn after_ms(self, delay_ms: u64) -> u64 {
        self.mono_ns.saturating_add(delay_ms.saturating_mul(MS))
    }

    /// This moment moved on by `ns`.
    pub fn plus_ns(self, ns: u64) -> Now {
        Now { mono_ns: self.mono_ns.saturating_add(ns), wall_us: self.wall_us.saturating_add(ns / 1_000) }
    }
}
