//! `[media]`: worker threads and prompts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::value;

/// The media engine.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// Worker threads; 0: as many as the machine has cores.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 64>")]
    pub workers: u8,
    /// Whether workers ask for real-time priority.
    pub realtime: bool,
    /// Where `file:` sounds lie; nothing outside of it is played.
    pub folder: PathBuf,
    /// Memory for prepared prompts, MiB.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 65_536>")]
    pub cache_mib: u64,
    /// Longest wait for the first byte of an http(s) prompt, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 120>")]
    pub fetch_seconds: u64,
    /// Longest wait for the next byte of an http(s) prompt, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 120>")]
    pub fetch_stall_seconds: u64,
    /// Slowest http(s) prompt that is waited for, KiB a second; 0: any.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 1_024>")]
    pub fetch_min_kib_per_second: u64,
    /// Longest time for an http(s) prompt, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 3_600>")]
    pub fetch_total_seconds: u64,
    /// Http(s) prompts that are fetched at once.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 512>")]
    pub fetches: usize,
    /// Of these, most from one host and port.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 512>")]
    pub fetches_per_host: usize,
    /// Largest http(s) prompt, MiB.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_024>")]
    pub fetch_mib: u64,
}

impl Default for MediaConfig {
    fn default() -> MediaConfig {
        MediaConfig {
            workers: 0,
            realtime: true,
            folder: PathBuf::from("media"),
            cache_mib: 256,
            fetch_seconds: 10,
            fetch_stall_seconds: 5,
            fetch_min_kib_per_second: 4,
            fetch_total_seconds: 120,
            fetches: 64,
            fetches_per_host: 8,
            fetch_mib: 64,
        }
    }
}
