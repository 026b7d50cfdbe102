//! The dispatcher on a journal in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{Cursors, MemoryRepository, Repository, WebhookConfig, WebhookJournal, Webhooks};
use model::{Customer, LogEntry, Resource};
use store::Accepted;
use tokio::sync::mpsc;
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Journal(pub(crate) Mutex<Vec<LogEntry>>);

impl WebhookJournal for Journal {
    fn read(&self, after: u64, most: usize) -> io::Result<Vec<Accepted>> {
        let entries = self.0.lock().unwrap();
        let found = (1..).zip(entries.iter()).skip(after as usize).take(most);
        Ok(found.map(|(seq, entry)| Accepted { seq, entry: entry.clone() }).collect())
    }

    fn last(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
}

#[derive(Default)]
pub(crate) struct Saved(pub(crate) Mutex<BTreeMap<String, u64>>);

impl Cursors for Saved {
    fn load(&self) -> io::Result<BTreeMap<String, u64>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn save(&self, cursors: &BTreeMap<String, u64>) -> io::Result<()> {
        *self.0.lock().unwrap() = cursors.clone();
        Ok(())
    }
}

pub(crate) struct Sender {
    pub(crate) journal: Arc<Journal>,
    pub(crate) cursors: Arc<Saved>,
    pub(crate) repository: Arc<MemoryRepository>,
    pub(crate) live: mpsc::Sender<Arc<[Accepted]>>,
    pub(crate) webhooks: Webhooks,
}

pub(crate) fn config() -> WebhookConfig {
    WebhookConfig {
        pause: Duration::from_millis(50),
        first_byte: Duration::from_millis(300),
        ..WebhookConfig::default()
    }
}

impl Sender {
    pub(crate) fn start(config: WebhookConfig) -> Sender {
        Sender::resume(config, Arc::default(), Arc::default(), Arc::default())
    }

    pub(crate) fn resume(
        config: WebhookConfig,
        journal: Arc<Journal>,
        cursors: Arc<Saved>,
        repository: Arc<MemoryRepository>,
    ) -> Sender {
        let (live, receiver) = mpsc::channel(100_000);
        let webhooks = Webhooks::start(config, receiver, journal.clone(), cursors.clone(), repository.clone()).unwrap();
        Sender { journal, cursors, repository, live, webhooks }
    }

    pub(crate) fn customer(&self, id: u128, url: &str) -> Uuid {
        let customer = Customer { id: Uuid::from_u128(id), webhook_uri: url.into(), ..Customer::default() };
        self.repository.put(&Resource::Customer(Arc::new(customer)), "").unwrap();
        Uuid::from_u128(id)
    }

    pub(crate) async fn accept(&self, entry: LogEntry) {
        let sequence = {
            let mut entries = self.journal.0.lock().unwrap();
            entries.push(entry.clone());
            entries.len() as u64
        };
        // What does not fit is left out: the journal has it.
        let _ = self.live.try_send(Arc::from([Accepted { seq: sequence, entry }]));
        if sequence.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn number(&self, of: impl Fn(&api::WebhookNumbers) -> &std::sync::atomic::AtomicU64) -> u64 {
        of(&self.webhooks.metrics()).load(Ordering::Relaxed)
    }
}
