//! Resources, registrations, cursors, secrets, backups.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, mpsc};

use model::{
    Accesskey, Agent, Binding, Call, CallStatus, Confbridge, ConferenceStatus, Customer, Extension, Flow, LogBody,
    LogEntry, Number, Resource, Timestamp,
};
use proptest::prelude::*;
use serde_json::json;
use store::{Batch, Listed, Page, Store, StoreError, extension_key};
use support::{CUSTOMER, Folder, call, life};
use uuid::Uuid;

fn flow(number: u128, at_us: u64) -> Flow {
    let actions = vec![
        serde_json::from_value(
            json!({"id": "a", "next_id": "", "type": "talk", "option": {"text": "hi", "n": -1.5, "list": [null, {"x": 1}]}}),
        )
        .unwrap(),
    ];
    let id = Uuid::from_u128(number);
    Flow {
        id,
        customer_id: CUSTOMER,
        actions: actions.into(),
        tm_create: Some(Timestamp::from_us(at_us)),
        ..Flow::default()
    }
}

#[test]
fn a_resource_is_there_after_a_restart_and_can_be_changed_and_deleted() {
    let folder = Folder::new();
    let store = folder.open().store;
    let mut kept = flow(1, 1_000);
    store.put(&kept).unwrap();
    drop(store);
    let store = folder.open().store;
    assert_eq!(store.get::<Flow>(kept.id).unwrap(), Some(kept.clone()));
    assert_eq!(store.get::<Number>(kept.id).unwrap(), None, "a kind of its own");
    kept.name = "changed".into();
    store.put(&kept).unwrap();
    assert_eq!(store.all::<Flow>().unwrap(), [kept.clone()]);
    kept.tm_delete = Some(Timestamp::from_us(2_000));
    store.put(&kept).unwrap();
    assert_eq!(store.all::<Flow>().unwrap(), []);
    assert_eq!(store.get::<Flow>(kept.id).unwrap(), Some(kept.clone()));
    let list = |deleted| store.list::<Flow>(Some(CUSTOMER), &Page::default(), deleted).unwrap().items;
    assert_eq!((list(false), list(true)), (vec![], vec![kept]));
}

