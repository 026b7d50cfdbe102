//! The bounds and base timers of an endpoint.

use serde::{Deserialize, Serialize};

use crate::transaction::BaseTimers;

/// What an [`Endpoint`](crate::Endpoint) is told at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointConfig {
    /// T1, T2 and T4.
    pub timers: BaseTimers,
    /// Most transactions, client and server together, that may exist when a request begins new work. Requests within
    /// dialogs are taken up to a quarter more, so that calls can still end when new ones are turned away. Our own requests
    /// are never refused: the core bounds them by its calls.
    pub max_transactions: usize,
    /// Retry-After in the 503 that turns a request away, seconds. RFC 3261 §21.5.4.
    pub retry_after_s: u32,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        EndpointConfig { timers: BaseTimers::default(), max_transactions: 131_072, retry_after_s: 5 }
    }
}

impl EndpointConfig {
    /// The bound that applies to a request within a dialog.
    pub(crate) fn max_within_dialogs(&self) -> usize {
        self.max_transactions.saturating_add(self.max_transactions / 4)
    }
}
