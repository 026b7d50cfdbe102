//! What synthesizers count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeechCounters {
    /// Texts that were to be spoken.
    pub requests: u64,
    /// Of these, those found on disk.
    pub disk_hits: u64,
    /// Files on disk that were damaged, and removed.
    pub disk_damaged: u64,
    /// Octets on disk.
    pub disk_octets: u64,
    /// Texts spoken to their end.
    pub synthesized: u64,
    /// Second attempts, after a program crashed or hung.
    pub retries: u64,
    /// Texts that were not spoken to their end.
    pub failures: u64,
    /// Of these, those refused because too many waited.
    pub busy: u64,
    /// Programs that run now.
    pub running: u64,
    /// Waits for the first sound of a text, summed, ms.
    pub first_sound_ms: u64,
    /// The longest of these waits, ms.
    pub first_sound_ms_max: u64,
}

/// The live form of what [`crate::Espeak`] counts.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) requests: AtomicU64,
    pub(crate) synthesized: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) first_sound_ms: AtomicU64,
    pub(crate) first_sound_ms_max: AtomicU64,
}

impl Live {
    pub(crate) fn first_sound(&self, after: Duration) {
        let ms = after.as_millis() as u64;
        self.first_sound_ms.fetch_add(ms, Ordering::Relaxed);
        self.first_sound_ms_max.fetch_max(ms, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> SpeechCounters {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SpeechCounters {
            requests: value(&self.requests),
            synthesized: value(&self.synthesized),
            retries: value(&self.retries),
            failures: value(&self.failures),
            busy: value(&self.busy),
            first_sound_ms: value(&self.first_sound_ms),
            first_sound_ms_max: value(&self.first_sound_ms_max),
            ..SpeechCounters::default()
        }
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
