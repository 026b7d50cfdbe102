//! What the server sends: webhooks and the requests of flows, to receivers of every kind.
#![allow(missing_docs, clippy::unwrap_used)] // a test

mod fetcher;
mod receiver;
mod sender;
mod speed;
mod webhooks;
