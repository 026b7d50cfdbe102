//! The four transactions of RFC 3261 §17 and RFC 6026: pure tables of (state, event) -> (state, effects), their timers,
//! and the keys by which messages find them. The [endpoint](crate::Endpoint) owns the transactions and carries effects out.

pub(crate) mod effect;
pub(crate) mod invite_client;
pub(crate) mod invite_server;
pub(crate) mod key;
pub(crate) mod non_invite_client;
pub(crate) mod non_invite_server;
#[cfg(test)]
mod table_snapshot;
pub(crate) mod timer;

use serde::{Deserialize, Serialize};

pub use timer::BaseTimers;

/// A client transaction of one [`Endpoint`](crate::Endpoint): a request we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientTransactionId(pub(crate) u64);

/// A server transaction of one [`Endpoint`](crate::Endpoint): a request we received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerTransactionId(pub(crate) u64);
