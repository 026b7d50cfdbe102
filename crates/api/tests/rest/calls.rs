//! Calls, activeflows, timelines.

use std::sync::Arc;
use std::time::Duration;

use api::Refused;
use model::{
    Activeflow, ActiveflowStatus, CallStatus, Conferencecall, LogBody, LogEntry, Particulars, Recording, Resource,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::site::{CUSTOMER, Site, at, call, new_id, site};

fn activeflow(site: &Site, status: ActiveflowStatus) -> Uuid {
    let id = new_id();
    let activeflow = Activeflow { id, customer_id: CUSTOMER, status, tm_create: Some(at(5)), ..Activeflow::default() };
    site.put(Resource::Activeflow(Arc::new(activeflow)));
    id
}

#[tokio::test]
async fn a_call_is_hung_up_and_deleted() {
    let site = site().await;
    let id = site.new_call(1, CallStatus::Progressing, 10);
    let path = format!("/v1.0/calls/{id}");
    let shown = site.get(&path).await.json();
    assert_eq!((shown["status"].as_str(), shown["action"]["type"].as_str()), (Some("progressing"), Some("answer")));
    assert_eq!(shown.get("tm_hangup"), Some(&Value::Null), "a time that has not come is null");
    let hung_up = site.ask("POST", &format!("{path}/hangup"), None).await;
    assert_eq!((hung_up.status, hung_up.json()["status"].as_str()), (200, Some("terminating")));
    assert_eq!(site.ask("POST", &format!("{path}/hangup"), None).await.refusal(), (409, "CALL_ALREADY_HANGUP".into()));
    let second = site.new_call(2, CallStatus::Ringing, 11);
    for id in [id, second, second] {
        let deleted = site.ask("DELETE", &format!("/v1.0/calls/{id}"), None).await.json();
        assert_eq!(deleted["status"], "hangup");
        assert!(deleted["tm_delete"].is_string());
    }
    assert_eq!(site.get("/v1.0/calls").await.json()["result"], json!([]));
    assert_eq!(site.get(&path).await.status, 200);
}

/// The loops do not know of deletions: what they tell afterwards would bring it back.
#[tokio::test]
async fn what_is_deleted_while_it_runs_is_deleted_behind_its_last_word() {
    let site = site().await;
    let run = activeflow(&site, ActiveflowStatus::Running);
    let recorded = model::Call { recording_id: new_id(), ..call(CUSTOMER) };
    let call = recorded.id;
    site.put(Resource::Call(Arc::new(recorded), None));
    let path = format!("/v1.0/calls/{call}");
    assert_eq!(site.ask("POST", &format!("{path}/hangup"), None).await.status, 200);
    assert!(site.ask("DELETE", &path, None).await.json()["tm_delete"].is_string());
    let run = format!("/v1.0/activeflows/{run}");
    assert_eq!(site.ask("POST", &format!("{run}/stop"), None).await.status, 200);
    assert_eq!(site.ask("DELETE", &run, None).await.status, 204);
    tokio::time::sleep(Duration::from_millis(200)).await;
    for (path, status) in [(&path, "hangup"), (&run, "ended")] {
        let shown = site.get(path).await.json();
        assert!(shown["tm_delete"].is_string() && shown["status"] == status, "{shown}");
    }
}

/// A recording that the media side does not end keeps nobody from deleting its call.
#[tokio::test]
async fn a_call_whose_recording_does_not_end_is_deleted_all_the_same() {
    let site = site().await;
    let stuck = model::Call { recording_id: new_id(), status: CallStatus::Hangup, ..call(CUSTOMER) };
    let path = format!("/v1.0/calls/{}", stuck.id);
    site.put(Resource::Call(Arc::new(stuck), None));
    assert!(site.ask("DELETE", &path, None).await.json()["tm_delete"].is_string());
}

#[tokio::test]
async fn what_the_loops_refuse_has_its_words() {
    let site = site().await;
    let id = site.new_call(1, CallStatus::Progressing, 10);
    let run = activeflow(&site, ActiveflowStatus::Running);
    for (refused, code, reason) in [
        (Refused::AlreadyHangup, 409, "CALL_ALREADY_HANGUP"),
        (Refused::NotFound, 409, "CALL_ALREADY_HANGUP"),
        (Refused::StateInvalid, 409, "STATE_INVALID"),
        (Refused::Timeout, 503, "REQUEST_TIMEOUT"),
    ] {
        *site.calls.refuse.lock().unwrap() = Some(refused);
        let answer = site.ask("POST", &format!("/v1.0/calls/{id}/hangup"), None).await;
        assert_eq!(answer.refusal(), (code, reason.into()), "{refused:?}");
        let answer = site.get(&format!("/v1.0/activeflows/{run}/variables")).await;
        assert!(answer.refusal().0 >= 409);
    }
}

#[tokio::test]
async fn lists_take_filters() {
    let site = site().await;
    let flow_id = Uuid::from_u128(77);
    site.new_call(1, CallStatus::Progressing, 10);
    site.new_call(2, CallStatus::Hangup, 11);
    let groupcall_id = Uuid::from_u128(78);
    let with_flow = model::Call { flow_id, groupcall_id, tm_create: Some(at(12)), ..call(CUSTOMER) };
    site.put(Resource::Call(Arc::new(with_flow), None));
    let run = Activeflow { id: new_id(), customer_id: CUSTOMER, flow_id, ..Activeflow::default() };
    let recording =
        |activeflow_id| Recording { id: new_id(), customer_id: CUSTOMER, activeflow_id, ..Recording::default() };
    site.put(Resource::Recording(Arc::new(recording(run.id))));
    site.put(Resource::Recording(Arc::new(recording(Uuid::nil()))));
    site.put(Resource::Activeflow(Arc::new(run)));
    for (query, expected) in [
        ("calls", 3),
        ("calls?status=hangup", 1),
        ("calls?status=progressing", 2),
        (&format!("calls?flow_id={flow_id}"), 1),
        (&format!("calls?flow_id={flow_id}&status=hangup"), 0),
        (&format!("calls?reference_id={groupcall_id}"), 1),
        (&format!("calls?reference_id={flow_id}"), 0),
        ("calls?what_nobody_knows=1", 3),
        ("recordings", 2),
        (&format!("recordings?flow_id={flow_id}"), 1),
        (&format!("recordings?flow_id={groupcall_id}"), 0),
    ] {
        let list = site.get(&format!("/v1.0/{query}")).await.json();
        assert_eq!(list["result"].as_array().unwrap().len(), expected, "{query}");
    }
}

#[tokio::test]
async fn the_activeflow_tutorial_works() {
    let site = site().await;
    let id = activeflow(&site, ActiveflowStatus::Running);
    let path = format!("/v1.0/activeflows/{id}");
    let list = site.ask_as("", "GET", &format!("/v1.0/activeflows?token={}", site.key), None).await.json();
    assert_eq!(list["result"][0]["id"], id.to_string());
    let variables = site.get(&format!("{path}/variables")).await.json();
    assert_eq!(variables, json!({"id": id, "variables": {"voipbin.call.digits": "1"}}));
    for _ in 0..2 {
        let stopped = site.ask_as("", "POST", &format!("{path}/stop?token={}", site.key), None).await;
        assert_eq!((stopped.status, stopped.json()["status"].as_str()), (200, Some("ended")));
        assert!(stopped.json()["tm_delete"].is_null());
    }
    for id in [id, activeflow(&site, ActiveflowStatus::Running)] {
        let deleted = site.ask("DELETE", &format!("/v1.0/activeflows/{id}"), None).await;
        assert_eq!((deleted.status, deleted.octets.len()), (204, 0));
        let shown = site.get(&format!("/v1.0/activeflows/{id}")).await.json();
        assert!(shown["tm_delete"].is_string() && shown["status"] == "ended");
    }
}

#[tokio::test]
async fn flows_and_conferences_have_timelines_of_their_own() {
    let site = site().await;
    let made = |path: &'static str, body: serde_json::Value| {
        let site = &site;
        async move { site.ask("POST", path, body).await.json()["id"].as_str().unwrap().to_owned() }
    };
    let flow = made("/v1.0/flows", json!({"actions": [{"type": "answer"}]})).await;
    let conference = made("/v1.0/conferences", json!({"name": "staff"})).await;
    let conference_id = conference.parse().unwrap();
    let participant = Conferencecall { id: new_id(), conference_id, ..Conferencecall::default() };
    let mut told = site.published.0.lock().unwrap().clone();
    told.push((Resource::Conferencecall(Arc::new(participant)), "conferencecall_joined".to_owned()));
    for (resource, name) in told {
        let body = LogBody::Event { name: name.into(), resource, extra: Map::new() };
        let (call_id, activeflow_id) = (Uuid::nil(), Uuid::nil());
        site.repository.note(LogEntry { at_us: 1, customer_id: CUSTOMER, call_id, activeflow_id, body });
    }
    for (path, expected) in [
        (format!("flows/{flow}"), &["flow_created"][..]),
        (format!("conferences/{conference}"), &["conference_created", "conferencecall_joined"]),
    ] {
        let page = site.get(&format!("/v1.0/timelines/{path}/events")).await.json();
        let names: Vec<_> =
            page["result"].as_array().unwrap().iter().map(|entry| entry["event_type"].clone()).collect();
        assert_eq!(names, expected, "{page}");
    }
    for kind in ["flows", "conferences"] {
        let none = format!("/v1.0/timelines/{kind}/{}/events", Uuid::from_u128(77));
        assert_eq!(site.get(&none).await.status, 404, "{none}");
    }
}

#[tokio::test]
async fn a_timeline_is_read_in_pages_from_its_beginning() {
    let site = site().await;
    let id = site.new_call(1, CallStatus::Progressing, 10);
    for n in 0..5 {
        for call_id in [id, Uuid::nil()] {
            let body =
                LogBody::Note { name: format!("note_{n}").into(), message: "m".into(), data: Particulars::default() };
            site.repository.note(LogEntry {
                at_us: n,
                customer_id: CUSTOMER,
                call_id,
                activeflow_id: Uuid::nil(),
                body,
            });
        }
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = site.get(&format!("/v1.0/timelines/calls/{id}/events?page_size=2&page_token={token}")).await.json();
        seen.extend(
            page["result"].as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap().to_owned()),
        );
        token = page["next_page_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["note_0", "note_1", "note_2", "note_3", "note_4"]);
}
