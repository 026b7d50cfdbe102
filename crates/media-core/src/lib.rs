//! The media engine's pure core: RTP and RTCP, jitter buffer, telephone-event, G.711, tones, playback, echo, rooms, and the
//! [`Worker`] that owns streams and serves them in ticks.
//!
//! Entry types: [`Command`] down, [`Event`] up, [`Worker`]. Between the engine and a worker: [`Op`] (a resolved command),
//! [`WorkerIo`] (the outside of a worker), [`Stream`] and [`Sound`] (made and freed outside of the worker's thread).
//! Invariant: inside a tick nothing allocates, locks, logs, waits or reads a clock; time and packets are arguments.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::disallowed_macros,
        reason = "tests run in no tick"
    )
)]

pub mod codec;
mod command;
mod counters;
mod digit_string;
mod event;
mod io;
pub mod jitter_buffer;
#[cfg(test)]
mod noise;
mod op;
mod place;
mod port;
pub mod recording;
mod room;
pub mod rtcp;
pub mod rtp;
mod schedule;
mod seed;
mod settings;
mod sound;
mod stream;
pub mod telephone_event;
pub mod tone;
mod transit;
mod worker;

pub use command::{Codec, Command, EchoMode, ReceivePayload, StreamConfig, TelephoneEventTypes};
pub use counters::WorkerCounters;
pub use digit_string::DigitString;
pub use event::{Event, PlaybackOutcome, StreamStats};
pub use io::{Retired, WorkerIo};
pub use jitter_buffer::JitterBuffer;
pub use op::Op;
pub use place::Places;
pub use port::{Port, PortLease};
pub use recording::{RecordingEnd, RecordingFact, RecordingSource};
pub use room::{Member, Room};
pub use settings::StreamSettings;
pub use sound::{Sound, SoundFeeder};
pub use stream::Stream;
pub use transit::{Journey, Transit};
pub use worker::Worker;
