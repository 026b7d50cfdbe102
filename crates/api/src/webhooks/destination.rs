//! Where webhooks go: an address, its queue, how far it has got.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::Method;
use bytes::Bytes;
use model::{Activeflow, Customer};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::lane::{Job, Lane};
use super::{WebhookConfig, WebhookNumbers};
use crate::http_client::{Client, Url};

/// Address, method and secret at one moment, made ready once for all requests.
#[derive(Debug)]
pub(super) struct Target {
    /// The destination's.
    pub(super) name: Arc<str>,
    pub(super) url: Arc<Url>,
    pub(super) method: Method,
    /// Empty = unsigned.
    pub(super) secret: String,
}

impl Target {
    /// Where all of a customer's events go. None if nowhere.
    pub(super) fn of_customer(customer: &Customer) -> Option<Target> {
        if customer.tm_delete.is_some() {
            return None;
        }
        let url = url(&customer.webhook_uri)?;
        let name = format!("customer:{}", customer.id);
        Some(Target::new(name, url, &customer.webhook_method, &customer.webhook_secret))
    }

    /// Where the events of one activeflow go too. None if nowhere.
    pub(super) fn of_activeflow(activeflow: &Activeflow) -> Option<Target> {
        let url = url(&activeflow.webhook_uri)?;
        let method = or_post(&activeflow.webhook_method);
        let scheme = if url.tls { "https" } else { "http" };
        let name = format!("activeflow:{method} {scheme}://{}{}", url.authority, url.path);
        Some(Target::new(name, url, method, ""))
    }

    fn new(name: String, url: Url, method: &str, secret: &str) -> Target {
        let method = Method::from_bytes(or_post(method).as_bytes()).unwrap_or(Method::POST);
        Target { name: name.into(), url: Arc::new(url), method, secret: secret.to_owned() }
    }
}

/// None for an empty address, which means "nowhere", and for one that cannot be asked.
fn url(uri: &str) -> Option<Url> {
    if uri.is_empty() { None } else { Url::parse(uri).ok() }
}

fn or_post(method: &str) -> &str {
    if method.is_empty() { "POST" } else { method }
}

/// What waits for one destination, shared with its lanes.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Entries that were queued and are not done.
    open: Mutex<BTreeSet<u64>>,
    octets: AtomicUsize,
    pub(super) numbers: Arc<WebhookNumbers>,
}

impl Backlog {
    /// An entry was delivered or given up.
    pub(super) fn done(&self, sequence: u64, octets: usize) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
        self.octets.fetch_sub(octets, Ordering::Relaxed);
        self.numbers.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn first(&self) -> Option<u64> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).first().copied()
    }

    fn length(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// One destination.
pub(super) struct Destination {
    name: Arc<str>,
    client: Arc<Client>,
    config: Arc<WebhookConfig>,
    backlog: Arc<Backlog>,
    /// Started when first used. Their channels have no bound of their own: [`Destination::offer`] keeps that of all.
    lanes: Vec<Option<mpsc::UnboundedSender<Job>>>,
    /// The queue was full: everything behind this entry comes from the journal.
    pub(super) behind: Option<u64>,
    used: Instant,
}

impl Destination {
    pub(super) fn new(
        name: &Arc<str>,
        client: Arc<Client>,
        config: Arc<WebhookConfig>,
        numbers: Arc<WebhookNumbers>,
        behind: Option<u64>,
    ) -> Destination {
        Destination {
            name: name.clone(),
            client,
            lanes: vec![None; config.lanes.max(1)],
            config,
            backlog: Arc::new(Backlog { open: Mutex::default(), octets: AtomicUsize::new(0), numbers }),
            behind,
            used: Instant::now(),
        }
    }

    /// Queues an event. False if there is no room.
    pub(super) fn offer(&mut self, sequence: u64, order: Uuid, target: &Arc<Target>, body: &Bytes) -> bool {
        let octets = self.backlog.octets.load(Ordering::Relaxed);
        let has_room = self.backlog.length() < self.config.queue
            && (octets == 0 || octets + body.len() <= self.config.queue_bytes);
        if !has_room {
            return false;
        }
        self.used = Instant::now();
        let mut hasher = DefaultHasher::new();
        order.hash(&mut hasher);
        let lane = (hasher.finish() % self.lanes.len() as u64) as usize;
        self.backlog.open.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence);
        self.backlog.octets.fetch_add(body.len(), Ordering::Relaxed);
        self.backlog.numbers.waiting.fetch_add(1, Ordering::Relaxed);
        let sender = self.lanes[lane].get_or_insert_with(|| {
            let (sender, jobs) = mpsc::unbounded_channel();
            let lane = Lane {
                client: self.client.clone(),
                config: self.config.clone(),
                backlog: self.backlog.clone(),
                name: self.name.clone(),
            };
            tokio::spawn(lane.run(jobs));
            sender
        });
        if let Err(refused) = sender.send(Job { sequence, target: target.clone(), body: body.clone() }) {
            // The lane's task is gone, which only a panic does; the next event starts a new one.
            self.backlog.done(refused.0.sequence, refused.0.body.len());
            self.lanes[lane] = None;
            return false;
        }
        true
    }

    /// Whether a destination that fell behind may be fed again.
    pub(super) fn is_hungry(&self) -> bool {
        self.behind.is_some() && self.backlog.length() <= self.config.queue / 4
    }

    /// The last entry before which all is done; none when everything is.
    pub(super) fn cursor(&self) -> Option<u64> {
        let open = self.backlog.first().map(|first| first - 1);
        match (open, self.behind) {
            (Some(open), Some(behind)) => Some(open.min(behind)),
            (open, behind) => open.or(behind),
        }
    }

    /// Whether it can be forgotten: nothing waits and nothing came for a while.
    pub(super) fn is_idle(&self, for_s: u64) -> bool {
        self.cursor().is_none() && self.used.elapsed().as_secs() >= for_s
    }
}
