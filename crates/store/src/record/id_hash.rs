//! A hash of ids for the tables of records and timelines, several of which are looked up for each entry of the log. The ids are
//! random already, so two multiplications spread them; a seed of the process keeps ids that somebody chose from colliding.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes the hashers of one table.
#[derive(Clone, Debug)]
pub(super) struct IdHash(u64);

impl Default for IdHash {
    fn default() -> IdHash {
        IdHash(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

/// Folds eight octets at a time into its state.
pub(super) struct IdHasher(u64);

impl IdHasher {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<8>();
        words.iter().for_each(|word| self.fold(u64::from_le_bytes(*word)));
        rest.iter().for_each(|octet| self.fold(u64::from(*octet)));
    }

    fn write_isize(&mut self, number: isize) {
        self.fold(number as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_that_follow_each_other_spread_over_all_bits() {
        let hash = IdHash::default();
        let hashes: Vec<u64> = (0..4_096).map(|number| hash.hash_one(Uuid::from_u128(number << 64))).collect();
        for shift in [0, 20, 52] {
            let some: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 0xfff).collect();
            // Of 4096 places that are hit at random 4096 times, 2589 are hit at all.
            assert!((2_400..2_800).contains(&some.len()), "{shift}: {}", some.len());
        }
        assert_ne!(hash.hash_one(Uuid::nil()), IdHash::default().hash_one(Uuid::nil()), "each process has its own");
    }
}
