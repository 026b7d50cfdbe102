//! Events as they happen, to those who subscribed over a WebSocket (spec/resources.md §13).

mod hub;
mod socket;
mod topics;

pub use hub::EventHub;
pub(crate) use socket::Socket;
pub(crate) use topics::Topics;
