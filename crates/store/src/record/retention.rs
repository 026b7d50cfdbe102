//! Removing old records and timelines, a few rows at a time.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::StoreError;
use crate::database::schema::wall_us;
use crate::error::doing;
use crate::metrics::{LiveRecords, add};

/// Rows looked at in one step.
const STEP_ROWS: i64 = 1_000;
/// Between two walks over the tables.
const WALK_EVERY: Duration = Duration::from_secs(3_600);
const DAY_US: u64 = 86_400_000_000;

/// Walks over both tables from the oldest row on, step by step.
pub(crate) struct Expiry {
    days: u32,
    /// Table and the last row looked at.
    at: Option<(usize, i64)>,
    rested: Option<Instant>,
}

/// Each with its condition; rows are about as old as their numbers say.
const TABLES: [(&str, &str); 2] = [("records", "live = 0 AND tm_create < ?3"), ("timelines", "written_us < ?3")];

impl Expiry {
    pub(crate) fn new(days: u32) -> Expiry {
        Expiry { days, at: Some((0, 0)), rested: None }
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
        let end: Option<i64> = connection
            .prepare_cached(&format!(
                "SELECT MAX(rowid) FROM (SELECT rowid FROM {name} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2)"
            ))
            .and_then(|mut query| query.query_row(params![after, STEP_ROWS], |row| row.get(0)))
            .map_err(&failed)?;
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
