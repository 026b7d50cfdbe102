//! The database: SQLite, one thread that writes, some connections that read.

pub(crate) mod mark;
mod readers;
pub(crate) mod schema;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::metrics::{Live, add, sub};
use crate::record::{Expiry, Flusher};
use crate::{StoreConfig, StoreError};
use mark::Mark;
use readers::Readers;
use thread::DatabaseThread;

/// Writes that may wait; blocking callers wait for room, others are refused.
const JOBS_MAX: usize = 8_192;
/// Memory for pages of the database that are changed often: those of its indexes.
const CACHE_KIB: i64 = 32 << 10;
/// The write-ahead log is carried over into the database when it has so many pages of 4 KiB: 32 MiB. The more, the more often a
/// page of an index is changed before it is carried over once.
const CHECKPOINT_PAGES: i64 = 8_192;
/// The file of the write-ahead log is used again as it is up to this size, octets. What a long read made it grow beyond is cut
/// off.
const JOURNAL_OCTETS: i64 = CHECKPOINT_PAGES * 4_096 * 5 / 4;
/// How long a connection waits for another one that has the database locked.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// Told when the transaction is committed, or why it is not.
pub(crate) type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// One write: run within a transaction that others share; what it returns is told the outcome.
pub(crate) struct Job {
    pub(crate) run: Box<dyn FnOnce(&Connection) -> Finish + Send>,
    /// Whether it may wait for company.
    pub(crate) relaxed: bool,
}

/// What the database thread is sent.
pub(crate) enum Message {
    Job(Job),
    /// Everything that the records have for the database is to be written; told when it is.
    Flush(Finish),
    Close,
}

/// The database while it is open.
pub(crate) struct Database {
    jobs: Sender<Message>,
    readers: Readers,
    live: Arc<Live>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where the database is.
pub(crate) fn path_of(data_dir: &Path) -> PathBuf {
    data_dir.join("flowswitch.sqlite")
}

/// Where its write-ahead log is.
fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Opens the file for writing, checks it and brings it up to date. `is_used`: there is reason to expect tables in it.
///
/// # Errors
/// It is damaged, or has lost what was confirmed, and nothing was changed; it is newer than this program, or cannot be opened.
pub(crate) fn open(path: &Path, is_used: bool) -> Result<Connection, StoreError> {
    let marked = mark::read(path)?;
    // One that is made only now has nothing to be kept: a refusal leaves the folder as it was.
    let has_journal = journal_of(path).exists();
    let mut connection = Connection::open(path).map_err(|error| refuse(path, &error))?;
    keep_journal(&connection, has_journal).map_err(|error| refuse(path, &error))?;
    let checked = connection
        .pragma_update(None, "journal_mode", "WAL")
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
        .and_then(|()| connection.pragma_update(None, "cache_size", -CACHE_KIB))
        .and_then(|()| connection.pragma_update(None, "cache_spill", false))
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES))
        .and_then(|()| connection.pragma_update(None, "journal_size_limit", JOURNAL_OCTETS))
        .and_then(|()| connection.busy_timeout(BUSY))
        .and_then(|()| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    match checked {
        Ok(answer) if answer == "ok" => {}
        Ok(answer) => return Err(damaged(path, &in_one_line(&answer))),
        Err(error) => return Err(refuse(path, &error)),
    }
    // SQLite reads a file that it may not write as if nothing were; only a beginning of a write says so, also of `-wal` and `-shm`.
    let writes = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
    if writes.is_err_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly)) {
        let message =
            "it, or its -wal or -shm, may only be read: owner and mode of all three must let the server write";
        return Err(StoreError::Database { doing: format!("open {}", path.display()), message: message.to_owned() });
    }
    refuse_older(path, &connection, marked, is_used)?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut connection)?;
    // All is well. From here on the file alone has what there is; with it the write-ahead log may go.
    let failed = crate::error::doing("carry the write-ahead log over");
    empty_journal(&connection).and_then(|_| keep_journal(&connection, false)).map_err(failed)?;
    Ok(connection)
}

/// Whether the write-ahead log stays as it is when the last connection is closed: what may be damaged must not be carried over.
pub(crate) fn keep_journal(connection: &Connection, is_kept: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_kept).map(|_| ())
}

/// What SQLite does not notice: that transactions are missing which were confirmed, or all tables.
pub(crate) fn refuse_older(
    path: &Path,
    connection: &Connection,
    marked: Option<u64>,
    is_used: bool,
) -> Result<(), StoreError> {
    let known = mark::known_to(connection).map_err(|error| refuse(path, &error))?;
    if let Some(missing) = marked.and_then(|marked| marked.checked_sub(known)).filter(|missing| *missing > 0) {
        let why = format!(
            "the last {missing} writes that were confirmed are missing, most likely because its -wal was lost or damaged (if \
             you have put an older copy there on purpose, delete {})",
            mark::path_of(path).display()
        );
        return Err(damaged(path, &why));
    }
    let tables = "SELECT COUNT(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(|error| refuse(path, &error))?;
    match tables {
        0 if is_used => {
            Err(damaged(path, "there is an event log beside it, but it has no tables at all; its -wal was lost"))
        }
        _ => Ok(()),
    }
}

/// What a check has found, without the heading that stands above some findings in a line of its own.
fn in_one_line(answer: &str) -> String {
    let lines = answer.lines().filter(|line| !line.starts_with("***"));
    lines.collect::<Vec<_>>().join("; ")
}

fn refuse(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => damaged(path, &error.to_string()),
        _ => StoreError::Database { doing: format!("open {}", path.display()), message: error.to_string() },
    }
}

