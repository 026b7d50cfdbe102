//! Decides where each entry goes, and keeps account of how far each destination has got.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use model::LogEntry;
use store::Accepted;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::destination::Destination;
use super::directory::Directory;
use super::{Cursors, WebhookConfig, WebhookJournal, WebhookNumbers};
use crate::http_client::Client;
use crate::repository::Repository;

/// Entries that are read from the journal at a time.
const BATCH: usize = 500;
/// How often those that fell behind are looked at.
const ROUND: Duration = Duration::from_millis(50);
/// How often the cursors are written.
const SAVE: Duration = Duration::from_secs(1);
/// A destination to which nothing went for so long is forgotten, s.
const IDLE_S: u64 = 30;
/// The cursor of everything that is not behind.
const GLOBAL: &str = "";

pub(super) struct Dispatcher {
    config: Arc<WebhookConfig>,
    client: Arc<Client>,
    journal: Arc<dyn WebhookJournal>,
    cursors: Arc<dyn Cursors>,
    directory: Directory,
    numbers: Arc<WebhookNumbers>,
    destinations: BTreeMap<Arc<str>, Destination>,
    /// The last entry that was given to all destinations.
    position: u64,
    saved: BTreeMap<String, u64>,
    /// Where events are written.
    written: Vec<u8>,
}

impl Dispatcher {
    pub(super) fn new(
        config: WebhookConfig,
        journal: Arc<dyn WebhookJournal>,
        cursors: Arc<dyn Cursors>,
        repository: Arc<dyn Repository>,
        numbers: Arc<WebhookNumbers>,
    ) -> Dispatcher {
        Dispatcher {
            client: Arc::new(Client::new(config.reach)),
            config: Arc::new(config),
            journal,
            cursors,
            directory: Directory::new(repository),
            numbers,
            destinations: BTreeMap::new(),
            position: 0,
            saved: BTreeMap::new(),
            written: Vec::new(),
        }
    }

    /// Runs until `live` is closed or the other side of `asked` is dropped. `last` was the log's end at the start.
    pub(super) async fn run(
        mut self,
        mut live: mpsc::Receiver<Arc<[Accepted]>>,
        mut asked: oneshot::Receiver<()>,
        last: u64,
    ) {
        self.resume(last).await;
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut saved = Instant::now();
        loop {
            tokio::select! {
                group = live.recv() => match group {
                    Some(group) => {
                        self.directory.expect(group.iter().map(|accepted| &accepted.entry));
                        for accepted in group.iter() {
                            self.take(accepted).await;
                        }
                    }
                    None => break,
                },
                _ = &mut asked => break,
                _ = round.tick() => {
                    self.feed_those_behind().await;
                    if saved.elapsed() >= SAVE {
                        self.forget_idle();
                        self.save().await;
                        saved = Instant::now();
                    }
                }
            }
        }
        self.save().await;
    }

    /// Goes on where the last run ended. The very first run begins with what happens from now on.
    async fn resume(&mut self, last: u64) {
        let cursors = self.cursors.clone();
        let mut loaded = blocking(move || cursors.load()).await.unwrap_or_else(|error| {
            tracing::error!("how far webhooks had got cannot be read: {error}");
            BTreeMap::new()
        });
        // A cursor beyond the log's end belongs to another log.
        self.position = loaded.remove(GLOBAL).filter(|position| *position <= last).unwrap_or(last);
        for (name, cursor) in loaded {
            let (name, behind) = (Arc::from(name), Some(cursor.min(self.position)));
            let destination =
                Destination::new(&name, self.client.clone(), self.config.clone(), self.numbers.clone(), behind);
            self.destinations.insert(name, destination);
        }
        self.catch_up(last).await;
    }

    async fn take(&mut self, accepted: &Accepted) {
        if accepted.seq <= self.position {
            return;
        }
        if accepted.seq > self.position + 1 {
            self.catch_up(accepted.seq - 1).await;
        }
        self.route(accepted.seq, &accepted.entry).await;
    }

    /// Reads what was missed from the journal, up to `last`.
    async fn catch_up(&mut self, last: u64) {
        while self.position < last {
            let most = BATCH.min(usize::try_from(last - self.position).unwrap_or(BATCH));
            let batch = self.read(self.position, most).await;
            if batch.is_empty() {
                tracing::error!(
                    from = self.position + 1,
                    to = last,
                    "the event log has lost entries that webhooks need"
                );
                self.position = last;
            }
            self.directory.expect(batch.iter().map(|accepted| &accepted.entry));
            for accepted in batch {
                self.route(accepted.seq, &accepted.entry).await;
            }
        }
    }

