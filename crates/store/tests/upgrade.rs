//! A store of an older flowswitch is brought up to date; nothing in it is lost.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use model::{Flow, LogEntry};
use rusqlite::{Connection, params};
use store::{Store, StoreError};
use support::{CUSTOMER, Folder, life};
use uuid::Uuid;

/// The tables of schema version 1, word for word as they were made then.
const VERSION_1: &str = "
    CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_us INTEGER NOT NULL) STRICT;
    CREATE TABLE resources (
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
    CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO schema_version VALUES (1, 0);
    INSERT INTO cursors VALUES ('webhooks', 0);";

#[test]
fn a_database_of_schema_1_is_brought_up_to_date_and_a_newer_one_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path().join("flowswitch.sqlite");
    let flow = Flow { id: Uuid::from_u128(1), customer_id: CUSTOMER, name: "old".into(), ..Flow::default() };
    {
        let old = Connection::open(&path).unwrap();
        old.execute_batch(VERSION_1).unwrap();
        let body = rmp_serde::to_vec_named(&flow).unwrap();
        let values = params!["flows", flow.id.as_bytes(), CUSTOMER.as_bytes(), 0, 0, None::<String>, body];
        old.execute("INSERT INTO resources VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", values).unwrap();
    }
    let store = folder.open().store;
    assert_eq!(store.all::<Flow>().unwrap(), [flow]);
    assert_eq!(store.cursor("webhooks"), Some(0));
    store.append_synced(life(1)).unwrap();
    store.settle().unwrap();
    drop(store);

    let newer = Connection::open(&path).unwrap();
    newer.execute("INSERT INTO schema_version VALUES (99, 0)", []).unwrap();
    drop(newer);
    let error = Store::open(folder.config()).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn a_segment_of_a_newer_format_is_refused_with_words() {
    let folder = Folder::new();
    let store = folder.open().store;
    store.append_synced(life(1)).unwrap();
    drop(store);
    let path = &folder.segments()[0];
    let mut octets = std::fs::read(path).unwrap();
    octets[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let sum = crc32fast::hash(&octets[..20]);
    octets[20..24].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(path, octets).unwrap();
    let error = Store::open(folder.config()).err().unwrap();
    assert!(error.to_string().contains("newer flowswitch"), "{error}");
    assert!(matches!(store::repair(folder.path()), Err(StoreError::Newer { .. })), "a repair would lose it");
}

/// The rule of the log's entries: fields are only appended, with a default. This is one without the last two fields.
#[test]
fn an_entry_that_lacks_appended_fields_could_be_read() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Longer {
        at_us: u64,
        customer_id: Uuid,
        call_id: Uuid,
        activeflow_id: Uuid,
        body: model::LogBody,
        #[serde(default)]
        added: Option<u32>,
    }
    let entry: LogEntry = life(1).remove(3);
    let octets = rmp_serde::to_vec(&entry).unwrap();
    let longer: Longer = rmp_serde::from_slice(&octets).unwrap();
    assert_eq!((longer.body, longer.added), (entry.body, None));
}
