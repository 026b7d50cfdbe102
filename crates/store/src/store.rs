//! The handle that everybody holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use model::{Binding, LogEntry, Resource};
use uuid::Uuid;

use crate::bindings;
use crate::cursors::{self, Cursors};
use crate::database::{self, Database};
use crate::log::subscribers::{OnAccepted, Subscription};
use crate::log::{self, Log, LogShared, LogStart, reader, segments};
use crate::metrics::Live;
use crate::page::{Listed, Page};
use crate::record::{self, Filter, Flusher, Record, Records, Unfinished, Unsaved};
use crate::resource::{self, Batch, Changes, Stored};
use crate::{Accepted, StoreConfig, StoreError, StoreMetrics, backup, secrets};

/// What is kept. Clones are one and the same store. Methods block until what they promise is done, unless they say otherwise;
/// none may be called on a control loop but [`Store::append`], [`Store::is_behind`] and those that end in `_then`.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    config: StoreConfig,
    // The log is closed before the database, so that what it hands on last is still written.
    log: Mutex<Log>,
    outlet: log::Outlet,
    database: Database,
    records: Arc<Records>,
    cursors: Arc<Cursors>,
    changes: Changes,
    live: Arc<Live>,
    secrets: Mutex<()>,
    _lock: File,
}

/// A store that was opened, and what was found.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// What had not ended when the program did: the server closes it with the cause.
    pub unfinished: Unfinished,
    /// What the operator should know: a torn tail that was cut off, for one.
    pub warnings: Vec<String>,
    /// Entries that were read from the log to bring the records up to date.
    pub replayed: u64,
}

/// How the store is, for readiness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// Why it is not ready, in plain words; empty: it is.
    pub problems: Vec<String>,
    /// Whether new calls should be turned away because too much waits to be written.
    pub is_behind: bool,
}

impl StoreStatus {
    /// Whether all is well.
    pub fn is_ready(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Opens the store in `config.data_dir`, which is made when it does not exist.
    ///
    /// # Errors
    /// Another process uses it; accepted entries or the database are damaged or missing, in which case nothing was changed and
    /// the text says the way out; it was written by a newer flowswitch; the file system says no.
    pub fn open(config: StoreConfig) -> Result<Opened, StoreError> {
        let log_folder = log::segment::folder(&config.data_dir);
        fs::create_dir_all(&log_folder).map_err(|error| StoreError::io("make the folder", &log_folder, &error))?;
        let lock = lock(&config.data_dir)?;
        let database_path = database::path_of(&config.data_dir);
        refuse_half(&config.data_dir, &database_path, &log_folder)?;

        let found = segments::open(&log_folder)?;
        let connection = database::open(&database_path, found.next_seq > 1)?;
        let unsaved = Unsaved::read(&connection)?;
        refuse_short_log(&log_folder, &found, unsaved)?;
        let live = Arc::new(Live::default());
        let cursors = Arc::new(Cursors::load(&connection)?);
        let records = Arc::new(Records::new(live.clone(), unsaved.applied, unsaved.resume));
        let replayed = record::replay(&records, &connection, &found.segments, unsaved, found.next_seq - 1)?;
        let unfinished = records.unfinished();

        let flusher = Flusher::new(records.clone(), config.checkpoint_entries);
        let database = Database::start(&config, connection, flusher, live.clone())?;
        let next_seq = found.next_seq;
        let shared = LogShared::new(log_folder, found.segments, next_seq, cursors.clone(), live.clone());
        let start = LogStart { shared: Arc::new(shared), records: records.clone(), next_seq };
        let log = Log::start(config.log.clone(), found.open, start)?;
        let outlet = log.outlet();
        let inner = Inner {
            config,
            log: Mutex::new(log),
            outlet,
            database,
            records,
            cursors,
            changes: Changes::default(),
            live,
            secrets: Mutex::new(()),
            _lock: lock,
        };
        Ok(Opened { store: Store(Arc::new(inner)), unfinished, warnings: found.warnings, replayed })
    }

    /// Takes entries for the event log; never waits. They are accepted, in this order, when they are synced. An event of a record that
    /// was deleted before becomes a [`model::LogBody::Change`]: the record changes, and nobody is told.
    pub fn append(&self, entries: Vec<LogEntry>) {
        self.0.outlet.append(entries, None);
    }

    /// Like [`Store::append`]; `done` is called on the log's thread when they are accepted, with the number of the last one. It
    /// must return at once.
    pub fn append_then(&self, entries: Vec<LogEntry>, done: impl FnOnce(Result<u64, StoreError>) + Send + 'static) {
        self.0.outlet.append(entries, Some(Box::new(done)));
    }

    /// Like [`Store::append`], and waits until they are accepted. Returns the number of the last one.
    ///
    /// # Errors
    /// Too much waits; the store is being closed.
    pub fn append_synced(&self, entries: Vec<LogEntry>) -> Result<u64, StoreError> {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        self.append_then(entries, move |result| {
            let _ = sender.send(result);
        });
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Like [`Store::append_synced`], but never waits longer than `time`.
    ///
    /// # Errors
    /// [`StoreError::Late`]: they wait for the disk, and are accepted once it takes them. With any other error nothing was taken: too
    /// much waits; the log cannot be written at the moment; the store is being closed.
    pub fn append_within(&self, entries: Vec<LogEntry>, time: Duration) -> Result<u64, StoreError> {
        if let Some(error) = self.0.outlet.shared.failing() {
            return Err(error);
        }
        let (sender, receiver) = crossbeam_channel::bounded(1);
        self.append_then(entries, move |result| {
            let _ = sender.send(result);
        });
        match receiver.recv_timeout(time) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(StoreError::Late),
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Closed),
        }
    }

