//! Access keys that were shown lately: a program shows its key with every request, and keys hardly ever change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::Accesskey;

/// Most keys that are kept; with one more, all are forgotten.
const MOST: usize = 1_024;

/// Keys by the hash of their token, as long as no key was stored: a deleted key is refused at once.
#[derive(Default)]
pub(crate) struct KnownKeys(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// What [`crate::Repository::changes`] said before these were read.
    changes: u64,
    keys: HashMap<String, Arc<Accesskey>>,
}

impl KnownKeys {
    /// The key, if nothing has changed since it was kept.
    pub(crate) fn get(&self, hash: &str, changes: u64) -> Option<Arc<Accesskey>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.changes == changes { known.keys.get(hash).cloned() } else { None }
    }

    /// Keeps a key that was read after `changes` were asked for.
    pub(crate) fn keep(&self, hash: String, changes: u64, key: Arc<Accesskey>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody who began to read later knows better.
        if changes < known.changes {
            return;
        }
        if changes > known.changes || known.keys.len() >= MOST {
            known.keys.clear();
        }
        known.changes = changes;
        known.keys.insert(hash, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Arc<Accesskey> {
        Arc::new(Accesskey { name: name.into(), ..Accesskey::default() })
    }

    #[test]
    fn a_key_is_known_until_any_key_is_stored() {
        let keys = KnownKeys::default();
        keys.keep("a".into(), 3, key("a"));
        assert_eq!(keys.get("a", 3), Some(key("a")));
        assert_eq!(keys.get("b", 3), None);
        assert_eq!(keys.get("a", 4), None);
        keys.keep("b".into(), 4, key("b"));
        assert_eq!(keys.get("a", 4), None, "it is of before the change");
        keys.keep("a".into(), 3, key("a"));
        assert_eq!(keys.get("a", 4), None, "it was read before the change");
        assert_eq!(keys.get("b", 4), Some(key("b")));
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let keys = KnownKeys::default();
        (0..=MOST).for_each(|number| keys.keep(number.to_string(), 0, key("")));
        assert_eq!(keys.0.lock().unwrap().keys.len(), 1);
    }
}
