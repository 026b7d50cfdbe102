//! A conference is recorded by the API.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::Refused;
use model::{Conference, ConferenceStatus, LogBody, LogEntry, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::site::{CUSTOMER, OTHER, Site, at, new_id, site};

/// A conference as the loops have made it.
fn conference(site: &Site, change: impl FnOnce(&mut Conference)) -> Uuid {
    let id = new_id();
    let mut conference = Conference { id, customer_id: CUSTOMER, tm_create: Some(at(10)), ..Conference::default() };
    change(&mut conference);
    site.put(Resource::Conference(Arc::new(conference)));
    id
}

fn with_somebody(conference: &mut Conference) {
    conference.conferencecall_ids = vec![new_id()];
}

fn start(id: impl std::fmt::Display) -> String {
    format!("/v1.0/conferences/{id}/recording_start")
}

fn stop(id: impl std::fmt::Display) -> String {
    format!("/v1.0/conferences/{id}/recording_stop")
}

#[tokio::test]
async fn a_conference_is_recorded_and_shows_its_recording_at_once() {
    let site = site().await;
    let id = conference(&site, with_somebody);
    let started = site.ask("POST", &start(id), json!({"format": "WAV", "duration": 60, "on_end_flow_id": null})).await;
    let recording = started.json()["recording_id"].clone();
    assert_eq!((started.status, &started.json()["recording_ids"]), (200, &json!([recording])));
    assert_eq!(site.get(&format!("/v1.0/conferences/{id}")).await.json(), started.json());
    let again = site.ask("POST", &start(id), json!({})).await;
    assert_eq!(again.refusal(), (409, "RECORDING_ALREADY_ACTIVE".into()));
    let stopped = site.ask("POST", &stop(id), None).await;
    assert_eq!((stopped.status, &stopped.json()["recording_ids"]), (200, &json!([recording])));
}

#[tokio::test]
async fn a_recording_that_is_never_seen_is_not_told_as_begun() {
    let site = site().await;
    let id = conference(&site, with_somebody);
    site.calls.is_forgetful.store(true, Ordering::Relaxed);
    let started = site.ask("POST", &start(id), json!({})).await;
    assert_eq!(started.refusal(), (503, "REQUEST_TIMEOUT".into()));
}

#[tokio::test]
async fn a_body_may_be_left_out_and_names_have_two_spellings() {
    let site = site().await;
    let id = conference(&site, with_somebody);
    assert_eq!(site.ask("POST", &start(id).replace('_', "-"), None).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_recorded_says_why() {
    let site = site().await;
    let (empty, recorded) = (conference(&site, |_| {}), conference(&site, with_somebody));
    assert_eq!(site.ask("POST", &start(empty), json!({})).await.refusal(), (409, "STATE_INVALID".into()));
    assert_eq!(site.ask("POST", &stop(recorded), None).await.refusal(), (409, "RECORDING_NOT_ACTIVE".into()));
    let missing = (404, "CONFERENCE_NOT_FOUND".to_owned());
    let foreign = conference(&site, |conference| conference.customer_id = OTHER);
    let deleted = conference(&site, |conference| conference.tm_delete = Some(at(20)));
    for id in [foreign, deleted, new_id()] {
        assert_eq!(site.ask("POST", &start(id), json!({})).await.refusal(), missing);
        assert_eq!(site.ask("POST", &stop(id), None).await.refusal(), missing);
    }
    assert_eq!(site.ask("POST", &start("ann"), json!({})).await.refusal(), (400, "INVALID_ID".into()));
    let over = conference(&site, |conference| conference.status = ConferenceStatus::Terminated);
    *site.calls.refuse.lock().unwrap() = Some(Refused::ConferenceOver);
    let answer = site.ask("POST", &start(over), json!({})).await;
    assert_eq!(answer.refusal(), (409, "STATE_INVALID".into()));
    assert_eq!(answer.json()["error"]["message"], "the conference is over");
    *site.calls.refuse.lock().unwrap() = Some(Refused::Timeout);
    assert_eq!(site.ask("POST", &start(recorded), json!({})).await.refusal(), (503, "REQUEST_TIMEOUT".into()));
}

#[tokio::test]
async fn a_wrong_value_is_named_and_records_nothing() {
    let site = site().await;
    let id = conference(&site, with_somebody);
    for (body, status, field) in [
        (json!({"format": "flac"}), 400, "format"),
        (json!({"format": 7}), 400, "format"),
        (json!({"duration": -1}), 400, "duration"),
        (json!({"duration": "a minute"}), 400, "duration"),
        (json!({"on_end_flow_id": "ann"}), 400, "on_end_flow_id"),
        (json!({"on_end_flow_id": new_id()}), 404, "on_end_flow_id"),
    ] {
        let answer = site.ask("POST", &start(id), body.clone()).await;
        let named = answer.json()["error"]["details"][0]["field"].clone();
        assert_eq!((answer.status, named), (status, Value::from(field)), "{body}");
    }
    let answer = site.ask("POST", &start(id), json!({"duration": -1})).await;
    let message = "duration: it is -1, and must be a whole number from 0 to 4294967295";
    assert_eq!(answer.json()["error"]["message"], message);
    assert_eq!(site.ask("POST", &start(id), json!({"format": "ogg"})).await.status, 200);
}

#[tokio::test]
async fn the_timeline_of_a_conference_is_for_its_owner() {
    let site = site().await;
    let id = conference(&site, with_somebody);
    let told = Conference { id, customer_id: CUSTOMER, ..Conference::default() };
    let resource = Resource::Conference(Arc::new(told));
    site.repository.note(LogEntry {
        at_us: 1,
        customer_id: CUSTOMER,
        call_id: Uuid::nil(),
        activeflow_id: Uuid::nil(),
        body: LogBody::Event { name: "conference_updated".into(), resource, extra: serde_json::Map::new() },
    });
    let path = |id: Uuid| format!("/v1.0/timelines/conferences/{id}/events");
    let events = site.get(&path(id)).await.json()["result"].clone();
    assert_eq!((events.as_array().map(Vec::len), &events[0]["event_type"]), (Some(1), &json!("conference_updated")));
    let foreign = conference(&site, |conference| conference.customer_id = OTHER);
    assert_eq!(site.get(&path(foreign)).await.refusal(), (404, "CONFERENCE_NOT_FOUND".into()));
}
