//! Those who are handed accepted entries.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};

use crate::Accepted;
use crate::metrics::{Live, add, set};

/// Called on the log's thread with each group of accepted entries; it must return at once.
pub type OnAccepted = Box<dyn Fn(&Arc<[Accepted]>) + Send>;

/// All subscribers.
#[derive(Default)]
pub(crate) struct Subscribers(Mutex<Vec<Outlet>>);

enum Outlet {
    Channel(Sender<Arc<[Accepted]>>),
    Call(OnAccepted),
}

impl Subscribers {
    pub(crate) fn add_channel(&self, groups: usize, accepted: &AtomicU64) -> Subscription {
        let (sender, receiver) = bounded(groups.max(1));
        let mut outlets = self.lock();
        outlets.push(Outlet::Channel(sender));
        // While the list is locked nothing is handed out, and what is accepted by now is not handed to this one.
        Subscription { receiver, next: accepted.load(Ordering::Acquire) + 1 }
    }

    pub(crate) fn add_call(&self, call: OnAccepted) {
        self.lock().push(Outlet::Call(call));
    }

    /// Hands a group to all. `accepted` is raised within the lock, so that a new subscriber knows what it will get.
    pub(crate) fn hand_out(&self, group: &Arc<[Accepted]>, last_seq: u64, accepted: &AtomicU64, live: &Live) {
        let mut outlets = self.lock();
        accepted.store(last_seq, Ordering::Release);
        outlets.retain(|outlet| match outlet {
            Outlet::Channel(sender) => match sender.try_send(group.clone()) {
                Ok(()) => true,
                Err(TrySendError::Full(group)) => {
                    add(&live.log.missed, group.len() as u64);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            },
            Outlet::Call(call) => {
                call(group);
                true
            }
        });
        set(&live.log.subscribers, outlets.len() as u64);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Outlet>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Accepted entries from the moment of the subscription on, in order.
pub struct Subscription {
    receiver: Receiver<Arc<[Accepted]>>,
    next: u64,
}

/// What a subscriber is handed.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The entries that were left out before these because the subscriber was too slow: number of the first one and how many.
    /// They can be read by [`crate::Store::read_from`].
    pub missed: Option<(u64, u64)>,
    /// The entries, never empty.
    pub entries: Arc<[Accepted]>,
}

impl Subscription {
    /// Waits for the next group. None: the store was closed.
    pub fn recv(&mut self) -> Option<Handed> {
        self.receiver.recv().ok().map(|group| self.handed(group))
    }

    /// Waits for the next group, but not longer than this.
    ///
    /// # Errors
    /// Nothing came, or the store was closed.
    pub fn recv_timeout(&mut self, wait: Duration) -> Result<Handed, RecvTimeoutError> {
        self.receiver.recv_timeout(wait).map(|group| self.handed(group))
    }

    /// The next group, if there is one now.
    ///
    /// # Errors
    /// There is none, or the store was closed.
    pub fn try_recv(&mut self) -> Result<Handed, TryRecvError> {
        self.receiver.try_recv().map(|group| self.handed(group))
    }

    /// The number of the entry that comes next.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    fn handed(&mut self, entries: Arc<[Accepted]>) -> Handed {
        let first = entries.first().map_or(self.next, |accepted| accepted.seq);
        let missed = (first > self.next).then(|| (self.next, first - self.next));
        self.next = entries.last().map_or(self.next, |accepted| accepted.seq + 1);
        Handed { missed, entries }
    }
}