#[test]
fn what_a_customer_has_is_counted_without_what_is_deleted_or_over() {
    let folder = Folder::new();
    let store = folder.open().store;
    let other = Uuid::from_u128(0xfe);
    for kept in [
        flow(1, 1_000),
        flow(2, 1_000),
        Flow { tm_delete: Some(Timestamp::from_us(2_000)), ..flow(3, 1_000) },
        Flow { customer_id: other, ..flow(4, 1_000) },
    ] {
        store.put(&kept).unwrap();
    }
    let flows = |customer_id| store.count::<Flow>(customer_id).unwrap();
    assert_eq!((flows(CUSTOMER), flows(other), store.count::<Number>(CUSTOMER).unwrap()), (2, 1, 0));

    let bridge = |id: u128, change: fn(&mut Confbridge)| {
        let mut bridge = Confbridge { id: Uuid::from_u128(id), customer_id: CUSTOMER, ..Confbridge::default() };
        change(&mut bridge);
        let resource = Resource::Confbridge(Arc::new(bridge));
        let body = LogBody::Event { name: "confbridge_created".into(), resource, extra: serde_json::Map::new() };
        LogEntry { at_us: 5, customer_id: CUSTOMER, call_id: Uuid::nil(), activeflow_id: Uuid::nil(), body }
    };
    let entries = vec![
        bridge(1, |_| {}),
        bridge(2, |bridge| bridge.reference_type = "conference".into()),
        bridge(3, |bridge| bridge.status = ConferenceStatus::Terminated),
        bridge(4, |bridge| bridge.customer_id = Uuid::from_u128(0xfe)),
        bridge(5, |_| {}),
    ];
    store.append_synced(entries).unwrap();
    let by_hand = |resource: &Resource| matches!(resource, Resource::Confbridge(bridge) if bridge.is_by_hand());
    assert_eq!(
        (store.count_live::<Confbridge>(CUSTOMER, by_hand), store.count_live::<Confbridge>(other, by_hand)),
        (2, 1)
    );
    assert_eq!(store.count_live::<Call>(CUSTOMER, |_| true), 0);
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all_and_keys_may_change_hands_in_it() {
    let folder = Folder::new();
    let store = folder.open().store;
    let number = |id: u128, name: &str| Number {
        id: Uuid::from_u128(id),
        customer_id: CUSTOMER,
        number: name.into(),
        tm_create: Some(Timestamp::from_us(5)),
        ..Number::default()
    };
    let put = |resources: &[Number]| {
        let mut batch = Batch::default();
        resources.iter().for_each(|number| batch.add(number).unwrap());
        batch.add(&flow(9, 1_000)).unwrap();
        store.put_all(batch)
    };
    put(&[number(1, "one"), number(2, "two")]).unwrap();
    let before = store.changes::<Number>();
    put(&[number(1, "two"), number(2, "one")]).unwrap();
    let of = |name: &str| store.find_unique::<Number>(name).unwrap().map(|number| number.id.as_u128());
    assert_eq!((of("one"), of("two"), store.changes::<Number>() > before), (Some(2), Some(1), true));
    let gone = Number { tm_delete: Some(Timestamp::from_us(9)), ..number(1, "two") };
    put(&[number(3, "two"), gone]).unwrap();
    assert_eq!(of("two"), Some(3));

    store.put(&number(4, "taken")).unwrap();
    let refused = put(&[number(5, "new"), number(2, "taken"), number(3, "three")]).unwrap_err();
    assert!(matches!(&refused, StoreError::Taken { key, .. } if key == "taken"), "{refused}");
    assert_eq!([of("one"), of("two"), of("three"), of("new"), of("taken")], [Some(2), Some(3), None, None, Some(4)]);
    put(&[]).unwrap();
    drop(store);
    let store = folder.open().store;
    assert_eq!(store.find_unique::<Number>("one").unwrap().map(|number| number.id.as_u128()), Some(2));
}

#[test]
fn who_keeps_what_was_read_learns_of_every_change_of_its_kind() {
    let folder = Folder::new();
    let store = folder.open().store;
    let (flows, numbers) = (store.changes::<Flow>(), store.changes::<Number>());
    store.put(&flow(1, 1_000)).unwrap();
    assert!(store.changes::<Flow>() > flows);
    assert_eq!(store.changes::<Number>(), numbers);
}

#[test]
fn what_is_unique_is_taken_once_per_scope_and_free_again_after_deletion() {
    let folder = Folder::new();
    let store = folder.open().store;
    let phone = |id: u128, customer: u128| Extension {
        id: Uuid::from_u128(id),
        customer_id: Uuid::from_u128(customer),
        extension: "1000".into(),
        ..Extension::default()
    };
    let mut first = phone(1, 1);
    store.put(&first).unwrap();
    store.put(&first).unwrap();
    store.put(&phone(2, 2)).unwrap();
    let taken = store.put(&phone(3, 1)).unwrap_err();
    assert_eq!(taken, StoreError::Taken { kind: "extensions", key: extension_key(first.customer_id, "1000") });
    let key = extension_key(first.customer_id, "1000");
    assert_eq!(store.find_unique::<Extension>(&key).unwrap(), Some(first.clone()));
    first.tm_delete = Some(Timestamp::from_us(1));
    store.put(&first).unwrap();
    assert_eq!(store.find_unique::<Extension>(&key).unwrap(), None);
    store.put(&phone(3, 1)).unwrap();
    assert!(matches!(store.put(&Extension { tm_delete: None, ..first }), Err(StoreError::Taken { .. })));

    let number = |id| Number {
        id: Uuid::from_u128(id),
        customer_id: Uuid::from_u128(id),
        number: "echo".into(),
        ..Number::default()
    };
    store.put(&number(1)).unwrap();
    assert!(matches!(store.put(&number(2)), Err(StoreError::Taken { kind: "numbers", .. })));
    let agent = |id| Agent { id: Uuid::from_u128(id), username: "admin".into(), ..Agent::default() };
    store.put(&agent(1)).unwrap();
    assert!(store.put(&agent(2)).is_err());
    let key = |id| Accesskey { id: Uuid::from_u128(id), token_hash: "aa".into(), ..Accesskey::default() };
    store.put(&key(1)).unwrap();
    assert!(store.put(&key(2)).is_err());
    assert_eq!(store.find_unique::<Accesskey>("aa").unwrap(), Some(key(1)));
    store.put(&Customer { id: CUSTOMER, ..Customer::default() }).unwrap();
    assert_eq!(store.list::<Customer>(Some(CUSTOMER), &Page::default(), false).unwrap().items.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn pages_lose_nothing_and_double_nothing_even_among_equal_times(
        times in prop::collection::vec(0..4_u64, 0..40),
        size in 1..12_usize,
    ) {
        let folder = Folder::new();
        let store = folder.open().store;
        std::thread::scope(|scope| {
            for (number, at) in times.iter().enumerate() {
                let store = &store;
                scope.spawn(move || store.put(&flow(number as u128 + 1, *at)).unwrap());
            }
        });
        let (mut seen, mut page) = (Vec::new(), Page { size, token: String::new() });
        loop {
            let Listed { items, next_page_token } = store.list::<Flow>(Some(CUSTOMER), &page, false).unwrap();
            prop_assert!(items.len() <= size);
            prop_assert_eq!(next_page_token.is_empty(), items.len() < size);
            seen.extend(items);
            if next_page_token.is_empty() { break }
            page.token = next_page_token;
        }
        prop_assert_eq!(seen.len(), times.len());
        prop_assert!(seen.windows(2).all(|pair| (pair[0].tm_create, pair[0].id) > (pair[1].tm_create, pair[1].id)));
        let bare = Page { size: 100, token: Timestamp::from_us(2).to_string() };
        let older = store.list::<Flow>(Some(CUSTOMER), &bare, false).unwrap().items;
        prop_assert_eq!(older.len(), times.iter().filter(|at| **at < 2).count());
    }
}

fn binding(extension: u128, port: u16) -> Binding {
    Binding {
        extension_id: Uuid::from_u128(extension),
        customer_id: CUSTOMER,
        contact: format!("sip:1000@192.0.2.7:{port};transport=udp"),
        received: format!("192.0.2.7:{port}"),
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

#[test]
fn registrations_are_durable_when_the_callback_says_so_and_are_replaced_as_a_whole() {
    let folder = Folder::new();
    let store = folder.open().store;
    let (sender, done) = mpsc::channel();
    for extension in 0..500 {
        let sender = sender.clone();
        let bindings = vec![binding(extension, 5060), binding(extension, 5062)];
        store.put_bindings_then(Uuid::from_u128(extension), bindings, move |result| sender.send(result).unwrap());
    }
    for _ in 0..500 {
        done.recv().unwrap().unwrap();
    }
    let commits = store.metrics().database.commits;
    assert!(commits < 250, "they share transactions: {commits}");
    store.put_bindings(Uuid::from_u128(3), vec![binding(3, 5070)]).unwrap();
    store.put_bindings(Uuid::from_u128(4), Vec::new()).unwrap();
    drop(store);
    let all = folder.open().store.all_bindings().unwrap();
    assert_eq!(all.len(), 997);
    assert!(all.contains(&binding(3, 5070)) && !all.iter().any(|binding| binding.extension_id == Uuid::from_u128(4)));
}

#[test]
fn a_deleted_extension_is_registered_nowhere_from_that_moment_on() {
    let folder = Folder::new();
    let store = folder.open().store;
    for id in [1, 2] {
        store.put_bindings(Uuid::from_u128(id), vec![binding(id, 5060)]).unwrap();
    }
    let mut extension = Extension { id: Uuid::from_u128(1), customer_id: CUSTOMER, ..Extension::default() };
    store.put(&extension).unwrap();
    assert_eq!(store.all_bindings().unwrap().len(), 2);
    extension.tm_delete = Some(Timestamp::from_us(1));
    store.put(&extension).unwrap();
    assert_eq!(store.all_bindings().unwrap(), [binding(2, 5060)]);
    // What has the same id and is no extension is another thing.
    let deleted = Flow { tm_delete: Some(Timestamp::from_us(1)), ..flow(2, 1) };
    store.put(&deleted).unwrap();
    assert_eq!(store.all_bindings().unwrap(), [binding(2, 5060)]);
}

#[test]
fn a_secret_is_made_once_and_only_its_owner_may_read_it() {
    let folder = Folder::new();
    let store = folder.open().store;
    assert_eq!(store.secret("jwt-key", || [7; 32]).unwrap(), [7; 32]);
    assert_eq!(store.secret("jwt-key", || panic!("made twice")).unwrap(), [7; 32]);
    let secrets = folder.path().join("secrets");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&secrets), mode(&secrets.join("jwt-key"))), (0o700, 0o600));
    for bad in ["", "../x", "a/b", "a.b", &"x".repeat(65)] {
        assert!(matches!(store.secret(bad, || [7; 32]), Err(StoreError::BadName(_))), "{bad}");
    }
}

#[test]
fn a_secret_that_was_cut_off_or_wiped_is_refused_and_stays_as_it_is() {
    let folder = Folder::new();
    let store = folder.open().store;
    store.secret("jwt-key", || [7; 32]).unwrap();
    let path = folder.path().join("secrets/jwt-key");
    for damaged in [vec![], vec![7], vec![7; 31], vec![7; 33], vec![0; 32]] {
        std::fs::write(&path, &damaged).unwrap();
        let refused = store.secret("jwt-key", || panic!("made anew")).unwrap_err().to_string();
        let octets = format!("it has {} octets", damaged.len());
        assert!(refused.contains("secrets/jwt-key") && refused.contains(&octets), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(store.secret("jwt-key", || [8; 32]).unwrap(), [8; 32]);
}

#[test]
fn a_backup_made_under_load_opens_with_everything_accepted_before_it() {
    let folder = Folder::new();
    let mut config = folder.config();
    config.log.segment_octets = 100_000;
    let store = Store::open(config).unwrap().store;
    let kept = flow(1, 1);
    store.put(&kept).unwrap();
    store.secret("jwt-key", || [7; 32]).unwrap();
    store.put_bindings(Uuid::from_u128(1), vec![binding(1, 5060)]).unwrap();
    let copy = Folder::new();
    let target = copy.path().join("copy");
    let before = std::thread::scope(|scope| {
        let writer = store.clone();
        let (sender, running) = mpsc::channel();
        scope.spawn(move || {
            for number in 0..400 {
                writer.append(life(number));
                if number == 100 {
                    writer.append_synced(Vec::new()).unwrap();
                    sender.send(()).unwrap();
                }
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        running.recv().unwrap();
        let before = store.accepted_seq();
        store.backup(&target).unwrap();
        before
    });
    let refused = store.backup(&target).unwrap_err();
    assert!(refused.to_string().contains("not empty"), "{refused}");
    let opened = Store::open(store::StoreConfig::new(&target)).unwrap();
    assert!(opened.store.accepted_seq() >= before);
    let read = |store: &Store| store.read_from(1, before as usize).unwrap();
    assert_eq!(read(&opened.store), read(&store));
    assert_eq!(opened.store.get::<Flow>(kept.id).unwrap(), Some(kept));
    assert_eq!(opened.store.secret("jwt-key", || panic!("not copied")).unwrap(), [7; 32]);
    assert_eq!(opened.store.all_bindings().unwrap().len(), 1);
    let ended = call(5, CallStatus::Hangup).id;
    assert_eq!(opened.store.record::<Call>(ended).unwrap().unwrap().status, CallStatus::Hangup);
    assert_eq!(opened.store.timeline(ended).unwrap().len(), 12);
}

/// The file of a closed database, and what is in it.
fn database_of_399_flows(folder: &Folder) -> (std::path::PathBuf, Vec<u8>) {
    let store = folder.open().store;
    for number in 1..400 {
        store.put(&flow(number, number as u64)).unwrap();
    }
    drop(store);
    let path = folder.path().join("flowswitch.sqlite");
    let octets = std::fs::read(&path).unwrap();
    (path, octets)
}

#[test]
fn a_damaged_database_is_refused_and_repair_saves_what_can_be_read() {
    let folder = Folder::new();
    let (path, mut octets) = database_of_399_flows(&folder);
    let middle = octets.len() / 2;
    octets[middle..middle + 5_000].fill(0x5a);
    std::fs::write(&path, octets).unwrap();
    let error = Store::open(folder.config()).err().unwrap();
    assert!(error.to_string().contains("flowswitch repair"), "{error}");
    let repaired = store::repair(folder.path()).unwrap();
    assert!(repaired.done[0].contains("rows saved"), "{repaired:?}");
    let saved = folder.open().store.all::<Flow>().unwrap().len();
    assert!((200..399).contains(&saved), "{saved}");
}

#[test]
fn a_wrong_word_in_the_schema_costs_no_rows() {
    let folder = Folder::new();
    let (path, mut octets) = database_of_399_flows(&folder);
    let words = b"CREATE INDEX records_conference";
    let at = octets.windows(words.len()).position(|window| window == words).unwrap();
    octets[at + words.len() + 4] = 0;
    std::fs::write(&path, octets).unwrap();
    assert!(Store::open(folder.config()).is_err());
    let repaired = store::repair(folder.path()).unwrap();
    assert!(repaired.done[0].contains("rows saved"), "{repaired:?}");
    assert_eq!(folder.open().store.all::<Flow>().unwrap().len(), 399);
}
