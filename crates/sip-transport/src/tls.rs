//! The beginning of a connection with TLS. Handshakes take time on the runtime's threads, never on those of media.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::metrics::add;
use crate::stream_task::{self, StreamLimits};
use crate::{Connection, Inlet};

/// Handshakes under way at one time; who comes then is turned away. Each takes some ten kilobytes.
pub(crate) const HANDSHAKES: usize = 1_024;
/// How long one may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What a handshake needs.
#[derive(Clone)]
pub(crate) struct Handshakes {
    pub(crate) config: Arc<ArcSwap<ServerConfig>>,
    pub(crate) places: Arc<Semaphore>,
}

impl Handshakes {
    /// Agrees on TLS and serves what comes over it.
    pub(crate) async fn run(self, stream: TcpStream, mut connection: Connection, inlet: Inlet, limits: StreamLimits) {
        let hop = connection.hop();
        let why = {
            let Ok(_place) = self.places.try_acquire() else {
                return add(&inlet.connections().metrics().handshake_errors, 1);
            };
            let handshake = TlsAcceptor::from(self.config.load_full()).accept(stream);
            let done = tokio::select! {
                done = timeout(HANDSHAKE, handshake) => done,
                // Nobody can have sent over it yet: all connections are being closed.
                _ = connection.next() => return,
            };
            match done {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("it took too long".to_owned()),
            }
        };
        match why {
            Ok(stream) => stream_task::run(stream, connection, inlet, limits).await,
            Err(error) => {
                add(&inlet.connections().metrics().handshake_errors, 1);
                tracing::debug!(%hop, error, "a TLS handshake failed");
            }
        }
    }
}
