//! Scenarios of rooms: telephones that send tones through a worker, on virtual time, and hear what comes back.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod coming_and_going;
mod hearing;
mod moving;
mod network;
mod recording;
mod support;
