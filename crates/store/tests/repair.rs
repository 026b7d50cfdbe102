//! A repair saves what can be read, from the database and from the event log, and one that fails leaves everything as it was.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Binding, Call, CallStatus, Extension, Flow, LogBody, LogEntry, PasswordDigests, Resource, Timestamp};
use serde_json::Map;
use store::{Store, StoreError};
use support::{CUSTOMER, Folder, call, life};
use uuid::Uuid;

fn flow(number: u128) -> Flow {
    let (id, tm_create) = (Uuid::from_u128(number), Some(Timestamp::from_us(number as u64)));
    Flow { id, customer_id: CUSTOMER, name: format!("flow {number}"), tm_create, ..Flow::default() }
}

fn phone() -> Extension {
    let ha1 = PasswordDigests { md5: "5".repeat(32), sha256: "2".repeat(64) };
    Extension {
        id: Uuid::from_u128(1_000),
        customer_id: CUSTOMER,
        extension: "1000".into(),
        ha1,
        ..Extension::default()
    }
}

fn binding() -> Binding {
    Binding {
        extension_id: phone().id,
        customer_id: CUSTOMER,
        contact: "sip:1000@192.0.2.7:5060".into(),
        received: "192.0.2.7:5060".into(),
        transport: "udp".to_owned(),
        listener: 0,
        local: "192.0.2.1:5060".into(),
        call_id: "a84b4c76e66710".into(),
        cseq: 2,
        user_agent: "phone 1.0".into(),
        expires_us: 1_000,
        created_us: 1,
        params: String::new(),
    }
}

/// As the server does with what the API has made.
fn make(store: &Store, resource: Resource) {
    match &resource {
        Resource::Flow(flow) => store.put(&**flow).unwrap(),
        Resource::Extension(phone) => store.put(&**phone).unwrap(),
        other => panic!("{other:?}"),
    }
    let (nil, name) = (Uuid::nil(), "made".into());
    let body = LogBody::Event { name, resource, extra: Map::new() };
    let entry = LogEntry { at_us: 1, customer_id: CUSTOMER, call_id: nil, activeflow_id: nil, body };
    store.append_synced(vec![entry]).unwrap();
}

/// A store with some of everything, closed.
fn used() -> Folder {
    let folder = Folder::new();
    let store = folder.open().store;
    for number in 1..=300 {
        store.put(&flow(number)).unwrap();
    }
    make(&store, Resource::Flow(Arc::new(flow(400))));
    make(&store, Resource::Flow(Arc::new(Flow { name: "renamed".into(), ..flow(400) })));
    make(&store, Resource::Extension(Arc::new(phone())));
    store.put_bindings(phone().id, vec![binding()]).unwrap();
    for number in 0..50 {
        store.append(life(number));
    }
    store.settle().unwrap();
    folder
}

fn database(folder: &Folder) -> PathBuf {
    folder.path().join("flowswitch.sqlite")
}

/// All files but the lock, with what is in them.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(contents(&entry.path())),
            false if entry.file_name() == "lock" => {}
            false => {
                found.insert(entry.path(), fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

fn spoil(path: &Path, octets: std::ops::Range<usize>) {
    let mut content = fs::read(path).unwrap();
    content[octets].fill(0x5a);
    fs::write(path, content).unwrap();
}

fn has_call(store: &Store, number: u128) -> bool {
    let found = store.record::<Call>(call(number, CallStatus::Hangup).id).unwrap();
    found.is_some_and(|call| call.status == CallStatus::Hangup)
}

#[test]
fn a_database_whose_first_page_is_destroyed_gives_all_its_rows() {
    let folder = used();
    spoil(&database(&folder), 0..4_096);
    let damaged = fs::read(database(&folder)).unwrap();
    let error = Store::open(folder.config()).err().unwrap();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    let repaired = store::repair(folder.path()).unwrap();
    let said = repaired.done.join("\n");
    assert!(said.contains("rows saved") && !said.contains("lost"), "{said}");
    let files = contents(folder.path());
    let kept: Vec<_> = files.keys().filter(|path| path.display().to_string().contains(".damaged-")).collect();
    assert!(kept.iter().any(|path| files[*path] == damaged), "the damaged file is kept as it is: {kept:?}");
    assert!(kept.iter().all(|path| !path.display().to_string().ends_with(".reading")), "{kept:?}");
    let opened = folder.open();
    assert_eq!(opened.replayed, 0, "how far the records are was saved, too");
    let store = opened.store;
    assert_eq!(store.all::<Flow>().unwrap().len(), 301);
    assert_eq!(store.get::<Extension>(phone().id).unwrap(), Some(phone()));
    assert_eq!(store.all_bindings().unwrap().len(), 1);
    assert!((0..50).all(|number| has_call(&store, number)));
}

#[test]
fn what_a_lost_database_had_is_brought_back_from_the_event_log_as_far_as_it_goes() {
    for destroyed in [true, false] {
        let folder = used();
        match destroyed {
            true => fs::write(database(&folder), [0x5a; 100_000]).unwrap(),
            false => fs::remove_file(database(&folder)).unwrap(),
        }
        let repaired = store::repair(folder.path()).unwrap();
        let said = repaired.done.join("\n");
        assert_eq!(said.contains("nothing in it can be read"), destroyed, "{said}");
        assert!(said.contains("2 resources were found in the event log"), "{said}");
        let store = folder.open().store;
        let flows: Vec<String> = store.all::<Flow>().unwrap().into_iter().map(|flow| flow.name).collect();
        assert_eq!(flows, ["renamed"], "the log knows of no other");
        assert_eq!(store.get::<Extension>(phone().id).unwrap(), Some(phone()));
        assert!((0..50).all(|number| has_call(&store, number)));
        drop(store);
        assert_eq!(
            store::repair(folder.path()).unwrap().done,
            Vec::<String>::new(),
            "a second time there is nothing to do"
        );
    }
}

#[test]
fn a_repair_that_fails_leaves_everything_as_it_was() {
    for lost in [false, true] {
        let folder = used();
        match lost {
            true => fs::remove_file(database(&folder)).unwrap(),
            false => spoil(&database(&folder), 0..4_096),
        }
        let segment = folder.segments().pop().unwrap();
        // A segment of the future: its version stands behind the eight letters, and in front of its sum.
        let mut octets = fs::read(&segment).unwrap();
        octets[8] = 99;
        let sum = crc32fast::hash(&octets[..20]);
        octets[20..24].copy_from_slice(&sum.to_le_bytes());
        fs::write(&segment, octets).unwrap();
        let before = contents(folder.path());
        let refused = store::repair(folder.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
        let after = contents(folder.path());
        assert!(before.keys().eq(after.keys()), "{:?} became {:?}", before.keys(), after.keys());
        assert!(before == after, "a failed repair changed a file");
    }
}
