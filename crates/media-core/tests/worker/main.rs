//! Scenarios of one worker, packets and ticks in memory.
#![allow(clippy::unwrap_used, reason = "tests")]

mod closing;
mod digits;
mod echo;
mod playback;
mod reports;
mod sources;
mod support;
mod ticks;
