//! At a start: the live records as the database has them, and what the log has beyond that.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::state::Key;
use super::{Records, queries};
use crate::StoreError;
use crate::error::doing;
use crate::log::reader;
use crate::log::segments::Segments;

/// How far the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsaved {
    /// The last entry that it knows of.
    pub(crate) applied: u64,
    /// The first entry that it does not have in full.
    pub(crate) resume: u64,
}

impl Unsaved {
    /// Reads it.
    pub(crate) fn read(connection: &Connection) -> Result<Unsaved, StoreError> {
        let failed = doing("read how far the records are");
        let seq = |name: &str| {
            connection
                .query_row("SELECT seq FROM progress WHERE name = ?1", [name], |row| row.get::<_, i64>(0))
                .optional()
                .map_err(&failed)
        };
        Ok(Unsaved { applied: seq("applied")?.unwrap_or(0) as u64, resume: seq("resume")?.unwrap_or(1) as u64 })
    }
}

/// Brings the records up to the end of the log. Returns how many entries that took.
pub(crate) fn replay(
    records: &Records,
    connection: &Connection,
    segments: &Segments,
    unsaved: Unsaved,
    last_seq: u64,
) -> Result<u64, StoreError> {
    let mut state = records.lock();
    let failed = doing("read the live records");
    let mut statement = connection.prepare("SELECT seq, body FROM records WHERE live = 1").map_err(&failed)?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).map_err(&failed)?;
    for row in rows {
        let (seq, body) = row.map_err(&failed)?;
        state.restore(queries::decode(&body)?, seq as u64);
    }
    let mut saved = Saved { connection, known: HashMap::new(), error: None };
    let mut count = 0;
    // The first entries of all may be gone when the database is older than what the log keeps; it has them, then.
    let from = unsaved.resume.max(segments.first_seq());
    reader::read(segments, from, last_seq, |seq, payload| {
        let accepted = reader::decode(seq, payload)?;
        state.apply(&accepted, payload, |key| seq > unsaved.applied || seq > saved.through(key));
        count += 1;
        saved.error.take().map_or(Ok(false), Err)
    })?;
    // What was deleted so long ago that the log from there on does not tell of it.
    for key in state.unsaved_records() {
        if let Some(at) = queries::deleted_at(connection, key.0, key.1)? {
            state.bury(key, at);
        }
    }
    state.publish(&records.live.records);
    Ok(count)
}

/// Up to which entry the database has each record and timeline.
struct Saved<'a> {
    connection: &'a Connection,
    known: HashMap<Key, u64>,
    error: Option<StoreError>,
}

impl Saved<'_> {
    fn through(&mut self, key: &Key) -> u64 {
        if let Some(seq) = self.known.get(key) {
            return *seq;
        }
        let found = match key {
            Key::Record(kind, id) => {
                self.connection.prepare_cached("SELECT seq FROM records WHERE id = ?1 AND kind = ?2").and_then(
                    |mut query| query.query_row(params![id.as_bytes(), *kind as i64], |row| row.get(0)).optional(),
                )
            }
            Key::Timeline(owner) => self
                .connection
                .prepare_cached("SELECT MAX(last_seq) FROM timelines WHERE owner = ?1")
                .and_then(|mut query| query.query_row([owner.as_bytes()], |row| row.get::<_, Option<i64>>(0))),
        };
        let seq = match found {
            Ok(seq) => seq.unwrap_or(0) as u64,
            Err(error) => {
                self.error = Some(StoreError::database("read how far the records are", &error));
                0
            }
        };
        self.known.insert(*key, seq);
        seq
    }
}
