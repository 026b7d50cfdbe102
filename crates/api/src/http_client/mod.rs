//! Requests that the server makes: webhooks, and what flows fetch. Bounded in time, bytes and redirects, whatever the other
//! side does. Connections are kept and used again where requests to one place follow each other.
//!
//! hyper's connection is used as it is and driven by the task that makes the request: a pool with a task per connection
//! costs twice the wake-ups.

mod connection;
mod exchange;
mod failure;
mod reach;
mod tls;
mod url;

pub(crate) use connection::Connection;
pub(crate) use exchange::{Outgoing, ReplyBody, Times, exchange};
pub(crate) use failure::Failure;
pub use reach::Reach;
pub(crate) use tls::Tls;
pub(crate) use url::{Url, check_url};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) reach: Reach,
    pub(crate) tls: Tls,
}

impl Client {
    pub(crate) fn new(reach: Reach) -> Client {
        Client { reach, tls: Tls::default() }
    }
}
