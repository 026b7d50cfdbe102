//! `[sip]`: listeners, who may call without authentication, how many calls, timers.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Serialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::value::{self, ListenAddress, OptionalAddress};

/// Signalling.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SipConfig {
    /// What the headers `Server` and `User-Agent` say; `""` leaves them out.
    #[serde(deserialize_with = "product")]
    pub user_agent: String,
    /// Networks from which calls are taken without authentication.
    #[serde(deserialize_with = "value::networks")]
    pub open_networks: Vec<IpNet>,
    /// The base domain: phones register at `<customer id>.registrar.<domain>` or at any address of the server.
    #[serde(deserialize_with = "domain")]
    pub domain: String,
    /// Whether conferences can be dialled without a password.
    pub open_conferences: bool,
    /// Most calls at one time; further ones get 503.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_000_000>")]
    pub max_calls: u32,
    /// Most new calls in a second; further ones get 503.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_000_000>")]
    pub max_new_calls_per_second: u32,
    /// `Retry-After` of those 503, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 3600>")]
    pub retry_after_seconds: u32,
    /// RFC 3261 §17.1.1.1: estimate of the round trip, first retransmission, ms.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 10_000>")]
    pub t1_ms: u64,
    /// RFC 3261 §17.1.2.1: longest gap between retransmissions, ms.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 60_000>")]
    pub t2_ms: u64,
    /// RFC 3261 §17.1.2.2: how long a message may live in the network, ms.
    #[serde(deserialize_with = "value::whole::<_, _, 10, 60_000>")]
    pub t4_ms: u64,
    /// Size asked of the kernel for each listener's socket buffers, bytes.
    #[serde(deserialize_with = "value::whole::<_, _, 65_536, 1_073_741_824>")]
    pub socket_buffer_bytes: usize,
    /// Most SIP connections at one time, over TCP, TLS and WebSocket together.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_000_000>")]
    pub max_connections: usize,
    /// Most of them with one address, or one /64 of IPv6.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1_000_000>")]
    pub max_connections_per_address: usize,
    /// A connection over which nothing comes for so long is closed, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 30, 1_000_000>")]
    pub connection_idle_seconds: u64,
    /// UDP listeners, at least one.
    #[serde(deserialize_with = "one_or_several")]
    pub udp: Vec<UdpListenerConfig>,
    /// TCP listeners.
    #[serde(deserialize_with = "none_or_several")]
    pub tcp: Vec<TcpListenerConfig>,
    /// TLS listeners.
    #[serde(deserialize_with = "none_or_several")]
    pub tls: Vec<TlsListenerConfig>,
}

impl Default for SipConfig {
    fn default() -> SipConfig {
        let private = [
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ];
        SipConfig {
            user_agent: "flowswitch".to_owned(),
            open_networks: private.map(|text| text.parse().expect("the networks above are well formed")).to_vec(),
            domain: "flowswitch.local".to_owned(),
            open_conferences: false,
            max_calls: 9_000,
            max_new_calls_per_second: 1_000,
            retry_after_seconds: 5,
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            socket_buffer_bytes: 8 * 1024 * 1024,
            max_connections: 4_096,
            max_connections_per_address: 1_024,
            connection_idle_seconds: 7_500,
            udp: vec![UdpListenerConfig::default()],
            tcp: vec![TcpListenerConfig::default()],
            tls: vec![TlsListenerConfig::default()],
        }
    }
}

/// A domain name.
fn domain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let label =
        |label: &str| (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match text.len() <= 200 && text.split('.').all(label) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(de::Error::custom("a domain name such as example.com")),
    }
}

/// One UDP socket for SIP: `[sip.udp]`, or several of `[[sip.udp]]`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct UdpListenerConfig {
    /// Local address; `0.0.0.0` takes all IPv4 addresses, `::` all IPv6 addresses.
    #[serde(deserialize_with = "value::address")]
    pub address: IpAddr,
    /// Local port.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 65_535>")]
    pub port: u16,
    /// What Contact and Via say instead of the local address that a packet arrived on.
    pub public_address: OptionalAddress,
}

impl Default for UdpListenerConfig {
    fn default() -> UdpListenerConfig {
        UdpListenerConfig { address: Ipv4Addr::UNSPECIFIED.into(), port: 5060, public_address: OptionalAddress(None) }
    }
}

impl UdpListenerConfig {
    /// Where the socket is bound.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// One TCP socket for SIP: `[sip.tcp]`, several of `[[sip.tcp]]`, or none: `tcp = []`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcpListenerConfig {
    /// Local address; none stands for that of the first UDP listener.
    pub address: ListenAddress,
    /// Local port; 0 stands for that of the first UDP listener.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 65_535>")]
    pub port: u16,
    /// As for UDP; none stands for that of the first UDP listener.
    pub public_address: OptionalAddress,
}

/// One TLS socket for SIP: `[sip.tls]`, several of `[[sip.tls]]`, or none: `tls = []`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsListenerConfig {
    /// Local address; none stands for that of the first UDP listener.
    pub address: ListenAddress,
    /// Local port; 0 stands for the one above that of the first UDP listener.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 65_535>")]
    pub port: u16,
    /// As for UDP; none stands for that of the first UDP listener.
    pub public_address: OptionalAddress,
    /// The certificate, and those that lead to its root: a file in PEM. Empty: the server makes one for itself.
    pub certificate: PathBuf,
    /// The certificate's key: a file in PEM.
    pub key: PathBuf,
}

/// A section of which there may be several.
trait Section: serde::de::DeserializeOwned {
    /// How it is written.
    const ALLOWED: &'static str;
}

impl Section for UdpListenerConfig {
    const ALLOWED: &'static str = "a table [sip.udp], or several tables [[sip.udp]]";
}

impl Section for TcpListenerConfig {
    const ALLOWED: &'static str = "a table [sip.tcp], several tables [[sip.tcp]], or [] for none";
}

impl Section for TlsListenerConfig {
    const ALLOWED: &'static str = "a table [sip.tls], several tables [[sip.tls]], or [] for none";
}

/// A table is one listener, a list of tables is several.
fn one_or_several<'de, D: Deserializer<'de>, T: Section>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let several = none_or_several(deserializer)?;
    if several.is_empty() { Err(de::Error::custom(T::ALLOWED)) } else { Ok(several) }
}

/// As [`one_or_several`]; an empty list is none.
fn none_or_several<'de, D: Deserializer<'de>, T: Section>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Several<T>(PhantomData<T>);
    impl<'de, T: Section> Visitor<'de> for Several<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(T::ALLOWED)
        }
        fn visit_map<M: de::MapAccess<'de>>(self, map: M) -> Result<Vec<T>, M::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }
        fn visit_seq<S: de::SeqAccess<'de>>(self, list: S) -> Result<Vec<T>, S::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
        // The environment knows text only.
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            if text == "[]" { Ok(Vec::new()) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
        }
    }
    deserializer.deserialize_any(Several(PhantomData))
}

/// RFC 3261 §25.1 `server-val`: it goes into a header as it is, so no control characters.
fn product<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() <= 100 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok(text)
    } else {
        Err(de::Error::custom("at most 100 printable ASCII characters"))
    }
}
