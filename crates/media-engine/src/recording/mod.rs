//! Recordings: rings from the workers, threads that write files.
//!
//! ```text
//!  handle ── new recording ─► recording-N ── every 128 ms: drain, place, write, header ─► <stem>_in.wav, <stem>_out.wav
//!    └─ tap, by an Op ─► worker ── packets, ring ──┘  └── Started, Ended ─► control loop
//! ```
//! A room's mix goes the same way, into the first of the two files alone.

mod front;
mod ring;
mod running;
mod wav;
mod writer;

pub use wav::repair_recording;

pub(crate) use front::{RecordingThreads, Recordings, spawn};
