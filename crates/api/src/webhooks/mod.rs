//! Webhooks (spec/resources.md §12): every accepted event goes to its customer's address, and to that of its activeflow.
//!
//! Entry types: [`Webhooks`] (started once), [`WebhookJournal`] and [`Cursors`] (what it stands on). One *dispatcher* decides
//! where each entry goes; each destination has a few *lanes*, tasks with a connection each, and everything of one call goes
//! through the same lane, so its order is kept. A destination that does not keep up fills its own queue only: from then
//! on the dispatcher leaves it out, and feeds it from the journal once its queue is empty again. How far each destination has
//! got is written down, so that after a restart nothing is missed and some may be sent twice.

mod config;
mod destination;
mod directory;
mod dispatcher;
mod lane;
mod numbers;
mod ports;
mod signature;

use std::sync::Arc;

use store::Accepted;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use config::WebhookConfig;
pub use numbers::WebhookNumbers;
pub use ports::{Cursors, WebhookJournal};
pub(crate) use signature::signature;

use crate::repository::Repository;
use dispatcher::Dispatcher;

/// The running dispatcher.
#[derive(Debug)]
pub struct Webhooks {
    numbers: Arc<WebhookNumbers>,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Starts. `live` brings accepted entries as they happen, in order; whoever feeds it may leave out what does not fit:
    /// gaps are read from the journal. It ends when `live` is closed. Must be called within a tokio runtime.
    pub fn start(
        config: WebhookConfig,
        live: mpsc::Receiver<Arc<[Accepted]>>,
        journal: Arc<dyn WebhookJournal>,
        cursors: Arc<dyn Cursors>,
        repository: Arc<dyn Repository>,
    ) -> Webhooks {
        let numbers = Arc::new(WebhookNumbers::default());
        // What is accepted from here on is sent, even if it comes before the dispatcher has read its cursors.
        let last = journal.last().unwrap_or_else(|error| {
            tracing::error!("the event log cannot be read: {error}");
            0
        });
        let dispatcher = Dispatcher::new(config, journal, cursors, repository, numbers.clone());
        Webhooks { numbers, task: tokio::spawn(dispatcher.run(live, last)) }
    }

    /// What was sent, what failed, what waits.
    pub fn metrics(&self) -> Arc<WebhookNumbers> {
        self.numbers.clone()
    }

    /// Waits until the dispatcher has ended: close `live` first. What lies in queues is left for the next start.
    pub async fn join(self) {
        let _ = self.task.await;
    }
}
