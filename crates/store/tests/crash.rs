//! Whatever moment the process is killed at: what was accepted is there, and nothing older than 50 ms is missing.
//!
//! The killed process is this test program itself, started again with `STORE_TEST_CHILD` set.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of a test may fail, too")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::{CallStatus, LogEntry};
use store::{Store, StoreConfig};
use support::plain::Plain;
use support::{Folder, call, call_event, life};
use uuid::Uuid;

/// 200 calls, twenty at a time.
fn traffic() -> Vec<LogEntry> {
    let mut entries = Vec::new();
    for batch in 0..10 {
        let mut lives: Vec<_> = (batch * 20..batch * 20 + 20).map(|number| life(number).into_iter()).collect();
        while let Some(entry) = lives.iter_mut().filter_map(Iterator::next).next() {
            entries.push(entry);
            lives.rotate_left(1);
            lives.retain(|life| life.len() > 0);
        }
    }
    entries
}

/// Says on standard output what was appended and what was accepted, until it is killed.
fn child(folder: &str) {
    let config = StoreConfig { flush_ms: 30, checkpoint_entries: 200, ..StoreConfig::new(folder) };
    let store = Store::open(config).unwrap().store;
    store.on_accepted(Box::new(|group| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "accepted {}", group.last().unwrap().seq).unwrap();
        out.flush().unwrap();
    }));
    for (number, entry) in traffic().into_iter().enumerate() {
        store.append(vec![entry]);
        let mut out = std::io::stdout().lock();
        writeln!(out, "appended {}", number + 1).unwrap();
        out.flush().unwrap();
        drop(out);
        std::thread::sleep(Duration::from_micros(100));
    }
    std::thread::sleep(Duration::from_secs(60));
}

fn start(role: &str, folder: &Folder) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "this_is_the_other_process", "--nocapture", "--include-ignored"])
        .env("STORE_TEST_CHILD", format!("{role} {}", folder.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "started by the other tests"]
fn this_is_the_other_process() {
    let Ok(child_of) = std::env::var("STORE_TEST_CHILD") else { return };
    match child_of.split_once(' ') {
        Some(("killed", folder)) => child(folder),
        Some(("full", folder)) => disk_full_child(folder),
        _ => panic!("{child_of}"),
    }
}

#[test]
fn a_killed_process_loses_nothing_accepted_and_nothing_older_than_50_ms() {
    let traffic = traffic();
    let (mut judged, mut round) = (0, 0);
    while judged < 5 && round < 20 {
        round += 1;
        let folder = Folder::new();
        let mut child = start("killed", &folder);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What was seen, and when: later than it happened, so the judgement is on the safe side.
        let (sender, seen) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _ = sender.send((Instant::now(), line));
            }
        });
        let (first, _) = seen.recv_timeout(Duration::from_secs(30)).unwrap();
        std::thread::sleep(Duration::from_millis(60 + round * 37 % 300).saturating_sub(first.elapsed()));
        let killed = Instant::now();
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
        let (mut accepted, mut old_enough, mut last_sync) = (0, 0, first);
        for (at, line) in seen {
            match line.split_once(' ').map(|(what, number)| (what, number.parse::<u64>())) {
                Some(("accepted", Ok(number))) => {
                    accepted = number;
                    last_sync = at;
                }
                Some(("appended", Ok(number))) if killed.saturating_duration_since(at) > Duration::from_millis(50) => {
                    old_enough = number;
                }
                _ => {}
            }
        }
        let opened = folder.open();
        let kept = opened.store.accepted_seq();
        assert!(kept >= accepted, "round {round}: {accepted} were accepted, {kept} are there");
        // A disk that was busy for longer with others' work, at the very moment, says nothing about the window.
        if killed.saturating_duration_since(last_sync) < Duration::from_millis(30) {
            judged += 1;
            assert!(kept >= old_enough, "round {round}: {old_enough} were older than 50 ms, {kept} are there");
        }
        let all = opened.store.read_from(1, 10_000).unwrap();
        assert!(all.iter().map(|accepted| accepted.seq).eq(1..=kept));
        assert!(all.iter().map(|accepted| &accepted.entry).eq(&traffic[..kept as usize]));
        let plain = Plain::of(&all);
        plain.compare(&opened.store);
        let unfinished: BTreeSet<Uuid> = opened.unfinished.calls.iter().map(|record| record.call.id).collect();
        assert_eq!(unfinished, plain.unfinished_calls());
        // As the server does it: what was cut off is closed, and then nothing is unfinished.
        for record in &opened.unfinished.calls {
            let number = record.call.id.as_u128() - 0xca11_0000_0000;
            opened.store.append(vec![call_event(&call(number, CallStatus::Hangup), 5)]);
        }
        opened.store.settle().unwrap();
        Plain::of(&opened.store.read_from(1, 10_000).unwrap()).compare(&opened.store);
        drop(opened);
        assert!(folder.open().unfinished.calls.is_empty());
    }
    assert!(judged > 0, "the disk was busy in all of {round} rounds");
}

/// Writes until the file size limit is hit, waits for it to be lifted, and finds everything.
fn disk_full_child(folder: &str) {
    let store = Store::open(StoreConfig::new(folder)).unwrap().store;
    let mut expected = Vec::new();
    let start = Instant::now();
    while store.metrics().log.failing == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "the limit was never hit");
        for number in 0..50 {
            let entries = life(expected.len() as u128 + number);
            store.append(entries.clone());
            expected.extend(entries);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(store.is_behind());
    assert!(!store.status().is_ready());
    assert!(store.status().problems.iter().any(|problem| problem.contains("event log cannot be written")));
    let accepted = store.accepted_seq();
    assert!(accepted < expected.len() as u64);
    println!("\nfull");
    while !store.status().is_ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never recovered: {:?}", store.status());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(store.append_synced(Vec::new()).unwrap(), expected.len() as u64);
    let all = store.read_from(1, usize::MAX).unwrap();
    assert!(all.iter().map(|accepted| &accepted.entry).eq(&expected));
    let metrics = store.metrics().log;
    assert!(metrics.write_errors > 0 && metrics.lost == 0, "{metrics:?}");
    println!("\nrecovered");
}

#[test]
fn a_full_disk_closes_admission_and_loses_nothing_when_there_is_room_again() {
    let folder = Folder::new();
    let program = std::env::current_exe().unwrap();
    // 3 MiB in blocks of 512 octets; the signal that comes with the limit is ignored, as a full disk sends none.
    let script = format!(
        "trap '' XFSZ; ulimit -S -f 6000; exec {} --exact this_is_the_other_process --nocapture --include-ignored",
        program.display()
    );
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .env("STORE_TEST_CHILD", format!("full {}", folder.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if line == "full" {
            let limit = format!("--pid={}", child.id());
            assert!(Command::new("prlimit").args([&limit, "--fsize=unlimited:"]).status().unwrap().success());
        }
        seen.push(line);
    }
    assert!(child.wait().unwrap().success(), "{seen:?}");
    assert!(seen.iter().any(|line| line == "recovered"), "{seen:?}");
    let opened = folder.open();
    assert!(opened.store.accepted_seq() > 0);
}
