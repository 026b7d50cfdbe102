//! The tokens of access keys: `vb_` and 32 letters and digits. Only their hash is kept.

use sha2::{Digest, Sha256};

use crate::clock::{hex, random_octets};

/// What every token begins with.
pub(crate) const PREFIX: &str = "vb_";
/// The characters after the prefix.
const LENGTH: usize = 32;
/// How many of them a key shows for ever.
const SHOWN: usize = 8;

/// A token that was just made; shown once.
#[derive(Clone)]
pub struct NewToken(String);

impl NewToken {
    /// Draws a token: 190 bits that nobody can guess.
    pub fn random() -> NewToken {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut token = PREFIX.to_owned();
        while token.len() < PREFIX.len() + LENGTH {
            // What is 248 or more is left out, so that every character is as likely as any other.
            let drawn = random_octets::<64>().into_iter().filter(|octet| *octet < 248);
            let missing = PREFIX.len() + LENGTH - token.len();
            token.extend(drawn.take(missing).map(|octet| char::from(ALPHABET[usize::from(octet % 62)])));
        }
        NewToken(token)
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the key's `token_prefix` is.
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX.len() + SHOWN]
    }

    /// What the key's `token_hash` is.
    pub fn hash(&self) -> String {
        token_hash(&self.0)
    }
}

/// The hash by which a token is found: SHA-256, lower-case hex. A token is random enough to need no salt.
pub fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_form_and_no_two_are_the_same() {
        let (a, b) = (NewToken::random(), NewToken::random());
        assert_eq!(a.as_str().len(), 35);
        assert!(a.as_str()[3..].chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(a.prefix(), &a.as_str()[..11]);
        assert_ne!(a.as_str(), b.as_str());
        assert_eq!(token_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
