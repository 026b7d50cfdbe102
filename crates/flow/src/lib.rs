//! The flow runtime (spec/flow.md, spec/actions.md): reading and verifying documents, and the machine that runs them.
//!
//! Entry types: [`Machine`] (one activeflow: `handle` an [`Event`], then `poll` [`Effect`]s until there is none),
//! [`read_document`] and [`verify`] for what users send. Invariants: the machine never waits, reads no clock, and what
//! it does next follows from its state, its events and the [`CallView`] alone; one action is one file in `action/`.
#![forbid(unsafe_code)]

mod action;
mod activeflow;
mod answered;
mod cursor;
mod digits;
mod document;
mod effect;
mod ending;
mod event;
mod executed;
mod json_size;
mod machine;
mod new_activeflow;
mod reference;
mod step;
mod substitute;
mod substitute_json;
mod substitute_spoken;
mod variables;
mod verify;
mod view;
mod webhook_response;

pub use document::{Document, DocumentError, MAX_ACTIONS, MAX_DEPTH, MAX_DOCUMENT_BYTES, read_actions, read_document};
pub use effect::{EchoMode, Effect, HttpPurpose, HttpRequest, RecordingOptions, TimelineEntry, What};
pub use ending::EndReason;
pub use event::{Event, HttpOutcome, StopReason};
pub use machine::Machine;
pub use model::{ActiveflowStatus, ReferenceType};
pub use new_activeflow::{COMPLETE_COUNT_END, ChainTooLong, NewActiveflow, Reference, Settings, Webhook};
pub use reference::{ReferencePage, reference_pages};
pub use variables::Variables;
pub use verify::{Problem, ProblemReason, Verdict, fetched_flows, named_sounds, spoken_texts, verify, verify_in_call};
pub use view::CallView;