    /// Whether new calls should be turned away: too much waits to be written, or the log cannot be written.
    pub fn is_behind(&self) -> bool {
        self.0.outlet.is_behind() || self.0.records.is_behind()
    }

    /// The number of the last accepted entry; 0 if there is none.
    pub fn accepted_seq(&self) -> u64 {
        self.0.outlet.accepted_seq()
    }

    /// Accepted entries from now on. At most `groups` groups wait for a slow subscriber; then it is told what it missed and
    /// reads it by [`Store::read_from`].
    pub fn subscribe(&self, groups: usize) -> Subscription {
        self.0.outlet.shared.subscribers.add_channel(groups, &self.0.outlet.shared.accepted)
    }

    /// Calls `call` on the log's thread with each group of accepted entries from now on. It must return at once.
    pub fn on_accepted(&self, call: OnAccepted) {
        self.0.outlet.shared.subscribers.add_call(call);
    }

    /// Accepted entries from number `seq` on, at most `max` of them, in order; empty when there are none yet.
    ///
    /// # Errors
    /// [`StoreError::Gone`]: they are so old that they were removed. The log cannot be read.
    pub fn read_from(&self, seq: u64, max: usize) -> Result<Vec<Accepted>, StoreError> {
        let mut entries = Vec::new();
        if max > 0 {
            let shared = &self.0.outlet.shared;
            reader::read(&shared.segments, seq.max(1), self.accepted_seq(), |seq, payload| {
                entries.push(reader::decode(seq, payload)?);
                Ok(entries.len() >= max)
            })?;
        }
        Ok(entries)
    }

    /// How far the durable reader of this name has come; none if it never said.
    pub fn cursor(&self, name: &str) -> Option<u64> {
        self.0.cursors.get(name)
    }

    /// How far all durable readers have come, by name.
    pub fn cursors(&self) -> BTreeMap<String, u64> {
        self.0.cursors.all()
    }

