//! What the store costs, with figures: `cargo run --release -p store --example store_figures [calls] [FOLDER]`; with `calls`
//! only what short calls cost each thread.
//!
//! In the environment: `SYNC_MS`, the gathering time of the log; `FLUSH_MS`, that of the database; `SECONDS` of short calls. The
//! allocator is the program's.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod lives;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lives::{life, short_call};
use model::{Binding, Flow, LogEntry, Timestamp};
use store::{Store, StoreConfig};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLS: u128 = 10_000;
const LIVE: u128 = 5_000;

fn main() {
    let mut args = std::env::args().skip(1).peekable();
    let only_calls = args.next_if(|arg| arg == "calls").is_some();
    let folder = args.next().map_or_else(|| std::env::temp_dir().join("store-figures"), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    if !only_calls {
        everything(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let store = open(&folder);
    short_calls(&store);
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

fn open(folder: &Path) -> Store {
    let mut config = StoreConfig::new(folder);
    if let Some(ms) = std::env::var("SYNC_MS").ok().and_then(|ms| ms.parse().ok()) {
        config.log.sync_ms = ms;
    }
    if let Some(ms) = std::env::var("FLUSH_MS").ok().and_then(|ms| ms.parse().ok()) {
        config.flush_ms = ms;
    }
    Store::open(config).unwrap().store
}

fn everything(folder: &Path) {
    let store = open(folder);

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
    let opened = Store::open(StoreConfig::new(folder)).unwrap();
    println!(
        "close and start: {:.2} s; {} entries read again, {} calls unfinished",
        start.elapsed().as_secs_f64(),
        opened.replayed,
        opened.unfinished.calls.len()
    );
}

/// 500 calls per second that live 200 ms each, in a database that has 20,000 already: what a call costs each thread.
fn short_calls(store: &Store) {
    const PER_SECOND: u128 = 500;
    const LIVES: u128 = 100;
    let seconds = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(10_u128);
    for number in 0..20_000 {
        let (begin, end) = short_call(10_000_000 + number);
        store.append([begin, end].concat());
        while store.is_behind() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    store.settle().unwrap();
    // As in the server somebody else drops the groups.
    let (sender, groups) = std::sync::mpsc::sync_channel(256);
    store.on_accepted(Box::new(move |group| drop(sender.try_send(group.clone()))));
    let reader = std::thread::spawn(move || groups.into_iter().map(|group| group.len()).sum::<usize>());

    let before = (thread_cpu("event-log"), thread_cpu("database"), store.metrics());
    let (start, mut waits, mut ends) = (Instant::now(), Vec::new(), std::collections::VecDeque::new());
    for number in 0..PER_SECOND * seconds + LIVES {
        let due = start + Duration::from_millis(2) * number as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if number < PER_SECOND * seconds {
            let (begin, end) = short_call(20_000_000 + number);
            let (sender, appended) = (std::sync::mpsc::channel(), Instant::now());
            waits.push(sender.1);
            store.append_then(begin, move |_| sender.0.send(appended.elapsed()).unwrap());
            ends.push_back(end);
        }
        if number >= LIVES {
            std::thread::sleep((due + Duration::from_millis(1)).saturating_duration_since(Instant::now()));
            store.append(ends.pop_front().unwrap());
        }
    }
    let waits = waits.into_iter().map(|wait| wait.recv().unwrap()).collect();
    store.settle().unwrap();
    let after = (thread_cpu("event-log"), thread_cpu("database"), store.metrics());
    let each = |spent: Duration| spent.as_micros() as f64 / (PER_SECOND * seconds) as f64;
    let count = |after: u64, before: u64| (after - before) as f64 / (PER_SECOND * seconds) as f64;
    println!(
        "{PER_SECOND} calls/s of {} entries: CPU of the log's thread {:.1} us per call, of the database thread {:.1} us per call",
        store.metrics().log.entries / (20_000 + (PER_SECOND * seconds) as u64),
        each(after.0 - before.0),
        each(after.1 - before.1)
    );
    println!(
        "  per call {:.3} groups, {:.0} octets of log, {:.2} rows, {:.4} transactions",
        count(after.2.log.syncs, before.2.log.syncs),
        count(after.2.log.octets_written, before.2.log.octets_written),
        count(after.2.records.rows, before.2.records.rows),
        count(after.2.database.commits, before.2.database.commits)
    );
    percentiles("  from append to accepted", waits);
    drop(reader);
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
            transport: "udp".to_owned(),
            listener: 0,
            local: "192.0.2.1:5060".into(),
            call_id: "a84b4c76e66710@192.0.2.7".into(),
            cseq: 2,
            user_agent: "phone 1.0".into(),
            expires_us: 1,
            created_us: 1,
            params: String::new(),
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

/// CPU time of the thread with this name.
fn thread_cpu(name: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let mut named =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
    let schedstat = std::fs::read_to_string(named.next().unwrap().join("schedstat")).unwrap();
    Duration::from_nanos(schedstat.split_whitespace().next().unwrap().parse().unwrap())
}

/// Resident memory, KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
