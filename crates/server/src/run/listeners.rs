//! What is listened on, and the number by which a hop names it: over all transports, UDP first, the HTTP listener (SIP over
//! WebSocket) last.

use std::net::IpAddr;

use sip_transport::ListenerConfig;

use crate::config::Config;

/// The UDP listeners; they have the numbers from 0 on.
pub(super) fn udp(config: &Config) -> Vec<ListenerConfig> {
    let octets = config.sip.socket_buffer_bytes;
    let listener = |address| ListenerConfig { address, receive_buffer_bytes: octets, send_buffer_bytes: octets / 2 };
    config.sip.udp.iter().map(|udp| listener(udp.socket_address())).collect()
}

/// The number of the HTTP listener.
pub(super) fn http_number(config: &Config) -> u16 {
    // As many listeners as a u16 cannot count do not fit into a configuration file.
    config.sip.udp.len() as u16
}

/// What peers are told instead of the local address, by the number of the listener. Who comes over WebSocket is told what the
/// peers of the first listener are.
pub(super) fn public_addresses(config: &Config) -> Vec<Option<IpAddr>> {
    let mut public: Vec<_> = config.sip.udp.iter().map(|listener| listener.public_address.0).collect();
    let http = public.first().copied().flatten();
    public.resize(usize::from(http_number(config)) + 1, http);
    public
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_has_a_number_and_websockets_the_last() {
        let mut config = Config::default();
        assert_eq!((http_number(&config), public_addresses(&config)), (1, vec![None; 2]));
        let mut second = config.sip.udp[0].clone();
        config.sip.udp[0].public_address = "192.0.2.1".parse().unwrap();
        second.port = 5080;
        config.sip.udp.push(second);
        let public = Some([192, 0, 2, 1].into());
        assert_eq!((http_number(&config), public_addresses(&config)), (2, vec![public, None, public]));
    }
}
