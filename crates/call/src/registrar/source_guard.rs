//! Slows those who guess passwords, by the network they come from.
//!
//! Each wrong password of a network (one IPv4 address, a /64 of IPv6) makes the next answers to it later; the answers form a
//! line, so that guessing in parallel gains nothing. When the line is too long, nothing from there is looked at until it is
//! shorter, except what comes from exactly the address and port of a registered phone. What was wrong is forgotten with time,
//! and never weighs more than a few minutes: the phones behind one address are not locked out for what one of them did.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base::{MS, Network, Now, TimerTable};
use serde::{Deserialize, Serialize};

/// How patient the guard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Wrong passwords that cost nothing: people mistype.
    pub free_mistakes: u32,
    /// How much later the first answer beyond those is, ms; each further mistake doubles it.
    pub first_delay_ms: u64,
    /// The longest that one answer keeps back the next, ms. A phone waits 32 s for an answer (RFC 3261 §17.1.2.2).
    pub max_delay_ms: u64,
    /// One mistake is forgotten in this time, ms.
    pub forget_ms: u64,
    /// More mistakes than this are not remembered.
    pub max_mistakes: u32,
    /// Longest time that an answer waits in line, ms; beyond it nothing is looked at.
    pub max_wait_ms: u64,
    /// Networks that are remembered. Each takes about 200 bytes.
    pub max_networks: usize,
}

impl Default for GuardSettings {
    fn default() -> Self {
        GuardSettings {
            free_mistakes: 4,
            first_delay_ms: 250,
            max_delay_ms: 4_000,
            forget_ms: 30_000,
            max_mistakes: 12,
            max_wait_ms: 12_000,
            max_networks: 10_000,
        }
    }
}

/// The networks that made mistakes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SourceGuard {
    networks: BTreeMap<Network, Record>,
    /// When each network has nothing against it any more: then it is forgotten. When the table is full the one goes that
    /// would go first anyway, so that many small offenders do not hide a big one.
    forgotten: TimerTable<Network>,
    /// Mistakes that were counted.
    pub mistakes: u64,
    /// Answers that were kept back.
    pub delayed: u64,
    /// Requests that were not looked at.
    pub turned_away: u64,
    /// Networks that had to be forgotten early.
    pub crowded_out: u64,
}

/// What there is against one network.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Record {
    mistakes: u32,
    /// Up to when forgetting has been reckoned.
    reckoned_ns: u64,
    /// When the last answer in line goes out.
    line_ends_ns: u64,
    /// Until then being a registered phone's address does not help.
    distrusted_until_ns: u64,
}

impl SourceGuard {
    /// Whether a request from `source` is looked at now. `is_known_phone`: it comes from exactly the address and port of a
    /// registered phone of whom it says it is.
    ///
    /// # Errors
    /// Seconds after which to try again, for the Retry-After of a 503.
    pub fn admit(
        &mut self,
        now: Now,
        source: IpAddr,
        is_known_phone: bool,
        settings: &GuardSettings,
    ) -> Result<(), u32> {
        self.forget(now);
        let Some(record) = self.networks.get(&Network::of(source)) else { return Ok(()) };
        if is_known_phone && record.distrusted_until_ns <= now.mono_ns {
            return Ok(());
        }
        let wait_ms = record.line_ends_ns.saturating_sub(now.mono_ns) / MS;
        if wait_ms <= settings.max_wait_ms {
            return Ok(());
        }
        self.turned_away += 1;
        Err(u32::try_from((wait_ms - settings.max_wait_ms).div_ceil(1_000)).unwrap_or(u32::MAX).max(1))
    }

    /// Counts a wrong password, or a user who is not there. Gives for how many ms its answer is to be kept back.
    pub fn mistake(&mut self, now: Now, source: IpAddr, is_known_phone: bool, settings: &GuardSettings) -> u64 {
        self.forget(now);
        self.mistakes += 1;
        let network = Network::of(source);
        if !self.networks.contains_key(&network) {
            while self.networks.len() >= settings.max_networks.max(1)
                && let Some(crowded_out) = self.forgotten.pop_expired(u64::MAX)
            {
                self.networks.remove(&crowded_out);
                self.crowded_out += 1;
            }
        }
        let record = self.networks.entry(network).or_insert(Record { reckoned_ns: now.mono_ns, ..Record::default() });
        record.reckon(now, settings);
        record.mistakes = record.mistakes.saturating_add(1).min(settings.max_mistakes);
        if is_known_phone {
            record.distrusted_until_ns = now.after_ms(settings.forget_ms);
        }
        self.keep_back(now, network, settings)
    }

    /// For how many ms another answer to `source` that asks for a password or refuses is to be kept back.
    pub fn other_answer(&mut self, now: Now, source: IpAddr, settings: &GuardSettings) -> u64 {
        self.forget(now);
        let network = Network::of(source);
        let Some(record) = self.networks.get_mut(&network) else { return 0 };
        record.reckon(now, settings);
        self.keep_back(now, network, settings)
    }

    /// How many networks are remembered: a gauge.
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Puts one answer into the line of a network that is in the table.
    fn keep_back(&mut self, now: Now, network: Network, settings: &GuardSettings) -> u64 {
        let Some(record) = self.networks.get_mut(&network) else { return 0 };
        let delay_ms = match record.mistakes.saturating_sub(settings.free_mistakes) {
            0 => 0,
            beyond => {
                let doubled = settings.first_delay_ms.saturating_mul(1 << (beyond - 1).min(32));
                doubled.min(settings.max_delay_ms)
            }
        };
        record.line_ends_ns = record.line_ends_ns.max(now.mono_ns).saturating_add(delay_ms.saturating_mul(MS));
        let wait_ms = (record.line_ends_ns - now.mono_ns) / MS;
        self.delayed += u64::from(wait_ms > 0);
        let to_forget_ns = u64::from(record.mistakes).saturating_mul(settings.forget_ms.max(1)).saturating_mul(MS);
        let clean_ns = record.reckoned_ns.saturating_add(to_forget_ns);
        self.forgotten.set(network, clean_ns.max(record.line_ends_ns).max(record.distrusted_until_ns));
        wait_ms
    }

