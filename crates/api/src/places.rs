//! The places for HTTP connections: so many in all, a few more for this machine itself, and who has to leave when there is none.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::presence::Presence;

/// A connection that was silent for less is not sent away: its request may be on the way.
const GRACE: Duration = Duration::from_secs(1);

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
    most: usize,
    present: Mutex<Vec<Weak<Presence>>>,
}

impl Places {
    /// `all` for everybody, and `own` more for who comes from this machine.
    pub(crate) fn new(all: usize, own: usize) -> Places {
        let (places, kept) = (Arc::new(Semaphore::new(all)), Arc::new(Semaphore::new(own)));
        Places { all: places, own: kept, most: all + own, present: Mutex::default() }
    }

    /// A place for anybody, if there is one.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().try_acquire_owned().ok()
    }

    /// One of the places that are kept for this machine.
    pub(crate) fn take_kept(&self, peer: IpAddr) -> Option<OwnedSemaphorePermit> {
        if peer.to_canonical().is_loopback() { self.own.clone().try_acquire_owned().ok() } else { None }
    }

    /// Returns when there is a place for anybody.
    pub(crate) async fn freed(&self) {
        drop(self.all.acquire().await);
    }

    /// Connections that have a place.
    pub(crate) fn taken(&self) -> usize {
        self.most - self.all.available_permits() - self.own.available_permits()
    }

    /// A connection that has this place now.
    pub(crate) fn enter(&self, place: OwnedSemaphorePermit) -> Arc<Presence> {
        let presence = Presence::new(place);
        let mut present = self.present();
        if present.len() >= 2 * self.most {
            present.retain(is_here);
        }
        present.push(Arc::downgrade(&presence));
        presence
    }

    /// Sends so many away, those first that have been silent longest. Who has a request under way stays.
    pub(crate) fn make_room(&self, wanted: usize) {
        let mut present = self.present();
        present.retain(is_here);
        let here: Vec<Arc<Presence>> = present.iter().filter_map(Weak::upgrade).collect();
        drop(present);
        let leaving = here.iter().filter(|presence| presence.is_sent_away() && presence.is_free()).count();
        let mut idle: Vec<(Duration, &Arc<Presence>)> = here
            .iter()
            .filter(|presence| presence.is_free() && !presence.is_sent_away())
            .map(|presence| (presence.silent_for(), presence))
            .filter(|(silent, _)| *silent >= GRACE)
            .collect();
        idle.sort_unstable_by_key(|(silent, _)| std::cmp::Reverse(*silent));
        idle.iter().take(wanted.saturating_sub(leaving)).for_each(|(_, presence)| presence.send_away());
    }

    fn present(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Presence>>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_here(presence: &Weak<Presence>) -> bool {
    presence.upgrade().is_some_and(|presence| !presence.has_left())
}
