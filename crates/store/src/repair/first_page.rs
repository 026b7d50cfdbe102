//! Reading a database whose first page is lost. That page says where each table begins, and it is the same in every database: all of
//! them begin with the same steps ([`crate::database::schema::STEPS`]), before there is any row. So a copy of the damaged file gets the
//! page of one that was made just now.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::StoreError;

/// Octets of a page, which SQLite has chosen since 2016. Another size is another file: nothing is found in it then.
const PAGE: usize = 4_096;

/// Hands a copy of `damaged` to `read`, with the first page of `new`. Returns what that returns.
///
/// # Errors
/// The copy cannot be made: the disk is full.
pub(super) fn with_that_of(
    new: &Path,
    damaged: &Path,
    read: impl FnOnce(&Connection) -> usize,
) -> Result<usize, StoreError> {
    let copy = PathBuf::from(format!("{}.reading", damaged.display()));
    let found = make(new, damaged, &copy).map(|()| Connection::open(&copy).map_or(0, |copy| read(&copy)));
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(format!("{}{suffix}", copy.display()));
    }
    found
}

fn make(new: &Path, damaged: &Path, copy: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("make a copy to read from", copy, &error);
    let mut page = [0; PAGE];
    File::open(new).and_then(|new| new.read_exact_at(&mut page, 0)).map_err(failed)?;
    fs::copy(damaged, copy).map_err(failed)?;
    // How many pages there are it does not know for this file: where these two differ, the file's length counts.
    page[24..28].copy_from_slice(&1_u32.to_be_bytes());
    page[92..96].fill(0);
    // Nor which of them are free.
    page[32..40].fill(0);
    let journal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    match fs::copy(journal(damaged), journal(copy)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => page[18..20].fill(1),
        other => drop(other.map_err(failed)?),
    }
    OpenOptions::new().write(true).open(copy).and_then(|copy| copy.write_all_at(&page, 0)).map_err(failed)
}
