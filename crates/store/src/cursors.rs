//! How far each durable reader of the log has come, such as the delivery of webhooks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, params};

use crate::StoreError;
use crate::error::doing;

/// All cursors, as the database has them.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<BTreeMap<String, u64>>);

impl Cursors {
    pub(crate) fn load(connection: &Connection) -> Result<Cursors, StoreError> {
        let failed = doing("read the cursors");
        let mut statement = connection.prepare("SELECT name, seq FROM cursors").map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))).map_err(&failed)?;
        Ok(Cursors(Mutex::new(rows.collect::<Result<_, _>>().map_err(&failed)?)))
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.lock().get(name).copied()
    }

    pub(crate) fn all(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    /// The one that is farthest behind.
    pub(crate) fn lowest(&self) -> Option<u64> {
        self.lock().values().min().copied()
    }

    pub(crate) fn know(&self, name: String, seq: Option<u64>) {
        match seq {
            Some(seq) => self.lock().insert(name, seq),
            None => self.lock().remove(&name),
        };
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(crate) fn write(connection: &Connection, name: &str, seq: Option<u64>) -> Result<(), StoreError> {
    let failed = doing("keep a cursor");
    let done = match seq {
        Some(seq) => connection
            .prepare_cached("INSERT INTO cursors VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET seq = ?2")
            .and_then(|mut statement| statement.execute(params![name, seq as i64])),
        None => connection.execute("DELETE FROM cursors WHERE name = ?1", [name]),
    };
    done.map(|_| ()).map_err(&failed)
}
