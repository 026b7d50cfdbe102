//! The TCP listener and its bounds: at most so many connections, none that is silent for long.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::connection::Connection;
use crate::metrics::{MetricsSource, MetricsText};

/// Bounds of the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at one time; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// A connection on which nothing arrives for so long is closed.
    pub idle: Duration,
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    places: Arc<Semaphore>,
    /// Connections that had to wait for a place.
    delayed: Arc<AtomicU64>,
    limits: Limits,
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
        let places = Arc::new(Semaphore::new(limits.max_connections));
        Listener { inner, places, delayed: Arc::default(), limits }
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
            delayed: Arc::clone(&self.delayed),
            limits: self.limits,
        })
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
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // axum's own implementation tries again after errors such as too many open files.
        let (stream, peer) = axum::serve::Listener::accept(&mut self.inner).await;
        let places = Arc::clone(&self.places);
        if places.available_permits() == 0 {
            self.delayed.fetch_add(1, Ordering::Relaxed);
        }
        let place = places.acquire_owned().await.expect("the semaphore is never closed");
        (Connection::new(stream, place, self.limits.idle), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

struct ConnectionMetrics {
    places: Arc<Semaphore>,
    delayed: Arc<AtomicU64>,
    limits: Limits,
}

impl MetricsSource for ConnectionMetrics {
    fn collect(&self, out: &mut MetricsText) {
        let taken = self.limits.max_connections - self.places.available_permits();
        out.gauge("http_connections", "HTTP connections that are open").value(taken);
        out.gauge("http_connections_max", "Bound of flowswitch_http_connections").value(self.limits.max_connections);
        out.counter(
            "http_connections_delayed_total",
            "HTTP connections that had to wait because the bound was reached",
        )
        .value(self.delayed.load(Ordering::Relaxed));
    }
}
