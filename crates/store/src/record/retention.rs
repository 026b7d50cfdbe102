//! Removing old records and timelines, a few rows at a time, and the files of old recordings.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::{Recording, Resource};
use rusqlite::{Connection, params};

use super::RecordKind;
use super::queries::decode;
use crate::StoreError;
use crate::database::schema::wall_us;
use crate::error::doing;
use crate::metrics::{LiveRecords, add};

/// Rows looked at in one step.
const STEP_ROWS: i64 = 1_000;
/// Recordings whose files are removed in one step: large files take their time, and others wait for the database.
const STEP_RECORDINGS: i64 = 20;
/// Between two walks over the tables.
const WALK_EVERY: Duration = Duration::from_secs(3_600);
const DAY_US: u64 = 86_400_000_000;

/// Walks over both tables from the oldest row on, step by step.
pub(crate) struct Expiry {
    days: u32,
    /// Of the recordings' files; none: they stay.
    recordings: Option<PathBuf>,
    /// Table and the last row looked at.
    at: Option<(usize, i64)>,
    rested: Option<Instant>,
}

/// Each with its condition; rows are about as old as their numbers say.
const TABLES: [(&str, &str); 2] = [("records", "live = 0 AND tm_create < ?3"), ("timelines", "written_us < ?3")];

impl Expiry {
    pub(crate) fn new(days: u32, recordings: Option<PathBuf>) -> Expiry {
        Expiry { days, recordings, at: Some((0, 0)), rested: None }
    }

    /// One small step; true: the walk goes on. Does nothing when everything is kept for ever.
    pub(crate) fn step(&mut self, connection: &mut Connection, live: &LiveRecords) -> Result<bool, StoreError> {
        if self.days == 0 {
            return Ok(false);
        }
        let Some((table, after)) = self.at else {
            if self.rested.is_none_or(|rested| rested.elapsed() >= WALK_EVERY) {
                self.at = Some((0, 0));
            }
            return Ok(self.at.is_some());
        };
        let failed = doing("remove old records");
        let (name, condition) = TABLES[table];
        let before = wall_us().saturating_sub(u64::from(self.days) * DAY_US) as i64;
        let mut end: Option<i64> = connection
            .prepare_cached(&format!(
                "SELECT MAX(rowid) FROM (SELECT rowid FROM {name} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2)"
            ))
            .and_then(|mut query| query.query_row(params![after, STEP_ROWS], |row| row.get(0)))
            .map_err(&failed)?;
        if let (Some(folder), Some(last), "records") = (&self.recordings, end, name) {
            end = Some(remove_files(connection, folder, after, last, before)?);
        }
        let mut removed = 0;
        if let Some(end) = end {
            removed = connection
                .prepare_cached(&format!("DELETE FROM {name} WHERE rowid > ?1 AND rowid <= ?2 AND {condition}"))
                .and_then(|mut delete| delete.execute(params![after, end, before]))
                .map_err(&failed)?;
            add(&live.expired, removed as u64);
        }
        // A whole step without an old row: what follows is younger still.
        self.at = match end.filter(|_| removed > 0) {
            Some(end) => Some((table, end)),
            None if table + 1 < TABLES.len() => Some((table + 1, 0)),
            None => None,
        };
        self.rested = Some(Instant::now());
        Ok(self.at.is_some())
    }
}

/// Removes the files of the old recordings between two rows, ahead of the rows: what a crash leaves undone is done by the next
/// walk. Gives back up to which row it has come.
fn remove_files(connection: &Connection, folder: &Path, after: i64, end: i64, before: i64) -> Result<i64, StoreError> {
    let failed = doing("find old recordings");
    let mut query = connection
        .prepare_cached(
            "SELECT rowid, body FROM records WHERE rowid > ?1 AND rowid <= ?2 AND live = 0 AND tm_create < ?3 AND kind = ?4 \
             ORDER BY rowid LIMIT ?5",
        )
        .map_err(&failed)?;
    let kind = RecordKind::Recording as u8;
    let rows = query
        .query_map(params![after, end, before, kind, STEP_RECORDINGS], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(&failed)?;
    for (_, body) in &rows {
        match decode(body) {
            Ok(Resource::Recording(recording)) => remove_files_of(&recording, folder),
            Ok(_) => {}
            Err(error) => tracing::error!("the files of an old recording stay: {error}"),
        }
    }
    let is_full = rows.len() as i64 == STEP_RECORDINGS;
    Ok(rows.last().filter(|_| is_full).map_or(end, |(row, _)| *row))
}

fn remove_files_of(recording: &Recording, folder: &Path) {
    for file in recording.files(folder) {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let recording_id = recording.id;
                tracing::error!(%recording_id, "the file {} of an old recording cannot be removed: {error}", file.display());
            }
            _ => {}
        }
    }
}
