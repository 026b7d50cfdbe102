//! Where sockets come from: bound here, or handed over by the process before us.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Gives bound sockets. The one place to change when a new process takes the sockets of an old one.
pub trait SocketSource {
    /// A UDP socket bound to `address`.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    fn udp(&mut self, address: SocketAddr) -> io::Result<UdpSocket>;

    /// A TCP socket that listens on `address`.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    fn tcp(&mut self, address: SocketAddr) -> io::Result<TcpListener>;
}

/// Connections that may wait in the kernel until they are accepted; it allows no more than `net.core.somaxconn`.
const BACKLOG: i32 = 1_024;

/// Binds each socket anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindSockets;

impl SocketSource for BindSockets {
    fn udp(&mut self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // So that [::] and 0.0.0.0 can be listened on side by side.
            socket.set_only_v6(true)?;
        }
        // No SO_REUSEADDR: two processes would both succeed and share the datagrams at random.
        socket.bind(&address.into())?;
        Ok(socket.into())
    }

    fn tcp(&mut self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // For TCP it lets a server be started again at once, and two of them still cannot listen on one port (tcp(7)).
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    }
}
