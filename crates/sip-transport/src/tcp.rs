//! TCP listeners, plain and with TLS: bound all together, then started, stopped when dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use sip_core::{Hop, Transport};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::metrics::add;
use crate::seldom::Seldom;
use crate::stream_task::{self, StreamLimits};
use crate::tls::{self, Handshakes};
use crate::{BindError, Inlet, SocketSource};

/// How long accepting rests after an error, so that one that stays does not take a core.
const ERROR_REST: Duration = Duration::from_millis(100);
/// A connection that is silent is asked by the kernel whether it still exists after so long,
const ALIVE_AFTER: Duration = Duration::from_secs(60);
/// then so often,
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// and closed after so many questions without an answer.
const ALIVE_TRIES: u32 = 6;

/// TCP listeners of one transport. Dropping it stops accepting; connections go on.
#[derive(Debug)]
pub struct TcpTransport {
    transport: Transport,
    first_number: u16,
    listeners: Vec<std::net::TcpListener>,
    bound: Vec<SocketAddr>,
    running: Vec<AbortHandle>,
}

impl TcpTransport {
    /// Binds listeners of `transport`; a [`Hop`] names them by their place in `addresses`, counted from `first_number`. Who
    /// connects waits in the kernel until [`TcpTransport::start`].
    ///
    /// # Errors
    /// The first address that cannot be had; none is kept then.
    pub fn bind(
        transport: Transport,
        addresses: &[SocketAddr],
        first_number: u16,
        source: &mut dyn SocketSource,
    ) -> Result<TcpTransport, BindError> {
        let refused = |address, error| BindError { transport, address, source: error };
        let mut listeners = Vec::with_capacity(addresses.len());
        let mut bound = Vec::with_capacity(addresses.len());
        for &address in addresses {
            let listener = source.tcp(address).map_err(|error| refused(address, error))?;
            bound.push(listener.local_addr().map_err(|error| refused(address, error))?);
            listeners.push(listener);
        }
        Ok(TcpTransport { transport, first_number, listeners, bound, running: Vec::new() })
    }

    /// What is listened on, with the real ports.
    pub fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// Accepts connections from now on, within the tokio runtime that this is called in; their messages go into `inlet`. Done
    /// once: a second call changes nothing.
    ///
    /// # Errors
    /// The system's; not expected of a bound socket.
    pub fn start(&mut self, inlet: &Inlet, limits: StreamLimits) -> io::Result<()> {
        self.accept(inlet, limits, |_| None)
    }

    /// The same with TLS; each listener goes by its own of `configs`, as it is when somebody connects.
    ///
    /// # Errors
    /// As [`TcpTransport::start`].
    pub fn start_tls(
        &mut self,
        inlet: &Inlet,
        limits: StreamLimits,
        configs: &[Arc<ArcSwap<ServerConfig>>],
    ) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(tls::HANDSHAKES));
        self.accept(inlet, limits, |place| {
            Some(Handshakes { config: configs.get(place)?.clone(), places: places.clone() })
        })
    }

    fn accept(
        &mut self,
        inlet: &Inlet,
        limits: StreamLimits,
        handshakes: impl Fn(usize) -> Option<Handshakes>,
    ) -> io::Result<()> {
        for (place, listener) in self.listeners.drain(..).enumerate() {
            listener.set_nonblocking(true)?;
            let accepting = Accepting {
                listener: TcpListener::from_std(listener)?,
                transport: self.transport,
                number: self.first_number + place as u16,
                port: self.bound[place].port(),
                inlet: inlet.clone(),
                limits,
                handshakes: handshakes(place),
                no_descriptor: Seldom::default(),
            };
            self.running.push(tokio::spawn(accepting.run()).abort_handle());
        }
        Ok(())
    }
}

impl Drop for TcpTransport {
    fn drop(&mut self) {
        self.running.iter().for_each(AbortHandle::abort);
    }
}

/// The task of one listener.
struct Accepting {
    listener: TcpListener,
    transport: Transport,
    number: u16,
    port: u16,
    inlet: Inlet,
    limits: StreamLimits,
    /// With TLS.
    handshakes: Option<Handshakes>,
    no_descriptor: Seldom,
}

impl Accepting {
    async fn run(self) {
        loop {
            let taken = match self.listener.accept().await {
                Ok((stream, remote)) => self.take(stream, remote),
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                self.failed(&error);
                tokio::time::sleep(ERROR_REST).await;
            }
        }
    }

    fn failed(&self, error: &io::Error) {
        add(&self.inlet.connections().metrics().accept_errors, 1);
        if !matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
            tracing::debug!(%error, "a connection could not be taken");
        } else if let Some(others) = self.no_descriptor.line() {
            tracing::warn!(
                %error, others, transport = self.transport.via_name(), port = self.port,
                "a connection could not be taken for want of a file descriptor: raise ulimit -n, or LimitNOFILE of the service"
            );
        }
    }

    fn take(&self, stream: TcpStream, remote: SocketAddr) -> io::Result<()> {
        let local = SocketAddr::new(stream.local_addr()?.ip(), self.port);
        let hop = Hop { transport: self.transport, listener: self.number, local, remote };
        // Who is refused is closed at once, and that was counted.
        if let Ok(connection) = self.inlet.connections().open(hop) {
            set_options(&stream)?;
            let (inlet, limits) = (self.inlet.clone(), self.limits);
            match &self.handshakes {
                None => drop(tokio::spawn(stream_task::run(stream, connection, inlet, limits))),
                Some(handshakes) => drop(tokio::spawn(handshakes.clone().run(stream, connection, inlet, limits))),
            }
        }
        Ok(())
    }
}

/// Each message goes out at once, and a peer that is gone without a word is noticed within three minutes.
pub(crate) fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keep_alive = TcpKeepalive::new().with_time(ALIVE_AFTER).with_interval(ALIVE_EVERY).with_retries(ALIVE_TRIES);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}
