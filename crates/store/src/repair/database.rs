//! A new database with all rows of the damaged one that can be read.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::undo::Undo;
use super::{Repaired, aside, first_page};
use crate::StoreError;
use crate::database;
use crate::error::doing;
use crate::log::segment;

/// The database, and whether it was made anew.
pub(super) fn repair(
    data_dir: &Path,
    repaired: &mut Repaired,
    undo: &mut Undo,
) -> Result<(Connection, bool), StoreError> {
    let path = database::path_of(data_dir);
    let kept = aside(&path);
    let is_new = !fs::metadata(&path).is_ok_and(|data| data.len() > 0);
    if is_new {
        let new = put_aside(&path, &kept, undo)?;
        repaired.done.push(format!("made a new, empty database {}", path.display()));
        return Ok((new, true));
    }
    let has_log = !segment::list(&segment::folder(data_dir))?.is_empty();
    match database::open(&path, has_log) {
        Err(StoreError::Damaged(_)) => {}
        other => return Ok((other?, false)),
    }
    let marked = database::mark::read(&path)?;
    let new = put_aside(&path, &kept, undo)?;
    let mut saved = Connection::open(&kept).map_or(0, |damaged| salvage_all(&damaged, &new));
    if saved == 0 {
        saved = first_page::with_that_of(&path, &kept, |damaged| salvage_all(damaged, &new))?;
    }
    let known = database::mark::known_to(&new).map_err(doing("read how far it is"))?;
    let lost = match marked.and_then(|marked| marked.checked_sub(known)).filter(|lost| *lost > 0) {
        Some(lost) => format!("; the last {lost} writes to it are lost"),
        None => String::new(),
    };
    let saved = match saved {
        0 => "nothing in it can be read any more, and a new, empty one stands in its place".to_owned(),
        rows => format!("{rows} rows saved into a new one{lost}"),
    };
    repaired.done.push(format!("the database was damaged: kept as {}, {saved}", kept.display()));
    Ok((new, true))
}

/// Puts a new, empty database in the place of one that is moved aside.
fn put_aside(path: &Path, kept: &Path, undo: &mut Undo) -> Result<Connection, StoreError> {
    move_aside(path, kept, undo)?;
    for suffix in ["", "-wal", "-shm"] {
        undo.made(with(path, suffix));
    }
    undo.made(database::mark::path_of(path));
    database::open(path, false)
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Moves the database aside with all that belongs to it.
fn move_aside(path: &Path, kept: &Path, undo: &mut Undo) -> Result<(), StoreError> {
    let mark = (database::mark::path_of(path), database::mark::path_of(kept));
    let files = ["", "-wal", "-shm"].map(|suffix| (with(path, suffix), with(kept, suffix)));
    for (from, to) in files.into_iter().chain([mark]) {
        match fs::rename(&from, &to) {
            Ok(()) => undo.moved(from, to),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("move aside", &from, &error)),
        }
    }
    Ok(())
}

/// Copies what can be read of all tables; says how many rows.
fn salvage_all(damaged: &Connection, new: &Connection) -> usize {
    // What is kept is kept as it is.
    let _ = database::keep_journal(damaged, true);
    // One word of the schema that cannot be read, such as an index's, must not cost the rows of all tables.
    let _ = damaged.pragma_update(None, "writable_schema", true);
    let tables = ["resources", "cursors", "records", "timelines", "progress", "bindings"];
    tables.into_iter().map(|table| salvage(damaged, new, table, "ASC") + salvage(damaged, new, table, "DESC")).sum()
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
