//! What the server offers over HTTP: the REST resources and their events, webhooks, health, metrics, the console.
//!
//! Entry types: [`Api`] over its [`Ports`] ([`Repository`], [`Control`], [`Publish`], [`SipSockets`]), [`api_router`] (what is served),
//! [`Listener`] and [`serve`] (how), [`Webhooks`] and [`HttpFetcher`] (what is sent), [`Readiness`], [`MetricsSource`].
//! Invariants: a request never waits for a call longer than [`Control`] promises; every queue has a bound, and what does
//! not fit is counted; no secret is ever shown.
#![forbid(unsafe_code)]

mod auth;
mod clock;
mod connection;
mod console;
mod control;
mod endpoints;
mod events;
mod fetcher;
mod http_client;
mod json_body;
mod listener;
mod media;
mod memory;
mod metrics;
mod middleware;
mod openapi;
mod paging;
mod places;
mod presence;
mod problem;
mod query;
mod quotas;
mod readiness;
mod repository;
mod resources;
mod routes;
mod service;
mod shape;
mod shown;
mod sip;
mod stored;
mod unreadable;
mod webhooks;

pub use auth::{HashError, NewToken, hash_password, is_password, token_hash};
pub use clock::direct_hash;
pub use control::{ConferenceRecording, Control, Publish, Refused};
pub use events::EventHub;
pub use fetcher::{FetchRequest, FetchResult, HttpFetcher};
pub use http_client::Reach;
pub use listener::{BindError, Limits, Listener, serve};
pub use memory::MemoryRepository;
pub use metrics::{Family, MetricsSource, MetricsText, Number};
pub use middleware::{RateLimit, RateLimits};
pub use quotas::Quotas;
pub use readiness::{NotReady, Readiness};
pub use repository::{After, Kind, Listing, Repository, RepositoryError, TimelineOf};
pub use resources::{EXPIRE_MAX, check_webhook_uri};
pub use routes::{api_router, router};
pub use service::{Api, ApiConfig, Ports};
pub use shape::Shape;
pub use sip::{SipPatience, SipRefused, SipSocket, SipSockets};
pub use webhooks::{Cursors, WebhookConfig, WebhookJournal, WebhookNumbers, Webhooks};
