//! Webhooks (spec/resources.md §12): every accepted event goes to its customer's address, and to that of its activeflow.
//!
//! Entry types: [`Webhooks`] (started once), [`WebhookJournal`] and [`Cursors`] (what it stands on). One *dispatcher* decides
//! where each entry goes; each destination has a few *lanes*, tasks with a connection each, and everything of one call goes
//! through the same lane, so its order is kept. A destination that does not keep up fills its own queue only: from then
//! on the dispatcher leaves it out, and feeds it from the journal once its queue is empty again. How far each destination has
//! got is written down, so that after a restart nothing is missed and some may be sent twice.
//!
//! All of it runs on one thread, named `webhooks`: an event takes many small steps, and none of them has to wake another
//! thread.

mod backlog;
mod config;
mod destination;
mod directory;
mod dispatcher;
mod lane;
mod numbers;
mod ports;
mod signature;
mod target;

use std::sync::Arc;
use std::{io, thread};

use store::Accepted;
use tokio::sync::{mpsc, oneshot};

pub use config::WebhookConfig;
pub use numbers::WebhookNumbers;
pub use ports::{Cursors, WebhookJournal};
pub(crate) use signature::signature;

use crate::repository::Repository;
use dispatcher::Dispatcher;

/// The running dispatcher. Dropped, it ends soon.
#[derive(Debug)]
pub struct Webhooks {
    numbers: Arc<WebhookNumbers>,
    /// Asks for the end when it is dropped.
    asking: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Webhooks {
    /// Starts. `live` brings accepted entries as they happen, in order; whoever feeds it may leave out what does not fit:
    /// gaps are read from the journal. It ends when `live` is closed.
    ///
    /// # Errors
    /// The system's, if there can be no thread.
    pub fn start(
        config: WebhookConfig,
        live: mpsc::Receiver<Arc<[Accepted]>>,
        journal: Arc<dyn WebhookJournal>,
        cursors: Arc<dyn Cursors>,
        repository: Arc<dyn Repository>,
    ) -> io::Result<Webhooks> {
        let numbers = Arc::new(WebhookNumbers::default());
        // What is accepted from here on is sent, even if it comes before the dispatcher has read its cursors.
        let last = journal.last().unwrap_or_else(|error| {
            tracing::error!("the event log cannot be read: {error}");
            0
        });
        let dispatcher = Dispatcher::new(config, journal, cursors, repository, numbers.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().thread_name("webhooks-wait").enable_all().build()?;
        let (asking, asked) = oneshot::channel();
        let (say_so, ended) = oneshot::channel();
        thread::Builder::new().name("webhooks".into()).spawn(move || {
            runtime.block_on(dispatcher.run(live, asked, last));
            // Receivers that have not answered, and names that are looked up, are not waited for.
            runtime.shutdown_background();
            let _ = say_so.send(());
        })?;
        Ok(Webhooks { numbers, asking, ended })
    }

    /// What was sent, what failed, what waits.
    pub fn metrics(&self) -> Arc<WebhookNumbers> {
        self.numbers.clone()
    }

    /// Ends it and waits until how far it has got is written down. What lies in queues is left for the next start.
    pub async fn end(self) {
        drop(self.asking);
        let _ = self.ended.await;
    }
}
