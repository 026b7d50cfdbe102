//! What changes resources, one step after the other: the API stores one and tells the loops of it; a reload stores what files say,
//! reads everything and tells the loops. Were a change of the API to come between the reading and the telling, it would be
//! overwritten in the loops by what was read before it.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Whose turn it is. Held by threads of the API and by the supervisor, which may wait for the disk and for each other; never by a
/// loop.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps(Arc<RwLock<()>>);

impl Steps {
    /// For a change of the API: many at a time, so that the store syncs them together. Not to be asked for again by who has it.
    pub(super) fn change(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a reload: alone.
    pub(super) fn reload(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use api::Publish;
    use call::{Input, Snapshot};
    use model::Resource;
    use store::{Store, StoreConfig};

    use super::*;
    use crate::run::lanes::{LaneSizes, lanes};
    use crate::run::publisher::Publisher;

    #[test]
    fn a_change_of_the_api_does_not_come_between_what_a_reload_reads_and_what_it_tells() {
        let folder = std::env::temp_dir().join(format!("flowswitch-steps-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(StoreConfig::new(folder)).unwrap().store;
        let (sender, mut receiver) = lanes(LaneSizes { dialog: 4, new_work: 4, api: 4 });
        let steps = Steps::default();
        let publisher = Publisher { store, senders: vec![sender.clone()], steps: steps.clone() };
        let stored = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reload = steps.reload();
            scope.spawn(|| {
                publisher.in_one_step(&mut || {
                    stored.store(true, Ordering::SeqCst);
                    publisher.changed(Resource::Conference(Arc::default()), "conference_created");
                });
            });
            std::thread::sleep(Duration::from_millis(50));
            assert!(!stored.load(Ordering::SeqCst), "it was stored behind what was read");
            sender.snapshot(Snapshot::default());
            assert!(!sender.has_taken_snapshots());
            assert!(matches!(receiver.try_next(|_| false), Some(Input::Snapshot(_))));
            assert!(sender.has_taken_snapshots());
            drop(reload);
        });
        assert!(matches!(receiver.try_next(|_| false), Some(Input::Changed(_))));
    }
}
