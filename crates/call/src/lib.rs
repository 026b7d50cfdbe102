//! Call control: cells that join SIP, SDP, flow and media by effects, and the loop that owns them.
//!
//! Entry types: [`Control`] (`handle` an [`Input`], carry out its [`Effect`]s), [`Snapshot`].
//! Invariant: control is a deterministic function of its inputs. It never waits, locks, reads a clock or touches a socket;
//! its whole state can be written down after any input and taken up again.
#![forbid(unsafe_code)]

mod activeflow;
mod bridge;
mod call;
mod cell;
mod context;
mod control;
mod domain;
mod effect;
mod info_digits;
mod input;
mod message;
mod note;
mod owed;
mod parties;
mod ports;
mod recording;
pub mod registrar;
mod reply;
mod request;
mod routing;
mod run;
mod snapshot;
mod will;

pub use activeflow::HttpJob;
pub use control::{Control, Counters, FORMAT_VERSION, Gauges, RegistrarNumbers, TakeUpError};
pub use effect::{CrashReport, Effect};
pub use input::{Admission, Input, SoundOutcome};
pub use message::Envelope;
pub use note::{Note, NoteKind, WhyUnregistered};
pub use owed::OwedRun;
pub use request::{ConferenceRecording, Refusal, Reply, Request};
pub use snapshot::{RegistrarSettings, Settings, Snapshot};
