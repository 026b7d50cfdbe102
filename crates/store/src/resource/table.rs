//! Resources in the database. Bodies are MessagePack with field names, so that a field may be added anywhere.

use std::collections::BTreeSet;

use model::{Extension, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::Stored;
use crate::error::doing;
use crate::page::{Listed, Page, Position};
use crate::{StoreError, bindings};

/// What a resource is in the table.
pub(crate) struct Put {
    kind: &'static str,
    id: Uuid,
    customer_id: Uuid,
    tm_create: u64,
    deleted: bool,
    unique_key: Option<String>,
    body: Vec<u8>,
}

impl Put {
    pub(crate) fn of<R: Stored>(resource: &R) -> Result<Put, StoreError> {
        let body = rmp_serde::to_vec_named(resource).map_err(|error| StoreError::Database {
            doing: format!("write one of {} down", R::KIND),
            message: error.to_string(),
        })?;
        let deleted = resource.tm_delete().is_some();
        Ok(Put {
            kind: R::KIND,
            id: resource.id(),
            customer_id: resource.customer_id(),
            tm_create: resource.tm_create().map_or(0, Timestamp::as_us),
            deleted,
            unique_key: resource.unique_key().filter(|_| !deleted),
            body,
        })
    }
}

impl Put {
    /// What it is known by.
    pub(crate) fn key(&self) -> (&'static str, Uuid) {
        (self.kind, self.id)
    }
}

/// Whether there is one with its id, whatever it says.
pub(crate) fn is_known(connection: &Connection, put: &Put) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM resources WHERE kind = ?1 AND id = ?2")
        .map_err(doing("read a resource"))?;
    statement.exists(params![put.kind, put.id.as_bytes()]).map_err(doing("read a resource"))
}

pub(crate) fn put(connection: &Connection, put: &Put) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO resources (kind, id, customer_id, tm_create, deleted, unique_key, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (kind, id) DO UPDATE SET customer_id = ?3, tm_create = ?4, deleted = ?5, unique_key = ?6, body = ?7",
        )
        .map_err(doing("keep a resource"))?;
    let done = statement.execute(params![
        put.kind,
        put.id.as_bytes(),
        put.customer_id.as_bytes(),
        put.tm_create as i64,
        put.deleted,
        put.unique_key,
        put.body
    ]);
    match done {
        // A deleted account is registered nowhere, from this moment on: its loop says so, too, but later.
        Ok(_) if put.deleted && put.kind == Extension::KIND => bindings::write(connection, put.id, &[]),
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Err(StoreError::Taken { kind: put.kind, key: put.unique_key.clone().unwrap_or_default() })
        }
        Err(error) => Err(StoreError::database("keep a resource", &error)),
    }
}

/// Resources that are kept all together, or none of them ([`crate::Store::put_all`]).
#[derive(Default)]
pub struct Batch(Vec<Put>);

impl Batch {
    /// One more; of two states of one resource the later one stays.
    ///
    /// # Errors
    /// It cannot be written down.
    pub fn add<R: Stored>(&mut self, resource: &R) -> Result<(), StoreError> {
        self.0.push(Put::of(resource)?);
        Ok(())
    }

    /// Their kinds.
    pub(crate) fn kinds(&self) -> BTreeSet<&'static str> {
        self.0.iter().map(|put| put.kind).collect()
    }
}

/// Keeps all of a batch or nothing, within a transaction that others share. Unique keys may change hands among them, in whatever
/// order they come.
pub(crate) fn put_all(connection: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let failed = doing("keep resources");
    connection.execute_batch("SAVEPOINT batch").map_err(&failed)?;
    let kept = free_keys(connection, batch).and_then(|()| batch.0.iter().try_for_each(|one| put(connection, one)));
    let end = if kept.is_ok() { "RELEASE batch" } else { "ROLLBACK TO batch; RELEASE batch" };
    connection.execute_batch(end).map_err(&failed)?;
    kept
}

