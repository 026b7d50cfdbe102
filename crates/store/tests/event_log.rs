//! The event log: what is accepted is there again, whatever the end of the file looks like.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use std::time::Duration;

use model::CallStatus;
use proptest::prelude::*;
use store::{Store, StoreError};
use support::{Folder, call, call_event, copy_folder, life, note};

#[test]
fn accepted_entries_are_numbered_handed_out_in_order_and_read_back() {
    let folder = Folder::new();
    let opened = folder.open();
    assert!(opened.unfinished.is_empty() && opened.warnings.is_empty());
    let store = opened.store;
    let mut subscription = store.subscribe(100);
    let lives: Vec<_> = (0..20).map(life).collect();
    for life in &lives {
        store.append(life.clone());
    }
    let last = store.append_synced(Vec::new()).unwrap();
    assert_eq!(last, 20 * 12);
    let mut handed = Vec::new();
    while handed.len() < 240 {
        let group = subscription.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(group.missed, None);
        handed.extend(group.entries.iter().cloned());
    }
    let expected: Vec<_> = lives.into_iter().flatten().collect();
    assert!(handed.iter().map(|accepted| &accepted.entry).eq(&expected));
    assert!(handed.iter().map(|accepted| accepted.seq).eq(1..=240));
    for (from, max) in [(1, 1_000), (100, 7), (240, 5), (241, 5), (0, 0)] {
        let read = store.read_from(from, max).unwrap();
        let expected: Vec<_> = handed.iter().filter(|accepted| accepted.seq >= from).take(max).cloned().collect();
        assert_eq!(read, expected, "from {from}");
    }
    drop(store);
    let store = folder.open().store;
    assert_eq!(store.read_from(1, 1_000).unwrap(), handed);
    assert_eq!(store.append_synced(life(99)).unwrap(), 252);
}

#[test]
fn a_slow_subscriber_is_told_what_it_missed_and_finds_it_in_the_log() {
    let folder = Folder::new();
    let store = folder.open().store;
    let mut slow = store.subscribe(1);
    for number in 0..5 {
        store.append_synced(life(number)).unwrap();
    }
    let first = slow.recv().unwrap();
    assert_eq!((first.missed, first.entries.len()), (None, 12));
    store.append_synced(life(9)).unwrap();
    let next = slow.recv().unwrap();
    assert_eq!(next.missed, Some((13, 48)));
    assert_eq!(store.read_from(13, 48).unwrap().last().unwrap().seq, next.entries[0].seq - 1);
    assert_eq!(store.metrics().log.missed, 48);
}

