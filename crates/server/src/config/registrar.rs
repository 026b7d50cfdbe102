//! `[registrar]`: how phones register and prove who they are.

use serde::{Deserialize, Serialize};

use super::value;

/// Registration and digest authentication (spec/media.md §4).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrarConfig {
    /// Offered digest algorithms, first choice first.
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce is valid, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 86_400>")]
    pub nonce_seconds: u32,
    /// Shortest registration, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 86_400>")]
    pub shortest_seconds: u32,
    /// Longest registration, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 604_800>")]
    pub longest_seconds: u32,
    /// Registration of a phone that asks for no time, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 604_800>")]
    pub usual_seconds: u32,
    /// Most contacts of one extension.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10>")]
    pub max_contacts: u32,
}

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Algorithm {
    /// RFC 3261 §22: what every phone knows.
    #[serde(rename = "MD5")]
    Md5,
    /// RFC 8760.
    #[serde(rename = "SHA-256")]
    Sha256,
}

impl Algorithm {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }
}

impl Default for RegistrarConfig {
    fn default() -> RegistrarConfig {
        RegistrarConfig {
            algorithms: vec![Algorithm::Md5],
            nonce_seconds: 300,
            shortest_seconds: 60,
            longest_seconds: 7_200,
            usual_seconds: 3_600,
            max_contacts: 3,
        }
    }
}
