//! The flow tutorial of the documentation, step by step: only host and token are other ones.

use serde_json::{Value, json};

use crate::site::{Options, site, site_with};

const TALK: &str = "hello. welcome to voipbin. This is test message. Please enjoy the voipbin's service. thank you.";
const WELCOME: &str = "https://github.com/pchero/asterisk-medias/raw/master/voipbin/welcome.wav";

/// The tutorial speaks; a server without speech takes the same flow with a prompt in its place.
fn speaks() -> bool {
    let action = model::Action { kind: "talk".into(), ..model::Action::default() };
    flow::verify(&[action]).problems.iter().all(|problem| problem.reason != flow::ProblemReason::InvalidActionType)
}

fn talk() -> Value {
    if speaks() {
        json!({"type": "talk", "option": {"text": TALK, "language": "en-US"}})
    } else {
        json!({"type": "play", "option": {"stream_url": [WELCOME]}})
    }
}

fn tutorial_flow() -> Value {
    json!({"name": "test flow", "detail": "test voipbin flow example", "actions": [{"type": "answer"}, talk()]})
}

#[tokio::test]
async fn the_tutorial_works_with_the_token_in_the_query() {
    let site = site().await;
    let token = format!("?token={}", site.key);
    let post = |method: &'static str, path: String, body: Value| {
        let site = &site;
        async move { site.ask_as("", method, &path, Some(&body.to_string())).await }
    };

    let created = post("POST", format!("/v1.0/flows{token}"), tutorial_flow()).await;
    assert_eq!(created.status, 200, "{created:?}");
    let created = created.json();
    assert_eq!(
        (created["name"].as_str(), created["detail"].as_str()),
        (Some("test flow"), Some("test voipbin flow example"))
    );
    let actions = created["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 2);
    assert!(actions.iter().all(|action| action["id"].as_str().unwrap().len() == 36));
    assert_eq!(actions[1]["option"], talk()["option"], "an option comes back as it was sent");
    assert!(actions[0].get("option").is_none());
    assert!(created["tm_update"].is_null() && created["tm_delete"].is_null());
    assert!(created["direct_hash"].as_str().unwrap().starts_with("direct."));
    let id = created["id"].as_str().unwrap();

    let list = site.ask_as("", "GET", &format!("/v1.0/flows{token}"), None).await.json();
    assert_eq!(list["result"], json!([created]));
    assert_eq!(list["next_page_token"], "");
    assert_eq!(site.ask_as("", "GET", &format!("/v1.0/flows/{id}{token}"), None).await.json(), created);

    let update = json!({"name": "test flow update", "detail": "test voipbin flow example update", "actions": [
        {"type": "answer"}, talk(), {"type": "play", "option": {"stream_url": [WELCOME]}}]});
    let updated = post("PUT", format!("/v1.0/flows/{id}{token}"), update).await.json();
    assert_eq!((updated["id"].as_str(), updated["name"].as_str()), (Some(id), Some("test flow update")));
    assert_eq!(updated["actions"].as_array().unwrap().len(), 3);
    assert_eq!(updated["tm_create"], created["tm_create"]);
    assert!(updated["tm_update"].is_string());

    let deleted = site.ask_as("", "DELETE", &format!("/v1.0/flows/{id}{token}"), None).await;
    assert_eq!((deleted.status, deleted.octets.len()), (204, 0));
    assert_eq!(site.get("/v1.0/flows").await.json()["result"], json!([]));
    let still = site.get(&format!("/v1.0/flows/{id}")).await.json();
    assert!(still["tm_delete"].is_string(), "by its id a deleted flow is still there");
    assert_eq!(site.ask("DELETE", &format!("/v1.0/flows/{id}"), None).await.status, 204, "twice answers like once");
    assert_eq!(
        site.ask("PUT", &format!("/v1.0/flows/{id}"), tutorial_flow()).await.refusal(),
        (404, "FLOW_NOT_FOUND".into())
    );

    let published = site.published.0.lock().unwrap();
    let events: Vec<&str> = published.iter().map(|(_, event)| event.as_str()).collect();
    assert_eq!(events, ["flow_created", "flow_updated", "flow_deleted"]);
}

#[tokio::test]
async fn wrong_actions_are_refused_with_every_place_named() {
    let site = site().await;
    let body = json!({"actions": [{"type": "answer"}, {"type": "dance"}, {"type": "fly"}]});
    let answer = site.ask("POST", "/v1.0/flows", body).await;
    assert_eq!(answer.refusal(), (400, "INVALID_ACTION_TYPE".into()));
    let error = answer.json();
    assert_eq!(error["error"]["status"], "INVALID_ARGUMENT");
    let fields: Vec<&str> =
        error["error"]["details"].as_array().unwrap().iter().map(|detail| detail["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["actions[1].type", "actions[2].type"]);
    let body = json!({"actions": [{"id": "00000000-0000-0000-0000-000000000001", "type": "answer"}]});
    assert_eq!(site.ask("POST", "/v1.0/flows", body).await.refusal(), (400, "INVALID_ARGUMENT".into()));
    assert_eq!(site.get("/v1.0/flows").await.json()["result"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn a_new_hash_can_be_drawn_in_both_spellings() {
    let site = site().await;
    let flow = site.ask("POST", "/v1.0/flows", json!({})).await.json();
    let id = flow["id"].as_str().unwrap();
    let mut hashes = vec![flow["direct_hash"].clone()];
    for spelling in ["direct-hash-regenerate", "direct_hash_regenerate"] {
        let answer = site.ask("POST", &format!("/v1.0/flows/{id}/{spelling}"), None).await;
        assert_eq!(answer.status, 200);
        hashes.push(answer.json()["direct_hash"].clone());
    }
    hashes.sort_by_key(ToString::to_string);
    hashes.dedup();
    assert_eq!(hashes.len(), 3);
    assert!(hashes.iter().all(|hash| hash.as_str().unwrap().len() == "direct.".len() + 12));
}

#[tokio::test]
async fn the_older_timestamps_can_be_had() {
    let site = site_with(Options { legacy: true, ..Options::default() }).await;
    let flow = site.ask("POST", "/v1.0/flows", tutorial_flow()).await.json();
    let created = flow["tm_create"].as_str().unwrap();
    assert!(created.len() == 26 && created.as_bytes()[10] == b' ', "{created}");
    assert_eq!(
        (&flow["tm_update"], &flow["tm_delete"]),
        (&json!("9999-01-01 00:00:00.000000"), &json!("9999-01-01 00:00:00.000000"))
    );
    let page = site.get("/v1.0/flows?page_size=1").await.json();
    let token = page["next_page_token"].as_str().unwrap().replace(' ', "%20");
    assert_eq!(site.get(&format!("/v1.0/flows?page_token={token}")).await.json()["result"], json!([]));
}