    /// The durable reader of this name is done with everything up to entry `seq`. The log keeps what follows for it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_cursor(&self, name: &str, seq: u64) -> Result<(), StoreError> {
        self.write_cursor(name, Some(seq))
    }

    /// Forgets a durable reader, so that the log keeps nothing for it any more.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn remove_cursor(&self, name: &str) -> Result<(), StoreError> {
        self.write_cursor(name, None)
    }

    fn write_cursor(&self, name: &str, seq: Option<u64>) -> Result<(), StoreError> {
        let key = name.to_owned();
        self.0.database.write(true, move |connection| cursors::write(connection, &key, seq))?;
        self.0.cursors.know(name.to_owned(), seq);
        Ok(())
    }

    /// Keeps a resource, new or changed; deleted is one with `tm_delete`. It is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Taken`]: another one of its kind has its unique key. The database cannot be written.
    pub fn put<R: Stored>(&self, resource: &R) -> Result<(), StoreError> {
        let put = resource::Put::of(resource)?;
        let result = self.0.database.write(false, move |connection| resource::put(connection, &put));
        self.0.changes.count(R::KIND);
        result
    }

    /// Keeps all of these resources or, when it fails, none of them. They are durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Taken`]: another one, which is not among them, has the unique key of one of them. The database cannot be
    /// written.
    pub fn put_all(&self, batch: Batch) -> Result<(), StoreError> {
        let kinds = batch.kinds();
        let result = self.0.database.write(false, move |connection| resource::put_all(connection, &batch));
        kinds.into_iter().for_each(|kind| self.0.changes.count(kind));
        result
    }

    /// A number that grows whenever a resource of this kind was stored, before [`Store::put`] returns: what was read after it
    /// was asked for holds while it is the same. Returns at once.
    pub fn changes<R: Stored>(&self) -> u64 {
        self.0.changes.of(R::KIND)
    }

    /// One resource, deleted or not.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn get<R: Stored>(&self, id: Uuid) -> Result<Option<R>, StoreError> {
        self.0.database.read(|connection| resource::get(connection, id))
    }

    /// The resource with this unique key ([`Stored::unique_key`]) that is not deleted.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find_unique<R: Stored>(&self, key: &str) -> Result<Option<R>, StoreError> {
        self.0.database.read(|connection| resource::find_unique(connection, key))
    }

    /// One page of the resources of a customer (none: of all), newest first.
    ///
    /// # Errors
    /// A bad page token; the database cannot be read.
    pub fn list<R: Stored>(
        &self,
        customer_id: Option<Uuid>,
        page: &Page,
        include_deleted: bool,
    ) -> Result<Listed<R>, StoreError> {
        self.0.database.read(|connection| resource::list(connection, customer_id, page, include_deleted))
    }

    /// How many resources of a kind a customer has that are not deleted.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn count<R: Stored>(&self, customer_id: Uuid) -> Result<u64, StoreError> {
        self.0.database.read(|connection| resource::count::<R>(connection, customer_id))
    }

    /// How many records of a kind a customer has that live, of those that `is` speaks for. Returns at once.
    pub fn count_live<R: Record>(&self, customer_id: Uuid, is: impl Fn(&Resource) -> bool) -> u64 {
        self.0.records.count_live(R::KIND, customer_id, is)
    }

    /// All resources of a kind that are not deleted, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn all<R: Stored>(&self) -> Result<Vec<R>, StoreError> {
        self.0.database.read(resource::all)
    }

    /// One record, live or ended, deleted or not.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn record<R: Record>(&self, id: Uuid) -> Result<Option<R>, StoreError> {
        record::read_one(&self.0.records, id, |query| self.0.database.read(|connection| query(connection)))
    }

    /// One page of the records of a customer (none: of all), live ones and ended ones, newest first.
    ///
    /// # Errors
    /// A bad page token; the database cannot be read.
    pub fn records<R: Record>(
        &self,
        customer_id: Option<Uuid>,
        filter: &Filter,
        page: &Page,
    ) -> Result<Listed<R>, StoreError> {
        record::read_page(&self.0.records, customer_id, filter, page, |query| {
            self.0.database.read(|connection| query(connection))
        })
    }

    /// The timeline of a call, activeflow, conference or other resource, oldest first; empty if nothing is known of it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn timeline(&self, id: Uuid) -> Result<Vec<Accepted>, StoreError> {
        record::read_timeline(&self.0.records, id, |query| self.0.database.read(|connection| query(connection)))
    }

    /// Replaces the bindings of an extension; none: it is not registered any more. Durable when this returns.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn put_bindings(&self, extension_id: Uuid, bindings: Vec<Binding>) -> Result<(), StoreError> {
        self.0.database.write(true, move |connection| bindings::write(connection, extension_id, &bindings))
    }

    /// Like [`Store::put_bindings`], but returns at once; `done` is called on the database thread when it is durable or has
    /// failed, [`StoreError::Full`] on this thread when too much waits. It must return at once.
    pub fn put_bindings_then(
        &self,
        extension_id: Uuid,
        bindings: Vec<Binding>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        self.0.database.write_then(move |connection| bindings::write(connection, extension_id, &bindings), done);
    }

    /// All bindings, for a start; also those that have expired meanwhile.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn all_bindings(&self) -> Result<Vec<Binding>, StoreError> {
        self.0.database.read(bindings::all)
    }

    /// A secret of the server itself, 32 octets; made by `make` the first time. Kept in a file that only the server's user may read.
    ///
    /// # Errors
    /// A name that cannot be a file name; the file system says no; the file is damaged.
    pub fn secret(
        &self,
        name: &str,
        make: impl FnOnce() -> [u8; secrets::OCTETS],
    ) -> Result<[u8; secrets::OCTETS], StoreError> {
        let _one = self.0.secrets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        secrets::read_or_make(&self.0.config.data_dir, name, make)
    }

    /// Copies everything but recordings into a folder that is empty or does not exist, while the server runs. A store can be
    /// opened there.
    ///
    /// # Errors
    /// The folder is not empty; something cannot be read or written.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let keep = &self.0.outlet.shared.keep;
        let _keep = keep.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        backup::backup(&self.0.config.data_dir, to)
    }

    /// Waits until everything that was appended is accepted and all that has ended is in the database.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.append_synced(Vec::new())?;
        self.0.database.flush()
    }

    /// Ends it for good: what waits is written, the database file alone has all that is in it. Every other method fails from now
    /// on. The last handle that goes does the same; but who ends a process cannot know whether others still hold one.
    pub fn close(&self) {
        self.0.close();
    }

    /// How the store is.
    pub fn status(&self) -> StoreStatus {
        let mut problems = BTreeSet::new();
        if let Some(error) = self.0.outlet.shared.failing() {
            problems.insert(format!("the event log cannot be written: {error}"));
        }
        if self.0.live.read().database.failing != 0 {
            problems.insert("the database cannot be written".to_owned());
        }
        let is_behind = self.is_behind();
        if is_behind && problems.is_empty() {
            problems.insert("too much waits to be written to disk".to_owned());
        }
        StoreStatus { problems: problems.into_iter().collect(), is_behind }
    }

    /// All numbers of now.
    pub fn metrics(&self) -> StoreMetrics {
        self.0.live.read()
    }
}

