//! SIP over WebSocket: what comes to `/sip` of the HTTP listener is a connection like any other.

use std::net::SocketAddr;
use std::sync::Arc;

use api::{SipRefused, SipSocket, SipSockets};
use bytes::Bytes;
use call::Input;
use futures_util::future::BoxFuture;
use sip_core::{Hop, Transport};
use sip_transport::{Connection, ConnectionRefused, Connections, Inlet, Lane, OnClosed};

use super::lanes::LaneSender;

/// Takes them.
pub(super) struct Takes {
    /// Where they have their places.
    pub(super) connections: Connections,
    /// Where their messages go.
    pub(super) inlet: Inlet,
    /// The number of the HTTP listener.
    pub(super) listener: u16,
    /// Who is told when one is closed.
    pub(super) closed: OnClosed,
    /// Whose pages may connect; with none, all may.
    pub(super) origins: Vec<String>,
}

/// One that is open.
struct Open {
    connection: Connection,
    inlet: Inlet,
    closed: OnClosed,
}

impl SipSockets for Takes {
    fn open(&self, local: SocketAddr, remote: SocketAddr) -> Result<Box<dyn SipSocket>, SipRefused> {
        // A proxy that does TLS for us is not seen here: its connection to us is without.
        let hop = Hop { transport: Transport::Ws, listener: self.listener, local, remote };
        let connection = self.connections.open(hop).map_err(|refused| match refused {
            ConnectionRefused::Full => SipRefused::Full,
            ConnectionRefused::AddressFull => SipRefused::AddressFull,
            ConnectionRefused::Ending => SipRefused::Ending,
        })?;
        Ok(Box::new(Open { connection, inlet: self.inlet.clone(), closed: self.closed.clone() }))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.origins.is_empty() || self.origins.iter().any(|allowed| allowed == origin)
    }
}

impl SipSocket for Open {
    fn take(&mut self, message: Bytes) -> BoxFuture<'_, bool> {
        Box::pin(async { self.inlet.frame(message, self.connection.hop()).await.is_ok() })
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(self.connection.next())
    }

    fn close(&mut self) {
        self.connection.close();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.closed)(self.connection.hop());
    }
}

/// Tells all loops.
pub(super) fn closed(senders: Vec<LaneSender>) -> OnClosed {
    Arc::new(move |hop| {
        let closed = || Input::ConnectionClosed(hop);
        // Where there is no room, who registered over it stays registered until the time is up, as over UDP.
        senders.iter().for_each(|lanes| drop(lanes.try_sip(Lane::Dialog, closed())));
    })
}
