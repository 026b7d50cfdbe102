//! Where sockets come from: bound here, or handed over by the process before us.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Gives bound sockets. The one place to change when a new process takes the sockets of an old one.
pub trait SocketSource {
    /// A UDP socket bound to `address`.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    fn udp(&mut self, address: SocketAddr) -> io::Result<UdpSocket>;
}

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
}
