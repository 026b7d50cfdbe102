//! Conferences end when the last one has left, and their records say so, whatever ends the server (spec/resources.md §7).

use std::time::{Duration, Instant, SystemTime};

use model::{Conference, ConferenceStatus, Recording, RecordingStatus, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::callers::Callers;
use crate::server::Folder;
use crate::witness::Witness;
use crate::{recorded_ms, records};

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

#[test]
fn an_end_does_not_wait_for_the_time_of_a_conference_in_which_nobody_is() {
    let folder = Folder::new("timed");
    let config = std::fs::read_to_string(folder.path.join("server.toml")).unwrap();
    std::fs::write(folder.path.join("server.toml"), config.replace("drain_seconds = 1", "drain_seconds = 60")).unwrap();
    let server = folder.start();
    let id = folder.ask("POST", "/v1.0/conferences", &json!({"timeout": 3_600}))["id"].clone();
    let id: Uuid = id.as_str().unwrap().parse().unwrap();
    server.ends_cleanly();
    assert!(!folder.log().contains("did not answer BYE"), "{}", folder.log());

    let server = folder.start();
    assert_eq!(state(&folder, id), ("progressing".into(), 0), "it goes on");
    server.signal("-INT");
    assert!(server.ends_within(Duration::from_secs(12)).success());
    assert!(!folder.log().contains("did not answer BYE"), "{}", folder.log());

    // Of its time so little is left when the server comes back.
    let store = folder.open().store;
    let conference = store.get::<Conference>(id).unwrap().unwrap();
    let created = SystemTime::now() - Duration::from_secs(3_598);
    let created_us = created.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as u64;
    store.put(&Conference { tm_create: Some(Timestamp::from_us(created_us)), ..conference }).unwrap();
    drop(store);
    let server = folder.start();
    let end = Instant::now() + Duration::from_secs(10);
    while state(&folder, id).0 != "terminated" {
        assert!(Instant::now() < end, "its time is up, and it stays");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.ends_cleanly();
}

/// What is recorded of a conference when the server is killed can be played, and is closed with the cause by the next start.
#[test]
fn a_kill_in_the_midst_of_a_recorded_conference_leaves_its_file_whole() {
    let folder = Folder::new("recorded");
    let server = folder.start();
    let witness = Witness::new(&folder);
    let [staff, other] = ["staff", "other"].map(|number| conference(&folder, number));
    let post =
        |id: Uuid, what: &str| folder.ask("POST", &format!("/v1.0/conferences/{id}/recording_{what}"), &json!({}));
    let mut callers = Callers::new(folder.sip);
    callers.call("staff", 2);
    callers.call("other", 1);
    (0..3).for_each(|_| witness.wait_for("conferencecall_joined"));
    let started = post(staff, "start");
    assert!(started["recording_id"] != json!(Uuid::nil()), "{started}");
    post(other, "start");
    (0..2).for_each(|_| witness.wait_for("recording_started"));
    callers.listen(Duration::from_millis(700));
    post(other, "stop");
    witness.wait_for("recording_finished");
    server.kill();
    drop(callers);

    let server = folder.start();
    let after = ask(&folder, "GET", staff);
    assert_eq!((&after["recording_id"], &after["recording_ids"]), (&json!(Uuid::nil()), &started["recording_ids"]));
    let timeline = folder.get(&format!("/v1.0/timelines/conferences/{staff}/events"));
    for told in ["recording_started", "recording_finished", "the server was restarted"] {
        assert!(timeline.contains(told), "{told}: {timeline}");
    }
    server.ends_cleanly();
    let store = folder.open().store;
    let recordings: Vec<Recording> = records(&store);
    assert_eq!(recordings.len(), 2);
    for recording in &recordings {
        let killed = json!(recording.id) == started["recording_id"];
        let why = if killed { "the server was restarted" } else { "stopped" };
        assert_eq!((recording.status, recording.end_reason.as_str()), (RecordingStatus::Ended, why));
        assert_eq!(recorded_ms(&folder, recording), recording.duration_ms);
        assert!(recording.duration_ms > 400, "{recording:?}");
    }
}

#[test]
fn a_good_end_is_not_told_as_a_crash_once_somebody_was_in_a_conference() {
    let folder = Folder::new("good-end");
    let server = folder.start();
    let witness = Witness::new(&folder);
    conference(&folder, "open");
    let mut callers = Callers::new(folder.sip);
    callers.call("open", 1);
    witness.wait_for("conferencecall_joined");
    server.ends_cleanly_while(&mut callers);
    folder.start().ends_cleanly();
    assert!(!folder.log().contains("in the midst of its work"), "{}", folder.log());
}
