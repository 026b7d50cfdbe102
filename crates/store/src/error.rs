//! What can go wrong with what is kept, in words that an operator can use.

use std::fmt;
use std::io;
use std::path::Path;

/// Why something was not kept or not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The file system said no.
    Io {
        /// What was being done, with the path.
        doing: String,
        /// The system's answer.
        kind: io::ErrorKind,
        /// The same in words.
        message: String,
    },
    /// SQLite said no.
    Database {
        /// What was being done.
        doing: String,
        /// SQLite's answer.
        message: String,
    },
    /// What is on disk is not what was written. The text names the file, the place and the way out.
    Damaged(String),
    /// What is on disk was written by a newer flowswitch.
    Newer {
        /// What it is: the database or a log segment.
        what: String,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// There is no store in the folder.
    Missing(String),
    /// Another process uses the folder.
    InUse(String),
    /// There is already another one with this name.
    Taken {
        /// The kind of resource.
        kind: &'static str,
        /// What is unique and taken.
        key: String,
    },
    /// The log no longer holds what was asked for.
    Gone {
        /// The first sequence number that it still holds.
        first_seq: u64,
    },
    /// Too much waits to be written; nothing was taken.
    Full,
    /// It waits for the disk, and was not accepted in time; it may still be.
    Late,
    /// A page token that no list has given.
    BadPageToken(String),
    /// A name that cannot be a file name.
    BadName(String),
    /// The store is being closed.
    Closed,
}

impl StoreError {
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> StoreError {
        StoreError::Io { doing: format!("{doing} {}", path.display()), kind: error.kind(), message: error.to_string() }
    }

    pub(crate) fn database(doing: &str, error: &rusqlite::Error) -> StoreError {
        StoreError::Database { doing: doing.to_owned(), message: error.to_string() }
    }
}

/// For `map_err`: says what SQLite was asked to do.
pub(crate) fn doing(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::database(what, &error)
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io { doing, message, .. } => write!(f, "could not {doing}: {message}"),
            StoreError::Database { doing, message } => write!(f, "database: could not {doing}: {message}"),
            StoreError::Damaged(text) => f.write_str(text),
            StoreError::Newer { what, found, known } => write!(
                f,
                "{what} has format version {found}, and this flowswitch knows versions up to {known}: it was written by a \
                 newer flowswitch. Start that one, or restore a backup that was made before the upgrade"
            ),
            StoreError::Missing(path) => {
                write!(
                    f,
                    "nothing was ever kept in {path}: there is neither a database nor an event log. Is data_dir right?"
                )
            }
            StoreError::InUse(path) => {
                write!(f, "{path} is used by another flowswitch: stop that one, or give this one its own data_dir")
            }
            StoreError::Taken { kind, key } => write!(f, "there is already one of {kind} with {key}"),
            StoreError::Gone { first_seq } => {
                write!(f, "these entries are no longer in the event log; it begins with number {first_seq}")
            }
            StoreError::Full => f.write_str("too much waits to be written to disk; try again shortly"),
            StoreError::Late => f.write_str("the disk did not take it in time; it may still do so"),
            StoreError::BadPageToken(token) => write!(f, "\"{token}\" is no page token of this list"),
            StoreError::BadName(name) => {
                write!(f, "\"{name}\" cannot name a secret: use letters, digits, - and _, at most 64 of them")
            }
            StoreError::Closed => f.write_str("the store is being closed"),
        }
    }
}

impl std::error::Error for StoreError {}
