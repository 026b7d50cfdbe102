//! Events over a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use model::{LogBody, LogEntry, Resource};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use uuid::Uuid;

use crate::site::{CUSTOMER, OTHER, Site, call, site};
use crate::websocket::{self, WebSocket};

struct Socket(WebSocket);

/// What a frame holds.
#[derive(Debug, PartialEq)]
enum Frame {
    Text(Value),
    Close(u16),
    Gone,
}

impl Socket {
    async fn open(site: &Site, key: &str) -> Socket {
        Socket(WebSocket::open(site.address, &format!("/v1.0/ws?token={key}"), "").await.0)
    }

    async fn say(&mut self, text: &str) {
        self.0.send(websocket::TEXT, text.as_bytes()).await;
    }

    async fn subscribe(&mut self, topic: &str) {
        self.say(&json!({"type": "subscribe", "topics": [topic]}).to_string()).await;
        // There is no acknowledgement.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    async fn hear(&mut self) -> Frame {
        match self.0.receive().await {
            Some((websocket::TEXT, octets)) => Frame::Text(serde_json::from_slice(&octets).unwrap()),
            Some((websocket::CLOSE, octets)) => Frame::Close(websocket::close_code(&octets)),
            Some((other, _)) => panic!("{other:x}"),
            None => Frame::Gone,
        }
    }

    async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(200), self.hear()).await.is_err()
    }
}

fn event(customer_id: Uuid, owner_id: Uuid, name: &'static str) -> LogEntry {
    let call = model::Call { owner_id, ..call(customer_id) };
    let (call_id, resource) = (call.id, Resource::Call(Arc::new(call), None));
    let body = LogBody::Event { name: name.into(), resource, extra: Map::new() };
    LogEntry { at_us: 1, customer_id, call_id, activeflow_id: Uuid::nil(), body }
}

