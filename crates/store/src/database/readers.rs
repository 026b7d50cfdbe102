//! The connections that read: a few, opened at the start and used again and again. Opening one reads the tables' descriptions,
//! and every statement has to be prepared on it anew, so who finds none idle waits its turn.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::open_reader;
use crate::StoreError;

/// All connections that read.
pub(super) struct Readers {
    /// None: closed.
    idle: Mutex<Option<Vec<Connection>>>,
    returned: Condvar,
}

/// A connection for one query.
pub(super) struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Readers {
    /// Opens `count` connections, at least one.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub(super) fn open(path: &Path, count: usize) -> Result<Readers, StoreError> {
        let open = |_| {
            let connection = open_reader(path)?;
            // Opens all of its files and reads the tables' descriptions.
            let read = connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
            read.map(|_| connection).map_err(|error| StoreError::database("open a reader", &error))
        };
        let idle = (0..count.max(1)).map(open).collect::<Result<_, _>>()?;
        Ok(Readers { idle: Mutex::new(Some(idle)), returned: Condvar::new() })
    }

    /// An idle connection; waits until there is one.
    ///
    /// # Errors
    /// [`StoreError::Closed`].
    pub(super) fn borrow(&self) -> Result<Loan<'_>, StoreError> {
        let mut idle = self.idle();
        loop {
            let connections = idle.as_mut().ok_or(StoreError::Closed)?;
            if let Some(connection) = connections.pop() {
                return Ok(Loan { readers: self, connection: Some(connection) });
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes those that are idle now, and the others when they come back. Nobody gets one any more.
    pub(super) fn close(&self) {
        *self.idle() = None;
        self.returned.notify_all();
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Loan<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a loan has its connection until it ends")
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(idle) = self.readers.idle().as_mut() {
            idle.extend(self.connection.take());
        }
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::database::{open, path_of};

    #[test]
    fn many_who_read_share_a_few_connections() {
        let folder = std::env::temp_dir().join(format!("store-readers-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        open(&path_of(&folder), false).unwrap();
        let readers = Readers::open(&path_of(&folder), 2).unwrap();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let loan = readers.borrow().unwrap();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let _: i64 = loan.query_row("SELECT COUNT(*) FROM cursors", [], |row| row.get(0)).unwrap();
                        std::thread::sleep(Duration::from_millis(1));
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!(readers.idle().as_ref().unwrap().len(), 2, "all came back");
        drop(readers);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn who_waits_for_a_connection_when_all_are_closed_is_told() {
        let folder = std::env::temp_dir().join(format!("store-readers-closed-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        open(&path_of(&folder), false).unwrap();
        let readers = Readers::open(&path_of(&folder), 1).unwrap();
        std::thread::scope(|scope| {
            let loan = readers.borrow().unwrap();
            let waiting = scope.spawn(|| readers.borrow().map(|_| ()));
            std::thread::sleep(Duration::from_millis(20));
            readers.close();
            assert_eq!(waiting.join().unwrap(), Err(StoreError::Closed));
            let count: i64 = loan.query_row("SELECT COUNT(*) FROM cursors", [], |row| row.get(0)).unwrap();
            assert_eq!(count, 0, "a query that runs ends as it would");
        });
        drop(readers);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
