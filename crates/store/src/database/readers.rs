//! The connections that read: a few, which are used again and again. Opening one reads the tables' descriptions, and every
//! statement has to be prepared on it anew, so who finds none idle waits its turn.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::open_reader;
use crate::StoreError;

/// At most so many connections as there are configured, opened when they are needed first.
pub(super) struct Readers {
    path: PathBuf,
    most: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Those that are lent, and those that are being opened.
    lent: usize,
}

/// A connection for one query.
pub(super) struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, most: usize) -> Readers {
        Readers { path, most: most.max(1), state: Mutex::default(), returned: Condvar::new() }
    }

    /// An idle connection, or a new one; waits while as many as there may be are lent.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub(super) fn borrow(&self) -> Result<Loan<'_>, StoreError> {
        let mut state = self.state();
        while state.lent >= self.most {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        // Returns its place also when no connection can be opened.
        let mut loan = Loan { readers: self, connection: idle };
        if loan.connection.is_none() {
            loan.connection = Some(open_reader(&self.path)?);
        }
        Ok(loan)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Loan<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a loan that was handed out has a connection")
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state();
        state.lent -= 1;
        state.idle.extend(self.connection.take());
        drop(state);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::database::{open, path_of};

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("store-readers-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn many_who_read_share_a_few_connections() {
        let folder = folder("share");
        open(&path_of(&folder)).unwrap();
        let readers = Readers::new(path_of(&folder), 2);
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
        let state = readers.state();
        assert_eq!((state.idle.len(), state.lent), (2, 0));
        drop(state);
        drop(readers);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_connection_that_cannot_be_opened_costs_no_place() {
        let folder = folder("none");
        let readers = Readers::new(path_of(&folder), 1);
        for _ in 0..3 {
            assert!(readers.borrow().is_err());
        }
        open(&path_of(&folder)).unwrap();
        assert!(readers.borrow().is_ok());
        drop(readers);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
