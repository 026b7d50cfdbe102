//! One datagram in, one datagram out: the only system calls that a worker makes for each packet.
#![allow(unsafe_code)] // sendmsg with a source address (IP_PKTINFO) and recvfrom into a reserved buffer

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;

/// What a receive found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A datagram of this length, from there.
    Datagram(usize, SocketAddr),
    /// A datagram that is longer than the buffer; it is gone.
    Oversized,
    /// None waits.
    Nothing,
    /// The peer's port is closed (an ICMP message of an earlier send).
    Refused,
    /// Anything else.
    Failed,
}

/// What became of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The kernel took it.
    Yes,
    /// The peer's port is closed.
    Refused,
    /// The socket's send buffer is full.
    Full,
    /// Anything else: no route, address not ours any more ...
    Failed,
}

/// Receives one datagram, never waiting.
pub(crate) fn receive(fd: RawFd, buffer: &mut [u8]) -> Received {
    let mut address = SocketAddress::empty();
    let mut address_length = size_of::<SocketAddress>() as libc::socklen_t;
    // SAFETY: the buffer is valid for its length, the address for `address_length`; the kernel writes no more than that.
    // MSG_TRUNC makes it return the datagram's own length.
    let length = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT | libc::MSG_TRUNC,
            (&raw mut address).cast(),
            &raw mut address_length,
        )
    };
    match usize::try_from(length) {
        Ok(length) if length > buffer.len() => Received::Oversized,
        Ok(length) => address.get().map_or(Received::Failed, |from| Received::Datagram(length, from)),
        Err(_) => match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => Received::Nothing,
            Some(libc::ECONNREFUSED) => Received::Refused,
            _ => Received::Failed,
        },
    }
}

/// Sends one datagram, never waiting. `source` is the local address that it shall leave from; without one, or where the
/// family differs from the peer's, the socket's or the route's address is taken.
pub(crate) fn send(fd: RawFd, datagram: &[u8], to: SocketAddr, source: Option<IpAddr>) -> Sent {
    let (address, address_length) = SocketAddress::new(to);
    let sent = match (source, to) {
        (Some(IpAddr::V4(source)), SocketAddr::V4(_)) if !source.is_unspecified() => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            send_from(fd, datagram, &address, address_length, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        (Some(IpAddr::V6(source)), SocketAddr::V6(_)) if !source.is_unspecified() => {
            let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: source.octets() }, ipi6_ifindex: 0 };
            send_from(fd, datagram, &address, address_length, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
        // SAFETY: datagram and address are valid for their lengths during the call.
        _ => unsafe {
            libc::sendto(
                fd,
                datagram.as_ptr().cast(),
                datagram.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                (&raw const address).cast(),
                address_length,
            )
        },
    };
    if sent >= 0 {
        return Sent::Yes;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::ECONNREFUSED) => Sent::Refused,
        Some(libc::EAGAIN | libc::ENOBUFS) => Sent::Full,
        _ => Sent::Failed,
    }
}

/// Ancillary data: one header and the larger of the two packet infos, with the alignment of the header.
#[repr(C, align(8))]
struct Control([u8; 40]);

fn send_from<Info: Copy>(
    fd: RawFd,
    datagram: &[u8],
    address: &SocketAddress,
    address_length: libc::socklen_t,
    level: i32,
    kind: i32,
    info: Info,
) -> isize {
    // SAFETY: CMSG_SPACE only computes.
    let space = unsafe { libc::CMSG_SPACE(size_of::<Info>() as u32) } as usize;
    assert!(space <= size_of::<Control>(), "the control buffer is made for both kinds of packet info");
    let mut control = Control([0; 40]);
    let mut part = libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    // SAFETY: a msghdr is plain data, all zeroes is a valid one. The pointers put into it outlive the call; sendmsg only reads
    // through them (`cast_mut` above is for the type alone). The control buffer is aligned for cmsghdr and has room for one
    // header with `info` (asserted), so CMSG_FIRSTHDR is not null and CMSG_DATA has room; write_unaligned needs no alignment.
    unsafe {
        let mut message = MaybeUninit::<libc::msghdr>::zeroed().assume_init();
        message.msg_name = std::ptr::from_ref(address).cast_mut().cast();
        message.msg_namelen = address_length;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = space as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<Info>() as u32) as _;
        libc::CMSG_DATA(header).cast::<Info>().write_unaligned(info);
        libc::sendmsg(fd, &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    }
}

/// A socket address of either family in the kernel's form.
#[repr(C)]
union SocketAddress {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl SocketAddress {
    fn empty() -> SocketAddress {
        // SAFETY: all members are plain integers, for which all zeroes is a value.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    fn new(address: SocketAddr) -> (SocketAddress, libc::socklen_t) {
        let mut raw = SocketAddress::empty();
        match address {
            SocketAddr::V4(address) => {
                raw.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                    sin_zero: [0; 8],
                };
                (raw, size_of::<libc::sockaddr_in>() as libc::socklen_t)
            }
            SocketAddr::V6(address) => {
                raw.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: address.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                    sin6_scope_id: address.scope_id(),
                };
                (raw, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
            }
        }
    }

