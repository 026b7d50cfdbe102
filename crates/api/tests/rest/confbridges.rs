//! Confbridges: made by hand, of conferences, and who may be kicked out of them.

use std::sync::Arc;

use api::Refused;
use model::{CallStatus, Confbridge, ConferenceStatus, ConferenceType, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::site::{CUSTOMER, OTHER, Site, at, new_id, site};

/// What the loops have written down of a bridge.
fn recorded(site: &Site, created_us: u64, change: impl FnOnce(&mut Confbridge)) -> Uuid {
    let id = new_id();
    let mut bridge = Confbridge { id, customer_id: CUSTOMER, tm_create: Some(at(created_us)), ..Confbridge::default() };
    change(&mut bridge);
    site.put(Resource::Confbridge(Arc::new(bridge)));
    id
}

fn of_conference(conference_id: Uuid) -> impl FnOnce(&mut Confbridge) {
    move |bridge| (bridge.reference_type, bridge.reference_id) = ("conference".into(), conference_id)
}

fn path(id: impl std::fmt::Display) -> String {
    format!("/v1.0/confbridges/{id}")
}

#[tokio::test]
async fn a_confbridge_is_made_shown_and_deleted() {
    let site = site().await;
    let made = site.ask("POST", "/v1.0/confbridges", json!({})).await.json();
    let id = made["id"].as_str().unwrap();
    for (field, expected) in [
        ("customer_id", json!(CUSTOMER)),
        ("type", json!("conference")),
        ("status", json!("progressing")),
        ("flags", json!([])),
        ("channel_call_ids", json!([])),
        ("external_media_ids", json!([])),
        ("reference_type", json!("")),
        ("reference_id", json!(Uuid::nil())),
        ("tm_update", Value::Null),
    ] {
        assert_eq!(made[field], expected, "{field}");
    }
    assert_eq!(site.get(&path(id)).await.json(), made);
    {
        let published = site.published.0.lock().unwrap();
        let [(Resource::Confbridge(told), event)] = &published[..] else { panic!("{published:?}") };
        assert_eq!((told.id.to_string(), event.as_str()), (id.to_owned(), "confbridge_created"));
    }
    let deleted = site.ask("DELETE", &path(id), None).await;
    assert_eq!((deleted.status, deleted.json()["status"].as_str()), (200, Some("terminated")));
    assert!(deleted.json()["tm_delete"].is_string());
    assert_eq!(site.ask("DELETE", &path(id), None).await.json(), deleted.json(), "twice is like once");
    assert_eq!(site.get(&path(id)).await.json(), deleted.json());
    assert_eq!(site.get("/v1.0/confbridges").await.json()["result"], json!([]));
}

#[tokio::test]
async fn it_takes_a_type_and_flags_and_nothing_else() {
    let site = site().await;
    let body = json!({"type": "connect", "flags": ["no_auto_leave", "no_auto_leave"], "status": "terminated"});
    let made = site.ask("POST", "/v1.0/confbridges", body).await.json();
    assert_eq!((&made["type"], &made["flags"]), (&json!("connect"), &json!(["no_auto_leave"])));
    assert_eq!(made["status"], "progressing");
    for (body, field) in
        [(json!({"type": "party"}), "type"), (json!({"type": "queue"}), "type"), (json!({"flags": ["loud"]}), "flags")]
    {
        let answer = site.ask("POST", "/v1.0/confbridges", body.clone()).await;
        assert_eq!((answer.status, &answer.json()["error"]["details"][0]["field"]), (400, &json!(field)), "{body}");
    }
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let site = site().await;
    let conference_id = new_id();
    recorded(&site, 10, |_| {});
    recorded(&site, 11, |bridge| bridge.status = ConferenceStatus::Terminated);
    recorded(&site, 12, of_conference(conference_id));
    recorded(&site, 13, |bridge| bridge.customer_id = OTHER);
    for (query, expected) in [
        ("", 3),
        ("?status=terminated", 1),
        ("?status=progressing", 2),
        (&format!("?reference_id={conference_id}"), 1),
        (&format!("?reference_id={conference_id}&status=terminated"), 0),
    ] {
        let list = site.get(&format!("/v1.0/confbridges{query}")).await.json();
        assert_eq!(list["result"].as_array().unwrap().len(), expected, "{query}");
    }
    let first = site.get("/v1.0/confbridges?page_size=2").await.json();
    assert_eq!(first["result"][0]["reference_id"], json!(conference_id), "the newest comes first");
    let token = first["next_page_token"].as_str().unwrap();
    let second = site.get(&format!("/v1.0/confbridges?page_size=2&page_token={token}")).await.json();
    assert_eq!((second["result"].as_array().unwrap().len(), &second["next_page_token"]), (1, &json!("")));
    assert_eq!(site.get("/v1.0/confbridges?status=starting").await.status, 400);
}

#[tokio::test]
async fn a_call_is_kicked_out_and_the_others_stay() {
    let site = site().await;
    let [kicked, stays] = [1, 2].map(|id| site.new_call(id, CallStatus::Progressing, 10));
    let id = recorded(&site, 10, |bridge| bridge.channel_call_ids = vec![kicked, stays]);
    let kick = |bridge: Uuid, call: String| format!("{}/calls/{call}/kick", path(bridge));
    let answer = site.ask("POST", &kick(id, kicked.to_string()), None).await;
    assert_eq!((answer.status, &answer.json()["channel_call_ids"]), (200, &json!([stays])));
    let refusal = |bridge, call: String| {
        let (site, path) = (&site, kick(bridge, call));
        async move { site.ask("POST", &path, None).await.refusal() }
    };
    assert_eq!(refusal(id, kicked.to_string()).await, (409, "STATE_INVALID".into()), "it is out already");
    assert_eq!(refusal(id, new_id().to_string()).await, (404, "CALL_NOT_FOUND".into()));
    assert_eq!(refusal(new_id(), stays.to_string()).await, (404, "RESOURCE_NOT_FOUND".into()));
    assert_eq!(refusal(id, "ann".into()).await, (400, "INVALID_ID".into()));
    *site.calls.refuse.lock().unwrap() = Some(Refused::Timeout);
    assert_eq!(refusal(id, stays.to_string()).await, (503, "REQUEST_TIMEOUT".into()));
    assert_eq!(site.ask("DELETE", &path(id), None).await.refusal(), (503, "REQUEST_TIMEOUT".into()));
    *site.calls.refuse.lock().unwrap() = None;
    assert_eq!(site.ask("DELETE", &path(id), None).await.json()["channel_call_ids"], json!([]));
    assert_eq!(refusal(id, stays.to_string()).await, (404, "RESOURCE_NOT_FOUND".into()), "it is deleted");
}

#[tokio::test]
async fn a_bridge_that_has_ended_by_itself_is_only_marked() {
    let site = site().await;
    *site.calls.refuse.lock().unwrap() = Some(Refused::Timeout);
    let id = recorded(&site, 10, |bridge| {
        (bridge.kind, bridge.status) = (ConferenceType::Connect, ConferenceStatus::Terminated);
    });
    let deleted = site.ask("DELETE", &path(id), None).await;
    assert_eq!((deleted.status, deleted.json()["tm_delete"].is_string()), (200, true));
}

#[tokio::test]
async fn the_bridge_of_a_conference_is_shown_and_not_deleted() {
    let site = site().await;
    let conference_id = new_id();
    let id = recorded(&site, 10, of_conference(conference_id));
    let shown = site.get(&path(id)).await.json();
    assert_eq!((&shown["reference_type"], &shown["reference_id"]), (&json!("conference"), &json!(conference_id)));
    let answer = site.ask("DELETE", &path(id), None).await;
    assert_eq!(answer.refusal(), (409, "STATE_INVALID".into()));
    let error = &answer.json()["error"];
    assert_eq!(error["message"], format!("this confbridge belongs to conference {conference_id} and ends with it"));
    assert_eq!(error["details"], json!([{"reference_type": "conference", "reference_id": conference_id}]));
    assert_eq!(site.get(&path(id)).await.json(), shown, "it is as it was");
}

#[tokio::test]
async fn another_customers_bridge_is_not_found() {
    let site = site().await;
    let call = site.new_call(1, CallStatus::Progressing, 10);
    let id = recorded(&site, 10, |bridge| (bridge.customer_id, bridge.channel_call_ids) = (OTHER, vec![call]));
    let missing = (404, "RESOURCE_NOT_FOUND".to_owned());
    assert_eq!(site.get(&path(id)).await.refusal(), missing);
    assert_eq!(site.ask("DELETE", &path(id), None).await.refusal(), missing);
    assert_eq!(site.ask("POST", &format!("{}/calls/{call}/kick", path(id)), None).await.refusal(), missing);
    assert_eq!(site.get("/v1.0/confbridges").await.json()["result"], json!([]));
}
