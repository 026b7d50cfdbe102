//! Whether a new call is taken: the order of the questions, and what a refusal says.

use base::{Now, SECOND};
use media_core::PortLease;
use serde::{Deserialize, Serialize};
use sip_core::{Hop, uas};

use super::Control;
use crate::input::Admission;

/// Why an INVITE does not become a call: what the caller is told, and what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotTaken {
    pub(super) rejection: uas::Rejection,
    /// Empty: not worth a note.
    pub(super) why: String,
    /// For how long the answer is kept back.
    pub(super) delay_ms: u64,
}

impl NotTaken {
    /// Told at once.
    pub(super) fn new(rejection: uas::Rejection, why: impl Into<String>) -> NotTaken {
        NotTaken { rejection, why: why.into(), delay_ms: 0 }
    }
}

impl Control {
    /// Whether there is a place for a new call.
    pub(super) fn admit(&self) -> Result<(), NotTaken> {
        let settings = &self.snapshot.settings;
        match self.admission {
            Admission::Open => {}
            Admission::Draining => return Err(self.unavailable("the server is being drained")),
            Admission::Overloaded => return Err(self.unavailable("a media worker is late")),
        }
        if self.calls >= settings.max_calls as usize {
            return Err(self.unavailable(&format!("the limit of {} calls is reached", settings.max_calls)));
        }
        Ok(())
    }

    /// Whether one more call may be taken in this second. Asked last, so that what becomes no call uses nothing up.
    pub(super) fn keep_pace(&mut self, now: Now) -> Result<(), NotTaken> {
        let limit = self.snapshot.settings.max_new_calls_per_second;
        if !self.pace.take(now, limit) {
            return Err(self.unavailable(&format!("more than {limit} new calls in a second")));
        }
        Ok(())
    }

    /// A leased port pair for a new call from there.
    pub(super) fn take_ports(&mut self, hop: &Hop) -> Result<PortLease, NotTaken> {
        let ipv6 = hop.local.ip().to_canonical().is_ipv6();
        self.ports.take(ipv6).ok_or_else(|| self.unavailable("no RTP port is free"))
    }

    /// RFC 3261 §21.5.4: it may try again.
    fn unavailable(&self, why: &str) -> NotTaken {
        let rejection = uas::Rejection::unavailable(self.snapshot.settings.retry_after_s);
        NotTaken::new(rejection, why)
    }
}

/// How many new calls were taken in the running second.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pace {
    second: u64,
    taken: u32,
}

impl Pace {
    /// Takes one more unless `limit` were taken in this second.
    fn take(&mut self, now: Now, limit: u32) -> bool {
        let second = now.mono_ns / SECOND;
        if self.second != second {
            *self = Pace { second, taken: 0 };
        }
        let free = self.taken < limit;
        self.taken += u32::from(free);
        free
    }
}
