//! The write-ahead log of the database: SQLite passes over what is wrong in it without a word. Here nothing is.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use model::{Flow, Timestamp};
use store::{Store, StoreError};
use support::{CUSTOMER, Folder, copy_folder, life};
use uuid::Uuid;

/// Octets of a frame's header and of the file's; a page (sqlite.org/fileformat2.html §4.1).
const FRAME: usize = 24;
const HEADER: usize = 32;
const PAGE: usize = 4_096;

const FLOWS: usize = 12;

fn flow(number: usize) -> Flow {
    Flow {
        id: Uuid::from_u128(number as u128),
        customer_id: CUSTOMER,
        name: format!("flow {number}"),
        tm_create: Some(Timestamp::from_us(1_000 + number as u64)),
        ..Flow::default()
    }
}

/// What a process leaves behind that is killed when it has confirmed twelve flows.
fn killed() -> Folder {
    let (running, left) = (Folder::new(), Folder::new());
    let store = running.open().store;
    store.append_synced(life(1)).unwrap();
    for number in 0..FLOWS {
        store.put(&flow(number)).unwrap();
    }
    copy_folder(running.path(), left.path());
    left
}

fn copy_of(folder: &Folder) -> Folder {
    let copy = Folder::new();
    copy_folder(folder.path(), copy.path());
    copy
}

fn journal(folder: &Folder) -> PathBuf {
    folder.path().join("flowswitch.sqlite-wal")
}

fn flows(store: &Store) -> usize {
    store.all::<Flow>().unwrap().len()
}

/// All files that say anything by their octets: SQLite makes an empty write-ahead log when it looks and finds none.
fn octets(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(octets(&path)),
            false if path.ends_with("flowswitch.sqlite-shm") || path.ends_with("lock") => {}
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files.retain(|(_, octets)| !octets.is_empty());
    files.sort();
    files
}

/// The damaged store is refused with nothing changed, or has everything.
fn judge(folder: &Folder, what: &str) -> bool {
    let before = octets(folder.path());
    match Store::open(folder.config()) {
        Ok(opened) => {
            assert_eq!(flows(&opened.store), FLOWS, "{what}: it came up, and something is missing");
            false
        }
        Err(StoreError::Damaged(text)) => {
            assert!(text.contains("flowswitch repair"), "{what}: {text}");
            assert!(octets(folder.path()) == before, "{what}: refused, and something was changed");
            true
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn what_a_killed_process_has_confirmed_is_there() {
    let left = killed();
    assert!(fs::metadata(journal(&left)).unwrap().len() > 0);
    assert_eq!(flows(&left.open().store), FLOWS);
    assert_eq!(flows(&left.open().store), FLOWS, "and stays");
}

#[test]
fn wherever_the_write_ahead_log_is_damaged_nothing_is_missing_without_a_word() {
    let sound = killed();
    let length = fs::metadata(journal(&sound)).unwrap().len() as usize;
    let frames = (length - HEADER) / (FRAME + PAGE);
    assert!(frames >= FLOWS, "{frames}");
    let mut refused = 0;
    for frame in 0..frames {
        let left = copy_of(&sound);
        let file = fs::OpenOptions::new().read(true).write(true).open(journal(&left)).unwrap();
        let place = (HEADER + frame * (FRAME + PAGE) + FRAME + 100 + frame * 37) as u64;
        let mut octet = [0];
        file.read_exact_at(&mut octet, place).unwrap();
        file.write_all_at(&[!octet[0]], place).unwrap();
        refused += usize::from(judge(&left, &format!("frame {frame}")));
    }
    assert_eq!(refused, frames, "of the octets of each frame some transaction depends");
}

#[test]
fn a_write_ahead_log_that_is_gone_empty_or_short_is_missed() {
    let sound = killed();
    let length = fs::metadata(journal(&sound)).unwrap().len();
    for left_over in [0, 10, HEADER as u64, length / 4, length / 2, length - 1] {
        let left = copy_of(&sound);
        fs::OpenOptions::new().write(true).open(journal(&left)).unwrap().set_len(left_over).unwrap();
        assert!(judge(&left, &format!("cut to {left_over}")));
    }
    fs::remove_file(journal(&sound)).unwrap();
    assert!(judge(&sound, "deleted"));
}

#[test]
fn a_database_without_tables_beside_an_event_log_is_refused_even_if_nobody_counted() {
    let (running, left) = (Folder::new(), Folder::new());
    let store = running.open().store;
    store.append_synced(life(1)).unwrap();
    copy_folder(running.path(), left.path());
    for name in ["flowswitch.sqlite-wal", "flowswitch.sqlite-shm", "flowswitch.sqlite-commits"] {
        let _ = fs::remove_file(left.path().join(name));
    }
    // As SQLite leaves a new file before anything was carried over.
    fs::remove_file(left.path().join("flowswitch.sqlite")).unwrap();
    let connection = rusqlite::Connection::open(left.path().join("flowswitch.sqlite")).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE passing (n); DROP TABLE passing").unwrap();
    drop(connection);
    assert!(judge(&left, "no tables"));
}

#[test]
fn a_repair_keeps_the_damaged_write_ahead_log_and_says_how_much_is_lost() {
    let left = killed();
    let length = fs::metadata(journal(&left)).unwrap().len();
    let damaged = fs::read(journal(&left)).unwrap()[..length as usize / 2].to_vec();
    fs::write(journal(&left), &damaged).unwrap();
    let repaired = store::repair(left.path()).unwrap();
    let said = repaired.done.join("\n");
    assert!(said.contains("was damaged") && said.contains("writes to it are lost"), "{said}");
    let kept: Vec<_> =
        octets(left.path()).into_iter().filter(|(path, _)| path.display().to_string().contains(".damaged-")).collect();
    assert!(
        kept.iter().any(|(path, octets)| path.display().to_string().ends_with("-wal") && *octets == damaged),
        "it is the evidence"
    );
    let found = flows(&left.open().store);
    assert!(found < FLOWS, "{found}");
    assert_eq!(store::repair(left.path()).unwrap().done, Vec::<String>::new(), "a second time there is nothing to do");
    assert_eq!(flows(&left.open().store), found);
}

#[test]
fn a_backup_of_a_database_that_has_lost_writes_is_refused_and_changes_nothing() {
    let left = killed();
    fs::remove_file(journal(&left)).unwrap();
    let before = octets(left.path());
    let to = Folder::new();
    let error = store::backup(left.path(), &to.path().join("copy")).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert!(octets(left.path()) == before);
}

#[test]
fn after_the_end_the_database_file_alone_has_everything_even_if_others_still_hold_the_store() {
    let folder = Folder::new();
    let store = folder.open().store;
    let held = store.clone();
    for number in 0..FLOWS {
        store.put(&flow(number)).unwrap();
    }
    store.close();
    assert_eq!(fs::metadata(journal(&folder)).map_or(0, |data| data.len()), 0);
    let copy = Folder::new();
    fs::copy(folder.path().join("flowswitch.sqlite"), copy.path().join("flowswitch.sqlite")).unwrap();
    assert_eq!(flows(&copy.open().store), FLOWS);
    // Who holds it is told.
    assert_eq!(held.put(&flow(99)), Err(StoreError::Closed));
    assert_eq!(held.all::<Flow>(), Err(StoreError::Closed));
    assert_eq!(held.append_synced(life(2)), Err(StoreError::Closed));
}
