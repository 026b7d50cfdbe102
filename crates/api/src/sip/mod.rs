//! SIP over WebSocket (RFC 7118), as far as it is HTTP and WebSocket: whoever serves SIP takes what arrives by [`SipSockets`].

mod socket;
mod upgrade;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub(crate) use upgrade::endpoints;

/// Whoever serves SIP.
pub trait SipSockets: Send + Sync {
    /// Makes room for a connection that has come to `local` from `remote`, both as the system sees them. It has its place until what
    /// is returned is dropped.
    ///
    /// # Errors
    /// Why it may not come.
    fn open(&self, local: SocketAddr, remote: SocketAddr) -> Result<Box<dyn SipSocket>, SipRefused>;

    /// Whether a page of this origin (RFC 6454, such as `https://phone.example.com`) may connect. Only browsers say where their pages
    /// come from, and there it cannot be made up.
    fn allows_origin(&self, _origin: &str) -> bool {
        true
    }

    /// How long the other side may be silent or slow.
    fn patience(&self) -> SipPatience {
        SipPatience::default()
    }
}

/// One connection, seen by whoever serves SIP.
pub trait SipSocket: Send {
    /// Takes what one frame held: a message, or line ends that keep the connection alive. Nothing is read meanwhile, so that whoever
    /// sends faster than can be served waits. False: there is no room for it, and the connection is to end, which tells the other
    /// side.
    fn take(&mut self, message: Bytes) -> BoxFuture<'_, bool>;

    /// The next message to be written; none when the connection is to end. The future may be dropped before it is ready: then nothing
    /// is lost.
    fn next(&mut self) -> BoxFuture<'_, Option<Bytes>>;

    /// Nothing will be written any more: only goodbye is said.
    fn close(&mut self);
}

/// How long the other side may be silent or slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipPatience {
    /// How often a ping is sent. Who has said nothing for two of them is gone.
    pub ping: Duration,
    /// A frame that cannot be written for so long ends the connection.
    pub write: Duration,
}

impl Default for SipPatience {
    fn default() -> SipPatience {
        SipPatience { ping: Duration::from_secs(30), write: Duration::from_secs(10) }
    }
}

/// Why a connection may not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SipRefused {
    /// As many are open as there may be.
    Full,
    /// As many are open with this address as there may be.
    AddressFull,
    /// The server is about to end.
    Ending,
}

impl fmt::Display for SipRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SipRefused::Full => "as many SIP connections are open as there may be",
            SipRefused::AddressFull => "as many SIP connections are open with this address as there may be",
            SipRefused::Ending => "the server is about to end",
        })
    }
}

impl std::error::Error for SipRefused {}
