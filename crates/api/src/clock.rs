//! The wall clock and the system's randomness, for what the API makes itself: times, ids, keys.

use std::time::{SystemTime, UNIX_EPOCH};

use base::Random;
use model::Timestamp;
use uuid::Uuid;

/// This moment.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_us(since.as_micros().try_into().unwrap_or(u64::MAX))
}

/// Octets that nobody can guess.
pub(crate) fn random_octets<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).expect("the system gives randomness");
    octets
}

/// A generator with an unguessable seed, for the ids of a whole flow.
pub(crate) fn random() -> Random {
    Random::from_seed(random_octets())
}

/// A new id.
pub(crate) fn new_id() -> Uuid {
    uuid::Builder::from_random_bytes(random_octets()).into_uuid()
}

/// `direct.` and 12 hex digits: makes a resource dialable.
pub fn direct_hash() -> String {
    format!("direct.{}", hex(&random_octets::<6>()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = octets.iter().flat_map(|octet| [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
    digits.map(char::from).collect()
}
