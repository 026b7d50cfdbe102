//! UDP sockets that tell when the kernel received each datagram, and how many it dropped for want of room.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

use super::clock;

/// One received datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Octets in the buffer.
    pub length: usize,
    /// The sender.
    pub from: SocketAddr,
    /// CLOCK_REALTIME nanoseconds at which the kernel took it in, not when we got round to reading it.
    pub kernel_ns: u64,
}

/// A non-blocking UDP socket on `address` with receive stamps switched on and room for `buffer_bytes` of waiting datagrams.
///
/// The kernel begins to stamp on arrival a moment after the first socket of the machine asked for it, and until then stamps
/// when the datagram is read: a run has such a socket open from before its first packet to its end.
pub(crate) fn bind_udp(address: SocketAddr, buffer_bytes: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(buffer_bytes)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    let on: libc::c_int = 1;
    // SAFETY: the option's value is one int that lives through the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            mem::size_of_val(&on) as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
}

/// Reads one datagram; `WouldBlock` when there is none.
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    let mut name = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    // Control messages must be aligned like cmsghdr: an array of u64 is.
    let mut control = [0u64; 8];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: an all-zero msghdr is valid; it has padding that cannot be named.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    header.msg_iov = &mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = mem::size_of_val(&control);
    // SAFETY: every pointer in `header` is to a live local or to `buffer`, with its true length.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, 0) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed at first and then filled by the kernel, so it is initialised.
    let name = unsafe { name.assume_init() };
    let from = to_address(&name).ok_or_else(|| io::Error::other("datagram of an unknown address family"))?;
    Ok(Arrival { length: length as usize, from, kernel_ns: stamp_of(&header).unwrap_or_else(clock_now) })
}

fn clock_now() -> u64 {
    clock::realtime_ns()
}

fn stamp_of(header: &libc::msghdr) -> Option<u64> {
    // SAFETY: the kernel filled `header.msg_control` and set its length; the CMSG macros stay within that, and the data of
    // an SCM_TIMESTAMPNS message is one timespec, read without asking for its alignment.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_TIMESTAMPNS {
                let time: libc::timespec = std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                return Some(clock::to_ns(&time));
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

fn to_address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this storage holds a sockaddr_in; the storage is larger and aligned for it.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            Some((Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)), u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for sockaddr_in6.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            Some((Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port)).into())
        }
        _ => None,
    }
}

/// How many datagrams the kernel dropped on this socket since it was made. The same counter that SO_RXQ_OVFL attaches to the
/// next datagram, but asked for directly: drops after the last datagram count too.
pub(crate) fn kernel_drops(socket: &UdpSocket) -> u64 {
    // linux/sock_diag.h: SK_MEMINFO_DROPS is the ninth of the u32 values of SO_MEMINFO.
    const DROPS: usize = 8;
    let mut values = [0u32; 16];
    let mut length = mem::size_of_val(&values) as libc::socklen_t;
    // SAFETY: `values` has `length` octets of room; the kernel writes at most that many and tells how many in `length`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &mut length,
        )
    };
    if result < 0 { 0 } else { u64::from(values[DROPS]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_tells_its_sender_and_when_the_kernel_had_it() {
        let receiver = bind_udp("127.0.0.1:0".parse().unwrap(), 65_536).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(receive(&receiver, &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut stamped_on_arrival = || {
            let before_ns = clock::realtime_ns();
            sender.send_to(b"hello", receiver.local_addr().unwrap()).unwrap();
            let after_ns = clock::realtime_ns();
            std::thread::sleep(std::time::Duration::from_millis(20));
            let arrival = receive(&receiver, &mut buffer).unwrap();
            assert_eq!(&buffer[..arrival.length], b"hello");
            assert_eq!(arrival.from, sender.local_addr().unwrap());
            assert!(arrival.kernel_ns >= before_ns);
            arrival.kernel_ns <= after_ns
        };
        // The kernel takes its time to begin with it; see `bind_udp`.
        assert!((0..100).any(|_| stamped_on_arrival()));
    }

    #[test]
    fn datagrams_that_find_no_room_are_counted_by_the_kernel_and_told() {
        let receiver = bind_udp("127.0.0.1:0".parse().unwrap(), 4096).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            sender.send_to(&[0; 1000], receiver.local_addr().unwrap()).unwrap();
        }
        let drops = kernel_drops(&receiver);
        let mut buffer = [0; 2000];
        let mut received = 0;
        while receive(&receiver, &mut buffer).is_ok() {
            received += 1;
        }
        assert!(drops > 0);
        assert_eq!(received + drops, 200);
    }
}
