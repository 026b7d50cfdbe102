//! The seeded generator behind tags, branches, Call-IDs, SSRCs and resource ids.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// A cryptographically strong generator whose whole future follows from its seed.
///
/// RFC 3261 §19.3 asks for tags with at least 32 bits of cryptographic randomness; RFC 3550 §8.1 for random SSRCs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// A generator from 32 bytes of the system's randomness, or from a fixed seed in tests.
    pub fn from_seed(seed: [u8; 32]) -> Random {
        Random(ChaCha12Rng::from_seed(seed))
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 16 random bytes, the raw material of a version 4 UUID.
    pub fn bytes16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A token of `length` lower-case letters and digits, five bits of randomness each.
    pub fn token(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut token = String::with_capacity(length);
        let mut bits = 0;
        for i in 0..length {
            if i % 12 == 0 {
                bits = self.next_u64();
            }
            token.push(char::from(ALPHABET[(bits & 31) as usize]));
            bits >>= 5;
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_future() {
        let mut a = Random::from_seed([7; 32]);
        let mut b = Random::from_seed([7; 32]);
        assert_eq!(a.token(20), b.token(20));
        assert_eq!(a.next_u64(), b.next_u64());
        assert_ne!(a.token(20), a.token(20));
    }

    #[test]
    fn a_restored_generator_goes_on_where_it_was() {
        let mut a = Random::from_seed([7; 32]);
        a.next_u32();
        let saved = rmp_serde::to_vec(&a).unwrap();
        let mut b: Random = rmp_serde::from_slice(&saved).unwrap();
        assert_eq!(a.next_u64(), b.next_u64());
    }
}
