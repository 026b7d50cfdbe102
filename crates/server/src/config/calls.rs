//! `[calls]`: how long calls last and how unanswered ones end.

use serde::{Deserialize, Serialize};

use super::value;

/// Rules for every call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallsConfig {
    /// Longest call, ms; 0: no limit.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 604_800_000>")]
    pub max_duration_ms: u64,
    /// SIP status for an unanswered call whose flow ended, was stopped, failed, or ran out of time.
    #[serde(deserialize_with = "value::whole::<_, _, 400, 699>")]
    pub ended_status: u16,
}

impl Default for CallsConfig {
    fn default() -> CallsConfig {
        CallsConfig { max_duration_ms: 3_600_000, ended_status: 480 }
    }
}
