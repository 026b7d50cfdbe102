//! When INVITEs of both sides, or two of one side, meet within a dialog: RFC 3261 §14.1 and §14.2.

use base::Random;
use serde::{Deserialize, Serialize};

/// Which INVITEs of a dialog have no final response yet. At most one of each side goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingInvites {
    ours: bool,
    theirs: bool,
}

/// Why an INVITE within a dialog cannot be served now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glare {
    /// One of theirs has no final response yet: 500 with this Retry-After in seconds, RFC 3261 §14.2.
    TheirsPending {
        /// Random, 0 to 10 seconds.
        retry_after_s: u32,
    },
    /// One of ours has no final response yet: 491, RFC 3261 §14.2.
    OursPending,
}

impl Glare {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Glare::TheirsPending { .. } => 500,
            Glare::OursPending => 491,
        }
    }
}

impl PendingInvites {
    /// An INVITE of theirs arrives. Ok: it is pending now. The INVITE that begins a dialog counts, too.
    pub fn receive(&mut self, random: &mut Random) -> Result<(), Glare> {
        if self.theirs {
            return Err(Glare::TheirsPending { retry_after_s: random.next_u32() % 11 });
        }
        if self.ours {
            return Err(Glare::OursPending);
        }
        self.theirs = true;
        Ok(())
    }

    /// We gave a final response to theirs.
    pub fn answered_by_us(&mut self) {
        self.theirs = false;
    }

    /// We want to send one. False: not while another is pending, of whichever side (RFC 3261 §14.1).
    pub fn try_send(&mut self) -> bool {
        let free = !self.ours && !self.theirs;
        self.ours |= free;
        free
    }

    /// Ours got its final response, or will get none.
    pub fn answered_by_them(&mut self) {
        self.ours = false;
    }

    /// Whether one of ours is pending.
    pub fn ours_pending(&self) -> bool {
        self.ours
    }

    /// Whether one of theirs is pending.
    pub fn theirs_pending(&self) -> bool {
        self.theirs
    }
}

/// How long to wait after a 491 before trying again, milliseconds in units of 10: 2.1 to 4 s for the side that made the
/// Call-ID, 0 to 2 s for the other, so that they do not meet again (RFC 3261 §14.1).
pub fn backoff_after_491_ms(made_call_id: bool, random: &mut Random) -> u64 {
    let draw = u64::from(random.next_u32());
    match made_call_id {
        true => 2_100 + 10 * (draw % 191),
        false => 10 * (draw % 201),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> Random {
        Random::from_seed([3; 32])
    }

    #[test]
    fn a_second_invite_while_one_is_pending_gets_500_with_retry_after_up_to_10_s() {
        let mut random = random();
        for _ in 0..200 {
            let mut pending = PendingInvites::default();
            pending.receive(&mut random).unwrap();
            let glare = pending.receive(&mut random).unwrap_err();
            assert_eq!(glare.status(), 500);
            assert!(matches!(glare, Glare::TheirsPending { retry_after_s: 0..=10 }), "{glare:?}");
        }
    }

    #[test]
    fn an_invite_while_ours_is_pending_gets_491() {
        let mut pending = PendingInvites::default();
        assert!(pending.try_send());
        assert_eq!(pending.receive(&mut random()), Err(Glare::OursPending));
        assert_eq!(Glare::OursPending.status(), 491);
        pending.answered_by_them();
        assert_eq!(pending.receive(&mut random()), Ok(()));
    }

    #[test]
    fn ours_waits_until_both_sides_are_answered() {
        let mut pending = PendingInvites::default();
        pending.receive(&mut random()).unwrap();
        assert!(!pending.try_send());
        assert!(!pending.ours_pending());
        pending.answered_by_us();
        assert!(pending.try_send());
        assert!(!pending.try_send());
    }

    #[test]
    fn the_sides_back_off_within_their_own_ranges_after_491() {
        let mut random = random();
        for _ in 0..500 {
            let owner_ms = backoff_after_491_ms(true, &mut random);
            let other_ms = backoff_after_491_ms(false, &mut random);
            assert!((2_100..=4_000).contains(&owner_ms) && owner_ms.is_multiple_of(10), "{owner_ms}");
            assert!((0..=2_000).contains(&other_ms) && other_ms.is_multiple_of(10), "{other_ms}");
        }
    }
}
