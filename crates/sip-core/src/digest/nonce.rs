//! Nonces that say themselves until when they hold and that we made them (RFC 7616 §5.4), so that a challenge is not kept.
//!
//! 58 hex digits: the second of the wall clock at which it ends (10), 64 random bits (16), and 128 bits of HMAC-SHA-256 (32)
//! under the server's key over both and over the scope: the realm, the loop that made it, and the network of the address
//! that asked (/24 of IPv4, /48 of IPv6). The whole network and not the address, since carriers' NAT gives one phone
//! several neighbouring addresses. A nonce that comes from elsewhere is answered with a new one (`stale=true`), for which a
//! phone asks nobody. The wall clock and not the monotonic one, since a nonce outlives the process that made it; a clock
//! that jumps costs one more round trip.

use std::fmt;
use std::net::IpAddr;

use base::LoopId;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::response::hex;
use super::{Algorithm, response};

/// Digits of a nonce: end, random bits, check.
const END_DIGITS: usize = 10;
const RANDOM_DIGITS: usize = 16;
const CHECK_BYTES: usize = 16;
const DIGITS: usize = END_DIGITS + RANDOM_DIGITS + 2 * CHECK_BYTES;

/// The secret that nonces are made with: 32 bytes of the system's randomness. Who begins with an empty
/// [`NonceTable`](super::NonceTable) begins with a new key, else what was sent before could be sent again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerKey([u8; 32]);

impl ServerKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> ServerKey {
        ServerKey(bytes)
    }

    /// The H(A1) of a user who is not there: the same each time, known to nobody, and no work to tell from a real one.
    pub(super) fn decoy_ha1(&self, algorithm: Algorithm, realm: &str, user: &[u8]) -> String {
        let secret = self.keyed([b"decoy", realm.as_bytes(), user]);
        response::ha1(algorithm, "", realm, &hex(&secret))
    }

    /// HMAC-SHA-256 over the parts, each behind its length so that no two lists of parts are the same text.
    fn keyed<const N: usize>(&self, parts: [&[u8]; N]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(..)")
    }
}

/// What a nonce is bound to: elsewhere it is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceScope<'a> {
    /// The realm of the challenge.
    pub realm: &'a str,
    /// Where the request came from; its network counts.
    pub source: IpAddr,
    /// The loop that keeps count of its uses, so that it cannot be used once in each.
    pub owner: LoopId,
}

impl NonceScope<'_> {
    /// The leading bytes of the address that count, behind the kind of address.
    fn network(&self) -> [u8; 7] {
        match self.source.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                [4, a, b, c, 0, 0, 0]
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                [6, a, b, c, d, e, f]
            }
        }
    }
}

/// A nonce that we made, by what tells it from all others. Ordered by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Nonce {
    /// The second of the Unix epoch from which on it is stale.
    pub ends_s: u64,
    /// Its random bits.
    pub random: u64,
}

impl Nonce {
    /// A new nonce that holds until `ends_s`; `random` comes from a strong generator.
    pub fn new(ends_s: u64, random: u64) -> Nonce {
        Nonce { ends_s: ends_s & 0xff_ffff_ffff, random }
    }

    /// As it is written in a challenge.
    pub fn write(self, key: &ServerKey, scope: &NonceScope<'_>) -> String {
        format!("{:010x}{:016x}{}", self.ends_s, self.random, hex(&self.check(key, scope)))
    }

    /// The nonce that `text` is, if we made it with this key for this scope. It may have ended.
    pub fn read(text: &[u8], key: &ServerKey, scope: &NonceScope<'_>) -> Option<Nonce> {
        if text.len() != DIGITS {
            return None;
        }
        let (end, rest) = text.split_at(END_DIGITS);
        let (random, check) = rest.split_at(RANDOM_DIGITS);
        let nonce = Nonce { ends_s: hex_number(end)?, random: hex_number(random)? };
        let expected = hex(&nonce.check(key, scope));
        bool::from(expected.as_bytes().ct_eq(check)).then_some(nonce)
    }

    fn check(self, key: &ServerKey, scope: &NonceScope<'_>) -> [u8; CHECK_BYTES] {
        let (end, random) = (self.ends_s.to_be_bytes(), self.random.to_be_bytes());
        let parts: [&[u8]; 6] = [b"nonce", &end, &random, scope.realm.as_bytes(), &scope.network(), &[scope.owner.0]];
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&key.keyed(parts)[..CHECK_BYTES]);
        check
    }
}

/// A number of small hex digits only: each nonce has one spelling.
fn hex_number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(source: &str) -> NonceScope<'static> {
        NonceScope { realm: "r", source: source.parse().unwrap(), owner: LoopId(1) }
    }

    #[test]
    fn a_nonce_is_read_by_its_maker_and_in_its_scope_only() {
        let key = ServerKey::new([1; 32]);
        let nonce = Nonce::new(1_800_000_000, 0x0123_4567_89ab_cdef);
        let text = nonce.write(&key, &scope("192.0.2.7"));
        assert_eq!(text.len(), DIGITS);
        let read = |scope| Nonce::read(text.as_bytes(), &key, &scope);
        assert_eq!(read(scope("192.0.2.7")), Some(nonce));
        assert_eq!(read(scope("::ffff:192.0.2.200")), Some(nonce), "a neighbour, mapped into IPv6");
        assert_eq!(read(scope("192.0.3.7")), None);
        assert_eq!(read(NonceScope { realm: "other", ..scope("192.0.2.7") }), None);
        assert_eq!(read(NonceScope { owner: LoopId(2), ..scope("192.0.2.7") }), None);
        assert_eq!(Nonce::read(text.as_bytes(), &ServerKey::new([2; 32]), &scope("192.0.2.7")), None);
        let other = nonce.write(&key, &scope("2001:db8:1::1"));
        assert_eq!(Nonce::read(other.as_bytes(), &key, &scope("2001:db8:1:ffff::2")), Some(nonce));
        assert_eq!(Nonce::read(other.as_bytes(), &key, &scope("2001:db8:2::1")), None);
    }

    #[test]
    fn a_nonce_that_was_touched_is_not_ours() {
        let key = ServerKey::new([1; 32]);
        let text = Nonce::new(1_800_000_000, 7).write(&key, &scope("192.0.2.7"));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(Nonce::read(&bytes, &key, &scope("192.0.2.7")), None, "digit {at}");
        }
        let upper = text.to_uppercase();
        assert!(upper == text || Nonce::read(upper.as_bytes(), &key, &scope("192.0.2.7")).is_none());
        assert_eq!(Nonce::read(b"", &key, &scope("192.0.2.7")), None);
    }

    #[test]
    fn the_key_is_never_shown() {
        assert_eq!(format!("{:?}", ServerKey::new([7; 32])), "ServerKey(..)");
    }
}
