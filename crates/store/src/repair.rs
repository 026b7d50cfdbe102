//! The way out when the store refuses to start: what is damaged is kept aside, what can be read is saved.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::database::{self, schema::wall_us};
use crate::error::doing;
use crate::log::{self, segment};
use crate::record::Unsaved;
use crate::{StoreError, store};

/// What a repair has done, in plain words; empty: nothing was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// One sentence for each thing.
    pub done: Vec<String>,
}

/// Makes a damaged store startable. Every file that is replaced is first copied aside as `<name>.damaged-<time>`. Entries and
/// rows that can be read are kept; the numbers of entries that are lost are never used again.
///
/// # Errors
/// There is no store; a server uses the folder; it was written by a newer flowswitch; the file system says no.
pub fn repair(data_dir: &Path) -> Result<Repaired, StoreError> {
    store::refuse_none(data_dir)?;
    let _lock = store::lock(data_dir)?;
    let mut repaired = Repaired::default();
    let connection = repair_database(data_dir, &mut repaired)?;
    let unsaved = Unsaved::read(&connection)?;
    let folder = segment::folder(data_dir);
    fs::create_dir_all(&folder).map_err(|error| StoreError::io("make the folder", &folder, &error))?;
    let first_seq = log::repair::repair(&folder, unsaved.applied, &mut repaired.done)?;
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
    Ok(repaired)
}

/// Where a damaged file is kept.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{}", wall_us() / 1_000_000));
    PathBuf::from(name)
}

fn repair_database(data_dir: &Path, repaired: &mut Repaired) -> Result<Connection, StoreError> {
    let path = database::path_of(data_dir);
    let kept = aside(&path);
    let is_new = !fs::metadata(&path).is_ok_and(|data| data.len() > 0);
    if is_new {
        move_aside(&path, &kept)?;
        repaired.done.push(format!("made a new, empty database {}", path.display()));
        return database::open(&path, false);
    }
    let has_log = !segment::list(&segment::folder(data_dir))?.is_empty();
    match database::open(&path, has_log) {
        Err(StoreError::Damaged(_)) => {}
        other => return other,
    }
    let marked = database::mark::read(&path)?;
    move_aside(&path, &kept)?;
    let new = database::open(&path, false)?;
    let mut saved = 0;
    if let Ok(damaged) = Connection::open(&kept) {
        // What is kept is kept as it is.
        let _ = database::keep_journal(&damaged, true);
        // One word of the schema that cannot be read, such as an index's, must not cost the rows of all tables.
        let _ = damaged.pragma_update(None, "writable_schema", true);
        for table in ["resources", "cursors", "records", "timelines", "progress", "bindings"] {
            saved += salvage(&damaged, &new, table, "ASC");
            saved += salvage(&damaged, &new, table, "DESC");
        }
    }
    let known = database::mark::known_to(&new).map_err(doing("read how far it is"))?;
    let lost = match marked.and_then(|marked| marked.checked_sub(known)).filter(|lost| *lost > 0) {
        Some(lost) => format!("; the last {lost} writes to it are lost"),
        None => String::new(),
    };
    repaired
        .done
        .push(format!("the database was damaged: kept as {}, {saved} rows saved into a new one{lost}", kept.display()));
    Ok(new)
}

/// Moves the database aside with all that belongs to it.
fn move_aside(path: &Path, kept: &Path) -> Result<(), StoreError> {
    let with = |path: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let mark = (database::mark::path_of(path), database::mark::path_of(kept));
    let files = ["", "-wal", "-shm"].map(|suffix| (with(path, suffix), with(kept, suffix)));
    for (from, to) in files.into_iter().chain([mark]) {
        match fs::rename(&from, to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("move aside", &from, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Copies the rows of a table up to the first that cannot be read; from both ends, so that only what is between two damaged
/// places is lost.
fn salvage(damaged: &Connection, new: &Connection, table: &str, direction: &str) -> usize {
    let order = match table {
        "records" | "timelines" => "rowid",
        "bindings" => "extension_id",
        "resources" => "kind {direction}, id",
        _ => "name",
    };
    let order = order.replace("{direction}", direction);
    let Ok(mut rows) = damaged.prepare(&format!("SELECT * FROM {table} ORDER BY {order} {direction}")) else {
        return 0;
    };
    let columns = rows.column_count();
    let places = (1..=columns).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ");
    let Ok(mut insert) = new.prepare(&format!("INSERT OR IGNORE INTO {table} VALUES ({places})")) else { return 0 };
    let Ok(mut rows) = rows.query([]) else { return 0 };
    let mut saved = 0;
    if new.execute_batch("BEGIN").is_err() {
        return 0;
    }
    while let Ok(Some(row)) = rows.next() {
        let values: Result<Vec<Value>, _> = (0..columns).map(|at| row.get(at)).collect();
        let Ok(values) = values else { break };
        saved += insert.execute(params_from_iter(values)).unwrap_or(0);
    }
    if new.execute_batch("COMMIT").is_err() { 0 } else { saved }
}
