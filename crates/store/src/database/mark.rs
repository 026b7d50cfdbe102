//! How far the database had come, in a small file beside it. SQLite reads its write-ahead log up to the first frame that is not
//! whole and passes over the rest without a word; one that was deleted it does not miss at all. The number of transactions that
//! were confirmed, kept outside of both files, tells that some of them are gone.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};

use crate::StoreError;

/// The row of `progress` that counts the transactions.
const ROW: &str = "commits";

/// The file that holds the number of confirmed transactions, open for writing.
pub(super) struct Mark {
    file: File,
}

/// Where it is.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-commits");
    PathBuf::from(name)
}

/// The number of confirmed transactions. None: nothing is known of any, because nothing was confirmed yet, an older flowswitch
/// did it, or the file cannot be understood.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn read(database: &Path) -> Result<Option<u64>, StoreError> {
    let path = path_of(database);
    match fs::read(&path) {
        Ok(octets) => Ok(str::from_utf8(&octets).ok().and_then(|text| text.trim_end().parse().ok())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", &path, &error)),
    }
}

/// The number of transactions that the database knows of; 0 in one without tables.
pub(crate) fn known_to(connection: &Connection) -> rusqlite::Result<u64> {
    let tables = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'progress'";
    if connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(0);
    }
    let query = "SELECT seq FROM progress WHERE name = ?1";
    let number = connection.query_row(query, [ROW], |row| row.get::<_, i64>(0)).optional()?;
    Ok(number.unwrap_or(0).cast_unsigned())
}

/// Counts a transaction, within it. Returns its number.
pub(super) fn count(transaction: &Connection) -> rusqlite::Result<u64> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO progress VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET seq = seq + 1 RETURNING seq",
    )?;
    Ok(statement.query_row([ROW], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

impl Mark {
    /// Opens the file beside the database, which has this many transactions.
    ///
    /// # Errors
    /// It cannot be opened or written.
    pub(super) fn open(database: &Path, number: u64) -> Result<Mark, StoreError> {
        let path = path_of(database);
        let failed = |error: io::Error| StoreError::io("write", &path, &error);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        let mark = Mark { file };
        mark.write(number).map_err(failed)?;
        Ok(mark)
    }

    /// Says that transaction `number` is confirmed: it is synced before this is written, so that the mark is never ahead of what
    /// the disk has. It is not synced itself; after a loss of power it may say less, and then proves less.
    pub(super) fn write(&self, number: u64) -> io::Result<()> {
        // Always as long, within one block: a full disk does not matter, and it is never half written.
        self.file.write_all_at(format!("{number:020}\n").as_bytes(), 0)
    }
}
