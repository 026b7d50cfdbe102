//! Whole calls on virtual time. Each scenario runs plainly, replayed, with three loops and with amnesia after every input.
//!
//! `UPDATE_GOLDEN=1 cargo test --release --test scenarios` rewrites the ladders in `tests/golden/`; review them like code.

mod basic;
mod callers;
mod conference;
mod crash;
mod crowd;
mod dialog;
mod digits;
mod early;
mod ending;
mod events;
mod flows;
mod info;
mod nat;
mod races;
mod recording;
mod recording_actions;
mod refusals;
mod registrar;
mod relayed;
mod session;
mod talk;
mod tcp;
mod web;
mod wishes;

use support::{Value, json};

/// A number that answers and echoes for long.
pub fn echo() -> Value {
    json!([{"type": "answer"}, {"type": "echo"}])
}

/// A number that answers and is silent for long.
pub fn quiet() -> Value {
    json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 600_000}}])
}
