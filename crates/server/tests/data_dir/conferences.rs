//! Conferences end when the last one has left, and their records say so, whatever ends the server (spec/resources.md §7).

use std::time::Duration;

use model::{Conference, ConferenceStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::callers::Callers;
use crate::server::Folder;
use crate::witness::Witness;

/// Opens a conference and makes a number that leads into it; the conference's id.
fn conference(folder: &Folder, number: &str) -> Uuid {
    let id = folder.ask("POST", "/v1.0/conferences", &json!({}))["id"].clone();
    let join = json!({"type": "conference_join", "option": {"conference_id": id}});
    let wait = json!({"type": "sleep", "option": {"duration": 120_000}});
    let flow = folder.ask("POST", "/v1.0/flows", &json!({"actions": [{"type": "answer"}, join, wait]}));
    folder.ask("POST", "/v1.0/numbers", &json!({"number": number, "call_flow_id": flow["id"]}));
    id.as_str().unwrap().parse().unwrap()
}

fn ask(folder: &Folder, method: &str, id: Uuid) -> Value {
    folder.ask(method, &format!("/v1.0/conferences/{id}"), &Value::Null)
}

/// Its status and how many are in it.
fn state(folder: &Folder, id: Uuid) -> (String, usize) {
    let conference = ask(folder, "GET", id);
    (conference["status"].as_str().unwrap().to_owned(), conference["conferencecall_ids"].as_array().unwrap().len())
}

#[test]
fn a_conference_ends_for_good_whatever_ends_the_server() {
    let folder = Folder::new("conferences");
    let server = folder.start();
    let witness = Witness::new(&folder);
    let [staff, open, ending] = ["staff", "open", "ending"].map(|number| conference(&folder, number));
    let mut callers = Callers::new(folder.sip);
    callers.call("staff", 2);
    callers.call("open", 2);
    (0..4).for_each(|_| witness.wait_for("conferencecall_joined"));
    let deleted = ask(&folder, "DELETE", staff);
    assert_eq!((&deleted["status"], &deleted["conferencecall_ids"]), (&json!("terminated"), &json!([])));
    assert!(deleted["tm_end"].is_string() && deleted["tm_delete"].is_string(), "{deleted}");
    witness.wait_for("conference_deleted");
    callers.listen(Duration::from_millis(50));
    assert_eq!(callers.up(), 4, "their flows go on");
    assert_eq!(ask(&folder, "GET", staff), deleted);
    server.kill();
    drop(callers);

    // A kill between the leaving of the last one and the word of the end.
    let store = folder.open().store;
    let cut_short = store.get::<Conference>(ending).unwrap().unwrap();
    store.put(&Conference { status: ConferenceStatus::Terminating, ..cut_short }).unwrap();
    drop(store);
    let server = folder.start();
    assert_eq!(ask(&folder, "GET", staff), deleted);
    assert_eq!(state(&folder, open), ("progressing".into(), 0), "who was in it is out");
    assert_eq!(state(&folder, ending), ("terminated".into(), 0));
    for id in [open, ending] {
        let deleted = ask(&folder, "DELETE", id);
        assert_eq!(deleted["status"], "terminated");
        assert!(deleted["tm_end"].is_string() && deleted["tm_delete"].is_string(), "{deleted}");
        assert_eq!(ask(&folder, "DELETE", id), deleted, "twice is like once");
    }
    server.ends_cleanly();
}
