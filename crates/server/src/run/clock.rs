//! The one place that reads the clocks for control.

use std::time::{SystemTime, UNIX_EPOCH};

use base::Now;

/// Reads both clocks.
pub(super) fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { mono_ns: media_engine::monotonic_ns(), wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX) }
}