/// The refusal to start on a damaged database, with the way out.
pub(crate) fn damaged(path: &Path, why: &str) -> StoreError {
    StoreError::Damaged(format!(
        "the database {} is damaged: {why}. Nothing was changed. Restore a backup, or run `flowswitch repair`: it keeps a \
         copy of the damaged file beside it and saves all rows that can still be read",
        path.display()
    ))
}

impl Database {
    pub(crate) fn start(
        config: &StoreConfig,
        connection: Connection,
        flusher: Flusher,
        live: Arc<Live>,
    ) -> Result<Database, StoreError> {
        let (jobs, inbox) = bounded(JOBS_MAX);
        let path = path_of(&config.data_dir);
        let readers = Readers::open(&path, config.readers)?;
        let number = mark::known_to(&connection).map_err(crate::error::doing("read how far it is"))?;
        let thread = DatabaseThread {
            mark: Mark::open(&path, number)?,
            connection,
            inbox,
            flusher,
            expiry: Expiry::new(config.records_days, config.recordings.clone()),
            flush_every: std::time::Duration::from_millis(config.flush_ms),
            company: std::time::Duration::from_millis(config.bindings_ms),
            written: None,
            live: live.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("database".into())
            .spawn(move || thread.run())
            .map_err(|error| StoreError::io("start the thread of", &path, &error))?;
        Ok(Database { jobs, readers, live, thread: Mutex::new(Some(thread)) })
    }

    /// Runs a write and waits until it is committed and synced.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        relaxed: bool,
        run: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = bounded(1);
        let job = job(relaxed, run, move |result| {
            let _ = sender.send(result);
        });
        add(&self.live.database.waiting, 1);
        self.jobs.send(Message::Job(job)).map_err(|_| StoreError::Closed)?;
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Hands a write over and returns at once; `done` is called on the database thread.
    pub(crate) fn write_then(
        &self,
        run: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let done = Arc::new(Mutex::new(Some(done)));
        let tell = done.clone();
        let tell = move |result| {
            let done = tell.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            if let Some(done) = done {
                done(result);
            }
        };
        add(&self.live.database.waiting, 1);
        let (error, unsent) = match self.jobs.try_send(Message::Job(job(true, run, tell))) {
            Ok(()) => return,
            Err(TrySendError::Full(unsent)) => (StoreError::Full, unsent),
            Err(TrySendError::Disconnected(unsent)) => (StoreError::Closed, unsent),
        };
        drop(unsent);
        sub(&self.live.database.waiting, 1);
        add(&self.live.database.refused, 1);
        let done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(done) = done {
            done(Err(error));
        }
    }

    /// Writes everything that the records have for the database.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let (sender, receiver) = bounded(1);
        let finish: Finish = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.jobs.send(Message::Flush(finish)).map_err(|_| StoreError::Closed)?;
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Runs a query on a connection that nobody else uses meanwhile; waits for one if all are used. A query must not run another.
    pub(crate) fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        query(&*self.readers.borrow()?)
    }

    /// Does what waits and ends the thread, which carries the write-ahead log over. A second time does nothing.
    pub(crate) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.readers.close();
        if thread.thread().id() == std::thread::current().id() {
            // The last handle was dropped by a callback on this very thread, which then ends by itself.
            let _ = self.jobs.try_send(Message::Close);
            return;
        }
        let _ = self.jobs.send(Message::Close);
        let _ = thread.join();
    }
}

/// Carries the whole write-ahead log over into the database and empties its file; nobody who reads is waited for. False: somebody
/// was just reading.
pub(crate) fn empty_journal(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(std::time::Duration::ZERO)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY)?;
    busy.map(|busy| busy == 0)
}

/// A connection that only reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| refuse(path, &error))?;
    connection.busy_timeout(BUSY).map_err(|error| StoreError::database("open a reader", &error))?;
    Ok(connection)
}

fn job<T: Send + 'static>(
    relaxed: bool,
    run: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
) -> Job {
    let run = Box::new(move |connection: &Connection| -> Finish {
        let result = run(connection);
        Box::new(move |committed| done(committed.and(result)))
    });
    Job { run, relaxed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_finds_is_told_in_one_line() {
        let headed = "*** in database main ***\nTree 15 page 30 cell 2: invalid page number 2779096485";
        assert_eq!(in_one_line(headed), "Tree 15 page 30 cell 2: invalid page number 2779096485");
        assert_eq!(in_one_line("row 3 missing from index a"), "row 3 missing from index a");
        assert_eq!(in_one_line("one\ntwo"), "one; two");
    }

    #[test]
    fn the_journal_is_emptied_when_nobody_reads_and_readers_are_not_waited_for() {
        let folder = std::env::temp_dir().join(format!("store-journal-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = path_of(&folder);
        let journal = || std::fs::metadata(folder.join("flowswitch.sqlite-wal")).unwrap().len();
        let connection = open(&path, false).unwrap();
        connection.execute("INSERT INTO cursors VALUES ('a', 1)", []).unwrap();
        let reader = open_reader(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM cursors;").unwrap();
        connection.execute("INSERT INTO cursors VALUES ('b', 2)", []).unwrap();
        let start = std::time::Instant::now();
        assert!(!empty_journal(&connection).unwrap());
        assert!(start.elapsed() < BUSY / 2, "it waited for the reader");
        assert!(journal() > 0);
        reader.execute_batch("COMMIT").unwrap();
        assert!(empty_journal(&connection).unwrap());
        assert_eq!(journal(), 0);
        let count: i64 = reader.query_row("SELECT COUNT(*) FROM cursors", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 2);
        drop((reader, connection));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
