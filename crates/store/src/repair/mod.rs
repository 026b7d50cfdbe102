//! The way out when the store refuses to start: what is damaged is kept aside, what can be read is saved.

mod database;
mod first_page;
mod from_log;
mod undo;

use std::fs;
use std::path::{Path, PathBuf};

use crate::database::schema::wall_us;
use crate::error::doing;
use crate::log::{self, segment};
use crate::record::Unsaved;
use crate::{StoreError, store};
pub(crate) use undo::Undo;

/// What a repair has done, in plain words; empty: nothing was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// One sentence for each thing.
    pub done: Vec<String>,
}

/// Makes a damaged store startable. Every file that is replaced is first kept aside as `<name>.damaged-<time>`. Entries and
/// rows that can be read are kept; the numbers of entries that are lost are never used again.
///
/// # Errors
/// There is no store; a server uses the folder; it was written by a newer flowswitch; the file system says no. Then everything lies
/// as it did before, or the text says what does not.
pub fn repair(data_dir: &Path) -> Result<Repaired, StoreError> {
    store::refuse_none(data_dir)?;
    let _lock = store::lock(data_dir)?;
    let (mut repaired, mut undo) = (Repaired::default(), Undo::default());
    match attempt(data_dir, &mut repaired, &mut undo) {
        Ok(()) => Ok(repaired),
        Err(error) => Err(undo.all(error)),
    }
}

fn attempt(data_dir: &Path, repaired: &mut Repaired, undo: &mut Undo) -> Result<(), StoreError> {
    let (connection, is_new) = database::repair(data_dir, repaired, undo)?;
    let unsaved = Unsaved::read(&connection)?;
    let folder = segment::folder(data_dir);
    fs::create_dir_all(&folder).map_err(|error| StoreError::io("make the folder", &folder, &error))?;
    let first_seq = log::repair::repair(&folder, unsaved.applied, &mut repaired.done, undo)?;
    if first_seq > unsaved.resume {
        connection
            .execute(
                "INSERT INTO progress VALUES ('resume', ?1) ON CONFLICT (name) DO UPDATE SET seq = ?1",
                [first_seq as i64],
            )
            .map_err(doing("say where the records begin"))?;
        repaired
            .done
            .push(format!("call records go on from entry {first_seq}; what the log had before it is lost to them"));
    }
    if is_new {
        from_log::add_missing(&folder, &connection, &mut repaired.done)?;
    }
    Ok(())
}

/// Where a damaged file is kept.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{}", wall_us() / 1_000_000));
    PathBuf::from(name)
}
