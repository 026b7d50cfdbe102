//! Records and timelines are exactly what the log says, whether they are in memory, in the database, or read again.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Activeflow, ActiveflowStatus, Call, CallStatus, Confbridge, Conference, Conferencecall, Flow, LogBody, LogEntry,
    Recording, RecordingReference, RecordingStatus, Resource, Timestamp,
};
use proptest::prelude::*;
use store::{CallRecord, Filter, Page, Store, StoreConfig};
use support::plain::{Plain, all_calls};
use support::{CUSTOMER, Folder, activeflow, call, call_event, copy_folder, event, life, note};
use uuid::Uuid;

/// A call as its loop tells of it, that does not know of its deletion: its recording is over.
fn late(number: u128) -> LogEntry {
    let ended = call(number, CallStatus::Hangup);
    event("call_updated", 9_000_002, &ended, Resource::Call(Arc::new(ended.clone()), None))
}

fn is_late(entry: &LogEntry) -> bool {
    matches!(&entry.body, LogBody::Event { name, .. } if name == "call_updated")
}

/// What the log says of an entry that was handed over: of what is deleted nobody is told any more, and only its record changes.
fn silent(entry: &LogEntry) -> LogEntry {
    match &entry.body {
        LogBody::Event { resource, .. } if is_late(entry) => {
            LogEntry { body: LogBody::Change { resource: resource.clone() }, ..entry.clone() }
        }
        _ => entry.clone(),
    }
}

