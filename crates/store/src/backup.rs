//! A copy of everything while the server runs.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::log::{segment, segments};
use crate::record::Unsaved;
use crate::{StoreError, database, secrets, store};

/// Copies database, event log and secrets of `data_dir` into `to`, which must be empty or not exist. Recordings are not
/// copied. The store may be in use, by this process or another; a store can be opened on the copy.
///
/// # Errors
/// The folder is not empty; something cannot be read or written; there is no store.
pub fn backup(data_dir: &Path, to: &Path) -> Result<(), StoreError> {
    store::refuse_none(data_dir)?;
    // Phones' passwords are in it: nobody else may look.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)
        .map_err(|error| StoreError::io("make the folder", to, &error))?;
    let mut there = fs::read_dir(to).map_err(|error| StoreError::io("list", to, &error))?;
    if there.next().is_some() {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "it is not empty; name a new folder");
        return Err(StoreError::io("back up into", to, &error));
    }
    // The database first: the log, copied later, then has all that the database knows of.
    let has_log = !segment::list(&segment::folder(data_dir))?.is_empty();
    let unsaved = copy_database(&database::path_of(data_dir), &database::path_of(to), has_log)?;
    copy_log(&segment::folder(data_dir), &segment::folder(to), unsaved)?;
    copy_secrets(&secrets::folder(data_dir), &secrets::folder(to))?;
    segment::sync_folder(to)
}

fn copy_database(path: &Path, to: &Path, is_used: bool) -> Result<Unsaved, StoreError> {
    let failed = crate::error::doing("copy the database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Read first: a server that runs goes on writing.
    let marked = database::mark::read(path)?;
    let from = Connection::open_with_flags(path, flags).map_err(&failed)?;
    database::keep_journal(&from, true).map_err(&failed)?;
    database::refuse_older(path, &from, marked, is_used)?;
    let mut copy = Connection::open(to).map_err(&failed)?;
    {
        let backup = Backup::new(&from, &mut copy).map_err(&failed)?;
        // All at once is one view of the database; writers are not held up (write-ahead log).
        while !matches!(backup.step(-1).map_err(&failed)?, StepResult::Done) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let unsaved = Unsaved::read(&copy)?;
    copy.close().map_err(|(_, error)| failed(error))?;
    sync(to)?;
    Ok(unsaved)
}

fn copy_log(from: &Path, to: &Path, unsaved: Unsaved) -> Result<(), StoreError> {
    fs::create_dir_all(to).map_err(|error| StoreError::io("make the folder", to, &error))?;
    let firsts = segment::list(from)?;
    let mut copied = Vec::new();
    for (at, first_seq) in firsts.iter().copied().enumerate() {
        let (source, target) = (segment::path_of(from, first_seq), segment::path_of(to, first_seq));
        let done = match at + 1 == firsts.len() {
            true => copy_last(&source, &target, first_seq),
            false => fs::copy(&source, &target).map(|_| ()).map_err(|error| StoreError::io("copy", &source, &error)),
        };
        match done {
            // It was so old that it was removed meanwhile.
            Err(StoreError::Io { kind: io::ErrorKind::NotFound, .. }) if copied.is_empty() => continue,
            other => other?,
        }
        sync(&target)?;
        copied.push(first_seq);
    }
    if unsaved.applied > 0 && copied.first().is_none_or(|first| *first > unsaved.resume) {
        let error = io::Error::other("old segments were removed meanwhile; try again");
        return Err(StoreError::io("copy the event log", from, &error));
    }
    segment::sync_folder(to)
}

/// The open segment is copied up to its last sound entry: more may be being written right now.
fn copy_last(from: &Path, to: &Path, first_seq: u64) -> Result<(), StoreError> {
    let octets = segments::read(from)?;
    if segment::check_header(from, &octets, first_seq).is_err() {
        return Ok(()); // being made at this moment
    }
    let scan = segment::scan(&octets, first_seq, |_, _| {});
    fs::write(to, &octets[..scan.end]).map_err(|error| StoreError::io("write", to, &error))
}

fn copy_secrets(from: &Path, to: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("list", from, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io("list", from, &error))?;
        let secret =
            fs::read(entry.path()).map_err(|error| StoreError::io("read the secret", &entry.path(), &error))?;
        secrets::make_folder(to)?;
        secrets::write(&to.join(entry.file_name()), &secret)?;
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| StoreError::io("sync", path, &error))
}
