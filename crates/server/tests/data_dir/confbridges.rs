//! Bridges that are made by hand stand until they are deleted, whatever ends the server (spec/resources.md §7).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::callers::Callers;
use crate::entries;
use crate::server::Folder;
use crate::witness::Witness;

const RESTARTED: &str = "what was up then is closed now";

/// Makes a bridge and a number that leads into it; the bridge's path.
fn bridge(folder: &Folder, number: &str, kind: &str) -> String {
    let id = folder.ask("POST", "/v1.0/confbridges", &json!({ "type": kind }))["id"].clone();
    let join = json!({"type": "confbridge_join", "option": {"confbridge_id": id}});
    let wait = json!({"type": "sleep", "option": {"duration": 120_000}});
    let flow = folder.ask("POST", "/v1.0/flows", &json!({"actions": [{"type": "answer"}, join, wait]}));
    folder.ask("POST", "/v1.0/numbers", &json!({"number": number, "call_flow_id": flow["id"]}));
    format!("/v1.0/confbridges/{}", id.as_str().unwrap())
}

/// A bridge's status and the calls in it.
fn state(folder: &Folder, path: &str) -> (String, Vec<Value>) {
    let bridge = folder.ask("GET", path, &Value::Null);
    (bridge["status"].as_str().unwrap().to_owned(), bridge["channel_call_ids"].as_array().unwrap().clone())
}

fn inside(witness: &Witness, calls: usize) {
    (0..calls).for_each(|_| witness.wait_for("confbridge_joined"));
}

/// The names of its events, as the log has them.
fn told(folder: &Folder, path: &str) -> Vec<String> {
    let id = path.rsplit('/').next().unwrap();
    let mut names = Vec::new();
    for accepted in entries(&folder.open().store) {
        if let Some(event) = accepted.entry.to_event().filter(|event| event["data"]["id"] == id) {
            assert_eq!(event["data"]["customer_id"], json!(accepted.entry.customer_id));
            names.push(event["type"].as_str().unwrap().trim_start_matches("confbridge_").to_owned());
        }
    }
    names
}

#[test]
fn bridges_by_hand_stand_until_they_are_deleted() {
    let folder = Folder::new("confbridges");
    let server = folder.start();
    let witness = Witness::new(&folder);
    let [meet, pair, quiet] = [("meet", "conference"), ("pair", "connect"), ("quiet", "connect")]
        .map(|(number, kind)| bridge(&folder, number, kind));
    let mut callers = Callers::new(folder.sip);
    callers.call("meet", 2);
    callers.call("pair", 2);
    inside(&witness, 4);
    assert_eq!((state(&folder, &meet).1.len(), state(&folder, &quiet).1.len()), (2, 0));
    server.kill();
    drop(callers);

    // Those who were in it are out, which ends a bridge of two.
    let server = folder.start();
    let witness = Witness::new(&folder);
    for (path, status) in [(&meet, "progressing"), (&pair, "terminated"), (&quiet, "progressing")] {
        assert_eq!(state(&folder, path), (status.to_owned(), Vec::new()));
    }
    let mut callers = Callers::new(folder.sip);
    callers.call("meet", 2);
    inside(&witness, 2);
    let (_, calls) = state(&folder, &meet);
    let kick = format!("{meet}/calls/{}/kick", calls[0].as_str().unwrap());
    assert_eq!(folder.ask("POST", &kick, &Value::Null)["channel_call_ids"], json!([calls[1]]));
    witness.wait_for("confbridge_leaved");
    let deleted = folder.ask("DELETE", &meet, &Value::Null);
    assert_eq!((&deleted["status"], &deleted["channel_call_ids"]), (&json!("terminated"), &json!([])));
    assert!(deleted["tm_delete"].is_string());
    witness.wait_for("confbridge_deleted");
    callers.listen(Duration::from_millis(50));
    assert_eq!(callers.up(), 2, "their flows go on");
    server.ends_cleanly_while(&mut callers);
    assert_eq!(folder.log().matches(RESTARTED).count(), 1);

    let server = folder.start();
    assert_eq!(folder.log().matches(RESTARTED).count(), 1, "a bridge that stands is nothing to be closed");
    let listed = folder.ask("GET", "/v1.0/confbridges", &Value::Null);
    let ids: Vec<_> = listed["result"].as_array().unwrap().iter().map(|bridge| bridge["id"].clone()).collect();
    assert_eq!(ids, [&quiet, &pair].map(|path| json!(path.rsplit('/').next().unwrap())));
    assert_eq!(folder.ask("GET", &meet, &Value::Null), deleted);
    assert_eq!(folder.ask("DELETE", &quiet, &Value::Null)["status"], "terminated");
    server.ends_cleanly();
    assert_eq!(told(&folder, &quiet), ["created", "terminating", "terminated", "deleted"]);
    assert_eq!(told(&folder, &pair), ["created", "joined", "joined", "leaved", "leaved", "terminated"]);
    let (before, after) = (["created", "joined", "joined", "leaved", "leaved"], ["joined", "joined", "leaved"]);
    let end = ["terminating", "leaved", "terminated", "deleted"];
    assert_eq!(told(&folder, &meet), [&before[..], &after, &end].concat());
    assert!(folder.open().unfinished.is_empty());
}

#[test]
fn a_full_disk_is_told_in_time_and_what_was_refused_does_not_come_later() {
    let folder = Folder::new("bridge-full");
    let server = folder.start_unlimited();
    let make = || folder.answer("POST", "/v1.0/confbridges", &json!({}));
    let refused = |most: u64| {
        let began = Instant::now();
        let answer = make();
        assert!(began.elapsed() < Duration::from_secs(most), "{:?}: {answer}", began.elapsed());
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        answer
    };
    server.limit_files(std::fs::metadata(folder.segments().pop().unwrap()).unwrap().len());
    let first = refused(8);
    assert!(first.contains("REQUEST_TIMEOUT"), "{first}");
    // By now it is known.
    let second = refused(2);
    assert!(second.contains("SERVICE_UNAVAILABLE"), "{second}");
    server.limit_files("unlimited");
    let end = Instant::now() + Duration::from_secs(10);
    while !make().starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < end, "there is room again: {}", folder.get("/readyz"));
        std::thread::sleep(Duration::from_millis(100));
    }
    let found = folder.ask("GET", "/v1.0/confbridges", &Value::Null);
    assert_eq!(found["result"].as_array().map(Vec::len), Some(1), "{found}");
    server.ends_cleanly();
}
