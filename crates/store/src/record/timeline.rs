//! Timelines: the entries of a call or another resource, in order.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::open_timeline::ITEM_HEADER;
use super::{RecordKind, Records};
use crate::error::doing;
use crate::log::reader::decode;
use crate::{Accepted, StoreError};

/// The items of a piece of timeline: number and compact form.
pub(super) fn items(mut octets: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (seq, rest) = octets.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        octets = rest;
        Some((u64::from_le_bytes(*seq), payload))
    })
}

const _: () = assert!(ITEM_HEADER == 8 + 4);

/// The timeline of a call, activeflow, conference or other resource, oldest first. That of an activeflow has the entries of its
/// calls that belong to it.
pub(crate) fn read_timeline(
    records: &Records,
    id: Uuid,
    read: impl FnOnce(&mut dyn FnMut(&Connection) -> Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<Vec<Accepted>, StoreError> {
    let mut pieces = Vec::new();
    let mut owners = vec![id];
    // Memory first: what moves to the database meanwhile is then found there, too, and counted once.
    {
        let state = records.lock();
        let calls = state
            .records
            .values()
            .filter(|call| call.head.kind == RecordKind::Call && call.head.activeflow_id == id && !id.is_nil());
        owners.extend(calls.map(|call| call.head.id));
        // The calls of an activeflow whose records are in the database may still have pieces here.
        for owner in &owners {
            let here = state.timelines.get(owner).into_iter().flat_map(|timeline| timeline.pieces());
            pieces.extend(here.map(|octets| (*owner, octets)));
        }
    }
    read(&mut |connection| {
        let failed = doing("read a timeline");
        let mut calls = connection
            .prepare_cached("SELECT id FROM records WHERE activeflow_id = ?1 AND kind = ?2")
            .map_err(&failed)?;
        let found = calls
            .query_map(params![id.as_bytes(), RecordKind::Call as i64], |row| row.get::<_, [u8; 16]>(0))
            .map_err(&failed)?;
        for call in found {
            let call = Uuid::from_bytes(call.map_err(&failed)?);
            if !owners.contains(&call) {
                owners.push(call);
                let state = records.lock();
                let here = state.timelines.get(&call).into_iter().flat_map(|timeline| timeline.pieces());
                pieces.extend(here.map(|octets| (call, octets)));
            }
        }
        let mut statement = connection
            .prepare_cached("SELECT items FROM timelines WHERE owner = ?1 ORDER BY first_seq")
            .map_err(&failed)?;
        for owner in &owners {
            let rows = statement.query_map([owner.as_bytes()], |row| row.get::<_, Vec<u8>>(0)).map_err(&failed)?;
            for row in rows {
                pieces.push((*owner, row.map_err(&failed)?));
            }
        }
        Ok(())
    })?;
    let mut entries = BTreeMap::new();
    for (owner, octets) in &pieces {
        for (seq, payload) in items(octets) {
            if entries.contains_key(&seq) {
                continue;
            }
            let accepted = decode(seq, payload)?;
            if *owner == id || accepted.entry.activeflow_id == id {
                entries.insert(seq, accepted);
            }
        }
    }
    Ok(entries.into_values().collect())
}
