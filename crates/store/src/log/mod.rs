//! The event log: binary segment files, written and synced in groups.

pub(crate) mod frame;
pub(crate) mod reader;
pub(crate) mod repair;
mod retention;
pub(crate) mod segment;
pub(crate) mod segments;
pub(crate) mod subscribers;
mod thread;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use model::LogEntry;

use crate::cursors::Cursors;
use crate::metrics::{Live, add, get, set};
use crate::record::Records;
use crate::{LogConfig, SYNC_MS_MAX, StoreError};
use segments::Segments;
use subscribers::Subscribers;

/// An entry with its number: it is in the synced log.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Its number; the first ever is 1, each next one is one more.
    pub seq: u64,
    /// What happened.
    pub entry: LogEntry,
}

/// Called on the log's thread when entries are accepted, with the number of the last one. It must return at once.
pub(crate) type Done = Box<dyn FnOnce(Result<u64, StoreError>) + Send>;

/// What the log's thread is sent.
pub(crate) enum Message {
    Append(Vec<LogEntry>, Option<Done>),
    Close,
}

/// What the log's thread shares with everybody.
pub(crate) struct LogShared {
    pub(crate) folder: PathBuf,
    pub(crate) segments: Segments,
    pub(crate) subscribers: Subscribers,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) accepted: AtomicU64,
    pub(crate) closing: AtomicBool,
    /// Locked while no segment may be removed.
    pub(crate) keep: Mutex<()>,
    pub(crate) live: Arc<Live>,
    failing: Mutex<Option<StoreError>>,
}

impl LogShared {
    pub(crate) fn new(
        folder: PathBuf,
        found: Segments,
        next_seq: u64,
        cursors: Arc<Cursors>,
        live: Arc<Live>,
    ) -> LogShared {
        set(&live.log.accepted_seq, next_seq - 1);
        set(&live.log.first_seq, found.first_seq());
        LogShared {
            folder,
            segments: found,
            subscribers: Subscribers::default(),
            cursors,
            accepted: AtomicU64::new(next_seq - 1),
            closing: AtomicBool::new(false),
            keep: Mutex::new(()),
            live,
            failing: Mutex::new(None),
        }
    }

    pub(crate) fn failing(&self) -> Option<StoreError> {
        self.failing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Returns whether it was failing before.
    fn set_failing(&self, error: Option<StoreError>) -> bool {
        set(&self.live.log.failing, u64::from(error.is_some()));
        let mut failing = self.failing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut *failing, error).is_some()
    }
}

/// The way into the log.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) shared: Arc<LogShared>,
    queue_behind: u64,
    queue_max: u64,
    outbox: Sender<Message>,
}

/// The log while it is open.
pub(crate) struct Log {
    outlet: Outlet,
    thread: Option<JoinHandle<()>>,
}

/// What is needed to start the log's thread.
pub(crate) struct LogStart {
    pub(crate) shared: Arc<LogShared>,
    pub(crate) records: Arc<Records>,
    pub(crate) next_seq: u64,
}

impl Log {
    pub(crate) fn start(
        config: LogConfig,
        open: Option<(std::fs::File, u64)>,
        start: LogStart,
    ) -> Result<Log, StoreError> {
        let LogStart { shared, records, next_seq } = start;
        // The queue is bounded by the gauge `queued`: see `append`.
        let (outbox, inbox): (_, Receiver<Message>) = unbounded();
        let last = shared.segments.lock().last().map(|last| last.path.clone());
        let config = LogConfig { sync_ms: config.sync_ms.min(SYNC_MS_MAX), ..config };
        let (queue_behind, queue_max) = (config.queue_behind, config.queue_max);
        let writer = writer::Writer::new(shared.folder.clone(), config.segment_octets, open, last);
        let thread =
            thread::LogThread { config, shared: shared.clone(), records, inbox, writer, next_seq, closing: false };
        let thread = std::thread::Builder::new()
            .name("event-log".into())
            .spawn(move || thread.run())
            .map_err(|error| StoreError::io("start the thread of", &shared.folder, &error))?;
        let outlet = Outlet { shared, queue_behind, queue_max, outbox };
        Ok(Log { outlet, thread: Some(thread) })
    }

    pub(crate) fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// Writes what waits and ends the thread.
    pub(crate) fn close(&mut self) {
        self.outlet.shared.closing.store(true, Ordering::Release);
        let _ = self.outlet.outbox.send(Message::Close);
        // The last handle may be dropped by a callback on this very thread, which then ends by itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Outlet {
    /// Takes entries; never waits. Entries above the bound are lost and counted, which `is_behind` is there to prevent.
    pub(crate) fn append(&self, entries: Vec<LogEntry>, done: Option<Done>) {
        let live = &self.shared.live.log;
        let count = entries.len() as u64;
        if get(&live.queued) + count > self.queue_max {
            add(&live.lost, count);
            if let Some(done) = done {
                done(Err(StoreError::Full));
            }
            return;
        }
        add(&live.queued, count);
        if let Err(unsent) = self.outbox.send(Message::Append(entries, done)) {
            add(&live.lost, count);
            if let Message::Append(_, Some(done)) = unsent.0 {
                done(Err(StoreError::Closed));
            }
        }
    }

    pub(crate) fn is_behind(&self) -> bool {
        get(&self.shared.live.log.queued) > self.queue_behind || get(&self.shared.live.log.failing) != 0
    }

    pub(crate) fn accepted_seq(&self) -> u64 {
        self.shared.accepted.load(Ordering::Acquire)
    }
}
