//! The flow tutorial of the documentation, step by step: only host and token are other ones.

use serde_json::{Value, json};

use crate::site::{Options, site, site_with};

const TALK: &str = "hello. welcome to voipbin. This is test message. Please enjoy the voipbin's service. thank you.";
const WELCOME: &str = "https://github.com/pchero/asterisk-medias/raw/master/voipbin/welcome.wav";
const EXAMPLE: &str =
    "https://github.com/pchero/asterisk-medias/raw/master/samples_codec/pcm_samples/example-mono_16bit_8khz_pcm.wav";

fn talk() -> Value {
    json!({"type": "talk", "option": {"text": TALK, "language": "en-US"}})
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

    let play = |url| json!({"type": "play", "option": {"stream_url": [url]}});
    let sent = [json!({"type": "answer"}), talk(), play(WELCOME), play(EXAMPLE)];
    let update = json!({"name": "test flow update", "detail": "test voipbin flow example update", "actions": sent});
    let updated = post("PUT", format!("/v1.0/flows/{id}{token}"), update).await;
    assert_eq!(updated.status, 200, "{updated:?}");
    let updated = updated.json();
    assert_eq!(
        (updated["id"].as_str(), updated["name"].as_str(), updated["detail"].as_str()),
        (Some(id), Some("test flow update"), Some("test voipbin flow example update"))
    );
    let actions = updated["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 4);
    for (action, sent) in actions.iter().zip(&sent) {
        assert_eq!((&action["type"], action.get("option")), (&sent["type"], sent.get("option")));
        assert_eq!(action["id"].as_str().unwrap().len(), 36);
    }
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

/// The scenarios of the documentation's flow page, as bodies of `POST /flows`.
#[tokio::test]
async fn the_documented_scenarios_are_taken_or_refused_by_the_type_that_is_missing() {
    let site = site().await;
    let (again, one, wrong) = (
        "b8781e56-c524-11ec-889f-d37b0dbb7eb8",
        "c3eb8e62-c524-11ec-94c5-abafec8af561",
        "ed9705ca-c524-11ec-a3fb-8feb7731ad45",
    );
    let say = |id: &str, text: &str| {
        let option = json!({"text": text, "gender": "female", "language": "en-US"});
        json!({"id": id, "type": "talk", "option": option})
    };
    let branch = json!({"actions": [
        say(again, "Hello. This is branch test. Press 1."),
        {"type": "digits_receive", "option": {"duration": 5000, "length": 1}},
        {"type": "branch", "option": {"default_target_id": wrong, "target_ids": {"1": one}}},
        say(one, "Empty spaces."), {"type": "hangup"},
        say(wrong, "Default selected."), {"type": "goto", "option": {"target_id": again, "loop_count": 2}},
        {"type": "talk", "option": {"text": "Loop over.", "gender": "female", "language": "en-US"}},
        {"type": "hangup"},
    ]});
    // An id that is no UUID by one letter, as the page has it.
    let welcome = "9c30642a-f05e-11ef-8674-ebba44c5cb0f2";
    let sample = json!({"name": "Sample Call Flow", "type": "flow", "actions": [
        {"id": "9c8ebac0-f05e-11ef-b9ae-4b8aecc935fe", "type": "answer"},
        {"id": welcome, "type": "talk", "option": {"text": "Welcome to VoIPBIN", "language": "en-US"}},
        {"id": "9c659370-f05e-11ef-b141-63708262508b", "type": "digits_receive", "option": {"duration": 5000, "length": 1}},
        {"id": "9cb2962a-f05e-11ef-ae35-2374e1ae16df", "type": "branch",
            "option": {"variable": "voipbin.call.digits", "target_ids": {"1": welcome}}},
    ]});
    for flow in [branch, sample] {
        let made = site.ask("POST", "/v1.0/flows", flow.clone()).await;
        assert_eq!(made.status, 200, "{made:?}");
        for (kept, sent) in made.json()["actions"].as_array().unwrap().iter().zip(flow["actions"].as_array().unwrap()) {
            assert_eq!((&kept["type"], kept.get("option")), (&sent["type"], sent.get("option")));
            assert!(sent.get("id").is_none_or(|id| *id == kept["id"]), "{kept}");
        }
    }
    let (nil, machine) = (model::action_id::NIL, "cfe0e8ea-991c-11ec-b849-d7fc54168fd5");
    let tel = |number: &str| json!({"type": "tel", "target": number});
    let voicemail = json!({"actions": [
        {"type": "connect", "option": {"source": tel("+821021656521"), "destinations": [tel("+821021546521")]}},
        {"id": "3746e628-8cc1-4ff4-82fe-194b16b9a10e", "next_id": nil, "type": "condition_call_status",
            "option": {"status": "progressing", "false_target_id": machine}},
        {"id": "58f859e9-92d8-4b46-8073-722b9c881ae0", "next_id": nil, "type": "hangup"},
        say(machine, "Please leave a message after tone."),
        {"id": "0a9b6f38-ddcd-448b-80a1-ae47ac0e08aa", "next_id": nil, "type": "beep"},
        {"id": "ad969315-6ac4-4339-b300-566eb6352fea", "next_id": nil, "type": "recording_start",
            "option": {"beep_start": true}},
        {"id": "8abf3f9d-414c-4a15-aa94-02a799409f48", "next_id": nil, "type": "sleep", "option": {"duration": 10000}},
        {"id": "e4fc5d9e-9fa8-4b3e-ae77-b55b04c1f2d3", "next_id": nil, "type": "hangup"},
    ]});
    let message = json!({"actions": [
        {"type": "message_send", "option": {"source": tel("+821100000001"), "destinations": [tel("+821100000002")],
            "text": "hello, this is test message."}},
    ]});
    for (flow, missing) in [(voicemail, "connect"), (message, "message_send")] {
        let answer = site.ask("POST", "/v1.0/flows", flow).await;
        assert_eq!(answer.refusal(), (400, "INVALID_ACTION_TYPE".into()));
        let details = &answer.json()["error"]["details"];
        assert_eq!(
            (details.as_array().unwrap().len(), &details[0]["field"]),
            (1, &json!("actions[0].type")),
            "{details}"
        );
        assert!(details[0]["found"].as_str().unwrap().contains(missing), "{details}");
    }
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
