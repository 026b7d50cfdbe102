//! Passwords of people: Argon2id, as slow for a name that nobody has as for one that somebody has.

use std::fmt;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// Longest password, bytes: hashing more would cost more.
pub(crate) const MAX_BYTES: usize = 1_024;

/// Checked for names that nobody has, so that these take as long as others. It is nobody's: salt and hash were drawn.
pub(crate) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$trrr/sxbU4EIxHDXwwEE8g$rH6Z4Bj5ExIyfFoloxgIGlq2d3weL4GHoVd5gkQ5zLY";

/// A password could not be hashed.
#[derive(Debug)]
pub struct HashError(String);

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the password could not be hashed: {}", self.0)
    }
}

impl std::error::Error for HashError {}

/// The hash of a password in PHC form, with a new salt. Takes some ten milliseconds and 19 MiB.
///
/// # Errors
/// [`HashError`], when the system has no randomness or memory for it.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| HashError(error.to_string()))
}

/// Whether the password is the one of `hash`.
pub fn is_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_hash_costs_as_much_as_others_and_no_password_fits() {
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(NOBODY), cost(&hash_password("x").unwrap()));
        let parsed = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(parsed.hash.unwrap().as_bytes().len(), 32);
        assert!(!is_password("", NOBODY));
    }

    #[test]
    fn only_the_right_password_fits() {
        let hash = hash_password("secret").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(is_password("secret", &hash));
        assert!(!is_password("Secret", &hash) && !is_password("", &hash));
        assert!(!is_password("secret", "") && !is_password("secret", "plain"));
        assert_ne!(hash, hash_password("secret").unwrap(), "each has its own salt");
    }
}
