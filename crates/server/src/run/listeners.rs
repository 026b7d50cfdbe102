//! What is listened on, and the number by which a hop names it: over all transports, in the order of
//! [`SipConfig::listening`](crate::config::SipConfig::listening), the HTTP listener (SIP over WebSocket) last.

use std::net::{IpAddr, SocketAddr};

use sip_core::Transport;
use sip_transport::{BindError, BindSockets, ListenerConfig, TcpTransport};

use crate::config::{Config, Listening};

/// The UDP listeners; they have the numbers from 0 on.
pub(super) fn udp(config: &Config) -> Vec<ListenerConfig> {
    let octets = config.sip.socket_buffer_bytes;
    let listener = |address| ListenerConfig { address, receive_buffer_bytes: octets, send_buffer_bytes: octets / 2 };
    config.sip.udp.iter().map(|udp| listener(udp.socket_address())).collect()
}

/// Binds the TCP listeners.
///
/// # Errors
/// The first address that cannot be had.
pub(super) fn bind_tcp(config: &Config) -> Result<TcpTransport, BindError> {
    bind(config, Transport::Tcp)
}

/// Binds the TLS listeners.
///
/// # Errors
/// The first address that cannot be had.
pub(super) fn bind_tls(config: &Config) -> Result<TcpTransport, BindError> {
    bind(config, Transport::Tls)
}

fn bind(config: &Config, transport: Transport) -> Result<TcpTransport, BindError> {
    let listening = config.sip.listening();
    let first = listening.iter().position(|listening| listening.transport == transport).unwrap_or_default();
    let addresses = listening.iter().filter(|listening| listening.transport == transport);
    let addresses: Vec<SocketAddr> = addresses.map(|listening| listening.address).collect();
    TcpTransport::bind(transport, &addresses, first as u16, &mut BindSockets)
}

/// The number of the HTTP listener.
pub(super) fn http_number(config: &Config) -> u16 {
    // As many listeners as a u16 cannot count do not fit into a configuration file.
    config.sip.listening().len() as u16
}

/// What peers are told instead of the local address, by the number of the listener. Who comes over WebSocket is told what the
/// peers of the first listener are.
pub(super) fn public_addresses(config: &Config) -> Vec<Option<IpAddr>> {
    let mut public: Vec<_> = config.sip.listening().iter().map(|listening| listening.public_address).collect();
    let http = public.first().copied().flatten();
    public.resize(usize::from(http_number(config)) + 1, http);
    public
}

/// The listeners with the ports that they really have.
pub(super) fn bound(config: &Config, addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<Listening> {
    let listening = config.sip.listening().into_iter().zip(addresses);
    listening.map(|(listening, address)| Listening { address, ..listening }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_has_a_number_and_websockets_the_last() {
        let mut config = Config::default();
        assert_eq!((http_number(&config), public_addresses(&config)), (3, vec![None; 4]));
        let mut second = config.sip.udp[0].clone();
        config.sip.udp[0].public_address = "192.0.2.1".parse().unwrap();
        second.port = 5080;
        config.sip.udp.push(second);
        let public = Some([192, 0, 2, 1].into());
        assert_eq!((http_number(&config), public_addresses(&config)), (4, vec![public, None, public, public, public]));
    }
}
