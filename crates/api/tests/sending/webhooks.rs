//! Webhooks from a journal in memory to real receivers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Repository, WebhookConfig};
use model::{Activeflow, Customer, Flow, LogBody, LogEntry, Particulars, Recording, Resource, Timestamp};
use serde_json::{Map, Value};
use store::Accepted;
use uuid::Uuid;

use crate::receiver::{Manner, Receiver};
use crate::sender::{Sender, config};

/// Entry `n` of a call.
fn entry(customer_id: Uuid, call: u128, n: u64) -> LogEntry {
    let flow = Flow {
        id: Uuid::from_u128(call),
        name: n.to_string(),
        tm_create: Some(Timestamp::from_us(n)),
        ..Flow::default()
    };
    let body =
        LogBody::Event { name: "flow_updated".into(), resource: Resource::Flow(Arc::new(flow)), extra: Map::new() };
    LogEntry { at_us: n, customer_id, call_id: Uuid::from_u128(call), activeflow_id: Uuid::nil(), body }
}

fn bodies(receiver: &Receiver) -> Vec<Value> {
    receiver.requests.lock().unwrap().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

async fn until(what: &str, seconds: u64, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not come about within {seconds} s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_event_goes_to_the_customer_with_its_method_and_signature() {
    let sender = Sender::start(config());
    let receiver = Receiver::start(Manner::Status(200)).await;
    let customer = Customer {
        id: Uuid::from_u128(1),
        webhook_uri: receiver.url(),
        webhook_method: "PUT".into(),
        webhook_secret: "key".into(),
        ..Customer::default()
    };
    sender.repository.put(&Resource::Customer(Arc::new(customer)), "").unwrap();
    let entry = entry(Uuid::from_u128(1), 5, 1);
    sender.accept(entry.clone()).await;
    let note = LogBody::Note { name: "n".into(), message: String::new(), data: Particulars::default() };
    sender.accept(LogEntry { body: note, ..entry.clone() }).await;
    receiver.wait_for(1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let requests = receiver.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 1, "a note is no event");
    let head = requests[0].head.to_lowercase();
    assert!(head.starts_with("put /hook http/1.1") && head.contains("content-type: application/json"), "{head}");
    assert!(head.contains("x-voipbin-signature: sha256="), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&requests[0].body).unwrap(), entry.to_event().unwrap());
}

#[tokio::test]
async fn an_activeflows_address_is_told_too() {
    let sender = Sender::start(config());
    let (own, extra) = (Receiver::start(Manner::Status(200)).await, Receiver::start(Manner::Status(200)).await);
    let customer = sender.customer(1, &own.url());
    let activeflow = |id: u128, uri: String| {
        let id = Uuid::from_u128(id);
        Activeflow {
            id,
            customer_id: customer,
            webhook_uri: uri,
            webhook_method: String::new(),
            ..Activeflow::default()
        }
    };
    for (n, activeflow) in [activeflow(7, extra.url()), activeflow(8, String::new())].into_iter().enumerate() {
        let resource = Resource::Activeflow(Arc::new(activeflow));
        let body = LogBody::Event { name: "activeflow_created".into(), resource, extra: Map::new() };
        sender.accept(LogEntry { body, ..entry(customer, 5, n as u64) }).await;
    }
    own.wait_for(2).await;
    extra.wait_for(1).await;
    assert_eq!(bodies(&extra)[0]["data"]["id"], Uuid::from_u128(7).to_string());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(extra.count(), 1);
}

#[tokio::test]
async fn an_activeflows_address_is_known_from_an_event_that_follows_in_the_same_group() {
    let sender = Sender::start(config());
    let receiver = Receiver::start(Manner::Status(200)).await;
    let id = Uuid::from_u128(7);
    let recording = Recording { activeflow_id: id, ..Recording::default() };
    let activeflow = Activeflow { id, webhook_uri: receiver.url(), ..Activeflow::default() };
    let resources = [Resource::Recording(Arc::new(recording)), Resource::Activeflow(Arc::new(activeflow))];
    // The repository knows neither.
    let group: Arc<[Accepted]> = (1..)
        .zip(resources)
        .map(|(seq, resource)| {
            let body = LogBody::Event { name: seq.to_string().into(), resource, extra: Map::new() };
            Accepted { seq, entry: LogEntry { body, ..entry(Uuid::from_u128(1), 5, seq) } }
        })
        .collect();
    sender.live.try_send(group).unwrap();
    receiver.wait_for(2).await;
    let names: Vec<Value> = bodies(&receiver).iter().map(|body| body["type"].clone()).collect();
    assert_eq!(names, ["1", "2"]);
}

#[tokio::test]
async fn events_of_one_call_keep_their_order_and_connections_are_used_again() {
    let sender = Sender::start(config());
    let receiver = Receiver::start(Manner::Status(200)).await;
    let customer = sender.customer(1, &receiver.url());
    for n in 0..100 {
        for call in 0..20 {
            sender.accept(entry(customer, call, n)).await;
        }
    }
    receiver.wait_for(2_000).await;
    let mut next: HashMap<String, u64> = HashMap::new();
    for body in bodies(&receiver) {
        let n: u64 = body["data"]["name"].as_str().unwrap().parse().unwrap();
        let expected = next.entry(body["data"]["id"].as_str().unwrap().to_owned()).or_default();
        assert_eq!(n, *expected);
        *expected += 1;
    }
    assert!(*receiver.connections.lock().unwrap() <= 8);
}

#[tokio::test]
async fn what_failed_is_tried_three_times() {
    let sender = Sender::start(config());
    let receiver = Receiver::start(Manner::Statuses(vec![500, 502, 200, 404, 500])).await;
    let customer = sender.customer(1, &receiver.url());
    sender.accept(entry(customer, 1, 1)).await;
    receiver.wait_for(3).await;
    sender.accept(entry(customer, 1, 2)).await;
    receiver.wait_for(4).await;
    assert_eq!(sender.number(|numbers| &numbers.given_up), 0);
    sender.accept(entry(customer, 1, 3)).await;
    receiver.wait_for(7).await;
    until("giving up", 5, || sender.number(|numbers| &numbers.given_up) == 1).await;
    assert_eq!((receiver.count(), sender.number(|numbers| &numbers.delivered)), (7, 2));
}

#[tokio::test]
async fn a_bad_receiver_disturbs_nobody() {
    let nonsense = [b"\0\0\0\0".to_vec(), b"HTTP/9.9 x\r\n\r\n".to_vec(), vec![b'a'; 200_000]];
    let mut manners = vec![
        Manner::Hang,
        Manner::Drop,
        Manner::Loop,
        Manner::Status(500),
        Manner::Endless,
        Manner::Slow(Duration::from_secs(1)),
    ];
    manners.extend(nonsense.map(Manner::Raw));
    let config = WebhookConfig { queue: 50, ..config() };
    let sender = Sender::start(config);
    let mut bad = Vec::new();
    for (n, manner) in manners.into_iter().enumerate() {
        let receiver = Receiver::start(manner).await;
        bad.push((sender.customer(100 + n as u128, &receiver.url()), receiver));
    }
    bad.push((sender.customer(99, "http://127.0.0.1:1/"), Receiver::start(Manner::Hang).await));
    let good = Receiver::start(Manner::Status(200)).await;
    let customer = sender.customer(1, &good.url());
    let began = Instant::now();
    for n in 0..200 {
        for (customer, _) in &bad {
            sender.accept(entry(*customer, 5, n)).await;
        }
        sender.accept(entry(customer, 5, n)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    good.wait_for(200).await;
    assert!(began.elapsed() < Duration::from_secs(8), "the good receiver waited {:?}", began.elapsed());
    let waiting = sender.number(|numbers| &numbers.waiting);
    assert!(waiting <= 50 * bad.len() as u64, "{waiting}");
    assert!(sender.number(|numbers| &numbers.deferred) >= 3, "those that hang have full queues");
    until("the cursors", 5, || {
        sender.cursors.0.lock().unwrap().contains_key(&format!("customer:{}", Uuid::from_u128(100)))
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_fell_behind_gets_everything_once_it_answers_again() {
    let sender = Sender::start(WebhookConfig { queue: 20, ..config() });
    let receiver = Receiver::start(Manner::Slow(Duration::from_millis(200))).await;
    let customer = sender.customer(1, &receiver.url());
    for n in 0..300 {
        sender.accept(entry(customer, 5, n)).await;
    }
    until("falling behind", 5, || sender.number(|numbers| &numbers.deferred) > 0).await;
    *receiver.manner.lock().unwrap() = Manner::Status(200);
    receiver.wait_for(300).await;
    let names: Vec<String> =
        bodies(&receiver).iter().map(|body| body["data"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..300).map(|n| n.to_string()).collect::<Vec<_>>(), "in order, and each once");
}

#[tokio::test]
async fn after_a_restart_nothing_is_missing() {
    let receiver = Receiver::start(Manner::Hang).await;
    let good = Receiver::start(Manner::Status(200)).await;
    let sender = Sender::start(WebhookConfig { queue: 20, ..config() });
    let (customer, other) = (sender.customer(1, &receiver.url()), sender.customer(2, &good.url()));
    for n in 0..100 {
        sender.accept(entry(customer, 5, n)).await;
        sender.accept(entry(other, 6, n)).await;
    }
    good.wait_for(100).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let Sender { journal, cursors, repository, live, webhooks } = sender;
    webhooks.end().await;
    drop(live);
    // While it was down, more happened.
    journal.0.lock().unwrap().push(entry(customer, 5, 100));
    *receiver.manner.lock().unwrap() = Manner::Status(200);
    receiver.requests.lock().unwrap().clear();
    let _again = Sender::resume(config(), journal, cursors, repository);
    until("the last one", 10, || bodies(&receiver).iter().any(|body| body["data"]["name"] == "100")).await;
    let mut names: Vec<u64> =
        bodies(&receiver).iter().map(|body| body["data"]["name"].as_str().unwrap().parse().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    // Those that were given up before the restart do not come again; nothing behind them is missing.
    let first = names[0];
    assert!(first < 60, "{first}");
    assert_eq!(names, (first..=100).collect::<Vec<_>>());
    assert_eq!(good.count(), 100, "who was not behind gets nothing twice");
}

#[tokio::test]
async fn gaps_in_what_happens_live_are_read_from_the_journal() {
    let sender = Sender::start(config());
    let receiver = Receiver::start(Manner::Status(200)).await;
    let customer = sender.customer(1, &receiver.url());
    sender.accept(entry(customer, 5, 0)).await;
    receiver.wait_for(1).await;
    sender.journal.0.lock().unwrap().extend((1..50).map(|n| entry(customer, 5, n)));
    sender.accept(entry(customer, 5, 50)).await;
    receiver.wait_for(51).await;
    let names: Vec<String> =
        bodies(&receiver).iter().map(|body| body["data"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..=50).map(|n| n.to_string()).collect::<Vec<_>>());
}
