//! `[rtp]`: addresses and ports of the sound.

use serde::{Deserialize, Serialize};

use super::value::{self, OptionalAddress};

/// Ports and addresses of RTP and RTCP.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RtpConfig {
    /// First port, even: each call takes an even port for RTP and the next one for RTCP.
    #[serde(deserialize_with = "value::whole::<_, _, 1_024, 65_534>")]
    pub first_port: u16,
    /// Last port, odd.
    #[serde(deserialize_with = "value::whole::<_, _, 1_025, 65_535>")]
    pub last_port: u16,
    /// Local address of the sound; none: the one that the call's INVITE arrived on.
    pub address: OptionalAddress,
    /// What SDP says instead of the local address; none: the SIP listener's `public_address`, else the local one.
    pub public_address: OptionalAddress,
    /// Bound port pairs kept ready for the next calls.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 32_000>")]
    pub ready_pairs: u32,
    /// How long a released pair rests, so that a late sender is not heard in the next call, ms.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 60_000>")]
    pub rest_ms: u64,
}

impl Default for RtpConfig {
    fn default() -> RtpConfig {
        RtpConfig {
            first_port: 10_000,
            last_port: 29_999,
            address: OptionalAddress(None),
            public_address: OptionalAddress(None),
            ready_pairs: 256,
            rest_ms: 2_000,
        }
    }
}

impl RtpConfig {
    /// How many pairs of ports the range holds.
    pub fn pairs(&self) -> u32 {
        (u32::from(self.last_port) + 1 - u32::from(self.first_port)) / 2
    }
}
