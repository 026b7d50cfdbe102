//! How often resources were stored: who keeps what was read knows by it whether that still holds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A count for each kind, since the start.
#[derive(Default)]
pub(crate) struct Changes(Mutex<BTreeMap<&'static str, u64>>);

impl Changes {
    /// One more of this kind was stored, or may have been.
    pub(crate) fn count(&self, kind: &'static str) {
        *self.counts().entry(kind).or_default() += 1;
    }

    pub(crate) fn of(&self, kind: &str) -> u64 {
        self.counts().get(kind).copied().unwrap_or_default()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
