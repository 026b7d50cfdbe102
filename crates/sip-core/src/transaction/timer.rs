//! The timers of RFC 3261 §17 (table 4 in appendix A) and RFC 6026 by their letters, and how long each runs.
//!
//! There is no Timer C: it belongs to proxies. A user agent ends a ringing INVITE by CANCEL when its core says so.

use serde::{Deserialize, Serialize};

/// A timer of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// INVITE client: send the request again. Doubles without limit, RFC 3261 §17.1.1.2.
    A,
    /// INVITE client: nobody answered, RFC 3261 §17.1.1.2.
    B,
    /// INVITE client: absorb repeated final responses, RFC 3261 §17.1.1.2.
    D,
    /// Non-INVITE client: send the request again. Doubles up to T2, RFC 3261 §17.1.2.2.
    E,
    /// Non-INVITE client: nobody answered, RFC 3261 §17.1.2.2.
    F,
    /// INVITE server: send the non-2xx response again. Doubles up to T2, RFC 3261 §17.2.1.
    G,
    /// INVITE server: no ACK came for a non-2xx response, RFC 3261 §17.2.1.
    H,
    /// INVITE server: absorb repeated ACKs, RFC 3261 §17.2.1.
    I,
    /// Non-INVITE server: absorb repeated requests, RFC 3261 §17.2.2.
    J,
    /// Non-INVITE client: absorb repeated responses, RFC 3261 §17.1.2.2.
    K,
    /// INVITE server: absorb repeated INVITEs after a 2xx, RFC 6026 §7.1.
    L,
    /// INVITE client: pass on repeated and forked 2xx, RFC 6026 §7.2.
    M,
    /// INVITE client: no final response came after CANCEL. Has no letter, RFC 3261 §9.1.
    Cancelled,
    /// Non-INVITE server: our core gave no final response while the client could still have used one. Has no letter,
    /// RFC 4320 §4.2.
    Unanswered,
}

impl Timer {
    /// The first in the order of all timers.
    pub(crate) const FIRST: Timer = Timer::A;
    /// The last in the order of all timers: who adds one behind it names that one here.
    pub(crate) const LAST: Timer = Timer::Unanswered;
}

/// The base values all timers are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaseTimers {
    /// T1: estimate of the round trip, milliseconds. RFC 3261 §17.1.1.1 recommends 500.
    pub t1_ms: u64,
    /// T2: longest interval between repetitions, milliseconds. RFC 3261 §17.1.2.2 recommends 4000.
    pub t2_ms: u64,
    /// T4: how long a message lives in the network, milliseconds. RFC 3261 §17.1.2.2 recommends 5000.
    pub t4_ms: u64,
}

impl Default for BaseTimers {
    fn default() -> Self {
        BaseTimers { t1_ms: 500, t2_ms: 4_000, t4_ms: 5_000 }
    }
}

impl BaseTimers {
    /// 64*T1, the life of a transaction that hears nothing, milliseconds. RFC 3261 §17.1.1.2.
    pub fn transaction_ms(&self) -> u64 {
        self.t1_ms.saturating_mul(64)
    }

    /// How long `timer` runs when it is started for the `repeat`-th time (0 = first), milliseconds. None: it does not run on
    /// this transport. Zero: it expires at once.
    pub(crate) fn delay_ms(&self, timer: Timer, reliable: bool, repeat: u8) -> Option<u64> {
        // At least 1 ms, or a T1 of zero would repeat without end within one instant.
        let doubled_ms = self.t1_ms.max(1).saturating_mul(1 << repeat.min(32));
        match timer {
            Timer::A if reliable => None,
            Timer::A => Some(doubled_ms),
            Timer::E | Timer::G if reliable => None,
            Timer::E | Timer::G => Some(doubled_ms.min(self.t2_ms.max(1))),
            Timer::D | Timer::J | Timer::I | Timer::K if reliable => Some(0),
            Timer::I | Timer::K => Some(self.t4_ms),
            Timer::D | Timer::J => Some(self.transaction_ms()),
            Timer::B | Timer::F | Timer::H | Timer::L | Timer::M | Timer::Cancelled | Timer::Unanswered => {
                Some(self.transaction_ms())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_a_doubles_without_limit_and_timers_e_and_g_up_to_t2() {
        let base = BaseTimers::default();
        let series = |timer| (0..7).filter_map(|n| base.delay_ms(timer, false, n)).collect::<Vec<_>>();
        assert_eq!(series(Timer::A), [500, 1000, 2000, 4000, 8000, 16000, 32000]);
        assert_eq!(series(Timer::E), [500, 1000, 2000, 4000, 4000, 4000, 4000]);
        assert_eq!(series(Timer::G), [500, 1000, 2000, 4000, 4000, 4000, 4000]);
    }

    #[test]
    fn a_reliable_transport_needs_no_repetition_and_absorbs_nothing() {
        let base = BaseTimers::default();
        for timer in [Timer::A, Timer::E, Timer::G] {
            assert_eq!(base.delay_ms(timer, true, 0), None, "{timer:?}");
        }
        for timer in [Timer::D, Timer::I, Timer::J, Timer::K] {
            assert_eq!(base.delay_ms(timer, true, 0), Some(0), "{timer:?}");
        }
        for timer in [Timer::B, Timer::F, Timer::H, Timer::L, Timer::M] {
            assert_eq!(base.delay_ms(timer, true, 0), Some(32_000), "{timer:?}");
        }
    }

    #[test]
    fn values_of_an_unreliable_transport_are_those_of_table_4() {
        let base = BaseTimers::default();
        for timer in [Timer::B, Timer::D, Timer::F, Timer::H, Timer::J, Timer::L, Timer::M] {
            assert_eq!(base.delay_ms(timer, false, 0), Some(32_000), "{timer:?}");
        }
        assert_eq!(base.delay_ms(Timer::I, false, 0), Some(5_000));
        assert_eq!(base.delay_ms(Timer::K, false, 0), Some(5_000));
    }
}
