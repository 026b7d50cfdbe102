//! The resources that users see (spec/resources.md): their fields, their JSON, and the tables that rule them.
//!
//! Entry types: [`Flow`], [`Action`], [`Call`], [`Number`], [`Address`], [`Timestamp`], [`ErrorEnvelope`].
//! `Serialize` writes what the API shows when the format is JSON, and the same state compactly in MessagePack; both
//! are read back. Invariant: wall times and new ids are arguments, never made here.
#![forbid(unsafe_code)]

mod access;
mod action;
mod activeflow;
mod address;
mod call;
mod call_status;
mod conference;
mod error;
mod event;
mod extension;
mod flow;
mod hangup;
mod id;
mod log_entry;
mod mismatch;
mod number;
mod particulars;
mod recording;
mod sip_cause;
mod speech;
mod timestamp;

pub use access::{Accesskey, Agent, Customer};
pub use action::{Action, ActionError, action_id};
pub use activeflow::{Activeflow, ActiveflowStatus, ReferenceType};
pub use address::{Address, AddressType, normalize_tel};
pub use call::{Call, CallType, Direction};
pub use call_status::CallStatus;
pub use conference::{
    CONFERENCE_TIMEOUT_MAX_S, Confbridge, Conference, ConferenceBody, ConferenceStatus, ConferenceType, Conferencecall,
    ConferencecallStatus, NO_AUTO_LEAVE, conference_flow, timeout_s,
};
pub use error::{ErrorBody, ErrorEnvelope, ErrorStatus};
pub use event::Event;
pub use extension::{
    Binding, EXTENSION_FORM, EXTENSION_MAX, Extension, ExtensionBody, PASSWORD_MAX, PasswordDigests, is_extension,
};
pub use flow::{Flow, FlowBody, FlowType};
pub use hangup::{Ending, HangupBy, HangupReason, hangup_by, hangup_reason};
pub use id::random_id;
pub use log_entry::{LogBody, LogEntry, Resource};
pub use mismatch::Mismatch;
pub use number::{
    NUMBER_FORM, NUMBER_MAX, Number, NumberBody, NumberMetadata, NumberStatus, NumberType, VIRTUAL_PREFIX, is_number,
};
pub use particulars::Particulars;
pub use recording::{Recording, RecordingReference, RecordingStatus, recording_name};
pub use sip_cause::{SipAnswer, cause_of_status, response_to_relayed_cause, response_to_unanswered};
pub use speech::Speech;
pub use timestamp::{CivilTime, Timestamp, TimestampError, optional_timestamp};
