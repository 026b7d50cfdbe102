//! Two adjacent bound sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::PortConfig;
use crate::io::packet::{self, Received};

/// More than a receive buffer holds: a drain ends even while somebody goes on sending.
const DRAIN_MAX: usize = 4_096;

/// The sockets of one RTP session.
pub(crate) struct Pair {
    pub(crate) rtp_port: u16,
    pub(crate) ipv6: bool,
    rtp: OwnedFd,
    rtcp: OwnedFd,
}

/// Why there is no pair.
#[derive(Debug)]
pub(crate) enum BindError {
    /// Another program has one of the two ports.
    Busy,
    /// No descriptors, no such address ...
    Failed(io::Error),
}

impl Pair {
    /// Binds `rtp_port` and the one above.
    pub(crate) fn bind(ip: IpAddr, rtp_port: u16, config: &PortConfig) -> Result<Pair, BindError> {
        let one = |port| {
            socket(SocketAddr::new(ip, port), config).map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => BindError::Busy,
                _ => BindError::Failed(error),
            })
        };
        Ok(Pair { rtp: one(rtp_port)?, rtcp: one(rtp_port + 1)?, rtp_port, ipv6: ip.is_ipv6() })
    }

    pub(crate) fn rtp(&self) -> RawFd {
        self.rtp.as_raw_fd()
    }

    pub(crate) fn rtcp(&self) -> RawFd {
        self.rtcp.as_raw_fd()
    }

    /// Throws away what waits in both sockets; says how much that was.
    pub(crate) fn drain(&self) -> u64 {
        let mut drained = 0;
        for fd in [self.rtp(), self.rtcp()] {
            for _ in 0..DRAIN_MAX {
                match packet::receive(fd, &mut [0; 1]) {
                    Received::Nothing => break,
                    Received::Datagram(..) | Received::Oversized => drained += 1,
                    Received::Refused | Received::Failed => {}
                }
            }
        }
        drained
    }
}

fn socket(address: SocketAddr, config: &PortConfig) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if let Some(octets) = config.receive_buffer {
        socket.set_recv_buffer_size(octets)?;
    }
    if let Some(octets) = config.send_buffer {
        socket.set_send_buffer_size(octets)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    const LOCAL: &str = "127.0.0.1";

    /// An even port that is free now, with a free neighbour.
    fn free_pair() -> Pair {
        for port in (40_000..60_000).step_by(2) {
            if let Ok(pair) = Pair::bind(LOCAL.parse().unwrap(), port, &PortConfig::default()) {
                return pair;
            }
        }
        panic!("no free pair of ports");
    }

    #[test]
    fn a_pair_is_busy_when_either_port_is() {
        let pair = free_pair();
        let port = pair.rtp_port;
        let again = || Pair::bind(LOCAL.parse().unwrap(), port, &PortConfig::default());
        assert!(matches!(again(), Err(BindError::Busy)));
        drop(pair);
        let odd = UdpSocket::bind((LOCAL, port + 1)).unwrap();
        assert!(matches!(again(), Err(BindError::Busy)));
        drop(odd);
        assert!(again().is_ok());
    }

    #[test]
    fn an_address_that_is_not_ours_is_no_busy_port() {
        let bound = Pair::bind("192.0.2.1".parse().unwrap(), 40_000, &PortConfig::default());
        assert!(matches!(bound, Err(BindError::Failed(_))));
    }

    #[test]
    fn draining_leaves_nothing_behind() {
        let pair = free_pair();
        let near = UdpSocket::bind((LOCAL, 0)).unwrap();
        for _ in 0..5 {
            near.send_to(&[0x80; 172], (LOCAL, pair.rtp_port)).unwrap();
        }
        near.send_to(&[0x80; 60], (LOCAL, pair.rtp_port + 1)).unwrap();
        assert_eq!(pair.drain(), 6);
        assert_eq!(pair.drain(), 0);
    }
}
