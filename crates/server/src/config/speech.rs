//! `[speech]`: the program that speaks.

use serde::{Deserialize, Serialize};

use super::value;

/// Text to speech (spec/actions.md `talk`).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechConfig {
    /// The program; empty: there is no speech.
    pub program: String,
    /// Most of its processes at one time.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 64>")]
    pub processes: usize,
    /// What was spoken is kept on disk up to this size, MiB.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 1_048_576>")]
    pub cache_mib: u64,
}

impl Default for SpeechConfig {
    fn default() -> SpeechConfig {
        SpeechConfig { program: "espeak-ng".to_owned(), processes: 2, cache_mib: 512 }
    }
}