fn free_keys(connection: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let failed = doing("keep resources");
    let mut statement = connection
        .prepare_cached("UPDATE resources SET unique_key = NULL WHERE kind = ?1 AND id = ?2 AND unique_key IS NOT NULL")
        .map_err(&failed)?;
    for one in &batch.0 {
        statement.execute(params![one.kind, one.id.as_bytes()]).map_err(&failed)?;
    }
    Ok(())
}

pub(crate) fn get<R: Stored>(connection: &Connection, id: Uuid) -> Result<Option<R>, StoreError> {
    one(connection, "SELECT body FROM resources WHERE kind = ?1 AND id = ?2", params![R::KIND, id.as_bytes()])
}

pub(crate) fn find_unique<R: Stored>(connection: &Connection, key: &str) -> Result<Option<R>, StoreError> {
    one(connection, "SELECT body FROM resources WHERE kind = ?1 AND unique_key = ?2", params![R::KIND, key])
}

fn one<R: Stored>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Option<R>, StoreError> {
    let failed = doing("read a resource");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let body = statement.query_row(params, |row| row.get::<_, Vec<u8>>(0)).optional().map_err(&failed)?;
    body.map(|body| decode(&body)).transpose()
}

pub(crate) fn list<R: Stored>(
    connection: &Connection,
    customer_id: Option<Uuid>,
    page: &Page,
    include_deleted: bool,
) -> Result<Listed<R>, StoreError> {
    let failed = doing("list resources");
    let start = page.start()?;
    let sql = format!(
        "SELECT tm_create, id, body FROM resources
         WHERE kind = ?1 AND (tm_create, id) < (?2, ?3) AND {} {}
         ORDER BY tm_create DESC, id DESC LIMIT ?5",
        if customer_id.is_some() { "customer_id = ?4" } else { "?4 IS NULL" },
        if include_deleted { "" } else { "AND deleted = 0" }
    );
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    let customer = customer_id.map(|id| id.into_bytes());
    let params = params![R::KIND, start.at_us as i64, start.id.as_bytes(), customer, page.limit() as i64];
    let rows = statement.query_map(params, row).map_err(&failed)?;
    let mut items = Vec::new();
    for row in rows {
        let (position, body) = row.map_err(&failed)?;
        items.push((position, decode(&body)?));
    }
    Ok(page.cut(items))
}

/// How many a customer has that are not deleted.
pub(crate) fn count<R: Stored>(connection: &Connection, customer_id: Uuid) -> Result<u64, StoreError> {
    let failed = doing("count resources");
    let mut statement = connection
        .prepare_cached("SELECT COUNT(*) FROM resources WHERE kind = ?1 AND customer_id = ?2 AND deleted = 0")
        .map_err(&failed)?;
    let count = statement.query_row(params![R::KIND, customer_id.as_bytes()], |row| row.get::<_, i64>(0));
    Ok(count.map_err(&failed)? as u64)
}

/// All that are not deleted, oldest first.
pub(crate) fn all<R: Stored>(connection: &Connection) -> Result<Vec<R>, StoreError> {
    let failed = doing("read all resources");
    let mut statement = connection
        .prepare_cached("SELECT body FROM resources WHERE kind = ?1 AND deleted = 0 ORDER BY tm_create, id")
        .map_err(&failed)?;
    let bodies = statement.query_map([R::KIND], |row| row.get::<_, Vec<u8>>(0)).map_err(&failed)?;
    bodies.map(|body| decode(&body.map_err(&failed)?)).collect()
}

/// `tm_create, id, body`
pub(crate) fn row(row: &Row<'_>) -> rusqlite::Result<(Position, Vec<u8>)> {
    let id: [u8; 16] = row.get(1)?;
    Ok((Position { at_us: row.get::<_, i64>(0)? as u64, id: Uuid::from_bytes(id) }, row.get(2)?))
}

fn decode<R: Stored>(body: &[u8]) -> Result<R, StoreError> {
    rmp_serde::from_slice(body).map_err(|error| {
        StoreError::Damaged(format!("one of {} in the database cannot be understood: {error}", R::KIND))
    })
}
