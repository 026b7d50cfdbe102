//! Folders, calls and entries for the tests.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod plain;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use model::{
    Action, Activeflow, ActiveflowStatus, Address, AddressType, Call, CallStatus, CallType, Direction, HangupBy,
    HangupReason, LogBody, LogEntry, Particulars, Resource, Timestamp,
};
use serde_json::{Map, json};
use store::{Opened, Store, StoreConfig};
use uuid::Uuid;

/// A folder of its own that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("store-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn config(&self) -> StoreConfig {
        let mut config = StoreConfig::new(&self.0);
        config.log.sync_ms = 2;
        config.flush_ms = 20;
        config
    }

    pub fn open(&self) -> Opened {
        Store::open(self.config()).unwrap()
    }

    pub fn segments(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.join("log")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
        paths.sort();
        paths
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub const CUSTOMER: Uuid = Uuid::from_u128(0xc0);

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn call(number: u128, status: CallStatus) -> Call {
    Call {
        id: Uuid::from_u128(0xca11_0000_0000 + number),
        customer_id: CUSTOMER,
        flow_id: Uuid::from_u128(0xf10 + number % 3),
        activeflow_id: Uuid::from_u128(0xaf_0000_0000 + number),
        kind: CallType::Flow,
        master_call_id: Uuid::nil(),
        chained_call_ids: Vec::new(),
        owner_type: String::new(),
        owner_id: Uuid::nil(),
        recording_id: Uuid::nil(),
        recording_ids: Vec::new(),
        groupcall_id: Uuid::nil(),
        confbridge_id: Uuid::nil(),
        mute_direction: String::new(),
        metadata: Map::new(),
        source: Address::new(AddressType::Sip, "alice@example.org", "Alice"),
        destination: Address::new(AddressType::Sip, format!("{number}@example.org"), "Echo"),
        status,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: Some(Timestamp::from_us(1_000_000 + number as u64)),
        tm_progressing: None,
        tm_hangup: None,
        tm_create: Some(Timestamp::from_us(1_000_000 + number as u64)),
        tm_update: None,
        tm_delete: None,
    }
}

pub fn event(name: &str, at_us: u64, call: &Call, resource: Resource) -> LogEntry {
    LogEntry {
        at_us,
        customer_id: call.customer_id,
        call_id: call.id,
        activeflow_id: call.activeflow_id,
        body: LogBody::Event { name: name.to_owned().into(), resource, extra: Map::new() },
    }
}

pub fn call_event(call: &Call, at_us: u64) -> LogEntry {
    let name = format!("call_{}", call.status.as_str());
    event(&name, at_us, call, Resource::Call(Arc::new(call.clone()), Some(Arc::new(Action::start()))))
}

pub fn note(call: &Call, at_us: u64, message: &str) -> LogEntry {
    LogEntry {
        at_us,
        customer_id: call.customer_id,
        call_id: call.id,
        activeflow_id: call.activeflow_id,
        body: LogBody::Note {
            name: "action_started".into(),
            message: message.into(),
            data: Particulars::from([("action", json!({"type": "talk", "id": "a1"}))]),
        },
    }
}

pub fn activeflow(call: &Call, status: ActiveflowStatus) -> Activeflow {
    Activeflow {
        id: call.activeflow_id,
        customer_id: call.customer_id,
        flow_id: call.flow_id,
        status,
        reference_id: call.id,
        current_action: Arc::new(Action { id: format!("{status:?}"), ..Action::default() }),
        tm_create: call.tm_create,
        ..Activeflow::default()
    }
}

/// All entries of one call's life: 12, the last of them its end.
pub fn life(number: u128) -> Vec<LogEntry> {
    let at = 1_000_000 + number as u64 * 100;
    let mut entries = vec![call_event(&call(number, CallStatus::Ringing), at)];
    let ringing = call(number, CallStatus::Ringing);
    let running = activeflow(&ringing, ActiveflowStatus::Running);
    entries.push(event("activeflow_created", at + 1, &ringing, Resource::Activeflow(Arc::new(running))));
    entries.push(call_event(&call(number, CallStatus::Progressing), at + 2));
    entries.extend((3..9).map(|step| note(&ringing, at + step, "talk")));
    entries.push(call_event(&call(number, CallStatus::Terminating), at + 9));
    let ended = activeflow(&ringing, ActiveflowStatus::Ended);
    entries.push(event("activeflow_updated", at + 10, &ringing, Resource::Activeflow(Arc::new(ended))));
    entries.push(call_event(&call(number, CallStatus::Hangup), at + 11));
    entries
}
