//! What is kept: the event log, resources, call records with their timelines, registrations, secrets.
//!
//! Entry types: [`Store::open`] gives [`Opened`]; everybody then holds a clone of the [`Store`].
//!
//! ```text
//!  control loops ── append ─► log thread ── groups, synced ─► segment files
//!                                 │ accepted                       ▲ read_from
//!                                 ├──► subscribers: webhooks, WebSockets
//!                                 └──► records in memory ── what has ended ─┐
//!  API ── put ─► database thread ── one transaction for all that wait ──────┴─► SQLite
//! ```
//!
//! Invariants: an entry that was handed to anybody has a number and is synced; what is *durable when it returns* survives a
//! power loss; after a crash nothing accepted is missing and nothing is there twice; what is damaged is refused, never emptied.
#![forbid(unsafe_code)]

mod backup;
mod bindings;
mod config;
mod cursors;
mod database;
mod error;
mod log;
mod metrics;
mod page;
mod record;
mod repair;
mod resource;
mod secrets;
mod store;

pub use backup::backup;
pub use config::{LogConfig, SYNC_MS_MAX, StoreConfig};
pub use error::StoreError;
pub use log::Accepted;
pub use log::subscribers::{Handed, OnAccepted, Subscription};
pub use metrics::{DatabaseMetrics, LogMetrics, RecordMetrics, StoreMetrics};
pub use page::{Listed, PAGE_SIZE_MAX, Page};
pub use record::{CallRecord, Filter, Record, RecordKind, Unfinished};
pub use repair::{Repaired, repair};
pub use resource::{Batch, Stored, extension_key};
pub use store::{Opened, Store, StoreStatus};
