//! `[recordings]`: where recorded calls are written.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::value;

/// Recordings (spec/media.md §8).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingsConfig {
    /// Folder of the files; empty: `recordings` below `data_dir`.
    pub folder: PathBuf,
    /// Threads that write.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 16>")]
    pub threads: usize,
    /// Longest recording, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 86_400>")]
    pub longest_seconds: u64,
}

impl Default for RecordingsConfig {
    fn default() -> RecordingsConfig {
        RecordingsConfig { folder: PathBuf::new(), threads: 1, longest_seconds: 86_400 }
    }
}