#[tokio::test]
async fn events_arrive_as_webhooks_show_them() {
    let site = site().await;
    let mut socket = Socket::open(&site, &site.key).await;
    let entry = event(CUSTOMER, Uuid::nil(), "call_ringing");
    site.publish(&entry);
    assert!(socket.is_silent().await, "nothing was subscribed");
    socket.subscribe(&format!("customer_id:{CUSTOMER}:call:*")).await;
    site.publish(&event(OTHER, Uuid::nil(), "call_ringing"));
    site.publish(&event(CUSTOMER, Uuid::nil(), "recording_started"));
    site.publish(&entry);
    assert_eq!(socket.hear().await, Frame::Text(entry.to_event().unwrap()));
    socket.say(&json!({"type": "unsubscribe", "topics": [format!("customer_id:{CUSTOMER}:call")]}).to_string()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    site.publish(&entry);
    assert!(socket.is_silent().await);
}

#[tokio::test]
async fn an_agent_hears_its_own_calls_only() {
    let site = site().await;
    let agent = site.new_agent("bob", "secret", 16);
    let login = site.ask_as("", "POST", "/auth/login", Some(r#"{"username": "bob", "password": "secret"}"#)).await;
    let token = login.json()["token"].as_str().unwrap().to_owned();
    let mut socket = Socket::open(&site, &token).await;
    socket.subscribe(&format!("agent_id:{agent}:call")).await;
    site.publish(&event(CUSTOMER, Uuid::from_u128(5), "call_ringing"));
    let own = event(CUSTOMER, agent, "call_hangup");
    site.publish(&own);
    assert_eq!(socket.hear().await, Frame::Text(own.to_event().unwrap()));
    socket.subscribe(&format!("customer_id:{CUSTOMER}:call")).await;
    assert_eq!(socket.hear().await, Frame::Close(1008));
}

#[tokio::test]
async fn a_socket_does_not_outlive_its_key_or_login() {
    let site = site().await;
    let topic = format!("customer_id:{CUSTOMER}:call");
    let entry = event(CUSTOMER, Uuid::nil(), "call_ringing");
    let made = site.ask("POST", "/v1.0/accesskeys", json!({"name": "deleted"})).await.json();
    let key = made["token"].as_str().unwrap();
    let (mut busy, mut quiet) = (Socket::open(&site, key).await, Socket::open(&site, key).await);
    busy.subscribe(&topic).await;
    site.publish(&entry);
    assert_eq!(busy.hear().await, Frame::Text(entry.to_event().unwrap()));
    site.ask("DELETE", &format!("/v1.0/accesskeys/{}", made["id"].as_str().unwrap()), None).await;
    site.publish(&entry);
    assert_eq!(busy.hear().await, Frame::Close(1008), "an event was sent for a deleted key");
    let closed = timeout(Duration::from_secs(3), quiet.hear()).await;
    assert_eq!(closed, Ok(Frame::Close(1008)), "nothing happens on it, and it is closed all the same");

    let made = site.ask("POST", "/v1.0/accesskeys", json!({"name": "ends", "expire": 1})).await.json();
    let mut socket = Socket::open(&site, made["token"].as_str().unwrap()).await;
    socket.subscribe(&topic).await;
    tokio::time::sleep(Duration::from_millis(950)).await;
    site.publish(&entry);
    assert_eq!(socket.hear().await, Frame::Close(1008), "an event was sent for a key that had expired");
}

#[tokio::test]
async fn a_person_who_may_less_than_before_hears_no_more() {
    let site = site().await;
    let agent = site.new_agent("ann", "secret", 64);
    let login = site.ask_as("", "POST", "/auth/login", Some(r#"{"username": "ann", "password": "secret"}"#)).await;
    let mut socket = Socket::open(&site, login.json()["token"].as_str().unwrap()).await;
    socket.subscribe(&format!("customer_id:{CUSTOMER}:call")).await;
    site.change_agent(agent, |agent| agent.permission = 16);
    site.publish(&event(CUSTOMER, Uuid::nil(), "call_ringing"));
    assert_eq!(socket.hear().await, Frame::Close(1008));

    let ben = site.new_agent("ben", "secret", 64);
    let login = site.ask_as("", "POST", "/auth/login", Some(r#"{"username": "ben", "password": "secret"}"#)).await;
    let mut socket = Socket::open(&site, login.json()["token"].as_str().unwrap()).await;
    socket.subscribe(&format!("customer_id:{CUSTOMER}:call")).await;
    site.change_password(ben, "another");
    site.publish(&event(CUSTOMER, Uuid::nil(), "call_ringing"));
    assert_eq!(socket.hear().await, Frame::Close(1008), "an event was sent to who knows an old password only");
}

#[tokio::test]
async fn what_is_forbidden_or_nonsense_closes_the_connection() {
    let site = site().await;
    for (text, code) in [
        (json!({"type": "subscribe", "topics": [format!("customer_id:{OTHER}:call")]}).to_string(), 1008),
        (json!({"type": "subscribe", "topics": ["customer_id:"]}).to_string(), 1008),
        ("nonsense".into(), 1007),
        (json!({"type": "dance", "topics": []}).to_string(), 1007),
    ] {
        let mut socket = Socket::open(&site, &site.key).await;
        socket.say(&text).await;
        assert_eq!(socket.hear().await, Frame::Close(code), "{text}");
    }
}

/// RFC 6455 §5.5.1.
#[tokio::test]
async fn who_says_goodbye_hears_it_back_before_the_connection_ends() {
    let site = site().await;
    for (octets, code) in [(&b"\x03\xe8bye"[..], 1000), (b"\x0f\xa1", 4001), (b"", 1005)] {
        let mut socket = Socket::open(&site, &site.key).await;
        socket.subscribe(&format!("customer_id:{CUSTOMER}:call")).await;
        socket.0.send(0x88, octets).await;
        assert_eq!(socket.hear().await, Frame::Close(code));
        assert_eq!(timeout(Duration::from_secs(5), socket.hear()).await, Ok(Frame::Gone));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_by_its_close_code() {
    let site = site().await;
    let (long, longest) = ("x".repeat(200_000), "x".repeat(300_000));
    for (first, octets, code) in [
        (0x81, long.as_bytes(), 1009),
        (0x81, longest.as_bytes(), 1009),
        (0x81, &b"\xff\xfe"[..], 1007),
        (0xf1, &b"{}"[..], 1002),
    ] {
        let mut socket = Socket::open(&site, &site.key).await;
        socket.0.send(first, octets).await;
        assert_eq!(socket.hear().await, Frame::Close(code));
        socket.0.0.shutdown().await.unwrap();
        assert_eq!(timeout(Duration::from_secs(5), socket.hear()).await, Ok(Frame::Gone));
    }
    // In pieces, and without a mask.
    let mut socket = Socket::open(&site, &site.key).await;
    socket.0.send(0x01, &long.as_bytes()[..60_000]).await;
    socket.0.send(0x80, &long.as_bytes()[..60_000]).await;
    assert_eq!(socket.hear().await, Frame::Close(1009));
    let mut socket = Socket::open(&site, &site.key).await;
    socket.0.0.write_all(b"\x81\x02{}").await.unwrap();
    assert_eq!(socket.hear().await, Frame::Close(1002));
}

#[tokio::test]
async fn who_does_not_read_is_dropped_and_others_hear_everything() {
    let site = site().await;
    let mut slow = Socket::open(&site, &site.key).await;
    slow.subscribe(&format!("customer_id:{CUSTOMER}:call")).await;
    let mut quick = Socket::open(&site, &site.key).await;
    quick.subscribe(&format!("customer_id:{CUSTOMER}:call")).await;
    let entry = event(CUSTOMER, Uuid::nil(), "call_updated");
    let total = 30_000;
    for n in 0..total {
        site.publish(&entry);
        if n % 500 == 499 {
            for _ in 0..500 {
                assert!(matches!(quick.hear().await, Frame::Text(_)));
            }
        }
    }
    let metrics = String::from_utf8(site.get("/metrics").await.octets).unwrap();
    assert!(metrics.contains("\nflowswitch_websockets_dropped_total 1\n"), "{metrics}");
}
