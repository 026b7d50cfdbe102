//! Writing what has ended to the database.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, params};

use super::open_timeline::Piece;
use super::state::{Content, Key, Row};
use super::{Records, queries};
use crate::StoreError;
use crate::database::schema::wall_us;
use crate::error::doing;
use crate::metrics::{add, set};

/// Rows of one transaction: due ones, and as many of live things.
const ROWS_MAX: usize = 2_000;
/// The place from which a start reads is brought up to date when it lags by this many entries, even if nothing else is written.
const LAG_MAX: u64 = 10_000;

/// Takes rows from the records into the database.
pub(crate) struct Flusher {
    records: Arc<Records>,
    checkpoint_entries: u64,
}

/// What one flush did.
pub(crate) struct Flushed {
    pub(crate) rows: usize,
    /// Whether there is more to be written at once.
    pub(crate) more: bool,
}

impl Flusher {
    pub(crate) fn new(records: Arc<Records>, checkpoint_entries: u64) -> Flusher {
        Flusher { records, checkpoint_entries }
    }

    /// Writes what is due, up to a limit, in one transaction. After an error it is still due.
    pub(crate) fn flush(&mut self, connection: &mut Connection) -> Result<Flushed, StoreError> {
        let (rows, resume, through) = {
            let mut state = self.records.lock();
            let (rows, resume) = state.take(ROWS_MAX, self.checkpoint_entries);
            (rows, resume, state.last_seq)
        };
        let lag = resume.saturating_sub(self.records.resume_seq());
        if rows.is_empty() && lag < LAG_MAX {
            return Ok(Flushed { rows: 0, more: false });
        }
        write(connection, &rows, resume, through)?;
        self.records.resume.store(resume, Ordering::Release);
        let live = &self.records.live.records;
        set(&live.resume_seq, resume);
        add(&live.rows, rows.len() as u64);
        let mut state = self.records.lock();
        for row in &rows {
            if let Content::Record { head, .. } = &row.content
                && !head.ended
            {
                add(&live.checkpoints, 1);
            }
            state.saved(row.key, &row.content, through);
        }
        state.publish(live);
        let more = state.is_due() && rows.len() >= ROWS_MAX;
        drop(state);
        let count = rows.len();
        // The records are freed here, while nobody waits for the lock.
        let written: Vec<_> = rows.into_iter().filter_map(|row| row.content.into_piece()).collect();
        self.records.lock().recycle(written.into_iter());
        Ok(Flushed { rows: count, more })
    }
}

fn write(connection: &mut Connection, rows: &[Row], resume: u64, through: u64) -> Result<(), StoreError> {
    let failed = doing("write records");
    let now = wall_us() as i64;
    let transaction = connection.transaction().map_err(&failed)?;
    let mut records = queries::Writer::new(&transaction)?;
    let mut timelines = transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO timelines (owner, first_seq, last_seq, written_us, items) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .map_err(&failed)?;
    for row in rows {
        match (&row.content, row.key) {
            (Content::Record { resource, head, seq }, _) => records.write(resource, head, *seq)?,
            (Content::Timeline(piece), Key::Timeline(owner)) => {
                let Piece { first_seq, last_seq, octets } = &**piece;
                timelines
                    .execute(params![owner.as_bytes(), *first_seq as i64, *last_seq as i64, now, octets])
                    .map_err(&failed)?;
            }
            (Content::Timeline(_), Key::Record(..)) => {}
        }
    }
    drop((records, timelines));
    for (name, seq) in [("resume", resume), ("applied", through)] {
        transaction
            .prepare_cached("INSERT INTO progress VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET seq = ?2")
            .and_then(|mut statement| statement.execute(params![name, seq as i64]))
            .map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}
