//! `[control]`: the control loops and the lanes into them.

use serde::{Deserialize, Serialize};

use super::value;

/// The threads that own all call state.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlConfig {
    /// Control loops; each call belongs to one of them.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 64>")]
    pub loops: u8,
    /// Places in each loop's lane for requests of known calls, responses and facts from the media.
    #[serde(deserialize_with = "value::whole::<_, _, 64, 16_777_216>")]
    pub urgent_lane: usize,
    /// Places in each loop's lane for new calls.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_048_576>")]
    pub new_work_lane: usize,
    /// Places in each loop's lane for requests of the API.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_048_576>")]
    pub api_lane: usize,
    /// Most SIP transactions of each loop at one time.
    #[serde(deserialize_with = "value::whole::<_, _, 64, 16_777_216>")]
    pub max_transactions: usize,
}

impl Default for ControlConfig {
    fn default() -> ControlConfig {
        ControlConfig { loops: 1, urgent_lane: 65_536, new_work_lane: 1_024, api_lane: 256, max_transactions: 131_072 }
    }
}
