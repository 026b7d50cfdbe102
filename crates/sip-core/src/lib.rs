//! SIP as a pure function of bytes and time (RFC 3261): messages, headers, URIs, transactions and dialogs.
//!
//! Entry types: [`Message`] (what a datagram holds), [`MessageStream`] (messages out of a stream), [`MessageBuilder`] (what goes out), [`Endpoint`] (all transactions of
//! one control loop), [`Dialog`] (what two parties share beyond transactions), [`digest`] (who is asking), [`register`].
//! Invariants: this crate never reads a clock and never touches a socket; no bytes from the network make it panic or
//! grow without bound; what it does not understand it keeps byte for byte.
#![forbid(unsafe_code)]

mod dialog;
pub mod digest;
mod endpoint;
pub mod header;
mod hop;
mod loop_of;
pub mod message;
mod method;
pub mod register;
mod second_way;
pub mod stateless;
mod transaction;
pub mod uas;
pub mod uri;

pub use dialog::{
    AcceptedInvite, AcceptedStep, Dialog, DialogError, DialogId, DialogState, Glare, PendingInvites,
    backoff_after_491_ms, ends_dialog,
};
pub use endpoint::{Endpoint, EndpointConfig, EndpointCounters, EndpointEvent, Output};
pub use header::{CSeq, Contacts, ContentType, HeaderError, HeaderField, HeaderName, NameAddr, Via};
pub use hop::{Hop, Transport};
pub use loop_of::{loop_of, loop_of_request_sent, loop_of_user, new_branch, new_call_id, new_tag};
pub use message::{Message, MessageBuilder, MessageStream, ParseError, ParseReason, StreamPart, reason_phrase};
pub use method::Method;
pub use second_way::second_way;
pub use transaction::{BaseTimers, ClientTransactionId, ServerTransactionId};
pub use uri::{Host, Uri};
