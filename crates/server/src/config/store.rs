//! `[store]`: how soon things are on disk, and how long they stay.

use serde::{Deserialize, Serialize};

use super::value;

/// Event log and database.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Entries of the event log are gathered for so long, ms, before they are synced together.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 20>")]
    pub sync_ms: u64,
    /// Days that the event log is kept.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 3_650>")]
    pub log_days: u32,
    /// Most MiB of event log.
    #[serde(deserialize_with = "value::whole::<_, _, 16, 1_048_576>")]
    pub log_mib: u64,
    /// Days that calls, activeflows and their timelines are kept; 0: for ever.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 36_500>")]
    pub record_days: u32,
}

impl Default for StoreConfig {
    fn default() -> StoreConfig {
        StoreConfig { sync_ms: 20, log_days: 7, log_mib: 4_096, record_days: 90 }
    }
}
