//! The requests of flow actions: `fetch`, and `webhook_send` with and without waiting (spec/flow.md §10).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, Method};
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::http_client::{Client, Outgoing, Reach, ReplyBody, Times, Url, exchange};
use crate::metrics::{MetricsSource, MetricsText};
use crate::webhooks::signature;

/// Requests at one time; more are refused.
const AT_ONCE: usize = 512;
/// Of them to one destination (scheme, host and port): one that hangs leaves room for the others.
const AT_ONCE_TO_ONE: usize = 256;
/// Longest body of an answer, bytes.
const BODY_MAX: usize = 1024 * 1024;
/// So much is kept of a longer one where its beginning is enough (spec/flow.md §10.1).
const BEGINNING: usize = 32 * 1024;
/// All of it, connection and repetitions included (spec/flow.md §10.1).
const WHOLE: Duration = Duration::from_secs(30);
/// All of a request that is not repeated (§10.2).
const WHOLE_ONCE: Duration = Duration::from_secs(15);
/// How often a webhook is tried, and the pause between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// What a flow wants to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchRequest {
    /// Such as `POST`; empty = `POST`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The body's media type; empty = JSON.
    pub content_type: String,
    /// What is sent, with every method.
    pub body: String,
    /// Whether transport errors and 5xx are tried again, as for webhooks.
    pub repeat: bool,
    /// Whether the beginning of an answer longer than 1 MiB is enough; if not, such an answer is a failure.
    pub beginning_is_enough: bool,
    /// Signs the body as webhooks are signed; none = unsigned.
    pub secret: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResult {
    /// 0 = no answer.
    pub status: u16,
    /// At most 1 MiB, or the first 32 KiB of a longer one.
    pub body: Vec<u8>,
    /// Why there is no answer, or none that can be used; empty otherwise.
    pub error: String,
}

/// Carries them out.
#[derive(Debug)]
pub struct HttpFetcher {
    client: Client,
    places: Semaphore,
    /// How many are under way, by destination.
    to_one: Mutex<HashMap<String, usize>>,
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
}

impl HttpFetcher {
    /// Must be called within a tokio runtime.
    pub fn new(reach: Reach) -> Arc<HttpFetcher> {
        Arc::new(HttpFetcher {
            client: Client::new(reach),
            places: Semaphore::new(AT_ONCE),
            to_one: Mutex::default(),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Carries out one request; takes at most 30 s, or 15 s if it is not to be repeated.
    pub async fn carry_out(&self, request: FetchRequest) -> FetchResult {
        let Ok(_place) = self.places.try_acquire() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return failure(format!("more than {AT_ONCE} requests at one time"));
        };
        let outgoing = match outgoing(request.clone()) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                return failure(error);
            }
        };
        let Some(_share) = Share::take(&self.to_one, &outgoing.url) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return failure(format!("more than {AT_ONCE_TO_ONE} requests to {} at one time", outgoing.url.authority));
        };
        let deadline = Instant::now() + if request.repeat { WHOLE } else { WHOLE_ONCE };
        let attempts = if request.repeat { ATTEMPTS } else { 1 };
        let mut result = FetchResult::default();
        for attempt in 0..attempts {
            if attempt > 0 {
                if Instant::now() + PAUSE >= deadline {
                    break;
                }
                sleep(PAUSE).await;
            }
            result = self.attempt(&outgoing, deadline, request.beginning_is_enough).await;
            if result.status != 0 && result.status < 500 {
                break;
            }
        }
        let is_answered = result.error.is_empty() && result.status < 300;
        let counter = if is_answered { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    /// Once. A success whose body does not come to its end is no answer; of any other answer the status says enough.
    async fn attempt(&self, outgoing: &Outgoing, deadline: Instant, beginning_is_enough: bool) -> FetchResult {
        let seconds = Duration::from_secs;
        let whole = deadline.saturating_duration_since(Instant::now());
        let times = Times { connect: seconds(10), first_byte: seconds(15), whole, body: whole };
        let reply = match exchange(&self.client, &mut None, outgoing, &times, BODY_MAX).await {
            Ok(reply) => reply,
            Err(failed) => return failure(failed.to_string()),
        };
        let status = reply.status;
        let body = match reply.body {
            Ok(body) => body,
            Err(failed) if (200..300).contains(&status) => return failure(failed.to_string()),
            Err(_) => ReplyBody { octets: Vec::new(), is_whole: true },
        };
        let mut result = FetchResult { status, body: body.octets, error: String::new() };
        if !body.is_whole && beginning_is_enough {
            result.body.truncate(BEGINNING);
        } else if !body.is_whole {
            result.body.clear();
            result.error = "the answer is longer than 1 MiB".to_owned();
        }
        result
    }
}

/// A place among those of one destination, until it is dropped.
struct Share<'a> {
    shares: &'a Mutex<HashMap<String, usize>>,
    destination: String,
}

impl<'a> Share<'a> {
    fn take(shares: &'a Mutex<HashMap<String, usize>>, url: &Url) -> Option<Share<'a>> {
        let destination = format!("{}{}:{}", if url.tls { "https:" } else { "http:" }, url.host, url.port);
        let mut taken = shares.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&destination).copied().unwrap_or_default();
        if count >= AT_ONCE_TO_ONE {
            return None;
        }
        taken.insert(destination.clone(), count + 1);
        drop(taken);
        Some(Share { shares, destination })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.destination) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.destination)),
        }
    }
}

fn failure(error: String) -> FetchResult {
    FetchResult { status: 0, body: Vec::new(), error }
}

fn outgoing(request: FetchRequest) -> Result<Outgoing, String> {
    let method = if request.method.is_empty() { "POST" } else { &request.method };
    let kind = if request.content_type.is_empty() { "application/json; charset=utf-8" } else { &request.content_type };
    Ok(Outgoing {
        method: Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| format!("{method} is no method of HTTP"))?,
        url: Arc::new(Url::parse(&request.url).map_err(|error| error.to_string())?),
        content_type: HeaderValue::from_str(kind).map_err(|_| format!("{kind} is no media type"))?,
        signature: request.secret.as_deref().and_then(|secret| signature(secret, request.body.as_bytes())),
        body: Bytes::from(request.body),
    })
}

impl MetricsSource for HttpFetcher {
    fn collect(&self, out: &mut MetricsText) {
        out.gauge("flow_http_requests", "HTTP requests of flows that are under way")
            .value(AT_ONCE - self.places.available_permits());
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        out.counter("flow_http_requests_total", "HTTP requests of flows, by outcome")
            .sample(&[("outcome", "answered")], number(&self.answered))
            .sample(&[("outcome", "failed")], number(&self.failed))
            .sample(&[("outcome", "refused")], number(&self.refused));
    }
}
