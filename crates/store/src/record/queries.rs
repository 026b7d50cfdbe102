//! Reading records: those in memory and those in the database, as one.

use std::collections::BTreeMap;

use model::{Resource, Timestamp};
use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{Filter, Head, Record, RecordKind, Records, graves};
use crate::StoreError;
use crate::error::doing;
use crate::page::{Listed, Page, Position};
use crate::resource::row;

/// One record by its id.
pub(crate) fn read_one<R: Record>(
    records: &Records,
    id: Uuid,
    read: impl FnOnce(&mut dyn FnMut(&Connection) -> Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<Option<R>, StoreError> {
    let here = records.lock().records.get(&(R::KIND, id)).map(|tracked| tracked.resource.clone());
    if here.is_some() {
        return Ok(here.and_then(R::from_resource));
    }
    let mut found = None;
    read(&mut |connection| {
        found = stored(connection, R::KIND, id)?;
        Ok(())
    })?;
    Ok(found.and_then(R::from_resource))
}

/// One page of records, newest first.
pub(crate) fn read_page<R: Record>(
    records: &Records,
    customer_id: Option<Uuid>,
    filter: &Filter,
    page: &Page,
    read: impl FnOnce(&mut dyn FnMut(&Connection) -> Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<Listed<R>, StoreError> {
    let start = page.start()?;
    let limit = page.limit();
    // Memory first: what moves to the database meanwhile is then found there, too, and memory counts. A record whose changed
    // form does not pass may still pass in the database, so those in memory are known by their ids.
    let (here, known) = {
        let state = records.lock();
        let mut here: Vec<(Position, &Resource)> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for ((kind, id), tracked) in &state.records {
            if *kind != R::KIND {
                continue;
            }
            known.insert(*id);
            if tracked.head.passes(R::KIND, customer_id, filter) && tracked.head.position() < start {
                here.push((tracked.head.position(), &tracked.resource));
            }
        }
        here.sort_unstable_by_key(|(position, _)| std::cmp::Reverse(*position));
        let here: Vec<_> =
            here.into_iter().take(limit).map(|(position, resource)| (position, resource.clone())).collect();
        (here, known)
    };
    let mut merged: BTreeMap<std::cmp::Reverse<Position>, Resource> =
        here.into_iter().map(|(position, resource)| (std::cmp::Reverse(position), resource)).collect();
    read(&mut |connection| {
        let mut from = start;
        // Rows of what memory knows better are skipped, so one query may not be enough.
        loop {
            let rows = stored_page(connection, R::KIND, customer_id, filter, from, limit)?;
            let full = rows.len() == limit;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            from = *last;
            let mut added = 0;
            for (position, body) in rows {
                if !known.contains(&position.id) {
                    added += 1;
                    merged.insert(std::cmp::Reverse(position), decode(&body)?);
                }
            }
            if !full
                || added == limit
                || merged.len() >= limit && merged.keys().nth(limit - 1).is_some_and(|at| at.0 >= from)
            {
                return Ok(());
            }
        }
    })?;
    let items = merged.into_iter().filter_map(|(position, resource)| Some((position.0, R::from_resource(resource)?)));
    Ok(page.cut(items.collect()))
}

/// A record as the database has it.
fn stored(connection: &Connection, kind: RecordKind, id: Uuid) -> Result<Option<Resource>, StoreError> {
    let failed = doing("read a record");
    let mut statement =
        connection.prepare_cached("SELECT body FROM records WHERE id = ?1 AND kind = ?2").map_err(&failed)?;
    let body = statement
        .query_row(params![id.as_bytes(), kind as i64], |row| row.get::<_, Vec<u8>>(0))
        .optional()
        .map_err(&failed)?;
    body.map(|body| decode(&body)).transpose()
}

fn stored_page(
    connection: &Connection,
    kind: RecordKind,
    customer_id: Option<Uuid>,
    filter: &Filter,
    from: Position,
    limit: usize,
) -> Result<Vec<(Position, Vec<u8>)>, StoreError> {
    let failed = doing("list records");
    let mut sql = "SELECT tm_create, id, body FROM records WHERE kind = ?1 AND (tm_create, id) < (?2, ?3)".to_owned();
    let (kind, at, id, limit) = (kind as i64, from.at_us as i64, from.id.into_bytes(), limit as i64);
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(kind), Box::new(at), Box::new(id), Box::new(limit)];
    let ids = [
        ("customer_id", customer_id.unwrap_or_default()),
        ("flow_id", filter.flow_id),
        ("activeflow_id", filter.activeflow_id),
        ("reference_id", filter.reference_id),
        ("conference_id", filter.conference_id),
    ];
    for (column, id) in ids {
        if !id.is_nil() || column == "customer_id" && customer_id.is_some() {
            values.push(Box::new(id.into_bytes()));
            sql += &format!(" AND {column} = ?{}", values.len());
        }
    }
    if !filter.status.is_empty() {
        values.push(Box::new(filter.status.clone()));
        sql += &format!(" AND status = ?{}", values.len());
    }
    if !filter.include_deleted {
        sql += " AND deleted = 0";
    }
    sql += " ORDER BY tm_create DESC, id DESC LIMIT ?4";
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), row).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// When the database's record was deleted, if it was.
pub(super) fn deleted_at(connection: &Connection, kind: RecordKind, id: Uuid) -> Result<Option<Timestamp>, StoreError> {
    let failed = doing("read whether a record is deleted");
    let body = connection
        .prepare_cached("SELECT body FROM records WHERE id = ?1 AND kind = ?2 AND deleted = 1")
        .and_then(|mut query| {
            query.query_row(params![id.as_bytes(), kind as i64], |row| row.get::<_, Vec<u8>>(0)).optional()
        })
        .map_err(&failed)?;
    Ok(body.map(|body| decode(&body)).transpose()?.as_ref().and_then(graves::deleted_at))
}

/// Writes records as they are now. What the database has as deleted stays so.
pub(super) struct Writer<'a> {
    connection: &'a Connection,
    statement: CachedStatement<'a>,
    body: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Writer<'a>, StoreError> {
        let statement = connection
            .prepare_cached(
                "INSERT INTO records (kind, id, customer_id, tm_create, deleted, live, status, flow_id, activeflow_id,
                     reference_id, conference_id, seq, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (id, kind) DO UPDATE SET customer_id = ?3, tm_create = ?4, deleted = ?5, live = ?6, status = ?7,
                     flow_id = COALESCE(?8, flow_id), activeflow_id = ?9, reference_id = ?10, conference_id = ?11, seq = ?12, body = ?13
                     WHERE records.deleted <= ?5",
            )
            .map_err(doing("write a record"))?;
        Ok(Writer { connection, statement, body: Vec::new() })
    }

    pub(super) fn write(&mut self, resource: &Resource, head: &Head, seq: u64) -> Result<(), StoreError> {
        if self.put(resource, head, seq)? {
            return Ok(());
        }
        let Some(at) = deleted_at(self.connection, head.kind, head.id)? else { return Ok(()) };
        let mut resource = resource.clone();
        graves::bury(&mut resource, at);
        self.put(&resource, &Head { deleted: true, ended: true, ..*head }, seq).map(drop)
    }

    /// False: the database has it as deleted, and this is not.
    fn put(&mut self, resource: &Resource, head: &Head, seq: u64) -> Result<bool, StoreError> {
        self.body.clear();
        rmp_serde::encode::write(&mut self.body, resource).map_err(|error| StoreError::Database {
            doing: "write a record down".into(),
            message: error.to_string(),
        })?;
        let set = |id: Uuid| (!id.is_nil()).then(|| id.into_bytes());
        let done = self.statement.execute(params![
            head.kind as i64,
            head.id.as_bytes(),
            head.customer_id.as_bytes(),
            head.position().at_us as i64,
            head.deleted,
            !head.ended,
            head.status,
            set(head.flow_id),
            set(head.activeflow_id),
            set(head.reference_id),
            set(head.conference_id),
            seq as i64,
            self.body
        ]);
        done.map(|rows| rows > 0).map_err(doing("write a record"))
    }
}

pub(super) fn decode(body: &[u8]) -> Result<Resource, StoreError> {
    rmp_serde::from_slice(body)
        .map_err(|error| StoreError::Damaged(format!("a record in the database cannot be understood: {error}")))
}
