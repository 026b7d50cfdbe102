//! The timers of all transactions of an endpoint in one table.

use base::{Now, TimerTable};
use serde::{Deserialize, Serialize};

use crate::transaction::timer::Timer;
use crate::transaction::{ClientTransactionId, ServerTransactionId};

/// A transaction of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum TransactionId {
    Client(ClientTransactionId),
    Server(ServerTransactionId),
}

impl From<ClientTransactionId> for TransactionId {
    fn from(id: ClientTransactionId) -> Self {
        TransactionId::Client(id)
    }
}

impl From<ServerTransactionId> for TransactionId {
    fn from(id: ServerTransactionId) -> Self {
        TransactionId::Server(id)
    }
}

/// One timer of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct TimerKey {
    pub(super) transaction: TransactionId,
    pub(super) timer: Timer,
}

impl TimerKey {
    pub(super) fn new(transaction: impl Into<TransactionId>, timer: Timer) -> TimerKey {
        TimerKey { transaction: transaction.into(), timer }
    }
}

/// All running timers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Timers(TimerTable<TimerKey>);

impl Timers {
    /// Starts or restarts a timer; None: it does not run.
    pub(super) fn start(&mut self, now: Now, key: TimerKey, delay_ms: Option<u64>) {
        if let Some(delay_ms) = delay_ms {
            self.0.set(key, now.after_ms(delay_ms));
        }
    }

    pub(super) fn stop(&mut self, key: TimerKey) {
        self.0.stop(&key);
    }

    /// Stops whatever may run for a transaction that is gone.
    pub(super) fn stop_all(&mut self, transaction: TransactionId) {
        let key = |timer| TimerKey { transaction, timer };
        self.0.stop_range(key(Timer::FIRST)..=key(Timer::LAST));
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.0.next_deadline()
    }

    pub(super) fn pop_expired(&mut self, now: Now) -> Option<TimerKey> {
        self.0.pop_expired(now.mono_ns)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
