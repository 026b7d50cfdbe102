//! What waits for one destination.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::WebhookNumbers;

/// What waits for one destination; shared with its lanes.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Entries that were queued and are not done.
    open: Mutex<BTreeSet<u64>>,
    octets: AtomicUsize,
    pub(super) numbers: Arc<WebhookNumbers>,
}

impl Backlog {
    pub(super) fn new(numbers: Arc<WebhookNumbers>) -> Backlog {
        Backlog { open: Mutex::default(), octets: AtomicUsize::new(0), numbers }
    }

    /// An entry waits from now on.
    pub(super) fn queued(&self, sequence: u64, octets: usize) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence);
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.numbers.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// An entry was delivered or given up.
    pub(super) fn done(&self, sequence: u64, octets: usize) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
        self.octets.fetch_sub(octets, Ordering::Relaxed);
        self.numbers.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// The first entry that waits.
    pub(super) fn first(&self) -> Option<u64> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).first().copied()
    }

    /// Octets of the bodies that wait.
    pub(super) fn octets(&self) -> usize {
        self.octets.load(Ordering::Relaxed)
    }

    /// How many wait.
    pub(super) fn length(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
