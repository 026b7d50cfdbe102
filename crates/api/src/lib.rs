//! What the server shows over HTTP: health, readiness, metrics.
//!
//! Entry types: [`router`] (what is served), [`Listener`] and [`serve`] (how), [`Readiness`], [`MetricsSource`].
//! Invariant: a request reads counters and flags that others keep; it never waits for a call or a control loop.
#![forbid(unsafe_code)]

mod connection;
mod listener;
mod metrics;
mod problem;
mod readiness;
mod routes;

pub use listener::{BindError, Limits, Listener, serve};
pub use metrics::{Family, MetricsSource, MetricsText, Number};
pub use readiness::{NotReady, Readiness};
pub use routes::router;
