//! UDP listeners: bound all together, then started, stopped when dropped.

use std::io::{self, PipeWriter};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::{fmt, thread};

use sip_core::Transport;
use socket2::SockRef;

use crate::receive::{OnDatagram, Receiver};
use crate::{SocketSource, UdpMetrics, UdpSender, sys};

/// One address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// May be `0.0.0.0` or `[::]`; port 0 takes any free one.
    pub address: SocketAddr,
    /// Wanted size of the kernel's receive buffer, octets.
    pub receive_buffer_bytes: usize,
    /// Wanted size of the kernel's send buffer, octets.
    pub send_buffer_bytes: usize,
}

impl ListenerConfig {
    /// `address` with buffers for about a second of heavy traffic: 500 calls/s are some 3,500 datagrams/s of under 1 KB.
    pub fn new(address: SocketAddr) -> ListenerConfig {
        ListenerConfig { address, receive_buffer_bytes: 8 << 20, send_buffer_bytes: 4 << 20 }
    }
}

/// A listener that is bound, and what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundListener {
    /// The address with the real port.
    pub address: SocketAddr,
    /// Size of the receive buffer in the unit of the configuration; less than wanted without CAP_NET_ADMIN if above
    /// `net.core.rmem_max`.
    pub receive_buffer_bytes: usize,
    /// Size of the send buffer, limited by `net.core.wmem_max`.
    pub send_buffer_bytes: usize,
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// What was to be carried.
    pub transport: Transport,
    /// The address of the configuration.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.transport.via_name();
        let section = name.to_ascii_lowercase();
        write!(f, "SIP cannot listen on {name} {} (section sip.{section}): {}", self.address, self.source)?;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => f.write_str("; another program has this port, or the server runs already"),
            io::ErrorKind::PermissionDenied => f.write_str("; ports below 1024 need special rights"),
            io::ErrorKind::AddrNotAvailable => f.write_str("; this machine does not have the address"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A socket with its counters: shared by the thread that receives and all that send.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: UdpSocket,
    pub(crate) bound: BoundListener,
    pub(crate) metrics: UdpMetrics,
}

/// All UDP listeners. Dropping it stops receiving; senders go on until the last of them is dropped, too.
#[derive(Debug)]
pub struct UdpTransport {
    listeners: Arc<[Listener]>,
    running: Vec<Running>,
}

/// A thread that ends when its pipe is closed.
#[derive(Debug)]
struct Running {
    stop: PipeWriter,
    thread: JoinHandle<()>,
}

impl UdpTransport {
    /// Binds all listeners; a [`sip_core::Hop`] names them by their place in `configs`. Datagrams wait in the kernel until
    /// [`UdpTransport::start`].
    ///
    /// # Errors
    /// The first address that cannot be had; none is kept then.
    pub fn bind(configs: &[ListenerConfig], source: &mut dyn SocketSource) -> Result<UdpTransport, BindError> {
        let listeners = configs
            .iter()
            .map(|config| {
                Listener::bind(config, source).map_err(|error| BindError {
                    transport: Transport::Udp,
                    address: config.address,
                    source: error,
                })
            })
            .collect::<Result<Arc<[Listener]>, BindError>>()?;
        Ok(UdpTransport { listeners, running: Vec::new() })
    }

    /// What is listened on, in the order of the configuration.
    pub fn bound(&self) -> impl ExactSizeIterator<Item = BoundListener> {
        self.listeners.iter().map(|listener| listener.bound)
    }

    /// The counters of each listener, in the same order.
    pub fn metrics(&self) -> impl ExactSizeIterator<Item = &UdpMetrics> {
        self.listeners.iter().map(|listener| &listener.metrics)
    }

    /// A sender for all listeners.
    pub fn sender(&self) -> UdpSender {
        UdpSender::new(self.listeners.clone())
    }

    /// Starts a receiving thread per listener. Each datagram is handed to `on_datagram` on that thread. Done once: a second
    /// call changes nothing.
    ///
    /// # Errors
    /// If a thread or its pipe cannot be made; nothing is received then.
    pub fn start(&mut self, on_datagram: OnDatagram) -> io::Result<()> {
        if !self.running.is_empty() {
            return Ok(());
        }
        let mut running = Vec::with_capacity(self.listeners.len());
        for number in 0..self.listeners.len() {
            match self.spawn(number, on_datagram.clone()) {
                Ok(thread) => running.push(thread),
                Err(error) => {
                    stop(running);
                    return Err(error);
                }
            }
        }
        self.running = running;
        Ok(())
    }

    fn spawn(&self, number: usize, on_datagram: OnDatagram) -> io::Result<Running> {
        let (ended, stop) = io::pipe()?;
        let receiver = Receiver::new(self.listeners.clone(), number, on_datagram);
        let thread = thread::Builder::new().name(format!("sip-udp-{number}")).spawn(move || receiver.run(&ended))?;
        Ok(Running { stop, thread })
    }
}

impl Drop for UdpTransport {
    fn drop(&mut self) {
        stop(std::mem::take(&mut self.running));
    }
}

fn stop(running: Vec<Running>) {
    // All pipes are closed first, so that the threads end at the same time.
    let threads: Vec<JoinHandle<()>> =
        running.into_iter().map(|Running { stop, thread }| (drop(stop), thread).1).collect();
    for thread in threads {
        // The last owner may be a handler on the receiving thread itself, which cannot wait for its own end.
        if thread.thread().id() != thread::current().id() {
            // Handlers are caught, so a thread does not end by a panic; if one did, there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

impl Listener {
    fn bind(config: &ListenerConfig, source: &mut dyn SocketSource) -> io::Result<Listener> {
        let socket = source.udp(config.address)?;
        let address = socket.local_addr()?;
        sys::enable_packet_info(&socket, address.is_ipv6())?;
        sys::enable_drop_count(&socket)?;
        let options = SockRef::from(&socket);
        // Beyond the system's limit with CAP_NET_ADMIN, else up to it.
        if sys::force_receive_buffer(&socket, config.receive_buffer_bytes).is_err() {
            options.set_recv_buffer_size(config.receive_buffer_bytes)?;
        }
        options.set_send_buffer_size(config.send_buffer_bytes)?;
        // socket(7): the kernel doubles what is asked, for its own bookkeeping, and reports that.
        let bound = BoundListener {
            address,
            receive_buffer_bytes: options.recv_buffer_size()? / 2,
            send_buffer_bytes: options.send_buffer_size()? / 2,
        };
        Ok(Listener { socket, bound, metrics: UdpMetrics::default() })
    }
}
