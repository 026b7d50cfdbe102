//! What is listened on by SIP, with the defaults that follow from other listeners filled in.

use std::net::{IpAddr, SocketAddr};

use sip_core::Transport;

use super::{SipConfig, TcpListenerConfig};

/// One SIP listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What it carries.
    pub transport: Transport,
    /// Where it is bound.
    pub address: SocketAddr,
    /// What peers are told instead of the local address.
    pub public_address: Option<IpAddr>,
}

impl Listening {
    /// The name of its section in the configuration, and of its protocol for people.
    pub fn name(&self) -> String {
        self.transport.via_name().to_ascii_lowercase()
    }

    /// Whether the system would not give both addresses: the same port, and the same address or one that covers the other.
    pub(super) fn clashes_with(&self, other: SocketAddr) -> bool {
        let (ip, other_ip) = (self.address.ip(), other.ip());
        self.address.port() == other.port()
            && ip.is_ipv4() == other_ip.is_ipv4()
            && (ip == other_ip || ip.is_unspecified() || other_ip.is_unspecified())
    }
}

impl SipConfig {
    /// All SIP listeners in the order of their numbers: UDP, then TCP.
    pub fn listening(&self) -> Vec<Listening> {
        let udp = self.udp.iter().map(|udp| Listening {
            transport: Transport::Udp,
            address: udp.socket_address(),
            public_address: udp.public_address.0,
        });
        let mut all: Vec<Listening> = udp.collect();
        // There is at least one; the default is for whoever takes the list away in a program.
        let first = all.first().copied();
        all.extend(self.tcp.iter().filter_map(|tcp| Some(beside(first?, Transport::Tcp, tcp, 0))));
        all
    }

    /// Those of one transport.
    pub fn listening_on(&self, transport: Transport) -> Vec<Listening> {
        self.listening().into_iter().filter(|listening| listening.transport == transport).collect()
    }
}

/// A listener that stands beside `first` where it does not say otherwise, its port `above` that one's.
fn beside(first: Listening, transport: Transport, config: &TcpListenerConfig, above: u16) -> Listening {
    let port = if config.port == 0 { first.address.port().saturating_add(above) } else { config.port };
    Listening {
        transport,
        address: SocketAddr::new(config.address.0.unwrap_or(first.address.ip()), port),
        public_address: config.public_address.0.or(first.public_address),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn tcp_stands_beside_the_first_udp_listener_unless_it_says_otherwise() {
        let parse = |text: &str| {
            let config = Config::parse(std::path::Path::new("x"), text, &Default::default()).unwrap();
            let listening = config.sip.listening();
            let shown = listening.iter().map(|on| {
                let public = on.public_address.map(|ip| format!(" {ip}")).unwrap_or_default();
                format!("{} {}{public}", on.name(), on.address)
            });
            shown.collect::<Vec<String>>()
        };
        assert_eq!(parse(""), ["udp 0.0.0.0:5060", "tcp 0.0.0.0:5060"]);
        assert_eq!(
            parse(
                "[[sip.udp]]\naddress = '127.0.0.2'\nport = 5070\npublic_address = '192.0.2.1'\n[[sip.udp]]\nport = 5080"
            ),
            ["udp 127.0.0.2:5070 192.0.2.1", "udp 0.0.0.0:5080", "tcp 127.0.0.2:5070 192.0.2.1"]
        );
        assert_eq!(
            parse("[[sip.tcp]]\naddress = '::'\n[[sip.tcp]]\nport = 5090\npublic_address = '192.0.2.9'"),
            ["udp 0.0.0.0:5060", "tcp [::]:5060", "tcp 0.0.0.0:5090 192.0.2.9"]
        );
        assert_eq!(parse("[sip]\ntcp = []"), ["udp 0.0.0.0:5060"]);
    }
}
