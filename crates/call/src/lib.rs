//! Call control: cells that join SIP, SDP, flow and media by effects, and the loop that owns them.
//!
//! Entry types: [`Control`] (`handle` an [`Input`], carry out its [`Effect`]s), [`Snapshot`].
//! Invariant: control is a deterministic function of its inputs. It never waits, locks, reads a clock or touches a socket;
//! its whole state can be written down after any input and taken up again.
#![forbid(unsafe_code)]

mod call;
mod cell;
mod context;
mod control;
mod effect;
mod input;
mod note;
mod ports;
pub mod registrar;
mod reply;
mod routing;
mod snapshot;
mod will;

pub use control::{Control, Counters, FORMAT_VERSION, Gauges, TakeUpError};
pub use effect::{CrashReport, Effect};
pub use input::{Admission, Input, SoundOutcome};
pub use note::{Note, NoteKind};
pub use snapshot::{Settings, Snapshot};
