//! What the store costs, with figures: `cargo run --release -p store --example store_figures [folder]`.
//!
//! The calls are as control makes them: 20 entries each, about 5 of them with the call as it is.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::{
    Action, Activeflow, ActiveflowStatus, Address, AddressType, Binding, Call, CallStatus, CallType, Direction, Flow,
    HangupBy, HangupReason, LogBody, LogEntry, Resource, Timestamp,
};
use serde_json::{Map, json};
use store::{Store, StoreConfig};
use uuid::Uuid;

const CALLS: u128 = 10_000;
const LIVE: u128 = 5_000;

fn main() {
    let folder = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("store-figures"), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    let store = Store::open(StoreConfig::new(&folder)).unwrap().store;

    let before = resident();
    for number in 0..LIVE {
        store.append(life(2_000_000 + number, false));
    }
    store.settle().unwrap();
    let metrics = store.metrics().records;
    println!(
        "memory: {:.1} KiB per live call after 15 entries ({} records, {} timelines live)",
        (resident() - before) as f64 / LIVE as f64,
        metrics.live,
        metrics.timelines
    );

    // The calls are made beforehand, so that only the store is measured.
    let lives: Vec<Vec<LogEntry>> = (0..CALLS).map(|number| life(number, true)).collect();
    let entries: usize = lives.iter().map(Vec::len).sum();
    let (start, cpu) = (Instant::now(), cpu());
    for life in lives {
        for entry in life {
            store.append(vec![entry]);
        }
        while store.is_behind() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    store.append_synced(Vec::new()).unwrap();
    let accepted = start.elapsed();
    store.settle().unwrap();
    let used = self::cpu() - cpu;
    println!(
        "event log, as fast as it goes: {entries} entries in {:.2} s: {:.0} entries/s synced; with records {:.2} s",
        accepted.as_secs_f64(),
        entries as f64 / accepted.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    println!("  CPU {:.1} us per entry, log, records and database together", used.as_micros() as f64 / entries as f64);
    let metrics = store.metrics();
    println!(
        "  {:.2} rows per call, {} groups, longest sync {} us, {:.0} octets per entry",
        metrics.records.rows as f64 / CALLS as f64,
        metrics.log.syncs,
        metrics.log.longest_sync_us,
        metrics.log.octets_written as f64 / entries as f64
    );

    // 4000 entries/s, as 200 calls per second make them.
    let lives: Vec<Vec<LogEntry>> = (0..1_000).map(|number| life(1_000_000 + number, true)).collect();
    let (start, cpu) = (Instant::now(), self::cpu());
    let (mut count, mut waits) = (0_u32, Vec::new());
    for entry in lives.into_iter().flatten() {
        count += 1;
        let due = start + Duration::from_micros(250) * count;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if count % 40 == 0 {
            let appended = Instant::now();
            let (sender, receiver) = std::sync::mpsc::channel();
            store.append_then(vec![entry], move |_| sender.send(appended.elapsed()).unwrap());
            waits.push(receiver);
        } else {
            store.append(vec![entry]);
        }
    }
    let waits = waits.into_iter().map(|wait| wait.recv().unwrap()).collect();
    store.settle().unwrap();
    let used = self::cpu() - cpu;
    println!("event log, 4000 entries/s: CPU {:.1} us per entry", used.as_micros() as f64 / f64::from(count));
    percentiles("  from append to accepted", waits);

    for writers in [1, 8, 32] {
        resource_writes(&store, writers);
    }
    bindings(&store);

    let start = Instant::now();
    drop(store);
    let opened = Store::open(StoreConfig::new(&folder)).unwrap();
    println!(
        "close and start: {:.2} s; {} entries read again, {} calls unfinished",
        start.elapsed().as_secs_f64(),
        opened.replayed,
        opened.unfinished.calls.len()
    );
    drop(opened);
    std::fs::remove_dir_all(folder).unwrap();
}

fn resource_writes(store: &Store, writers: u128) {
    let next = AtomicUsize::new(0);
    let (start, cpu) = (Instant::now(), cpu());
    let waits: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|_| {
                scope.spawn(|| {
                    let mut waits = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= 3_000 {
                            return waits;
                        }
                        let begin = Instant::now();
                        // New ones each time: SQLite writes nothing when a row stays as it is.
                        let id = Uuid::from_u128(writers * 1_000_000 + number as u128);
                        let flow = Flow { id, tm_create: Some(Timestamp::from_us(number as u64)), ..Flow::default() };
                        store.put(&flow).unwrap();
                        waits.push(begin.elapsed());
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let took = start.elapsed();
    println!(
        "resources, {writers} writers: {:.0} writes/s, CPU {:.0} us each",
        waits.len() as f64 / took.as_secs_f64(),
        (self::cpu() - cpu).as_micros() as f64 / waits.len() as f64
    );
    percentiles("  each", waits);
}

/// 500 per second, as 20,000 phones make them that register every 40 s.
fn bindings(store: &Store) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (start, cpu) = (Instant::now(), cpu());
    for number in 0..2_000_u32 {
        std::thread::sleep((start + Duration::from_millis(2) * number).saturating_duration_since(Instant::now()));
        let extension_id = Uuid::from_u128(u128::from(number));
        let binding = Binding {
            extension_id,
            customer_id: Uuid::nil(),
            contact: "sip:1000@192.0.2.7:5060;transport=udp;line=abcdef".into(),
            received: "192.0.2.7:5060".into(),
            listener: 0,
            local: "192.0.2.1:5060".into(),
            call_id: "a84b4c76e66710@192.0.2.7".into(),
            cseq: 2,
            user_agent: "phone 1.0".into(),
            expires_us: 1,
            created_us: 1,
        };
        let (sender, begin) = (sender.clone(), Instant::now());
        store.put_bindings_then(extension_id, vec![binding], move |result| {
            result.unwrap();
            sender.send(begin.elapsed()).unwrap();
        });
    }
    let waits: Vec<Duration> = (0..2_000).map(|_| receiver.recv().unwrap()).collect();
    println!("registrations, 500/s: CPU {:.0} us each", (self::cpu() - cpu).as_micros() as f64 / 2_000.0);
    percentiles("  each durable", waits);
}

fn percentiles(what: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms", at(0.5), at(0.99), at(1.0));
}

/// CPU time of all threads of this process.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let spent = tasks.filter_map(|task| {
        let schedstat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).ok()?;
        schedstat.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

/// Resident memory, KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// 20 entries of a whole call, or the first 15 of one that goes on.
fn life(number: u128, whole: bool) -> Vec<LogEntry> {
    // Ids of the real world are random.
    let id = |salt: u128| {
        Uuid::from_u128((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).rotate_left(40) ^ salt)
    };
    let at_us = 1_700_000_000_000_000 + number as u64 * 5_000;
    let mut call = Call {
        id: id(1),
        customer_id: Uuid::from_u128(7),
        flow_id: Uuid::from_u128(8),
        activeflow_id: id(2),
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
        source: Address::new(AddressType::Sip, "+12025550123@192.0.2.9", "Alice"),
        destination: Address::new(AddressType::Sip, "ivr@192.0.2.1", ""),
        status: CallStatus::Ringing,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: Some(Timestamp::from_us(at_us)),
        tm_progressing: None,
        tm_hangup: None,
        tm_create: Some(Timestamp::from_us(at_us)),
        tm_update: None,
        tm_delete: None,
    };
    let (call_id, activeflow_id, customer_id) = (call.id, call.activeflow_id, call.customer_id);
    let entry = |body| LogEntry { at_us, customer_id, call_id, activeflow_id, body };
    let event = |name: &str, resource| entry(LogBody::Event { name: name.into(), resource, extra: Map::new() });
    let action = Action {
        id: "welcome".into(),
        kind: "talk".into(),
        option: Some(json!({"text": "hello"})),
        ..Action::default()
    };
    let call_event = |call: &Call| {
        let name = format!("call_{}", call.status.as_str());
        event(&name, Resource::Call(Box::new(call.clone()), Some(action.clone())))
    };
    let mut flow = Activeflow {
        id: activeflow_id,
        customer_id,
        actions: vec![action.clone(); 6],
        tm_create: call.tm_create,
        ..Activeflow::default()
    };
    let mut entries =
        vec![call_event(&call), event("activeflow_created", Resource::Activeflow(Box::new(flow.clone())))];
    call.status = CallStatus::Progressing;
    entries.push(call_event(&call));
    for step in 0..12 {
        let data = Map::from_iter([
            ("action_id".to_owned(), json!(format!("step-{step}"))),
            ("type".to_owned(), json!("talk")),
        ]);
        entries.push(entry(LogBody::Note { name: "action_started".into(), message: "talk".into(), data }));
    }
    if whole {
        call.status = CallStatus::Terminating;
        entries.push(call_event(&call));
        flow.executed_actions = vec![action.clone(); 6];
        flow.status = ActiveflowStatus::Ended;
        entries.push(event("activeflow_updated", Resource::Activeflow(Box::new(flow))));
        entries.push(entry(LogBody::Note { name: "media".into(), message: "quality".into(), data: Map::new() }));
        call.status = CallStatus::Hangup;
        entries.push(call_event(&call));
        entries.push(entry(LogBody::Note { name: "call_ended".into(), message: "bye".into(), data: Map::new() }));
    }
    entries
}
