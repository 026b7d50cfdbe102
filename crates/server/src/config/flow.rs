//! `[flow]`: limits and switches of the flow runtime.

use serde::{Deserialize, Serialize};

use super::value;

/// The flow runtime.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowConfig {
    /// Most actions of one activeflow.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_000_000_000>")]
    pub max_execute_count: u64,
    /// Whether `condition_datetime` compares unit by unit with the operands reversed, as VoIPBIN does.
    pub datetime_legacy: bool,
}

impl Default for FlowConfig {
    fn default() -> FlowConfig {
        FlowConfig { max_execute_count: 10_000, datetime_legacy: false }
    }
}