impl Inner {
    fn close(&self) {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).close();
        self.database.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The lock of the folder; held as long as the file is open, so it ends with the process however that ends.
pub(crate) fn lock(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join("lock");
    let file = File::create(&path).map_err(|error| StoreError::io("make", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse(data_dir.display().to_string())),
        Err(fs::TryLockError::Error(error)) => Err(StoreError::io("lock", &path, &error)),
    }
}

/// Refuses a folder in which no store was ever opened.
pub(crate) fn refuse_none(data_dir: &Path) -> Result<(), StoreError> {
    if database::path_of(data_dir).exists() || !log::segment::list(&log::segment::folder(data_dir))?.is_empty() {
        return Ok(());
    }
    Err(StoreError::Missing(data_dir.display().to_string()))
}

/// A log without its database, or an emptied database file, is what a mistake leaves behind: the resources are missing.
fn refuse_half(data_dir: &Path, database: &Path, log: &Path) -> Result<(), StoreError> {
    let database_is_there = fs::metadata(database).is_ok_and(|data| data.len() > 0);
    if database_is_there || log::segment::list(log)?.is_empty() {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "{} has an event log, but the database {} is missing: flows, numbers and phones would be gone. Put the file back or \
         restore a backup; to start without them, run `flowswitch repair`",
        data_dir.display(),
        database.display()
    )))
}

/// The database knows of entries that the log does not have.
fn refuse_short_log(folder: &Path, found: &segments::Found, unsaved: Unsaved) -> Result<(), StoreError> {
    let last = found.next_seq - 1;
    if last < unsaved.applied {
        return Err(StoreError::Damaged(format!(
            "the event log in {} ends with entry {last}, but the database knows of entries up to {}: segments are missing. Put \
             them back or restore a backup; to go on without them, run `flowswitch repair`",
            folder.display(),
            unsaved.applied
        )));
    }
    if found.segments.first_seq() > unsaved.resume.max(1) && unsaved.resume <= last {
        return Err(StoreError::Damaged(format!(
            "the event log in {} begins with entry {}, but the call records need it from entry {} on: segments are missing. \
             Put them back or restore a backup; to go on without them, run `flowswitch repair`",
            folder.display(),
            found.segments.first_seq(),
            unsaved.resume
        )));
    }
    Ok(())
}
