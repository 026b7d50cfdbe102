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
}

impl Transport {
    /// Whether the transport itself repeats what was lost. Decides which timers of RFC 3261 §17 run.
    pub fn is_reliable(self) -> bool {
        match self {
            Transport::Udp => false,
        }
    }

    /// The name in a Via header, RFC 3261 §20.42.
    pub fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
        }
    }

    /// The port meant by a host without one, RFC 3261 §18.2.2 and §19.1.2.
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp => 5060,
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
