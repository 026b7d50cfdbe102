//! `flowswitch backup` and `flowswitch repair`: what is done with the data while the server runs, or cannot be started.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{self as unix_fs, MetadataExt};
use std::path::Path;

use store::StoreError;

use crate::cli::{BackupArgs, ServeArgs};
use crate::run::StartError;

/// Copies the server's data and tells `out` what was copied.
///
/// # Errors
/// The configuration is wrong, there is nothing to copy, or something cannot be read or written.
pub fn backup(args: &BackupArgs, out: &mut impl Write) -> Result<(), StartError> {
    let config = args.server.load()?;
    let to = args.to.as_path();
    if let Err(error) = store::backup(&config.data_dir, to) {
        // What was there before is refused untouched; anything else that is there now is ours, and half of a copy.
        let was_refused = matches!(error, StoreError::Missing(_))
            || matches!(error, StoreError::Io { kind: std::io::ErrorKind::AlreadyExists, .. });
        return Err(match !was_refused && holds_something(to) {
            true => format!("{error}. What is in {} is no complete copy: delete it", to.display()).into(),
            false => error.into(),
        });
    }
    writeln!(out, "{} is copied to {}.", config.data_dir.display(), to.display())?;
    let recordings = config.recordings_folder();
    if holds_something(&recordings) {
        writeln!(out, "Recordings are not in the copy: take {} along as well.", recordings.display())?;
    }
    Ok(())
}

/// Repairs the server's data and tells `out` what was done.
///
/// # Errors
/// The configuration is wrong, a server uses the data, or something cannot be read or written.
pub fn repair(args: &ServeArgs, out: &mut impl Write) -> Result<(), StartError> {
    let config = args.load()?;
    let data_dir = config.data_dir.display();
    let repaired = match store::repair(&config.data_dir) {
        Err(StoreError::InUse(path)) => {
            return Err(format!("a server runs with {path}: stop it first. Nothing was changed").into());
        }
        Err(missing @ StoreError::Missing(_)) => return Err(missing.into()),
        other => other,
    };
    // One that failed has put everything back, but a folder or file that root has made may be left.
    give_back(&config.data_dir)?;
    let repaired = repaired?;
    if repaired.done.is_empty() {
        writeln!(out, "Nothing in {data_dir} is damaged; nothing was changed.")?;
        return Ok(());
    }
    for sentence in &repaired.done {
        writeln!(out, "{sentence}")?;
    }
    writeln!(out, "{data_dir} can be used again: start the server.")?;
    Ok(())
}

/// What root has made in the folder is given to whom the folder belongs: the server does not run as root.
fn give_back(folder: &Path) -> std::io::Result<()> {
    let owner = fs::metadata(folder)?;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if (found.uid(), found.gid()) != (owner.uid(), owner.gid()) {
                unix_fs::lchown(entry.path(), Some(owner.uid()), Some(owner.gid()))?;
            }
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

fn holds_something(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
