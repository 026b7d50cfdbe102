//! The resources that users see (spec/resources.md): their fields, their JSON, and the tables that rule them.
//!
//! Entry types: [`Flow`], [`Action`], [`Call`], [`Number`], [`Address`], [`Timestamp`], [`ErrorEnvelope`].
//! `Serialize` writes what the API shows when the format is JSON, and the same state compactly in MessagePack; both
//! are read back. Invariant: wall times and new ids are arguments, never made here.
#![forbid(unsafe_code)]

mod action;
mod address;
mod call;
mod call_status;
mod error;
mod flow;
mod hangup;
mod id;
mod number;
mod sip_cause;
mod timestamp;

pub use action::{Action, ActionError, action_id};
pub use address::{Address, AddressType, normalize_tel};
pub use call::{Call, CallType, Direction};
pub use call_status::CallStatus;
pub use error::{ErrorBody, ErrorEnvelope, ErrorStatus};
pub use flow::{Flow, FlowBody, FlowType};
pub use hangup::{Ending, HangupBy, HangupReason, hangup_by, hangup_reason};
pub use id::random_id;
pub use number::{Number, NumberBody, NumberStatus, NumberType};
pub use sip_cause::{SipAnswer, cause_of_status, response_to_relayed_cause, response_to_unanswered};
pub use timestamp::{CivilTime, Timestamp, TimestampError, optional_timestamp};
