//! The REST API over real HTTP, with a repository in memory.
#![allow(missing_docs, clippy::unwrap_used)] // a test

mod accounts;
mod auth;
mod calls;
mod confbridges;
mod conference_recordings;
mod documents;
mod errors;
mod flows;
mod pages;
mod recordings;
mod schema;
mod sip;
mod site;
mod sockets;
mod websocket;
