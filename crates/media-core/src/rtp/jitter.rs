//! Interarrival jitter (RFC 3550 §6.4.1 and A.8).

/// Estimates the jitter of one source's packets in integers, scaled by 16.
#[derive(Clone, Copy, Debug, Default)]
pub struct InterarrivalJitter {
    transit: Option<u32>,
    scaled: u32,
}

impl InterarrivalJitter {
    /// One packet. `arrival` is its time of arrival in units of the RTP clock, from any origin.
    pub fn arrived(&mut self, arrival: u32, timestamp: u32) {
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(previous) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(previous) as i32).unsigned_abs();
            // A.8, integer form: J += |D| - (J + 8) / 16, all scaled. Saturating, because a peer's timestamps may jump.
            self.scaled = self.scaled.saturating_add(difference) - (self.scaled.saturating_add(8) >> 4);
        }
    }

    /// The estimate, RTP timestamp units.
    pub fn samples(&self) -> u32 {
        self.scaled >> 4
    }

    /// Forgets the last packet, so that a jump of the timestamps does not count; the estimate stays.
    pub fn forget_transit(&mut self) {
        self.transit = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_has_no_jitter() {
        let mut jitter = InterarrivalJitter::default();
        for n in 0..100_u32 {
            jitter.arrived(7_000 + n * 160, (u32::MAX - 3).wrapping_add(n * 160));
        }
        assert_eq!(jitter.samples(), 0);
    }

    #[test]
    fn alternating_delay_converges_to_its_difference() {
        let mut jitter = InterarrivalJitter::default();
        for n in 0..400_u32 {
            jitter.arrived(n * 160 + (n % 2) * 80, n * 160);
        }
        assert!((78..=80).contains(&jitter.samples()), "{}", jitter.samples());
    }

    #[test]
    fn wild_timestamps_do_not_overflow() {
        let mut jitter = InterarrivalJitter::default();
        for n in 0..1000_u32 {
            jitter.arrived(n, n.wrapping_mul(0x8000_0001));
        }
        assert!(jitter.samples() <= u32::MAX >> 4);
    }
}