    fn get(&self) -> Option<SocketAddr> {
        // SAFETY: every member was zeroed before the kernel wrote, so each is initialised whatever the family; all members are
        // plain integers. The family says which one the kernel wrote.
        unsafe {
            match i32::from(self.family) {
                libc::AF_INET => Some(SocketAddr::V4(SocketAddrV4::new(
                    Ipv4Addr::from(self.v4.sin_addr.s_addr.to_ne_bytes()),
                    u16::from_be(self.v4.sin_port),
                ))),
                libc::AF_INET6 => Some(SocketAddr::V6(SocketAddrV6::new(
                    Ipv6Addr::from(self.v6.sin6_addr.s6_addr),
                    u16::from_be(self.v6.sin6_port),
                    self.v6.sin6_flowinfo,
                    self.v6.sin6_scope_id,
                ))),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use super::*;

    fn arrives(bound: &str, to: &str, source: Option<&str>) -> (SocketAddr, SocketAddr) {
        let near = UdpSocket::bind(bound).unwrap();
        let far = UdpSocket::bind(to).unwrap();
        let source = source.map(|ip| ip.parse().unwrap());
        assert_eq!(send(near.as_raw_fd(), b"hello", far.local_addr().unwrap(), source), Sent::Yes);
        let mut buffer = [0; 64];
        match receive(far.as_raw_fd(), &mut buffer) {
            Received::Datagram(5, from) => {
                assert_eq!(&buffer[..5], b"hello");
                (from, near.local_addr().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wildcard_socket_sends_from_the_address_it_is_told() {
        let (from, near) = arrives("0.0.0.0:0", "127.0.0.1:0", Some("127.0.0.77"));
        assert_eq!(from.to_string(), format!("127.0.0.77:{}", near.port()));
    }

    #[test]
    fn without_a_source_the_route_or_the_socket_decides() {
        assert_eq!(arrives("0.0.0.0:0", "127.0.0.1:0", None).0.ip().to_string(), "127.0.0.1");
        assert_eq!(arrives("127.0.0.9:0", "127.0.0.1:0", Some("0.0.0.0")).0.ip().to_string(), "127.0.0.9");
    }

    #[test]
    fn ipv6_addresses_survive_both_ways() {
        if UdpSocket::bind("[::1]:0").is_err() {
            return; // this machine has no IPv6
        }
        let (from, near) = arrives("[::]:0", "[::1]:0", Some("::1"));
        assert_eq!(from.to_string(), format!("[::1]:{}", near.port()));
    }

    #[test]
    fn nothing_and_too_much_are_told_apart() {
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = far.local_addr().unwrap();
        let mut buffer = [0; 10];
        assert_eq!(receive(far.as_raw_fd(), &mut buffer), Received::Nothing);
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        for length in [11, 10, 0] {
            near.send_to(&[1; 11][..length], to).unwrap();
        }
        assert_eq!(receive(far.as_raw_fd(), &mut buffer), Received::Oversized);
        assert!(matches!(receive(far.as_raw_fd(), &mut buffer), Received::Datagram(10, _)));
        assert!(matches!(receive(far.as_raw_fd(), &mut buffer), Received::Datagram(0, _)));
    }

    #[test]
    fn an_address_that_is_not_ours_is_a_failed_send() {
        let near = UdpSocket::bind("0.0.0.0:0").unwrap();
        let source = Some("192.0.2.1".parse().unwrap());
        assert_eq!(send(near.as_raw_fd(), b"x", "127.0.0.1:9".parse().unwrap(), source), Sent::Failed);
    }

    #[test]
    fn a_closed_port_of_the_peer_is_refused_on_a_connected_socket() {
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        near.connect(closed).unwrap();
        assert_eq!(send(near.as_raw_fd(), b"x", closed, None), Sent::Yes);
        assert_eq!(receive(near.as_raw_fd(), &mut [0; 4]), Received::Refused);
    }

    /// A measurement, not a rule: `cargo test --release -p media-engine -- --ignored --nocapture cost_of`.
    #[test]
    #[ignore = "a measurement"]
    #[allow(clippy::print_stdout)] // it is its result
    fn cost_of_naming_the_source_address() {
        let near = UdpSocket::bind("0.0.0.0:0").unwrap();
        let far = UdpSocket::bind("127.0.0.2:0").unwrap();
        let to = far.local_addr().unwrap();
        let mut buffer = [0; 2_048];
        let sources = [None, Some("127.0.0.1".parse().unwrap())];
        let mut per_packet_ns = [Vec::new(), Vec::new()];
        // In turns, so that what else the machine does falls on both.
        for turn in 0..8_000 {
            let before = crate::io::clock::monotonic_ns();
            for _ in 0..16 {
                assert_eq!(send(near.as_raw_fd(), &[0; 172], to, sources[turn % 2]), Sent::Yes);
            }
            per_packet_ns[turn % 2].push((crate::io::clock::monotonic_ns() - before) / 16);
            while receive(far.as_raw_fd(), &mut buffer) != Received::Nothing {}
        }
        for (source, ns) in sources.iter().zip(&mut per_packet_ns) {
            ns.sort_unstable();
            println!("source {source:?}: lowest {} ns, median {} ns per packet", ns[0], ns[ns.len() / 2]);
        }
    }
}
