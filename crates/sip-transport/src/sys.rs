//! The system calls that neither std nor socket2 has: batches with packet information, and their source address.
#![allow(unsafe_code, reason = "recvmmsg, sendmsg, poll and setsockopt; each block says why it is sound")]

use std::io::{self, PipeReader};
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use libc::{c_int, c_void};

/// Datagrams per system call.
const BATCH: usize = 16;
/// Above the longest UDP payload (65,527 octets over IPv6), so that no datagram is ever cut.
const DATAGRAM_BYTES: usize = 65_536;
/// Room for the control messages that we ask for, and others.
const CONTROL_WORDS: usize = 16;

/// Control messages of one datagram. Made of u64, so that it is aligned as cmsghdr wants.
type Control = [u64; CONTROL_WORDS];

/// Asks for the destination address of each datagram.
pub(crate) fn enable_packet_info(socket: &UdpSocket, ipv6: bool) -> io::Result<()> {
    match ipv6 {
        true => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        false => set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
    }
}

/// Asks for the number of datagrams that the kernel has thrown away.
pub(crate) fn enable_drop_count(socket: &UdpSocket) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Sets the receive buffer beyond `net.core.rmem_max`, which needs CAP_NET_ADMIN.
pub(crate) fn force_receive_buffer(socket: &UdpSocket, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
}

fn set_option(socket: &UdpSocket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the pointer is to a living c_int and the length is its size; the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What [`wait_readable`] found.
pub(crate) struct Ready {
    /// The pipe was closed.
    pub(crate) ended: bool,
}

/// Sleeps until the socket has something to read (or an error to tell) or the other end of the pipe is closed.
pub(crate) fn wait_readable(socket: &UdpSocket, pipe: &PipeReader) -> io::Result<Ready> {
    let entry = |fd: RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut entries = [entry(socket.as_raw_fd()), entry(pipe.as_raw_fd())];
    // SAFETY: the array is valid for both entries and the descriptors are open as long as their owners are borrowed.
    let result = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, -1) };
    if result < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(Ready { ended: false }) } else { Err(error) };
    }
    Ok(Ready { ended: entries[1].revents != 0 })
}

/// Room for one batch of datagrams, reserved once. Pages are touched only by datagrams that reach them.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    names: [libc::sockaddr_storage; BATCH],
    controls: [Control; BATCH],
    lengths: [Lengths; BATCH],
}

/// How much of each part the kernel wrote.
#[derive(Clone, Copy, Default)]
struct Lengths {
    bytes: usize,
    control: usize,
}

/// One received datagram.
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where it came from.
    pub(crate) remote: Option<SocketAddr>,
    /// The address of ours it was sent to.
    pub(crate) local: Option<IpAddr>,
    /// Datagrams that the kernel threw away on this socket until then; not told while there are none.
    pub(crate) drops: Option<u32>,
}

impl Batch {
    /// Datagrams that fit into one.
    pub(crate) const LENGTH: usize = BATCH;

    pub(crate) fn new() -> Batch {
        Batch {
            bytes: vec![0; BATCH * DATAGRAM_BYTES],
            names: [empty_name(); BATCH],
            controls: [[0; CONTROL_WORDS]; BATCH],
            lengths: [Lengths::default(); BATCH],
        }
    }

