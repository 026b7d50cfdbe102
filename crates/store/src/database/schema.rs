//! The tables, as numbered steps. A step that was released is never changed; a change is a new step behind it.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::error::doing;

/// Step n brings a database of version n to version n + 1.
pub(crate) const STEPS: &[&str] = &[
    // 1: what users make.
    "CREATE TABLE resources (
        kind TEXT NOT NULL,
        id BLOB NOT NULL,
        customer_id BLOB NOT NULL,
        tm_create INTEGER NOT NULL,
        deleted INTEGER NOT NULL,
        unique_key TEXT,
        body BLOB NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX resources_unique ON resources (kind, unique_key) WHERE unique_key IS NOT NULL;
    CREATE INDEX resources_list ON resources (kind, customer_id, deleted, tm_create, id);
    CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    // 2: what the log tells, and where phones are.
    "CREATE TABLE records (
        kind INTEGER NOT NULL,
        id BLOB NOT NULL,
        customer_id BLOB NOT NULL,
        tm_create INTEGER NOT NULL,
        deleted INTEGER NOT NULL,
        live INTEGER NOT NULL,
        status TEXT NOT NULL,
        flow_id BLOB,
        activeflow_id BLOB,
        reference_id BLOB,
        conference_id BLOB,
        seq INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX records_id ON records (id, kind);
    CREATE INDEX records_list ON records (kind, customer_id, deleted, tm_create, id);
    CREATE INDEX records_live ON records (live) WHERE live = 1;
    CREATE INDEX records_flow ON records (flow_id, kind, tm_create) WHERE flow_id IS NOT NULL;
    CREATE INDEX records_activeflow ON records (activeflow_id, kind) WHERE activeflow_id IS NOT NULL;
    CREATE INDEX records_reference ON records (reference_id, kind) WHERE reference_id IS NOT NULL;
    CREATE INDEX records_conference ON records (conference_id, kind) WHERE conference_id IS NOT NULL;
    CREATE TABLE timelines (
        owner BLOB NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        written_us INTEGER NOT NULL,
        items BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX timelines_owner ON timelines (owner, first_seq);
    CREATE TABLE progress (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE bindings (extension_id BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;",
];

/// Brings the database to the newest version; each step in a transaction of its own.
///
/// # Errors
/// [`StoreError::Newer`]: it has a version that this program does not know.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let failed = doing("bring the tables up to date");
    connection
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_us INTEGER NOT NULL) STRICT",
        )
        .map_err(&failed)?;
    let found = connection
        .query_row("SELECT MAX(version) FROM schema_version", [], |row| row.get::<_, Option<i64>>(0))
        .optional()
        .map_err(&failed)?
        .flatten()
        .unwrap_or(0) as usize;
    if found > STEPS.len() {
        let what = "the database flowswitch.sqlite".to_owned();
        return Err(StoreError::Newer { what, found: found as u32, known: STEPS.len() as u32 });
    }
    for (at, step) in STEPS.iter().enumerate().skip(found) {
        let transaction = connection.transaction().map_err(&failed)?;
        transaction.execute_batch(step).map_err(&failed)?;
        transaction
            .execute("INSERT INTO schema_version VALUES (?1, ?2)", params![at as i64 + 1, wall_us() as i64])
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
    }
    Ok(())
}

/// Microseconds since the Unix epoch.
pub(crate) fn wall_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_done_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let versions: i64 = connection.query_row("SELECT COUNT(*) FROM schema_version", [], |row| row.get(0)).unwrap();
        assert_eq!(versions, STEPS.len() as i64);
    }

    #[test]
    fn a_newer_schema_is_refused_with_words() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO schema_version VALUES (99, 0)", []).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(error.to_string().contains("newer flowswitch"), "{error}");
    }
}
