//! What webhooks stand on: the log, and a place for how far they have got.

use std::collections::BTreeMap;
use std::io;

use store::Accepted;

/// The log, read again.
pub trait WebhookJournal: Send + Sync + 'static {
    /// Entries behind `after`, oldest first, at most `most`. Empty only if there are none yet. May wait for a disk.
    ///
    /// # Errors
    /// The disk's.
    fn read(&self, after: u64, most: usize) -> io::Result<Vec<Accepted>>;

    /// The number of the last accepted entry; 0 if there is none. Must not wait.
    ///
    /// # Errors
    /// The log cannot be read.
    fn last(&self) -> io::Result<u64>;
}

/// How far webhooks have got, by name; small. The methods may wait for a disk.
pub trait Cursors: Send + Sync + 'static {
    /// What was saved last; empty if nothing was.
    ///
    /// # Errors
    /// The disk's.
    fn load(&self) -> io::Result<BTreeMap<String, u64>>;

    /// Replaces all of it.
    ///
    /// # Errors
    /// The disk's.
    fn save(&self, cursors: &BTreeMap<String, u64>) -> io::Result<()>;
}
