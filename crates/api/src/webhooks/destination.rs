//! One place where webhooks go: its queue, its lanes, how far it has got.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::backlog::Backlog;
use super::lane::{Job, Lane};
use super::target::Target;
use super::{WebhookConfig, WebhookNumbers};
use crate::http_client::Client;

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
            backlog: Arc::new(Backlog::new(numbers)),
            behind,
            used: Instant::now(),
        }
    }

    /// Queues an event. False if there is no room.
    pub(super) fn offer(&mut self, sequence: u64, order: Uuid, target: &Arc<Target>, body: &Bytes) -> bool {
        let octets = self.backlog.octets();
        let has_room = self.backlog.length() < self.config.queue
            && (octets == 0 || octets + body.len() <= self.config.queue_bytes);
        if !has_room {
            return false;
        }
        self.used = Instant::now();
        let mut hasher = DefaultHasher::new();
        order.hash(&mut hasher);
        let lane = (hasher.finish() % self.lanes.len() as u64) as usize;
        self.backlog.queued(sequence, body.len());
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
