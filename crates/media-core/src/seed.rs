//! Small, fast randomness of one stream, for what needs spread but no secrecy: report times, a fresh SSRC, the CNAME.

/// The SplitMix64 generator.
#[derive(Clone, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    /// Mixes the (cryptographically random) numbers that control chose for the stream.
    pub(crate) fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> Seed {
        let mut seed = Seed(u64::from(ssrc) << 32 | u64::from(first_timestamp));
        Seed(seed.next_u64() ^ u64::from(first_sequence))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
}
