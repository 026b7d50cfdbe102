//! Where a message came from and where one goes: the addresses below SIP, RFC 3261 §18.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What carries the messages of a [`Hop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Transport {
    /// One message per datagram, RFC 3261 §18.1.1.
    Udp,
    /// A stream of messages, each as long as its Content-Length says, RFC 3261 §18.3.
    Tcp,
    /// The same within TLS, RFC 3261 §26.2.1.
    Tls,
    /// One message per WebSocket frame, RFC 7118.
    Ws,
    /// The same within TLS, RFC 7118.
    Wss,
}

impl Transport {
    /// Whether the transport itself repeats what was lost. Decides which timers of RFC 3261 §17 run. Such a transport is a
    /// connection, and answers go back over it.
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// The name in a Via header, RFC 3261 §20.42, RFC 7118 §5.1.
    pub fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The port meant by a host without one, RFC 3261 §18.2.2 and §19.1.2, RFC 7118 §5.2.
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }

    /// The value of the URI parameter `transport` that leads here, RFC 3261 §19.1.1 and RFC 7118 §5.2; none for UDP, which
    /// is meant where nothing is said. `tls` is out of favour with RFC 3261 but what phones understand, other than a sips
    /// address, which would ask for TLS on every step of the way.
    pub fn uri_param(self) -> Option<&'static str> {
        match self {
            Transport::Udp => None,
            Transport::Tcp => Some("tcp"),
            Transport::Tls => Some("tls"),
            // RFC 7118 §5.2.4 has one name for both.
            Transport::Ws | Transport::Wss => Some("ws"),
        }
    }
}

/// One step of a message between us and the next element. For a received message `remote` is its source and `local` the
/// address it was sent to; answers leave from `local`, whatever else the machine is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// What carries it.
    pub transport: Transport,
    /// Which of our listeners, by its number in the configuration.
    pub listener: u16,
    /// Our address, never unspecified (0.0.0.0 or ::).
    pub local: SocketAddr,
    /// Their address.
    pub remote: SocketAddr,
}

impl Hop {
    /// The same listener and local address, towards another remote.
    pub fn towards(self, remote: SocketAddr) -> Hop {
        Hop { remote, ..self }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} <-> {}", self.transport.via_name(), self.local, self.remote)
    }
}
