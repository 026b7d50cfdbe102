//! Scenarios of one worker, packets and ticks in memory.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod closing;
mod digits;
mod echo;
mod playback;
mod recording;
mod reports;
mod sources;
mod support;
mod ticks;
