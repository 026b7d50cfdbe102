//! The TCP listener and its bounds: at most so many connections, none that is silent for long, and who is silent makes room for
//! who is not.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use axum::{Router, middleware};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::metrics::{MetricsSource, MetricsText};
use crate::places::Places;
use crate::presence::{Presence, under_way};

/// Connections that may wait for a place; further ones are refused.
const WAITING_MAX: usize = 128;
/// Longest wait for a place.
const WAIT: Duration = Duration::from_secs(10);
/// How often it is looked who can make room, while somebody waits.
const LOOK: Duration = Duration::from_millis(20);

/// Bounds of the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at one time. For a further one the connection is closed that has been silent longest and has no request under
    /// way; if there is none, it waits, and is refused after 10 s.
    pub max_connections: usize,
    /// Places besides these that only this machine itself can take, so that it is heard whatever others do.
    pub reserved: usize,
    /// A connection is closed that has not said within so long what it wants: its first request from the beginning, further ones from
    /// their first byte on, up to the end of the head.
    pub head: Duration,
    /// A connection on which nothing arrives for so long is closed.
    pub idle: Duration,
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    places: Arc<Places>,
    waiting: VecDeque<Waiting>,
    counters: Arc<Counters>,
    limits: Limits,
}

/// A connection that has no place yet.
#[derive(Debug)]
struct Waiting {
    stream: TcpStream,
    peer: SocketAddr,
    since: Instant,
}

#[derive(Debug, Default)]
struct Counters {
    /// Connections that had to wait for a place.
    delayed: AtomicU64,
    /// Those that did not get one.
    refused: AtomicU64,
}

/// The address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// Where the listener should have been.
    pub address: SocketAddr,
    /// The system's reason.
    pub reason: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP cannot listen on {} (keys http.address and http.port): {}", self.address, self.reason)?;
        match self.reason.kind() {
            io::ErrorKind::AddrInUse => f.write_str("; another program has this port, or the server runs already"),
            io::ErrorKind::PermissionDenied => f.write_str("; ports below 1024 need special rights"),
            io::ErrorKind::AddrNotAvailable => f.write_str("; this machine does not have the address"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {}

impl Listener {
    /// Binds `address`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`], with a hint for the operator.
    pub async fn bind(address: SocketAddr, limits: Limits) -> Result<Listener, BindError> {
        match TcpListener::bind(address).await {
            Ok(inner) => Ok(Listener::new(inner, limits)),
            Err(reason) => Err(BindError { address, reason }),
        }
    }

    /// Takes over a socket that was bound elsewhere, such as one inherited from another process.
    pub fn new(inner: TcpListener, limits: Limits) -> Listener {
        let places = Arc::new(Places::new(limits.max_connections, limits.reserved));
        Listener { inner, places, waiting: VecDeque::new(), counters: Arc::default(), limits }
    }

    /// Where it listens; the port is the real one if 0 was asked for.
    ///
    /// # Errors
    /// The system's, which is not expected of a bound socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The number of connections, as metrics.
    pub fn metrics(&self) -> Arc<dyn MetricsSource> {
        Arc::new(ConnectionMetrics {
            places: Arc::clone(&self.places),
            counters: Arc::clone(&self.counters),
            limits: self.limits,
        })
    }

    fn seat(&self, stream: TcpStream, place: OwnedSemaphorePermit) -> Connection {
        Connection::new(stream, self.places.enter(place), &self.limits)
    }

    /// Says 503, if that can be said at once, and closes.
    fn refuse(&self, stream: &TcpStream) {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        // Who cannot be told sees that it is closed.
        let _ = stream.try_write(answer.as_bytes());
    }
}

/// Serves `router` until `stop` is ready, then lets running requests finish.
///
/// # Errors
/// None that is known: errors of single connections end these connections only.
pub async fn serve(
    listener: Listener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = router.layer(middleware::from_fn(under_way));
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The address of ours that it has come to, if the system still knows.
    pub(crate) local: Option<SocketAddr>,
    pub(crate) presence: Arc<Presence>,
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Peer {
        let (address, io) = (*stream.remote_addr(), stream.io());
        Peer { address, local: io.local_addr(), presence: io.presence().clone() }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            if let Some(place) = self.waiting.front().and_then(|_| self.places.take())
                && let Some(Waiting { stream, peer, .. }) = self.waiting.pop_front()
            {
                return (self.seat(stream, place), peer);
            }
            let somebody_waits = !self.waiting.is_empty();
            tokio::select! {
                // axum's own implementation tries again after errors such as too many open files.
                (stream, peer) = axum::serve::Listener::accept(&mut self.inner) => {
                    let place = if somebody_waits { None } else { self.places.take() };
                    if let Some(place) = place.or_else(|| self.places.take_kept(peer.ip())) {
                        return (self.seat(stream, place), peer);
                    }
                    self.counters.delayed.fetch_add(1, Ordering::Relaxed);
                    if self.waiting.len() >= WAITING_MAX {
                        self.refuse(&stream);
                        continue;
                    }
                    self.waiting.push_back(Waiting { stream, peer, since: Instant::now() });
                    if !somebody_waits {
                        self.places.make_room(1);
                    }
                }
                () = self.places.freed(), if somebody_waits => {}
                () = sleep(LOOK), if somebody_waits => {
                    while self.waiting.front().is_some_and(|first| first.since.elapsed() >= WAIT)
                        && let Some(first) = self.waiting.pop_front()
                    {
                        self.refuse(&first.stream);
                    }
                    self.places.make_room(self.waiting.len());
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

struct ConnectionMetrics {
    places: Arc<Places>,
    counters: Arc<Counters>,
    limits: Limits,
}

impl MetricsSource for ConnectionMetrics {
    fn collect(&self, out: &mut MetricsText) {
        out.gauge("http_connections", "HTTP connections that are open").value(self.places.taken());
        out.gauge("http_connections_max", "Bound of flowswitch_http_connections").value(self.limits.max_connections);
        out.counter(
            "http_connections_delayed_total",
            "HTTP connections that had to wait because the bound was reached",
        )
        .value(self.counters.delayed.load(Ordering::Relaxed));
        out.counter("http_connections_refused_total", "HTTP connections that waited in vain for a place")
            .value(self.counters.refused.load(Ordering::Relaxed));
    }
}
