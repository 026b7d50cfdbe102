//! Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): challenges, credentials, and whether they are right.
//!
//! Entry types: [`Verifier`] (one question, one [`Verdict`]), [`ServerKey`] (what nonces are made with), [`NonceTable`] (which
//! nonces were used, and how often). A nonce carries its own end and a keyed hash, so a challenge costs no memory; only one
//! that a right password came with is remembered. Of passwords nothing but H(A1) is wanted ([`Ha1`]).
//! Invariants: the time, the key and the randomness are arguments; an unknown user costs the work of a known one.

mod challenge;
mod credentials;
mod nonce;
mod nonce_table;
mod response;
mod verify;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use challenge::{Asker, challenges};
pub use credentials::{Credentials, CredentialsError};
pub use nonce::{Nonce, NonceScope, ServerKey};
pub use nonce_table::{NonceTable, Use};
pub use response::{ha1, response, same_resource};
pub use verify::{Ha1, Malformed, Verdict, Verifier};

/// A hash that a challenge may ask for. Session variants (`-sess`) and SHA-512-256 are not offered: no phone needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 7616; to be put first in the list of challenges (RFC 8760 §2.3).
    #[serde(rename = "SHA-256")]
    Sha256,
    /// What nearly every phone knows.
    #[serde(rename = "MD5")]
    Md5,
}

impl Algorithm {
    /// The name in `algorithm=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The algorithm of this name, in any case.
    pub fn parse(name: &[u8]) -> Option<Algorithm> {
        [Algorithm::Sha256, Algorithm::Md5]
            .into_iter()
            .find(|known| name.eq_ignore_ascii_case(known.as_str().as_bytes()))
    }

    /// Hex digits of its hash.
    pub fn hex_len(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Md5 => 32,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
