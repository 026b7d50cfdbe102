//! Who a phone is and where it can be reached (RFC 3261 §10 and §22, spec/media.md §4).
//!
//! Entry types: [`Authenticator`] (who sent this request), [`AddressOfRecord`] (the places where one extension can be
//! reached), [`SourceGuard`] (slows those who guess). All of it is plain state of a loop or a cell; time and randomness are
//! handed in.
//! Invariant: a user who is not there is answered as one with a wrong password: the same bytes, work and delay.

mod address_of_record;
mod authenticator;
mod source_guard;

use serde::{Deserialize, Serialize};

pub use address_of_record::{AddressOfRecord, Registered, Undo};
pub use authenticator::{Authenticator, DigestSettings, Identity, Question, Refusal, RefusalCounters, WhyRefused};
pub use source_guard::{GuardSettings, SourceGuard};

/// How many places a phone may have, and for how long (spec/media.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BindingSettings {
    /// Most bindings of one extension: the oldest is removed when there are more.
    pub max_contacts: usize,
    /// Shortest time that is granted, seconds.
    pub min_expires_s: u32,
    /// Longest time that is granted, seconds.
    pub max_expires_s: u32,
    /// The time that is granted to who asks for none, seconds.
    pub default_expires_s: u32,
}

impl Default for BindingSettings {
    fn default() -> Self {
        BindingSettings { max_contacts: 3, min_expires_s: 60, max_expires_s: 7_200, default_expires_s: 3_600 }
    }
}

impl BindingSettings {
    /// What is granted to a phone that asks for `wished_s` seconds, which are not 0.
    fn granted_s(&self, wished_s: Option<u32>) -> u32 {
        let wished_s = wished_s.unwrap_or(self.default_expires_s);
        wished_s.min(self.max_expires_s).max(self.min_expires_s)
    }
}