    fn forget(&mut self, now: Now) {
        while let Some(network) = self.forgotten.pop_expired(now.mono_ns) {
            self.networks.remove(&network);
        }
    }
}

impl Record {
    /// Takes off what time has forgotten.
    fn reckon(&mut self, now: Now, settings: &GuardSettings) {
        let forget_ns = settings.forget_ms.max(1).saturating_mul(MS);
        let forgotten = now.mono_ns.saturating_sub(self.reckoned_ns) / forget_ns;
        self.mistakes = u64::from(self.mistakes).saturating_sub(forgotten) as u32;
        self.reckoned_ns = match self.mistakes {
            0 => now.mono_ns,
            _ => self.reckoned_ns.saturating_add(forgotten.saturating_mul(forget_ns)),
        };
    }
}

#[cfg(test)]
mod tests {
    use base::SECOND;

    use super::*;

    const SETTINGS: GuardSettings = GuardSettings {
        free_mistakes: 4,
        first_delay_ms: 250,
        max_delay_ms: 4_000,
        forget_ms: 30_000,
        max_mistakes: 12,
        max_wait_ms: 12_000,
        max_networks: 100,
    };

    fn at(second: u64) -> Now {
        Now { mono_ns: 1_000 * SECOND + second * SECOND, wall_us: 0 }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_few_mistakes_cost_nothing_and_further_ones_more_and_more() {
        let mut guard = SourceGuard::default();
        // Ten seconds apart, so no answer waits for the one before; one mistake in three is forgotten.
        let delays: Vec<_> = (0..24).map(|i| guard.mistake(at(10 * i), ip("192.0.2.1"), false, &SETTINGS)).collect();
        assert_eq!(delays[..8], [0, 0, 0, 0, 0, 250, 250, 500], "{delays:?}");
        assert!(delays.is_sorted() && delays[23] == 4_000, "{delays:?}");
        assert_eq!(guard.other_answer(at(250), ip("192.0.2.2"), &SETTINGS), 0, "a neighbour is not to blame");
    }

    #[test]
    fn guessing_in_parallel_gains_nothing() {
        let mut guard = SourceGuard::default();
        let source = ip("2001:db8::1");
        let mut looked_at = 0;
        for ms in 0..60_000 {
            let now = Now { mono_ns: ms * MS, wall_us: 0 };
            let same_network = ip(&format!("2001:db8::{:x}", 1 + ms % 100));
            if guard.admit(now, same_network, false, &SETTINGS).is_ok() {
                looked_at += 1;
                guard.mistake(now, same_network, false, &SETTINGS);
            }
        }
        assert!((15..=30).contains(&looked_at), "{looked_at} guesses in a minute");
        assert_eq!(guard.turned_away, 60_000 - looked_at);
        let now = Now { mono_ns: 60 * SECOND, wall_us: 0 };
        assert!(guard.admit(now, source, false, &SETTINGS).unwrap_err() <= 4);
        assert!(guard.admit(now, source, true, &SETTINGS).is_ok(), "a registered phone is looked at");
        guard.mistake(now, source, true, &SETTINGS);
        assert!(guard.admit(now, source, true, &SETTINGS).is_err(), "unless it guesses itself");
    }

    #[test]
    fn all_is_forgotten_in_minutes() {
        let mut guard = SourceGuard::default();
        (0..1_000).for_each(|_| {
            if guard.admit(at(0), ip("192.0.2.1"), false, &SETTINGS).is_ok() {
                guard.mistake(at(0), ip("192.0.2.1"), false, &SETTINGS);
            }
        });
        assert!(guard.admit(at(0), ip("192.0.2.1"), false, &SETTINGS).is_err());
        assert!(guard.admit(at(10), ip("192.0.2.1"), false, &SETTINGS).is_ok());
        assert!(guard.other_answer(at(20), ip("192.0.2.1"), &SETTINGS) > 0);
        assert_eq!(guard.other_answer(at(12 * 30 + 1), ip("192.0.2.1"), &SETTINGS), 0);
        assert!(guard.is_empty());
    }

    #[test]
    fn a_full_table_keeps_the_worst() {
        let mut guard = SourceGuard::default();
        let worst = ip("203.0.113.1");
        for _ in 0..10 {
            guard.mistake(at(0), worst, false, &SETTINGS);
        }
        for i in 0..10_000u32 {
            let source = IpAddr::from((0x0a00_0000 + i).to_be_bytes());
            guard.mistake(at(1), source, false, &SETTINGS);
            assert!(guard.len() <= SETTINGS.max_networks);
        }
        assert!(guard.other_answer(at(1), worst, &SETTINGS) > 0);
        assert_eq!(guard.crowded_out, 10_001 - 100);
    }

    #[test]
    fn a_restored_guard_goes_on() {
        let mut guard = SourceGuard::default();
        for _ in 0..7 {
            guard.mistake(at(0), ip("192.0.2.1"), false, &SETTINGS);
        }
        let written = rmp_serde::to_vec(&guard).unwrap();
        let mut restored: SourceGuard = rmp_serde::from_slice(&written).unwrap();
        let next = |guard: &mut SourceGuard| guard.mistake(at(1), ip("192.0.2.1"), false, &SETTINGS);
        assert_eq!(next(&mut restored), next(&mut guard));
    }
}
