//! What is listened on by SIP, with the defaults that follow from other listeners filled in.

use std::net::{IpAddr, SocketAddr};

use sip_core::Transport;

use super::{ListenAddress, OptionalAddress, SipConfig};

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
    /// All SIP listeners in the order of their numbers: UDP, then TCP, then TLS.
    pub fn listening(&self) -> Vec<Listening> {
        let udp = self.udp.iter().map(|udp| Listening {
            transport: Transport::Udp,
            address: udp.socket_address(),
            public_address: udp.public_address.0,
        });
        let mut all: Vec<Listening> = udp.collect();
        // There is at least one; the default is for whoever takes the list away in a program.
        let first = all.first().copied();
        let Some(first) = first else { return all };
        let beside = |transport, address: ListenAddress, port, public: OptionalAddress| Listening {
            transport,
            address: SocketAddr::new(address.0.unwrap_or(first.address.ip()), port),
            public_address: public.0.or(first.public_address),
        };
        let or = |port, usual| if port == 0 { usual } else { port };
        let (same, above) = (first.address.port(), first.address.port().saturating_add(1));
        all.extend(
            self.tcp.iter().map(|tcp| beside(Transport::Tcp, tcp.address, or(tcp.port, same), tcp.public_address)),
        );
        all.extend(
            self.tls.iter().map(|tls| beside(Transport::Tls, tls.address, or(tls.port, above), tls.public_address)),
        );
        all
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn tcp_and_tls_stand_beside_the_first_udp_listener_unless_it_says_otherwise() {
        let parse = |text: &str| {
            let config = Config::parse(std::path::Path::new("x"), text, &Default::default()).unwrap();
            let listening = config.sip.listening();
            let shown = listening.iter().map(|on| {
                let public = on.public_address.map(|ip| format!(" {ip}")).unwrap_or_default();
                format!("{} {}{public}", on.name(), on.address)
            });
            shown.collect::<Vec<String>>()
        };
        assert_eq!(parse(""), ["udp 0.0.0.0:5060", "tcp 0.0.0.0:5060", "tls 0.0.0.0:5061"]);
        assert_eq!(
            parse(
                "[[sip.udp]]\naddress = '127.0.0.2'\nport = 5070\npublic_address = '192.0.2.1'\n[[sip.udp]]\nport = 5080"
            ),
            [
                "udp 127.0.0.2:5070 192.0.2.1",
                "udp 0.0.0.0:5080",
                "tcp 127.0.0.2:5070 192.0.2.1",
                "tls 127.0.0.2:5071 192.0.2.1"
            ]
        );
        assert_eq!(
            parse(
                "[[sip.tls]]\naddress = '::'\nport = 443\n[[sip.tcp]]\naddress = '::'\n[[sip.tcp]]\nport = 5090\npublic_address = '192.0.2.9'"
            ),
            ["udp 0.0.0.0:5060", "tcp [::]:5060", "tcp 0.0.0.0:5090 192.0.2.9", "tls [::]:443"]
        );
        assert_eq!(parse("[sip]\ntcp = []\ntls = []"), ["udp 0.0.0.0:5060"]);
    }
}
