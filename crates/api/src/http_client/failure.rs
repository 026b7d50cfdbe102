//! Why a request got no answer, in words for the log and the timeline.

use std::fmt;

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The address is none.
    Url(String),
    /// The host has no address.
    Resolve(String),
    /// The address is in a private range and the operator refuses those.
    Private(std::net::IpAddr),
    /// No connection.
    Connect(String),
    /// No TLS.
    Tls(String),
    /// What came back is no HTTP, or the connection broke.
    Protocol(String),
    /// The connection broke before the end of the answer's body.
    Body(String),
    /// Not in time.
    Timeout(&'static str),
    /// It was sent on too often.
    Redirects,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Url(what) => write!(f, "the address cannot be used: {what}"),
            Failure::Resolve(what) => write!(f, "the host cannot be found: {what}"),
            Failure::Private(ip) => write!(f, "{ip} is a private address, and these are refused by the configuration"),
            Failure::Connect(what) => write!(f, "no connection: {what}"),
            Failure::Tls(what) => write!(f, "no TLS: {what}"),
            Failure::Protocol(what) => write!(f, "the answer is no HTTP or broke off: {what}"),
            Failure::Body(what) => write!(f, "the answer broke off: {what}"),
            Failure::Timeout(what) => write!(f, "no {what} in time"),
            Failure::Redirects => f.write_str("it was redirected more than 3 times"),
        }
    }
}

impl std::error::Error for Failure {}
