//! `[http]`: where the API, health, metrics and SIP over WebSocket are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::value;

/// The HTTP listener.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Local address; `0.0.0.0` takes all IPv4 addresses.
    #[serde(deserialize_with = "value::address")]
    pub address: IpAddr,
    /// Local port.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 65_535>")]
    pub port: u16,
    /// Most connections at one time; see [`api::Limits::max_connections`].
    #[serde(deserialize_with = "value::whole::<_, _, 4, 1_000_000>")]
    pub max_connections: usize,
    /// A connection that says nothing for so long is closed, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 86_400>")]
    pub idle_seconds: u64,
    /// Origins (RFC 6454) of the web pages that may connect to `/sip`; with none, all may.
    #[serde(deserialize_with = "value::origins")]
    pub sip_origins: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            address: Ipv4Addr::UNSPECIFIED.into(),
            port: 8080,
            max_connections: 512,
            idle_seconds: 60,
            sip_origins: Vec::new(),
        }
    }
}

impl HttpConfig {
    /// Where the socket is bound.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}
