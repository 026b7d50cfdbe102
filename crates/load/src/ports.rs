//! RTP ports in turn: an even one for RTP and the odd one above for RTCP (RFC 3550 §11). Going round the whole range keeps a
//! port unused for as long as possible, so that late packets of one call are not heard in another.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::sys;

/// Tries before a call is given up for want of ports.
const TRIES: u32 = 500;

/// One thread's share of the range.
#[derive(Debug)]
pub(crate) struct Ports {
    ip: IpAddr,
    first_pair: u32,
    pairs: u32,
    next: u32,
    buffer_bytes: usize,
}

/// The sockets of one call.
#[derive(Debug)]
pub(crate) struct PortPair {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    /// The address of `rtp`.
    pub address: SocketAddr,
}

impl Ports {
    /// The `index`-th of `threads` shares of the ports `first` to `last`.
    pub(crate) fn new(ip: IpAddr, (first, last): (u16, u16), index: u32, threads: u32, buffer_bytes: usize) -> Ports {
        let (first_pair, end_pair) = (u32::from(first).div_ceil(2), u32::from(last).div_ceil(2));
        let share = end_pair.saturating_sub(first_pair) / threads;
        Ports { ip, first_pair: first_pair + index * share, pairs: share, next: 0, buffer_bytes }
    }

    /// Binds the next free pair.
    pub(crate) fn bind(&mut self) -> io::Result<PortPair> {
        let mut last_error = io::Error::other("the range of --rtp-ports is too small");
        for _ in 0..TRIES.min(self.pairs) {
            let port = (2 * (self.first_pair + self.next)) as u16;
            self.next = (self.next + 1) % self.pairs;
            let address = SocketAddr::new(self.ip, port);
            let rtcp_address = SocketAddr::new(self.ip, port + 1);
            match sys::bind_udp(address, self.buffer_bytes)
                .and_then(|rtp| Ok((rtp, sys::bind_udp(rtcp_address, self.buffer_bytes.min(16_384))?)))
            {
                Ok((rtp, rtcp)) => return Ok(PortPair { rtp, rtcp, address }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last_error = error,
                Err(error) => return Err(error),
            }
        }
        Err(last_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_even_and_odd_taken_in_turn_and_never_twice() {
        let ip = "127.0.0.77".parse().unwrap();
        let mut ports = Ports::new(ip, (42_001, 42_008), 0, 1, 4096);
        let held: Vec<_> = (0..3).map(|_| ports.bind().unwrap()).collect();
        let numbers: Vec<u16> = held.iter().map(|pair| pair.address.port()).collect();
        assert_eq!(numbers, [42_002, 42_004, 42_006]);
        assert_eq!(held[0].rtcp.local_addr().unwrap().port(), 42_003);
        assert_eq!(ports.bind().unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(held);
        assert!(ports.bind().is_ok());
    }

    #[test]
    fn threads_share_the_range_without_overlap() {
        let ip = "127.0.0.1".parse().unwrap();
        let a = Ports::new(ip, (30_000, 30_011), 0, 2, 4096);
        let b = Ports::new(ip, (30_000, 30_011), 1, 2, 4096);
        assert_eq!((a.first_pair, a.pairs, b.first_pair, b.pairs), (15_000, 3, 15_003, 3));
    }
}
