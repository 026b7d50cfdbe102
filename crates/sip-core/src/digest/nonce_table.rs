//! How often each nonce was used (RFC 7616 §3.4 `nc`): a request that was overheard is worth nothing a second time.
//!
//! Only nonces that came with a right password get in, so strangers cannot fill the table. When it is full the nonce that
//! ends first is forgotten, and with it every unknown nonce that ends as early counts as stale: forgetting costs a phone one
//! more round trip and never lets a replay in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Nonce;

/// How far behind the highest count one may still come: requests of one phone overtake each other.
const WINDOW: u32 = 16;

/// The nonces in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceTable {
    seen: BTreeMap<Nonce, Counts>,
    most: usize,
    /// A nonce that ends by this second and is not in the table may have been used before.
    forgotten_until_s: u64,
}

/// Whether a nonce may be used so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// For the first time with this count.
    Fresh,
    /// Its time is over, or it had to be forgotten.
    Stale,
    /// It came with this count before, or one too far back to know.
    Repeated,
}

/// The counts that came with one nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    highest: u32,
    /// Bit i: `highest - i` came.
    came: u16,
}

impl NonceTable {
    /// An empty table for `most` nonces, at least one. Each takes about 60 bytes.
    pub fn new(most: usize) -> NonceTable {
        NonceTable { seen: BTreeMap::new(), most: most.max(1), forgotten_until_s: 0 }
    }

    /// Notes that `nonce` came with count `nc` at second `now_s`. `None` for a client that does not count: then the nonce
    /// serves once.
    pub fn note(&mut self, now_s: u64, nonce: Nonce, nc: Option<u32>) -> Use {
        self.drop_ended(now_s);
        if nonce.ends_s <= now_s {
            return Use::Stale;
        }
        if let Some(counts) = self.seen.get_mut(&nonce) {
            return match nc {
                Some(nc) if counts.take(nc) => Use::Fresh,
                _ => Use::Repeated,
            };
        }
        if nonce.ends_s <= self.forgotten_until_s {
            return Use::Stale;
        }
        while self.seen.len() >= self.most
            && let Some((forgotten, _)) = self.seen.pop_first()
        {
            self.forgotten_until_s = self.forgotten_until_s.max(forgotten.ends_s);
        }
        let used_up = Counts { highest: u32::MAX, came: u16::MAX };
        self.seen.insert(nonce, nc.map_or(used_up, |nc| Counts { highest: nc, came: 1 }));
        Use::Fresh
    }

    /// How many nonces are remembered: a gauge.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Forgets the nonces that have ended at second `now_s`.
    pub fn drop_ended(&mut self, now_s: u64) {
        while let Some(first) = self.seen.first_entry()
            && first.key().ends_s <= now_s
        {
            first.remove();
        }
    }
}

impl Counts {
    /// Whether `nc` had not come yet; from now on it has.
    fn take(&mut self, nc: u32) -> bool {
        if nc > self.highest {
            let further = nc - self.highest;
            self.came = if further < WINDOW { self.came << further | 1 } else { 1 };
            self.highest = nc;
            return true;
        }
        let back = self.highest - nc;
        if back >= WINDOW || self.came & (1 << back) != 0 {
            return false;
        }
        self.came |= 1 << back;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(ends_s: u64) -> Nonce {
        Nonce::new(ends_s, ends_s)
    }

    #[test]
    fn each_count_is_taken_once_and_a_few_may_overtake() {
        let mut table = NonceTable::new(8);
        let mut note = |nc| table.note(100, nonce(200), Some(nc));
        assert_eq!(note(1), Use::Fresh);
        assert_eq!(note(1), Use::Repeated);
        assert_eq!(note(4), Use::Fresh);
        assert_eq!((note(3), note(2)), (Use::Fresh, Use::Fresh), "overtaken");
        assert_eq!((note(3), note(2)), (Use::Repeated, Use::Repeated));
        assert_eq!(note(40), Use::Fresh);
        assert_eq!(note(24), Use::Repeated, "too far back to know");
        assert_eq!((note(25), note(25)), (Use::Fresh, Use::Repeated));
        assert_eq!((note(u32::MAX), note(u32::MAX)), (Use::Fresh, Use::Repeated));
        assert_eq!((note(0), note(41)), (Use::Repeated, Use::Repeated));
    }

    #[test]
    fn without_a_count_a_nonce_serves_once() {
        let mut table = NonceTable::new(8);
        assert_eq!(table.note(100, nonce(200), None), Use::Fresh);
        assert_eq!(table.note(100, nonce(200), None), Use::Repeated);
        assert_eq!(table.note(100, nonce(200), Some(5)), Use::Repeated);
        assert_eq!(table.note(100, nonce(201), Some(1)), Use::Fresh);
        assert_eq!(table.note(100, nonce(201), None), Use::Repeated);
    }

    #[test]
    fn an_ended_nonce_is_stale_and_takes_no_memory() {
        let mut table = NonceTable::new(8);
        assert_eq!(table.note(199, nonce(200), Some(1)), Use::Fresh);
        assert_eq!(table.note(200, nonce(200), Some(2)), Use::Stale);
        assert!(table.is_empty());
    }

    #[test]
    fn a_full_table_forgets_what_ends_first_and_never_takes_it_again() {
        let mut table = NonceTable::new(2);
        for ends_s in [203, 201, 202] {
            assert_eq!(table.note(100, nonce(ends_s), Some(1)), Use::Fresh);
        }
        assert_eq!(table.len(), 2);
        assert_eq!(table.note(100, nonce(201), Some(1)), Use::Stale, "it was forgotten: who knows");
        assert_eq!(table.note(100, nonce(203), Some(1)), Use::Repeated);
        assert_eq!(table.note(100, nonce(202), Some(2)), Use::Fresh);
        assert_eq!(table.note(100, nonce(204), Some(1)), Use::Fresh);
        assert_eq!(table.note(100, nonce(202), Some(2)), Use::Stale);
    }

    #[test]
    fn a_restored_table_remembers() {
        let mut table = NonceTable::new(2);
        table.note(100, nonce(201), Some(1));
        let written = rmp_serde::to_vec(&table).unwrap();
        let mut restored: NonceTable = rmp_serde::from_slice(&written).unwrap();
        assert_eq!(restored, table);
        assert_eq!(restored.note(100, nonce(201), Some(1)), Use::Repeated);
    }
}
