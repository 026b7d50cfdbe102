//! Whether new calls may be sent to this server, and if not, why.

use std::sync::atomic::{AtomicU8, Ordering};

/// A reason not to send new calls here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The server has not finished starting.
    Starting,
    /// It was told to end and lets its calls finish.
    Draining,
    /// It is behind its work, or a media worker fell silent: new calls get 503.
    AdmissionClosed,
    /// As many calls are up as may be: new ones get 503.
    Full,
    /// What happens cannot be written to disk.
    StoreFailing,
}

impl NotReady {
    const ALL: [NotReady; 5] =
        [NotReady::Starting, NotReady::Draining, NotReady::AdmissionClosed, NotReady::Full, NotReady::StoreFailing];

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The words that `/readyz` shows.
    pub fn text(self) -> &'static str {
        match self {
            NotReady::Starting => "starting: the server is not up yet",
            NotReady::Draining => "draining: the server was told to end and takes no new calls",
            NotReady::AdmissionClosed => "admission closed: the server is behind its work and refuses new calls",
            NotReady::Full => "full: as many calls are up as may be, and new ones are refused",
            NotReady::StoreFailing => "store failing: events and records cannot be written to disk",
        }
    }
}

/// The reasons that hold at this moment. Shared; setting one never waits.
#[derive(Debug)]
pub struct Readiness(AtomicU8);

impl Default for Readiness {
    /// Not ready, because starting.
    fn default() -> Readiness {
        Readiness(AtomicU8::new(NotReady::Starting.bit()))
    }
}

impl Readiness {
    /// Says that `reason` holds from now on, or no longer.
    pub fn set(&self, reason: NotReady, holds: bool) {
        if holds {
            self.0.fetch_or(reason.bit(), Ordering::Relaxed);
        } else {
            self.0.fetch_and(!reason.bit(), Ordering::Relaxed);
        }
    }

    /// Whether no reason holds.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// The words of every reason that holds; empty means ready.
    pub fn reasons(&self) -> Vec<&'static str> {
        let bits = self.0.load(Ordering::Relaxed);
        NotReady::ALL.iter().filter(|reason| bits & reason.bit() != 0).map(|reason| reason.text()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_the_last_reason_has_gone() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready());
        readiness.set(NotReady::Draining, true);
        readiness.set(NotReady::Draining, true);
        readiness.set(NotReady::Starting, false);
        assert_eq!(readiness.reasons(), [NotReady::Draining.text()]);
        readiness.set(NotReady::Draining, false);
        assert!(readiness.is_ready());
    }

    #[test]
    fn each_reason_stands_for_itself() {
        for reason in NotReady::ALL {
            let readiness = Readiness::default();
            readiness.set(NotReady::Starting, false);
            readiness.set(reason, true);
            assert_eq!(readiness.reasons(), [reason.text()]);
        }
    }
}
