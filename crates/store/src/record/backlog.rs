//! What the database lacks, and what of it is to be written now.

use std::collections::BTreeSet;

use super::state::Key;

/// Rows that wait to be written. What each of them lacks stands with it, as the number of the first entry (`since`).
#[derive(Default)]
pub(super) struct Backlog {
    /// Everything that the database does not have in full, by the first entry that it lacks.
    unsaved: BTreeSet<(u64, Key)>,
    /// What is to be written now: it has ended, or grown large.
    due: BTreeSet<Key>,
}

impl Backlog {
    /// The database lacks entry `seq` of this one, and perhaps others before it.
    pub(super) fn lacks(&mut self, key: Key, since: &mut Option<u64>, seq: u64) {
        if since.is_none() {
            *since = Some(seq);
            self.unsaved.insert((seq, key));
        }
    }

    /// The database has what it lacked of this one.
    pub(super) fn has(&mut self, key: Key, since: &mut Option<u64>) {
        if let Some(since) = since.take() {
            self.unsaved.remove(&(since, key));
        }
    }

    /// This one is to be written now.
    pub(super) fn add_due(&mut self, key: Key) {
        self.due.insert(key);
    }

    /// This one can wait.
    pub(super) fn remove_due(&mut self, key: Key) {
        self.due.remove(&key);
    }

    /// How many are to be written now.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// At most `limit` of what is to be written now and as many of what has waited since before entry `horizon`; and, when all
    /// of that is written, the entry from which a start has to read. `next`: the entry behind the last one.
    pub(super) fn take(&self, limit: usize, horizon: u64, next: u64) -> (BTreeSet<Key>, u64) {
        let mut keys: BTreeSet<Key> = self.due.iter().take(limit).copied().collect();
        let old = self.unsaved.iter().take_while(|(seq, _)| *seq < horizon).take(limit);
        keys.extend(old.map(|(_, key)| *key));
        let resume = self.unsaved.iter().find(|(_, key)| !keys.contains(key)).map_or(next, |(seq, _)| *seq);
        (keys, resume)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(number: u128) -> Key {
        Key::Timeline(Uuid::from_u128(number))
    }

    #[test]
    fn a_start_reads_from_the_first_entry_that_was_not_taken() {
        let (mut backlog, mut since) = (Backlog::default(), [None; 3]);
        for (at, since) in since.iter_mut().enumerate() {
            backlog.lacks(key(at as u128), since, 10 + at as u64);
            backlog.lacks(key(at as u128), since, 20 + at as u64);
        }
        assert_eq!(since, [Some(10), Some(11), Some(12)], "the first one counts");
        assert_eq!(backlog.take(5, 0, 30), (BTreeSet::new(), 10));
        backlog.add_due(key(0));
        backlog.add_due(key(2));
        assert_eq!(backlog.take(5, 0, 30), (BTreeSet::from([key(0), key(2)]), 11));
        assert_eq!(backlog.take(1, 0, 30), (BTreeSet::from([key(0)]), 11));
        assert_eq!(
            backlog.take(5, 12, 30),
            (BTreeSet::from([key(0), key(1), key(2)]), 30),
            "what is old is taken, too"
        );
    }

    #[test]
    fn what_the_database_has_is_not_read_again() {
        let (mut backlog, mut since) = (Backlog::default(), None);
        backlog.lacks(key(1), &mut since, 7);
        backlog.has(key(1), &mut since);
        assert_eq!((since, backlog.take(5, 0, 30)), (None, (BTreeSet::new(), 30)));
        backlog.lacks(key(1), &mut since, 9);
        backlog.add_due(key(1));
        backlog.remove_due(key(1));
        assert_eq!((backlog.due(), backlog.take(5, 0, 30)), (0, (BTreeSet::new(), 9)));
    }
}