/// Lives of calls, cut short or going on after their end, mixed.
fn mixed() -> impl Strategy<Value = Vec<LogEntry>> {
    prop::collection::vec((0..12_u128, 1..16_usize), 1..14).prop_flat_map(|lives| {
        let lives: BTreeMap<u128, usize> = lives.into_iter().collect();
        let total: usize = lives.values().sum();
        prop::collection::vec(any::<prop::sample::Index>(), total).prop_map(move |picks| {
            let mut left: Vec<_> = lives
                .iter()
                .map(|(number, length)| {
                    let mut entries = life(*number);
                    let mut gone = call(*number, CallStatus::Hangup);
                    entries.push(note(&gone, 9_000_000, "after the end"));
                    gone.tm_delete = Some(Timestamp::from_us(9_000_001));
                    entries.push(event("call_deleted", 9_000_001, &gone, Resource::Call(Arc::new(gone.clone()), None)));
                    entries.push(late(*number));
                    entries.truncate(*length);
                    entries.into_iter()
                })
                .collect();
            let mut mixed = Vec::new();
            for pick in picks {
                let at = pick.index(left.len());
                match left[at].next() {
                    Some(entry) => mixed.push(entry),
                    None => {
                        left.swap_remove(at);
                        if left.is_empty() {
                            break;
                        }
                    }
                }
            }
            mixed
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn records_are_what_the_log_says_with_restarts_anywhere(
        entries in mixed(),
        cuts in prop::collection::vec((1..9_usize, any::<bool>(), any::<bool>()), 20),
        checkpoint in 1..30_u64,
    ) {
        let folder = Folder::new();
        let config = StoreConfig { flush_ms: 1, checkpoint_entries: checkpoint, ..folder.config() };
        let mut store = Store::open(config.clone()).unwrap().store;
        let (mut rest, mut cuts, mut restarted) = (&entries[..], cuts.into_iter().cycle(), false);
        while !rest.is_empty() {
            let (length, restart, settle) = cuts.next().unwrap();
            let (now, later) = rest.split_at(length.min(rest.len()));
            store.append_synced(now.to_vec()).unwrap();
            rest = later;
            // Which deletions there were before a start only the database knows. The loops that did not are gone by then.
            if settle || restarted && now.iter().any(is_late) {
                store.settle().unwrap();
            }
            restarted |= restart;
            if restart {
                drop(store);
                store = Store::open(config.clone()).unwrap().store;
            }
        }
        let all = store.read_from(1, 10_000).unwrap();
        prop_assert!(all.iter().map(|accepted| silent(&accepted.entry)).eq(entries.iter().map(silent)));
        let mut plain = Plain::of(&all);
        plain.calls.retain(|_, call| call.tm_delete.is_none());
        plain.compare(&store);
        drop(store);
        let opened = Store::open(config).unwrap();
        let unfinished: BTreeSet<Uuid> = opened.unfinished.calls.iter().map(|record| record.call.id).collect();
        prop_assert_eq!(unfinished, plain.unfinished_calls());
        plain.compare(&opened.store);
        drop(opened);

        // From the log alone: the same.
        let scratch = Folder::new();
        copy_folder(&folder.path().join("log"), &scratch.path().join("log"));
        store::repair(scratch.path()).unwrap();
        let opened = scratch.open();
        prop_assert_eq!(opened.replayed, all.len() as u64);
        plain.compare(&opened.store);
        opened.store.settle().unwrap();
        plain.compare(&opened.store);
    }
}

/// Its bridge has the recording, and who looks for it looks at the conference.
#[test]
fn the_recording_of_a_conference_stands_in_the_timeline_of_that() {
    let folder = Folder::new();
    let [bridge_id, conference_id] = [0xb1d, 0xc0f].map(Uuid::from_u128);
    let entry = |resource, name: &'static str| LogEntry {
        at_us: 5,
        customer_id: CUSTOMER,
        call_id: Uuid::nil(),
        activeflow_id: Uuid::nil(),
        body: LogBody::Event { name: name.into(), resource, extra: serde_json::Map::new() },
    };
    let bridge = Confbridge {
        id: bridge_id,
        customer_id: CUSTOMER,
        reference_type: "conference".into(),
        reference_id: conference_id,
        ..Confbridge::default()
    };
    let recording = |reference_id| Recording {
        id: Uuid::from_u128(0x4ec),
        customer_id: CUSTOMER,
        reference_type: RecordingReference::Confbridge,
        reference_id,
        ..Recording::default()
    };
    let told = |recording| entry(Resource::Recording(Arc::new(recording)), "recording_started");
    let store = folder.open().store;
    store.append_synced(vec![entry(Resource::Confbridge(Arc::new(bridge)), "confbridge_created")]).unwrap();
    let by_hand = Uuid::from_u128(0xb1e);
    store.append_synced(vec![told(recording(bridge_id)), told(recording(by_hand))]).unwrap();
    let told_in = |id| {
        let timeline = store.timeline(id).unwrap();
        let names = timeline.iter().filter_map(|accepted| accepted.entry.to_event());
        names.map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told_in(conference_id), ["recording_started"]);
    assert_eq!((told_in(bridge_id), told_in(by_hand)), (vec!["confbridge_created".into()], told_in(conference_id)));
}

/// Whoever asks sees it, also after a restart; it is no event, and stands in no timeline.
#[test]
fn a_change_that_no_event_tells_of_is_kept() {
    let folder = Folder::new();
    let call = call(1, CallStatus::Progressing);
    let recording = |status| Recording {
        id: Uuid::from_u128(0x4ec),
        customer_id: CUSTOMER,
        reference_id: call.id,
        activeflow_id: call.activeflow_id,
        status,
        tm_create: Some(Timestamp::from_us(3)),
        ..Recording::default()
    };
    let change = |status| LogEntry {
        body: LogBody::Change { resource: Resource::Recording(Arc::new(recording(status))) },
        ..call_event(&call, 7)
    };
    let mut store = folder.open().store;
    store.append_synced(vec![call_event(&call, 5)]).unwrap();
    for status in [RecordingStatus::Initiating, RecordingStatus::Recording, RecordingStatus::Stopping] {
        store.append_synced(vec![change(status)]).unwrap();
        for restarted in [false, true] {
            assert_eq!(store.record::<Recording>(recording(status).id).unwrap(), Some(recording(status)));
            assert_eq!(store.timeline(call.id).unwrap().len(), 1);
            assert!(store.timeline(recording(status).id).unwrap().is_empty());
            if !restarted {
                drop(store);
                let opened = folder.open();
                assert_eq!(opened.unfinished.recordings, [recording(status)]);
                store = opened.store;
            }
        }
    }
    let filter = Filter { status: "stopping".into(), ..Filter::default() };
    let listed = store.records::<Recording>(Some(CUSTOMER), &filter, &Page::default()).unwrap();
    assert_eq!(listed.items, [recording(RecordingStatus::Stopping)]);
}

#[test]
fn what_was_deleted_does_not_come_back_with_a_later_record_of_it() {
    let deleted = |number| {
        let call = Call { tm_delete: Some(Timestamp::from_us(9_000_001)), ..call(number, CallStatus::Hangup) };
        event("call_deleted", 9_000_001, &call, Resource::Call(Arc::new(call.clone()), None))
    };
    // Before the record comes: whether the deletion is in the database by then, and whether there was a start.
    for (settled, restarted) in [(false, false), (true, false), (false, true), (true, true)] {
        let folder = Folder::new();
        let mut store = Folder::open(&folder).store;
        let mut entries = life(1);
        entries.push(deleted(1));
        store.append_synced(entries).unwrap();
        if settled {
            store.settle().unwrap();
        }
        if restarted {
            drop(store);
            store = folder.open().store;
        }
        store.append_synced(vec![late(1)]).unwrap();
        let is_gone = |store: &Store| {
            let found = store.record::<Call>(call(1, CallStatus::Hangup).id).unwrap().unwrap();
            found.tm_delete == Some(Timestamp::from_us(9_000_001)) && all_calls(store, &Filter::default(), 7).is_empty()
        };
        let case = format!("settled {settled}, restarted {restarted}");
        assert!(restarted || is_gone(&store), "in memory: {case}");
        // As a kill would leave it: the log has it, the database may not.
        let killed = Folder::new();
        copy_folder(folder.path(), killed.path());
        assert!(is_gone(&killed.open().store), "after a kill: {case}");
        store.settle().unwrap();
        assert!(is_gone(&store), "in the database: {case}");
        drop(store);
        assert!(is_gone(&folder.open().store), "after a start: {case}");
    }
}

/// The loops do not know of deletions: they tell of a call again when its recording has ended at last.
#[test]
fn of_what_is_deleted_nobody_is_told_any_more_but_a_recording_that_ends_is() {
    let folder = Folder::new();
    let store = folder.open().store;
    let ended = call(1, CallStatus::Hangup);
    let at = Some(Timestamp::from_us(9_000_001));
    let deleted = Call { tm_delete: at, ..ended.clone() };
    let run = activeflow(&ended, ActiveflowStatus::Ended);
    let deleted_run = Activeflow { tm_delete: at, ..run.clone() };
    let recording = Recording {
        id: Uuid::from_u128(9),
        reference_id: ended.id,
        status: RecordingStatus::Ended,
        ..Recording::default()
    };
    let deletion = |call: &Call| event("call_deleted", 9_000_001, call, Resource::Call(Arc::new(call.clone()), None));
    let after = || {
        vec![
            late(1),
            event("activeflow_updated", 9_000_003, &ended, Resource::Activeflow(Arc::new(run.clone()))),
            event("recording_finished", 9_000_004, &ended, Resource::Recording(Arc::new(recording.clone()))),
            late(2),
        ]
    };
    let mut entries = [life(1), life(2)].concat();
    let before = entries.len();
    entries.push(deletion(&deleted));
    entries.push(event("activeflow_deleted", 9_000_001, &ended, Resource::Activeflow(Arc::new(deleted_run))));
    // In the group of the deletion, in the next one, and when the database has it.
    entries.extend(after());
    store.append_synced(entries).unwrap();
    store.append_synced(after()).unwrap();
    store.settle().unwrap();
    store.append_synced(after()).unwrap();
    let told: Vec<String> = store.read_from(1, 1_000).unwrap()[before..]
        .iter()
        .filter_map(|accepted| accepted.entry.to_event())
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    let still = ["recording_finished", "call_updated"];
    assert_eq!(told, [&["call_deleted", "activeflow_deleted"][..], &still, &still, &still].concat());
    assert!(store.timeline(ended.id).unwrap().iter().all(|accepted| !is_late(&accepted.entry)));
    assert_eq!(store.record::<Call>(ended.id).unwrap(), Some(deleted));
    assert_eq!(store.record::<Recording>(recording.id).unwrap(), Some(recording));
}

#[test]
fn a_call_that_has_ended_leaves_memory_and_a_start_does_not_read_it_again() {
    let folder = Folder::new();
    let store = folder.open().store;
    for number in 0..200 {
        store.append(life(number));
    }
    let open = call(900, CallStatus::Progressing);
    store.append(vec![call_event(&open, 5), note(&open, 6, "still here")]);
    store.settle().unwrap();
    let records = store.metrics().records;
    assert_eq!((records.live, records.timelines, records.due), (1, 1, 0), "{records:?}");
    assert_eq!(records.rows, 600, "a call, its activeflow and a timeline");
    drop(store);
    let opened = folder.open();
    assert_eq!(opened.replayed, 2);
    assert_eq!(opened.unfinished.calls, [CallRecord { call: open.clone(), action: Some(model::Action::start()) }]);
    assert!(opened.unfinished.activeflows.is_empty());
    assert_eq!(opened.store.timeline(open.id).unwrap().len(), 2);
    assert_eq!(opened.store.timeline(call(7, CallStatus::Hangup).id).unwrap().len(), 12);
}

#[test]
fn a_long_call_does_not_make_every_start_read_the_whole_log() {
    let folder = Folder::new();
    let config = StoreConfig { checkpoint_entries: 100, ..folder.config() };
    let store = Store::open(config.clone()).unwrap().store;
    let long = call(900, CallStatus::Progressing);
    store.append_synced(vec![call_event(&long, 1), note(&long, 2, "hello")]).unwrap();
    for number in 0..100 {
        store.append(life(number));
    }
    store.settle().unwrap();
    assert!(store.metrics().records.checkpoints >= 1);
    drop(store);
    let opened = Store::open(config.clone()).unwrap();
    assert!(opened.replayed <= 101, "{}", opened.replayed);
    assert_eq!(opened.unfinished.calls.len(), 1);
    opened.store.append_synced(vec![call_event(&call(900, CallStatus::Hangup), 3)]).unwrap();
    opened.store.settle().unwrap();
    assert_eq!(opened.store.timeline(long.id).unwrap().len(), 3);
    drop(opened);
    assert!(Store::open(config).unwrap().unfinished.is_empty());
}

#[test]
fn lists_filter_live_and_ended_records_alike() {
    let folder = Folder::new();
    let store = folder.open().store;
    for number in 0..30 {
        let mut entries = life(number);
        entries.truncate(if number % 2 == 0 { 12 } else { 5 });
        store.append(entries);
    }
    store.settle().unwrap();
    let numbers = |filter: &Filter| {
        let ids = all_calls(&store, filter, 4);
        ids.iter().map(|id| id.as_u128() - 0xca11_0000_0000).collect::<Vec<_>>()
    };
    let newest_first = |keep: fn(&u128) -> bool| (0..30).rev().filter(keep).collect::<Vec<u128>>();
    assert_eq!(numbers(&Filter::default()), newest_first(|_| true));
    let flow_id = Uuid::from_u128(0xf10);
    assert_eq!(numbers(&Filter { flow_id, ..Filter::default() }), newest_first(|n| n % 3 == 0));
    let status = "hangup".to_owned();
    assert_eq!(numbers(&Filter { status, flow_id, ..Filter::default() }), newest_first(|n| n % 6 == 0));
    let status = "progressing".to_owned();
    assert_eq!(numbers(&Filter { status, ..Filter::default() }), newest_first(|n| n % 2 == 1));
    let of = call(4, CallStatus::Hangup);
    assert_eq!(numbers(&Filter { activeflow_id: of.activeflow_id, ..Filter::default() }), [4]);
    let filter = Filter { reference_id: of.id, ..Filter::default() };
    let runs = store.records::<Activeflow>(Some(CUSTOMER), &filter, &Page::default()).unwrap();
    assert_eq!(runs.items, [activeflow(&of, ActiveflowStatus::Ended)]);
    let nobody = Some(Uuid::from_u128(1));
    assert!(store.records::<Call>(nobody, &Filter::default(), &Page::default()).unwrap().items.is_empty());
    assert_eq!(store.records::<Call>(None, &Filter::default(), &Page::default()).unwrap().items.len(), 30);
}

/// Of a recording only its activeflow is said.
#[test]
fn recordings_are_found_by_the_flow_that_ran() {
    let folder = Folder::new();
    let mut store = folder.open().store;
    let of = call(1, CallStatus::Progressing);
    let recording = |status| {
        let record = Recording {
            id: Uuid::from_u128(9),
            customer_id: CUSTOMER,
            activeflow_id: of.activeflow_id,
            status,
            tm_create: of.tm_create,
            ..Recording::default()
        };
        event("recording", 5, &of, Resource::Recording(Arc::new(record)))
    };
    let found = |store: &Store, flow_id| {
        let filter = Filter { flow_id, ..Filter::default() };
        store.records::<Recording>(Some(CUSTOMER), &filter, &Page::default()).unwrap().items.len()
    };
    let check = |store: &Store, when: &str| {
        assert_eq!((found(store, of.flow_id), found(store, of.activeflow_id)), (1, 0), "{when}");
    };
    let mut entries = life(1);
    let end = entries.split_off(3);
    entries.push(recording(RecordingStatus::Recording));
    store.append_synced(entries).unwrap();
    check(&store, "while it runs");
    store.append_synced(end).unwrap();
    store.settle().unwrap();
    // Its activeflow has left memory.
    store.append_synced(vec![recording(RecordingStatus::Ended)]).unwrap();
    check(&store, "after its end");
    store.settle().unwrap();
    check(&store, "in the database");
    drop(store);
    store = folder.open().store;
    check(&store, "after a start");
}

#[test]
fn old_records_go_step_by_step_and_live_ones_stay() {
    let folder = Folder::new();
    let store = folder.open().store;
    for number in 0..700 {
        store.append(life(number));
    }
    let long = call(900, CallStatus::Progressing);
    store.append(vec![call_event(&long, 1)]);
    store.settle().unwrap();
    drop(store);
    // The calls are of 1970; their timelines were written just now.
    let store = Store::open(StoreConfig { records_days: 30, flush_ms: 5, ..folder.config() }).unwrap().store;
    for _ in 0..1_000 {
        if store.metrics().records.expired >= 1_400 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(store.metrics().records.expired, 1_400);
    assert_eq!(all_calls(&store, &Filter::default(), 100), [long.id]);
    assert_eq!(store.timeline(call(7, CallStatus::Hangup).id).unwrap().len(), 12);
}

#[test]
fn the_files_of_old_recordings_go_with_their_records() {
    let folder = Folder::new();
    let files = folder.path().join("recordings");
    std::fs::create_dir(&files).unwrap();
    let store = folder.open().store;
    let recording = |number: u128, names: &[String], at: Timestamp| Recording {
        id: Uuid::from_u128(number),
        customer_id: CUSTOMER,
        status: RecordingStatus::Ended,
        filenames: names.to_vec(),
        tm_create: Some(at),
        tm_end: Some(at),
        ..Recording::default()
    };
    let outside = folder.path().join("outside.wav");
    let kept = files.join("young_in.wav");
    let mut recordings = vec![
        recording(1_000, &["../outside.wav".into(), outside.display().to_string()], Timestamp::from_us(1)),
        recording(1_001, &["young_in.wav".into()], Timestamp::from_us(4_000_000_000_000_000)),
    ];
    for path in [&outside, &kept] {
        std::fs::write(path, "x").unwrap();
    }
    for number in 0..90 {
        let names = ["in", "out"].map(|way| format!("{number}_{way}.wav"));
        names.iter().for_each(|name| std::fs::write(files.join(name), "x").unwrap());
        recordings.push(recording(number, &names, Timestamp::from_us(1)));
    }
    let of = call(1, CallStatus::Hangup);
    let finished = |recording: Recording| event("recording_finished", 1, &of, Resource::Recording(Arc::new(recording)));
    store.append(recordings.into_iter().map(finished).collect());
    store.settle().unwrap();
    drop(store);
    let config = StoreConfig { records_days: 30, flush_ms: 5, recordings: Some(files.clone()), ..folder.config() };
    let store = Store::open(config).unwrap().store;
    for _ in 0..1_000 {
        if store.metrics().records.expired >= 91 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let left: Vec<_> = std::fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [kept]);
    assert!(outside.exists(), "nothing outside of the folder is touched");
    assert_eq!(store.records::<Recording>(None, &Filter::default(), &Page::default()).unwrap().items.len(), 1);
}

/// An entry of no call: what the API or a bridge tells.
fn event_of(resource: Resource, call_id: Uuid) -> LogEntry {
    let body = LogBody::Event { name: "x".into(), resource, extra: serde_json::Map::new() };
    LogEntry { at_us: 1, customer_id: CUSTOMER, call_id, activeflow_id: Uuid::nil(), body }
}

#[test]
fn flows_and_conferences_have_timelines_and_that_of_a_conference_tells_who_came() {
    let folder = Folder::new();
    let [flow_id, conference_id, participant_id] = [1, 2, 3].map(Uuid::from_u128);
    let flow = Flow { id: flow_id, ..Flow::default() };
    let conference = Conference { id: conference_id, ..Conference::default() };
    let participant = Conferencecall { id: participant_id, conference_id, ..Conferencecall::default() };
    let mut store = folder.open().store;
    store
        .append_synced(vec![
            event_of(Resource::Flow(Arc::new(flow)), Uuid::nil()),
            event_of(Resource::Conference(Arc::new(conference)), Uuid::nil()),
            event_of(Resource::Conferencecall(Arc::new(participant)), call(1, CallStatus::Progressing).id),
        ])
        .unwrap();
    let kinds = |store: &Store, id| -> Vec<Uuid> {
        let entries = store.timeline(id).unwrap().into_iter();
        entries.filter_map(|accepted| accepted.entry.body.resource().map(Resource::id)).collect()
    };
    for restarted in [false, true] {
        assert_eq!(kinds(&store, flow_id), [flow_id]);
        assert_eq!(kinds(&store, conference_id), [conference_id, participant_id]);
        if !restarted {
            drop(store);
            store = folder.open().store;
        }
    }
}