    /// Reads what is there, without waiting, and says how many datagrams that were.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let bytes = self.bytes.as_mut_ptr();
        let mut parts: [libc::iovec; BATCH] = std::array::from_fn(|place| libc::iovec {
            iov_base: bytes.wrapping_add(place * DATAGRAM_BYTES).cast(),
            iov_len: DATAGRAM_BYTES,
        });
        let mut messages: [libc::mmsghdr; BATCH] = std::array::from_fn(|place| {
            self.names[place] = empty_name();
            let mut header = empty_header();
            header.msg_name = (&raw mut self.names[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut parts[place];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[place]).cast();
            header.msg_controllen = size_of::<Control>();
            libc::mmsghdr { msg_hdr: header, msg_len: 0 }
        });
        // SAFETY: each header points to parts of `self` and of `parts` that outlive the call, none of which overlap, with
        // their true lengths; the kernel writes within those only.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (lengths, message) in self.lengths.iter_mut().zip(&messages[..count]) {
            *lengths = Lengths { bytes: message.msg_len as usize, control: message.msg_hdr.msg_controllen };
        }
        Ok(count)
    }

    /// The datagram at `place`, which is below what the last [`Batch::receive`] returned.
    pub(crate) fn datagram(&self, place: usize) -> Datagram<'_> {
        let lengths = self.lengths[place];
        let start = place * DATAGRAM_BYTES;
        let mut datagram = Datagram {
            bytes: &self.bytes[start..start + lengths.bytes.min(DATAGRAM_BYTES)],
            remote: socket_address(&self.names[place]),
            local: None,
            drops: None,
        };
        let mut header = empty_header();
        header.msg_control = ptr::from_ref(&self.controls[place]).cast_mut().cast();
        header.msg_controllen = lengths.control.min(size_of::<Control>());
        // SAFETY: `header` describes control messages that the kernel wrote into a living, aligned buffer; nothing is
        // written through it, and CMSG_NXTHDR stays within msg_controllen.
        let mut message = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
        while !message.is_null() {
            // SAFETY: a pointer from CMSG_FIRSTHDR or CMSG_NXTHDR that is not null points to a whole cmsghdr.
            let (level, kind) = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
            // SAFETY: as above; the data of these kinds is of these types, written by the kernel, perhaps unaligned.
            unsafe {
                let data = libc::CMSG_DATA(message);
                match (level, kind) {
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info: libc::in_pktinfo = data.cast::<libc::in_pktinfo>().read_unaligned();
                        // ip(7): the local address of the packet, also where the header has a broadcast address.
                        datagram.local = Some(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into());
                    }
                    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                        let info: libc::in6_pktinfo = data.cast::<libc::in6_pktinfo>().read_unaligned();
                        datagram.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                    }
                    (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => datagram.drops = Some(data.cast::<u32>().read_unaligned()),
                    _ => {}
                }
                message = libc::CMSG_NXTHDR(&raw const header, message);
            }
        }
        datagram
    }
}

/// Sends one datagram with the source address `local` (any, if unspecified), without waiting.
pub(crate) fn send_from(socket: &UdpSocket, bytes: &[u8], local: IpAddr, remote: SocketAddr) -> io::Result<()> {
    if local.is_ipv4() != remote.is_ipv4() {
        return Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT));
    }
    let name = socket2::SockAddr::from(remote);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control: Control = [0; CONTROL_WORDS];
    let mut header = empty_header();
    header.msg_name = name.as_ptr().cast_mut().cast();
    header.msg_namelen = name.len();
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    match local {
        local if local.is_unspecified() => {}
        IpAddr::V4(local) => {
            let source = libc::in_addr { s_addr: u32::from_ne_bytes(local.octets()) };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
            put_control(&mut header, &mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(local) => {
            let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: local.octets() }, ipi6_ifindex: 0 };
            put_control(&mut header, &mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
    // SAFETY: name, part, bytes and control outlive the call with their true lengths; sendmsg only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes `data` the only control message of `header`, held by `control`.
fn put_control<T: Copy>(header: &mut libc::msghdr, control: &mut Control, level: c_int, kind: c_int, data: T) {
    let length = size_of::<T>() as libc::c_uint;
    // SAFETY: these compute lengths and read nothing.
    let (space, filled) = unsafe { (libc::CMSG_SPACE(length) as usize, libc::CMSG_LEN(length) as usize) };
    assert!(space <= size_of::<Control>(), "a pktinfo is far smaller than the room for control messages");
    header.msg_control = ptr::from_mut(control).cast::<c_void>();
    header.msg_controllen = space;
    // SAFETY: the buffer is aligned and, as just checked, large enough for one header and its data.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(ptr::from_ref(header));
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = filled;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(data);
    }
}

fn empty_header() -> libc::msghdr {
    // SAFETY: msghdr is made of integers and pointers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

fn empty_name() -> libc::sockaddr_storage {
    // SAFETY: sockaddr_storage is made of integers, for which zero is a value; family 0 is none.
    unsafe { std::mem::zeroed() }
}

fn socket_address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in, which is smaller than the storage and aligned as it.
            let name = unsafe { ptr::from_ref(name).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::from((ip, u16::from_be(name.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that it is a sockaddr_in6, which is smaller than the storage and aligned as it.
            let name = unsafe { ptr::from_ref(name).cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            // The flow label is not part of the address; the scope is, for link-local ones.
            Some(SocketAddrV6::new(ip, u16::from_be(name.sin6_port), 0, name.sin6_scope_id).into())
        }
        _ => None,
    }
}
