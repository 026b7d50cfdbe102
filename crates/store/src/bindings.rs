//! Where registered phones can be reached: one row per extension.

use model::Binding;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::StoreError;
use crate::error::doing;

/// Replaces the bindings of an extension; none: it is not registered any more.
pub(crate) fn write(connection: &Connection, extension_id: Uuid, bindings: &[Binding]) -> Result<(), StoreError> {
    let failed = doing("keep a registration");
    let done = if bindings.is_empty() {
        connection
            .prepare_cached("DELETE FROM bindings WHERE extension_id = ?1")
            .and_then(|mut statement| statement.execute([extension_id.as_bytes()]))
    } else {
        let body = rmp_serde::to_vec(bindings).map_err(|error| StoreError::Database {
            doing: "write a registration down".into(),
            message: error.to_string(),
        })?;
        connection
            .prepare_cached("INSERT INTO bindings VALUES (?1, ?2) ON CONFLICT (extension_id) DO UPDATE SET body = ?2")
            .and_then(|mut statement| statement.execute(params![extension_id.as_bytes(), body]))
    };
    done.map(|_| ()).map_err(&failed)
}

pub(crate) fn all(connection: &Connection) -> Result<Vec<Binding>, StoreError> {
    let failed = doing("read the registrations");
    let mut statement = connection.prepare("SELECT body FROM bindings ORDER BY extension_id").map_err(&failed)?;
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).map_err(&failed)?;
    let mut all = Vec::new();
    for row in rows {
        let bindings: Vec<Binding> = rmp_serde::from_slice(&row.map_err(&failed)?).map_err(|error| {
            StoreError::Damaged(format!("a registration in the database cannot be understood: {error}"))
        })?;
        all.extend(bindings);
    }
    Ok(all)
}
