//! Small secrets of the server itself, such as the key that signs tokens: one file each, for its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::log::segment::sync_folder;

/// The folder of the secrets.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets")
}

/// Octets of a secret.
pub(crate) const OCTETS: usize = 32;

/// The secret of this name; made by `make` and kept when there is none yet.
///
/// # Errors
/// A name that cannot be a file name; the file system says no; what is in the file is not what was written.
pub(crate) fn read_or_make(
    data_dir: &Path,
    name: &str,
    make: impl FnOnce() -> [u8; OCTETS],
) -> Result<[u8; OCTETS], StoreError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(StoreError::BadName(name.chars().take(80).collect()));
    }
    let folder = folder(data_dir);
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(found) => return whole(&found, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("read the secret", &path, &error)),
    }
    make_folder(&folder)?;
    let secret = make();
    write(&path, &secret)?;
    sync_folder(&folder)?;
    Ok(secret)
}

/// What was cut off or wiped by a full disk or a bad copy would sign as well, and could be guessed.
fn whole(found: &[u8], path: &Path) -> Result<[u8; OCTETS], StoreError> {
    match <[u8; OCTETS]>::try_from(found) {
        Ok(secret) if secret.iter().any(|octet| *octet != 0) => Ok(secret),
        _ => Err(StoreError::Damaged(format!(
            "the secret {} is damaged: it has {} octets where {OCTETS} that nobody can guess should be. Restore it from a backup, or \
             delete it: a new one is made, and what the old one was good for has to be done again, such as logins",
            path.display(),
            found.len(),
        ))),
    }
}

/// Makes the folder, if need be, for its owner only.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StoreError::io("make the folder", folder, &error))
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write(path: &Path, secret: &[u8]) -> Result<(), StoreError> {
    let new = path.with_extension("new");
    let written = create(&new).and_then(|mut file| {
        file.write_all(secret)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&new, path)).map_err(|error| StoreError::io("write the secret", path, &error))
}

fn create(path: &Path) -> io::Result<File> {
    // One that is left from an attempt that failed could have another mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
