//! Resources that a database has lost, as the event log last told of them. The log has them whole, digests of passwords included, for as
//! long as it is kept.

use std::collections::BTreeMap;
use std::path::Path;

use model::Resource;
use rusqlite::Connection;

use crate::StoreError;
use crate::error::doing;
use crate::log::{reader, segments};
use crate::resource::{self, Put};

/// Adds those that the database does not have.
pub(super) fn add_missing(folder: &Path, connection: &Connection, done: &mut Vec<String>) -> Result<(), StoreError> {
    let found = segments::open(folder)?;
    let (first, last) = (found.segments.first_seq(), found.next_seq - 1);
    let mut newest = BTreeMap::new();
    reader::read(&found.segments, first, last, |seq, payload| {
        let accepted = reader::decode(seq, payload)?;
        if let Some(put) = accepted.entry.body.resource().and_then(row).transpose()? {
            newest.insert(put.key(), put);
        }
        Ok(false)
    })?;
    let mut added = 0;
    connection.execute_batch("BEGIN").map_err(doing("keep resources"))?;
    for put in newest.values() {
        if resource::is_known(connection, put)? {
            continue;
        }
        match resource::put(connection, put) {
            // What was saved has its name.
            Err(StoreError::Taken { .. }) => {}
            other => {
                other?;
                added += 1;
            }
        }
    }
    connection.execute_batch("COMMIT").map_err(doing("keep resources"))?;
    if added > 0 {
        done.push(format!(
            "{added} resources were found in the event log, which begins with entry {first}: flows, numbers, phones, keys and \
             whatever else was made or changed since then"
        ));
    }
    Ok(())
}

/// A resource as a row; none for records, which are made from the log in any case.
fn row(resource: &Resource) -> Option<Result<Put, StoreError>> {
    Some(match resource {
        Resource::Flow(flow) => Put::of(&**flow),
        Resource::Number(number) => Put::of(&**number),
        Resource::Extension(extension) => Put::of(&**extension),
        Resource::Conference(conference) => Put::of(&**conference),
        Resource::Accesskey(key) => Put::of(&**key),
        Resource::Agent(agent) => Put::of(&**agent),
        Resource::Customer(customer) => Put::of(&**customer),
        _ => return None,
    })
}