    /// Gives an entry to everybody who wants it.
    async fn route(&mut self, sequence: u64, entry: &LogEntry) {
        self.position = sequence;
        let receivers = self.directory.receivers(entry).await;
        if receivers.is_empty() {
            return;
        }
        let body = self.body(entry);
        for target in receivers {
            let name = &target.name;
            if !self.destinations.contains_key(name) {
                if self.destinations.len() >= self.config.destinations {
                    self.forget_idle();
                }
                if self.destinations.len() >= self.config.destinations {
                    let before = self.numbers.dropped.fetch_add(1, Ordering::Relaxed);
                    if before.is_multiple_of(1_000) {
                        tracing::error!(destination = %name, "a webhook was dropped: there are too many destinations");
                    }
                    continue;
                }
                let destination =
                    Destination::new(name, self.client.clone(), self.config.clone(), self.numbers.clone(), None);
                self.destinations.insert(name.clone(), destination);
            }
            let Some(destination) = self.destinations.get_mut(name) else { continue };
            if destination.behind.is_some() {
                continue;
            }
            if !destination.offer(sequence, order_of(entry), &target, &body) {
                destination.behind = Some(sequence - 1);
                self.numbers.deferred.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(destination = %name, "a webhook destination does not keep up; its events wait in the log");
            }
        }
        self.numbers.destinations.store(self.destinations.len() as u64, Ordering::Relaxed);
    }

    /// Those whose queues have emptied get the next piece of the journal.
    async fn feed_those_behind(&mut self) {
        let hungry: Vec<Arc<str>> = self
            .destinations
            .iter()
            .filter(|(_, destination)| destination.is_hungry())
            .map(|(name, _)| name.clone())
            .collect();
        for name in hungry {
            self.feed(&name).await;
        }
        let behind = self.destinations.values().filter(|destination| destination.behind.is_some()).count();
        self.numbers.behind.store(behind as u64, Ordering::Relaxed);
    }

    async fn feed(&mut self, name: &str) {
        let Some(after) = self.destinations.get(name).and_then(|destination| destination.behind) else { return };
        let batch = self.read(after, BATCH).await;
        let mut reached = batch.is_empty();
        let mut next = after;
        self.directory.expect(batch.iter().map(|accepted| &accepted.entry));
        for accepted in batch {
            if accepted.seq > self.position {
                reached = true;
                break;
            }
            let receivers = self.directory.receivers(&accepted.entry).await;
            if let Some(target) = receivers.into_iter().find(|target| *target.name == *name) {
                let body = self.body(&accepted.entry);
                let Some(destination) = self.destinations.get_mut(name) else { return };
                if !destination.offer(accepted.seq, order_of(&accepted.entry), &target, &body) {
                    break;
                }
            }
            next = accepted.seq;
        }
        if let Some(destination) = self.destinations.get_mut(name) {
            reached |= next >= self.position;
            destination.behind = if reached { None } else { Some(next) };
            if reached {
                tracing::info!(destination = %name, "a webhook destination keeps up again");
            }
        }
    }

    async fn read(&self, after: u64, most: usize) -> Vec<Accepted> {
        let journal = self.journal.clone();
        blocking(move || journal.read(after, most)).await.unwrap_or_else(|error| {
            tracing::error!("the event log cannot be read: {error}");
            Vec::new()
        })
    }

    fn body(&mut self, entry: &LogEntry) -> Bytes {
        self.written.clear();
        if let Some(event) = entry.event() {
            self.config.shape.write_event(event, &mut self.written);
        }
        Bytes::copy_from_slice(&self.written)
    }

    fn forget_idle(&mut self) {
        self.destinations.retain(|_, destination| !destination.is_idle(IDLE_S));
        self.numbers.destinations.store(self.destinations.len() as u64, Ordering::Relaxed);
    }

    async fn save(&mut self) {
        let mut cursors: BTreeMap<String, u64> = self
            .destinations
            .iter()
            .filter_map(|(name, destination)| Some((name.to_string(), destination.cursor()?)))
            .collect();
        cursors.insert(GLOBAL.to_owned(), self.position);
        if cursors == self.saved {
            return;
        }
        let (to, what) = (self.cursors.clone(), cursors.clone());
        match blocking(move || to.save(&what)).await {
            Ok(()) => self.saved = cursors,
            Err(error) => tracing::error!("how far webhooks have got cannot be written down: {error}"),
        }
    }
}

/// What keeps its order: a call, else an activeflow, else the resource itself.
fn order_of(entry: &LogEntry) -> Uuid {
    match &entry.body {
        _ if !entry.call_id.is_nil() => entry.call_id,
        _ if !entry.activeflow_id.is_nil() => entry.activeflow_id,
        body => body.resource().map(model::Resource::id).unwrap_or_default(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