#[test]
fn segments_change_by_size_and_old_ones_go_only_behind_cursor_and_records() {
    let folder = Folder::new();
    let mut config = folder.config();
    config.log.segment_octets = 20_000;
    config.log.retention_octets = 50_000;
    config.log.hard_octets = 0;
    let store = Store::open(config.clone()).unwrap().store;
    store.set_cursor("webhooks", 200).unwrap();
    for number in 0..40 {
        store.append_synced(life(number)).unwrap();
    }
    store.settle().unwrap();
    drop(store);
    assert!(folder.segments().len() > 5, "{:?}", folder.segments());
    // Segments are looked over after the first group of a start.
    let store = Store::open(config.clone()).unwrap().store;
    assert_eq!(store.cursor("webhooks"), Some(200));
    let wait_for = |store: &Store, done: &dyn Fn(&Store) -> bool| {
        for _ in 0..500 {
            if done(store) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{:?}", store.metrics().log);
    };
    store.append_synced(life(100)).unwrap();
    wait_for(&store, &|store| store.metrics().log.segments_removed > 0);
    assert!(store.read_from(201, 1).unwrap()[0].seq == 201, "the cursor is kept");
    let gone = store.read_from(1, 1).unwrap_err();
    assert!(matches!(gone, StoreError::Gone { first_seq } if first_seq > 1 && first_seq <= 201), "{gone}");
    store.remove_cursor("webhooks").unwrap();
    drop(store);
    let store = Store::open(config).unwrap().store;
    store.append_synced(life(101)).unwrap();
    wait_for(&store, &|store| store.read_from(201, 1).is_err());
    assert_eq!(store.cursor("webhooks"), None);
    assert_eq!(
        store.record::<model::Call>(call(0, CallStatus::Hangup).id).unwrap().unwrap().status,
        CallStatus::Hangup
    );
}

#[test]
fn the_hard_limit_passes_a_cursor_and_is_counted() {
    let folder = Folder::new();
    let mut config = folder.config();
    config.log.segment_octets = 10_000;
    config.log.retention_octets = 30_000;
    config.log.hard_octets = 60_000;
    let store = Store::open(config.clone()).unwrap().store;
    store.set_cursor("webhooks", 1).unwrap();
    for number in 0..40 {
        store.append_synced(life(number)).unwrap();
    }
    store.settle().unwrap();
    drop(store);
    let store = Store::open(config).unwrap().store;
    store.append_synced(life(100)).unwrap();
    for _ in 0..500 {
        if store.metrics().log.segments_forced > 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{:?}", store.metrics().log);
}

/// A log of two groups, and the same with the last group's last entry cut or spoilt at each of its octets.
#[test]
fn a_torn_tail_is_cut_off_at_every_octet_and_nothing_before_it_is_lost() {
    let folder = Folder::new();
    let store = folder.open().store;
    let busy = call(1, CallStatus::Progressing);
    store.append_synced(vec![call_event(&busy, 1), note(&busy, 2, "first")]).unwrap();
    let path = folder.segments()[0].clone();
    let before = std::fs::metadata(&path).unwrap().len() as usize;
    store.append_synced(vec![note(&busy, 3, "last")]).unwrap();
    drop(store);
    let octets = std::fs::read(&path).unwrap();
    let template = Folder::new();
    copy_folder(folder.path(), template.path());
    for at in before..octets.len() {
        for spoil in [false, true] {
            let mut torn = octets.clone();
            match spoil {
                true => torn[at] ^= 0x55,
                false => torn.truncate(at),
            }
            std::fs::write(&path, &torn).unwrap();
            let opened = folder.open();
            let cut = torn.len() - before;
            match cut {
                0 => assert!(opened.warnings.is_empty()),
                _ => assert!(opened.warnings[0].contains(&format!("{cut} octets")), "{:?}", opened.warnings),
            }
            assert_eq!(opened.store.read_from(1, 10).unwrap().len(), 2, "octet {at}");
            if at % 16 == 0 {
                assert_eq!(opened.store.append_synced(vec![note(&busy, 4, "new")]).unwrap(), 3);
            }
            drop(opened);
            std::fs::remove_dir_all(folder.path()).unwrap();
            copy_folder(template.path(), folder.path());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    /// Whatever is written over the middle of a log, a start refuses and leaves it as it is, and a repair saves the rest.
    #[test]
    fn damage_to_accepted_entries_is_refused_and_repair_saves_the_rest(at in 0.0..1.0_f64, junk in prop::collection::vec(any::<u8>(), 1..400)) {
        let folder = Folder::new();
        let store = folder.open().store;
        for number in 0..6 {
            store.append_synced(life(number)).unwrap();
        }
        let whole = store.read_from(1, 1_000).unwrap();
        drop(store);
        let path = folder.segments()[0].clone();
        let mut octets = std::fs::read(&path).unwrap();
        // The last sixth is the last group, whose damage cannot be told from a torn tail.
        let at = (at * (octets.len() as f64 * 0.7)) as usize;
        let end = at + junk.len();
        let old = octets[at..end].to_vec();
        octets[at..end].copy_from_slice(&junk);
        prop_assume!(old != junk);
        std::fs::write(&path, &octets).unwrap();
        let error = Store::open(folder.config()).err().expect("must be refused");
        let text = error.to_string();
        prop_assert!(text.contains(path.to_str().unwrap()) && text.contains("offset") && text.contains("repair"), "{text}");
        prop_assert_eq!(std::fs::read(&path).unwrap(), octets);

        let repaired = store::repair(folder.path()).unwrap();
        prop_assert!(!repaired.done.is_empty());
        let opened = folder.open();
        let saved = opened.store.read_from(1, 1_000).unwrap();
        prop_assert!(saved.len() < whole.len() && saved.len() > 48, "{} of {}", saved.len(), whole.len());
        prop_assert!(saved.iter().all(|accepted| whole[accepted.seq as usize - 1] == *accepted));
        prop_assert_eq!(opened.store.append_synced(life(50)).unwrap(), 72 + 12);
        drop(opened);
        prop_assert!(store::repair(folder.path()).unwrap().done.is_empty(), "a second repair finds nothing");
    }
}

#[test]
fn missing_segments_a_missing_log_and_a_missing_database_are_refused_with_the_way_out() {
    let make = || {
        let folder = Folder::new();
        let mut config = folder.config();
        config.log.segment_octets = 10_000;
        let store = Store::open(config.clone()).unwrap().store;
        for number in 0..10 {
            store.append_synced(life(number)).unwrap();
        }
        store.settle().unwrap();
        (folder, config)
    };
    type Break = fn(&Folder);
    let breaks: [Break; 4] = [
        |folder| std::fs::remove_file(&folder.segments()[1]).unwrap(),
        |folder| std::fs::remove_file(folder.segments().last().unwrap()).unwrap(),
        |folder| std::fs::remove_dir_all(folder.path().join("log")).unwrap(),
        |folder| {
            for name in ["flowswitch.sqlite", "flowswitch.sqlite-wal", "flowswitch.sqlite-shm"] {
                let _ = std::fs::remove_file(folder.path().join(name));
            }
        },
    ];
    for (number, breaking) in breaks.into_iter().enumerate() {
        let (folder, config) = make();
        breaking(&folder);
        let error = Store::open(config.clone()).err().unwrap_or_else(|| panic!("break {number} must be refused"));
        assert!(error.to_string().contains("flowswitch repair"), "{error}");
        let repaired = store::repair(folder.path()).unwrap();
        assert!(!repaired.done.is_empty());
        let opened = Store::open(config).unwrap_or_else(|error| panic!("break {number}: {error}"));
        assert_eq!(opened.store.append_synced(life(50)).unwrap(), 132, "break {number}");
    }
}

#[test]
fn a_second_process_is_turned_away() {
    let folder = Folder::new();
    let _opened = folder.open();
    let error = Store::open(folder.config()).err().unwrap();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
}
