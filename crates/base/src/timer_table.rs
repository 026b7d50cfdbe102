//! A table of named timers: set, stop, next deadline, expired. One table per owner instead of a timer per thread or task.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Deadlines by key. A key has at most one deadline; setting it again moves it. Expiry is in order of deadline, then key,
/// so it never depends on the order in which timers were set.
#[derive(Clone, Debug)]
pub struct TimerTable<K> {
    by_key: BTreeMap<K, u64>,
    by_deadline: BTreeSet<(u64, K)>,
}

impl<K: Ord + Clone> Default for TimerTable<K> {
    fn default() -> Self {
        TimerTable { by_key: BTreeMap::new(), by_deadline: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> TimerTable<K> {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arms or moves the timer `key` to `deadline_ns`.
    pub fn set(&mut self, key: K, deadline_ns: u64) {
        if let Some(old_ns) = self.by_key.insert(key.clone(), deadline_ns) {
            self.by_deadline.remove(&(old_ns, key.clone()));
        }
        self.by_deadline.insert((deadline_ns, key));
    }

    /// Disarms the timer `key`; false if it was not armed.
    pub fn stop(&mut self, key: &K) -> bool {
        match self.by_key.remove(key) {
            Some(deadline_ns) => self.by_deadline.remove(&(deadline_ns, key.clone())),
            None => false,
        }
    }

    /// Disarms all timers whose keys are in `range`.
    pub fn stop_range(&mut self, range: impl RangeBounds<K> + Clone) {
        while let Some((key, _)) = self.by_key.range(range.clone()).next() {
            let key = key.clone();
            self.stop(&key);
        }
    }

    /// The deadline of `key`, if armed.
    pub fn deadline(&self, key: &K) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline of all.
    pub fn next_deadline(&self) -> Option<u64> {
        self.by_deadline.first().map(|(deadline_ns, _)| *deadline_ns)
    }

    /// Takes the earliest timer that has expired at `now_ns`.
    pub fn pop_expired(&mut self, now_ns: u64) -> Option<K> {
        if self.next_deadline()? > now_ns {
            return None;
        }
        let (_, key) = self.by_deadline.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// Disarms everything.
    pub fn clear(&mut self) {
        self.by_key.clear();
        self.by_deadline.clear();
    }

    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl<K: Serialize> Serialize for TimerTable<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.by_key)
    }
}

impl<'de, K: Ord + Clone + Deserialize<'de>> Deserialize<'de> for TimerTable<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<(K, u64)>::deserialize(deserializer)?;
        let mut table = TimerTable::new();
        for (key, deadline_ns) in entries {
            table.set(key, deadline_ns);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_set_again_fires_once_at_its_new_deadline() {
        let mut timers = TimerTable::new();
        timers.set("a", 10);
        timers.set("a", 30);
        assert_eq!(timers.pop_expired(29), None);
        assert_eq!(timers.pop_expired(30), Some("a"));
        assert_eq!(timers.pop_expired(99), None);
        assert!(timers.is_empty());
    }

    #[test]
    fn timers_of_one_instant_fire_in_the_order_of_their_keys() {
        let mut timers = TimerTable::new();
        for key in ["c", "a", "b"] {
            timers.set(key, 5);
        }
        assert!(timers.stop(&"b"));
        assert!(!timers.stop(&"b"));
        assert_eq!(timers.pop_expired(5), Some("a"));
        assert_eq!(timers.pop_expired(5), Some("c"));
    }

    #[test]
    fn the_timers_of_a_range_are_stopped_together() {
        let mut timers = TimerTable::new();
        for key in 1..=5 {
            timers.set(key, 10 - key);
        }
        timers.stop_range(2..=4);
        timers.stop_range(2..=4);
        assert_eq!((timers.len(), timers.deadline(&1), timers.deadline(&5)), (2, Some(9), Some(5)));
        assert_eq!((timers.pop_expired(9), timers.pop_expired(9), timers.pop_expired(9)), (Some(5), Some(1), None));
    }

    #[test]
    fn a_restored_table_has_the_same_deadlines() {
        let mut timers = TimerTable::new();
        timers.set(3, 7);
        timers.set(1, 9);
        let saved = rmp_serde::to_vec(&timers).unwrap();
        let restored: TimerTable<i32> = rmp_serde::from_slice(&saved).unwrap();
        assert_eq!(restored.deadline(&1), Some(9));
        assert_eq!(restored.next_deadline(), Some(7));
    }
}
