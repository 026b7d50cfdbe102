//! Numbers, extensions, conferences, the customer, registrations.

use std::sync::Arc;
use std::time::Duration;

use model::{Conference, ConferenceStatus, Number, Resource};
use serde_json::{Value, json};

use crate::site::{CUSTOMER, at, new_id, site};

#[tokio::test]
async fn a_number_runs_the_flow_that_it_is_given() {
    let site = site().await;
    let flow = site.ask("POST", "/v1.0/flows", json!({})).await.json();
    let body = json!({"number": "+12025550123", "call_flow_id": flow["id"], "name": "main"});
    let number = site.ask("POST", "/v1.0/numbers", body.clone()).await.json();
    assert_eq!((number["status"].as_str(), number["type"].as_str()), (Some("active"), Some("normal")));
    assert!(number["tm_purchase"].is_string());
    assert_eq!(site.ask("POST", "/v1.0/numbers", body.clone()).await.refusal(), (409, "ALREADY_EXISTS".into()));
    let path = format!("/v1.0/numbers/{}", number["id"].as_str().unwrap());
    for spelling in ["flow_ids", "flow-ids"] {
        let answer =
            site.ask("PUT", &format!("{path}/{spelling}"), json!({"message_flow_id": flow["id"]})).await.json();
        assert_eq!((&answer["call_flow_id"], &answer["message_flow_id"]), (&flow["id"], &flow["id"]));
        assert_eq!(answer["name"], "main", "what is not sent stays");
    }
    let deleted = site.ask("DELETE", &path, None).await.json();
    assert_eq!(deleted["status"], "deleted");
    assert_eq!(site.ask("POST", "/v1.0/numbers", body).await.status, 200, "the number is free again");
}

#[tokio::test]
async fn numbers_that_are_due_are_renewed_once() {
    let site = site().await;
    let number = |number: u128, change: fn(&mut Number)| {
        let (id, text) = (uuid::Uuid::from_u128(number), number.to_string());
        let (customer_id, tm_create) = (CUSTOMER, Some(at(number as u64)));
        let mut number =
            Number { id, customer_id, number: text, tm_purchase: at(50).into(), tm_create, ..Number::default() };
        change(&mut number);
        site.put(Resource::Number(Arc::new(number)));
    };
    (1..=130).for_each(|id| number(id, |_| {}));
    number(200, |number| number.tm_renew = Some(at(70)));
    number(201, |number| number.tm_purchase = Some(at(60)));
    number(202, |number| number.tm_delete = Some(at(55)));
    number(203, |number| number.customer_id = uuid::Uuid::from_u128(0xfe));
    let renew = async || {
        let answer = site.ask("POST", "/v1.0/numbers/renew", json!({"tm_renew": at(60)})).await.json();
        answer["result"].as_array().unwrap().len()
    };
    assert_eq!([renew().await, renew().await, renew().await], [100, 30, 0]);
    let shown = async |id: u128| site.get(&format!("/v1.0/numbers/{}", uuid::Uuid::from_u128(id))).await.json();
    assert!(shown(7).await["tm_renew"].as_str() > Some("2020"), "{}", shown(7).await);
    assert_eq!(shown(200).await["tm_renew"], json!(at(70)));
    assert_eq!((&shown(201).await["tm_renew"], &shown(202).await["tm_renew"]), (&Value::Null, &Value::Null));
    let told = site.published.0.lock().unwrap().iter().filter(|(_, event)| event == "number_renewed").count();
    assert_eq!(told, 130);
    for (body, reason) in [(json!({}), "MISSING_REQUEST_PARAMETER"), (json!({"tm_renew": "soon"}), "INVALID_JSON_BODY")]
    {
        assert_eq!(site.ask("POST", "/v1.0/numbers/renew", body).await.refusal(), (400, reason.into()));
    }
}

#[tokio::test]
async fn a_number_has_metadata_and_virtual_ones_are_free() {
    let site = site().await;
    let made = site.ask("POST", "/v1.0/numbers", json!({"number": "echo"})).await.json();
    assert_eq!(made["metadata"], json!({"rtp_debug": false}));
    let path = format!("/v1.0/numbers/{}/metadata", made["id"].as_str().unwrap());
    assert_eq!(site.ask("PUT", &path, json!({"rtp_debug": true})).await.json()["metadata"], json!({"rtp_debug": true}));
    assert_eq!(site.ask("PUT", &path, json!({})).await.json()["metadata"], json!({"rtp_debug": true}));

    let free = async |query: &str| {
        let answer = site.get(&format!("/v1.0/available_numbers{query}")).await.json();
        answer["result"].as_array().unwrap().clone()
    };
    let found = free("?page_size=3&type=virtual").await;
    assert_eq!((found.len(), free("").await.len()), (3, 100));
    assert_eq!((free("?type=normal").await, free("?country_code=US").await), (vec![], vec![]));
    for one in found {
        let body = json!({"number": one["number"], "type": one["type"]});
        assert_eq!(site.ask("POST", "/v1.0/numbers", body).await.status, 200, "{one}");
    }
    let wrong = site.ask("POST", "/v1.0/numbers", json!({"number": "+1202", "type": "virtual"})).await;
    assert_eq!(wrong.refusal(), (400, "INVALID_ARGUMENT".into()));
}

#[tokio::test]
async fn of_a_password_only_digests_are_kept() {
    let site = site().await;
    let body = json!({"extension": "1000", "password": "very secret", "name": "desk"});
    let made = site.ask("POST", "/v1.0/extensions", body.clone()).await;
    let text = String::from_utf8(made.octets.clone()).unwrap();
    assert!(!text.contains("secret") && !text.contains("ha1") && !text.contains("password"), "{text}");
    let made = made.json();
    assert_eq!(made["domain_name"], format!("{CUSTOMER}.registrar.voipbin.net"));
    assert_eq!(made["username"], "1000");
    assert_eq!(site.ask("POST", "/v1.0/extensions", body).await.refusal(), (409, "ALREADY_EXISTS".into()));
    let digests = |site: &crate::site::Site| match &site.published.0.lock().unwrap().last().unwrap().0 {
        Resource::Extension(extension) => extension.ha1.clone(),
        other => panic!("{other:?}"),
    };
    let first = digests(&site);
    assert_eq!((first.md5.len(), first.sha256.len()), (32, 64));
    let path = format!("/v1.0/extensions/{}", made["id"].as_str().unwrap());
    let renamed = site.ask("PUT", &path, json!({"name": "new", "extension": "2000"})).await.json();
    assert_eq!((renamed["name"].as_str(), renamed["extension"].as_str()), (Some("new"), Some("1000")));
    assert!(digests(&site) == first, "a password that is not sent stays");
    site.ask("PUT", &path, json!({"password": "other"})).await;
    assert!(digests(&site) != first);
}

#[tokio::test]
async fn a_conference_is_opened_changed_and_closed() {
    let site = site().await;
    let id = "24013a0e-d15b-4b5e-9a96-04221a8c6a15";
    let body = json!({"id": id, "type": "connect", "name": "standup", "timeout": 30, "data": {"a": 1}});
    let made = site.ask("POST", "/v1.0/conferences", body.clone()).await.json();
    assert_eq!(
        (made["id"].as_str(), made["status"].as_str(), made["timeout"].as_u64()),
        (Some(id), Some("progressing"), Some(86_400))
    );
    assert_eq!(site.ask("POST", "/v1.0/conferences", body).await.refusal(), (409, "ALREADY_EXISTS".into()));
    let path = format!("/v1.0/conferences/{id}");
    let changed = site.ask("PUT", &path, json!({"name": "daily"})).await.json();
    assert_eq!((changed["name"].as_str(), &changed["data"]), (Some("daily"), &json!({"a": 1})));
    let closed = site.ask("DELETE", &path, None).await.json();
    assert_eq!(closed["status"], "terminated");
    assert!(closed["tm_end"].is_string() && closed["tm_delete"].is_string());
    assert_eq!(site.ask("DELETE", &path, None).await.json(), closed);
    let minimal = site.ask("POST", "/v1.0/conferences", json!({"type": ""})).await.json();
    assert_eq!(minimal["type"], "conference");
}

/// Its end comes from the loops, and what the API writes down must not be of before.
#[tokio::test]
async fn a_conference_with_somebody_inside_is_over_when_it_is_deleted() {
    let site = site().await;
    let inside = Conference {
        id: new_id(),
        customer_id: CUSTOMER,
        conferencecall_ids: vec![new_id()],
        tm_create: Some(at(1)),
        ..Conference::default()
    };
    let path = format!("/v1.0/conferences/{}", inside.id);
    site.put(Resource::Conference(Arc::new(inside)));
    let deleted = site.ask("DELETE", &path, None).await.json();
    assert_eq!((&deleted["status"], &deleted["conferencecall_ids"]), (&json!("terminated"), &json!([])));
    assert_eq!(deleted["tm_end"], json!(at(7)));
    assert!(deleted["tm_delete"].is_string());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(site.get(&path).await.json(), deleted, "nothing is said behind that");
    assert_eq!(site.ask("DELETE", &path, None).await.json(), deleted);
    assert_eq!(site.published.0.lock().unwrap().last().unwrap().1, "conference_deleted");
}

/// The disk was full when the loops said so: it must not be in the way of its owner for ever.
#[tokio::test]
async fn a_conference_whose_end_could_not_be_written_down_can_be_deleted() {
    let site = site().await;
    let ended = Conference {
        id: new_id(),
        customer_id: CUSTOMER,
        status: ConferenceStatus::Terminating,
        conferencecall_ids: vec![new_id()],
        tm_create: Some(at(1)),
        ..Conference::default()
    };
    let path = format!("/v1.0/conferences/{}", ended.id);
    site.put(Resource::Conference(Arc::new(ended)));
    let deleted = site.ask("DELETE", &path, None).await;
    assert_eq!(deleted.status, 200);
    let deleted = deleted.json();
    assert_eq!((&deleted["status"], &deleted["conferencecall_ids"]), (&json!("terminated"), &json!([])));
    assert!(deleted["tm_end"].is_string() && deleted["tm_delete"].is_string());
    assert_eq!(site.get(&path).await.json(), deleted);
}

#[tokio::test]
async fn the_older_actions_of_a_conference_become_flows() {
    let site = site().await;
    let (id, nil) = (new_id(), json!(uuid::Uuid::nil()));
    let body = json!({"pre_actions": [{"type": "answer"}], "post_actions": []});
    let made = site.ask("POST", "/v1.0/conferences", body).await.json();
    assert_eq!(made["post_flow_id"], nil);
    let flow = site.get(&format!("/v1.0/flows/{}", made["pre_flow_id"].as_str().unwrap())).await.json();
    assert_eq!((flow["type"].as_str(), flow["actions"][0]["type"].as_str()), (Some("conference"), Some("answer")));
    let wrong = site.ask("POST", "/v1.0/conferences", json!({"pre_actions": [{"type": "dance"}]})).await;
    assert_eq!(wrong.refusal(), (400, "INVALID_ACTION_TYPE".into()));

    let path = format!("/v1.0/conferences/{}", made["id"].as_str().unwrap());
    let put = async |body| site.ask("PUT", &path, body).await.json();
    let wrong = site.ask("PUT", &path, json!({"post_actions": [{"type": "dance"}]})).await;
    assert_eq!(wrong.refusal(), (400, "INVALID_ACTION_TYPE".into()));
    assert_eq!(put(json!({"name": "n"})).await["pre_flow_id"], made["pre_flow_id"]);
    let changed = put(json!({"pre_actions": [], "post_actions": [{"type": "beep"}]})).await;
    assert_eq!(changed["pre_flow_id"], nil);
    let flow = site.get(&format!("/v1.0/flows/{}", changed["post_flow_id"].as_str().unwrap())).await.json();
    assert_eq!((flow["name"].as_str(), flow["actions"][0]["type"].as_str()), (Some("n"), Some("beep")));
    let both = put(json!({"post_flow_id": id, "post_actions": [{"type": "beep"}]})).await;
    assert_eq!(both["post_flow_id"], json!(id), "the newer form wins");
    assert_eq!(put(json!({"post_flow_id": nil})).await["post_flow_id"], nil);
}

#[tokio::test]
async fn a_mistake_in_the_actions_of_a_conference_is_told_by_the_name_that_was_written() {
    let site = site().await;
    let made = site.ask("POST", "/v1.0/conferences", json!({})).await.json();
    let own = format!("/v1.0/conferences/{}", made["id"].as_str().unwrap());
    let wrong = json!([{"type": "answer"}, {"type": "dance"}]);
    for (field, actions, at) in [
        ("pre_actions", wrong.clone(), "pre_actions[1].type"),
        ("post_actions", wrong, "post_actions[1].type"),
        ("pre_actions", json!([{"id": 5, "type": "answer"}]), "pre_actions[0].id"),
        ("post_actions", json!({}), "post_actions"),
    ] {
        for (method, path) in [("POST", "/v1.0/conferences"), ("PUT", own.as_str())] {
            let refused = site.ask(method, path, json!({ field: actions })).await;
            let error = &refused.json()["error"];
            assert_eq!((refused.status, &error["details"][0]["field"]), (400, &json!(at)), "{method} {refused:?}");
            assert!(error["message"].as_str().unwrap().starts_with(at), "{error}");
        }
    }
}

/// spec/flow.md §2: what the server made for something is an ordinary flow that is in no list.
#[tokio::test]
async fn flows_of_conferences_are_shown_but_not_listed() {
    let site = site().await;
    let own = site.ask("POST", "/v1.0/flows", json!({"name": "own"})).await.json();
    let body = json!({"pre_actions": [{"type": "answer"}], "post_actions": [{"type": "beep"}]});
    let made = site.ask("POST", "/v1.0/conferences", body).await.json();
    assert_eq!(site.get("/v1.0/flows").await.json()["result"], json!([own]));
    assert_eq!(site.get("/v1.0/flows?page_size=1").await.json()["result"], json!([own]));
    let path = format!("/v1.0/flows/{}", made["post_flow_id"].as_str().unwrap());
    assert_eq!(site.get(&path).await.json()["type"], "conference");
}

/// The same as in the files of provisioning: what telephones' keys can dial.
#[tokio::test]
async fn an_extension_may_have_the_stars_and_hashes_of_a_telephones_keys() {
    let site = site().await;
    for extension in ["*97", "#31#", "a.b-c_d+e"] {
        let body = json!({"extension": extension, "password": "secret"});
        let made = site.ask("POST", "/v1.0/extensions", body).await;
        assert_eq!((made.status, &made.json()["extension"]), (200, &json!(extension)));
    }
    for extension in ["", "a b", "1000@a", "a:b", "\u{e4}", &"1".repeat(65)] {
        let body = json!({"extension": extension, "password": "secret"});
        let refused = site.ask("POST", "/v1.0/extensions", body).await;
        assert_eq!((refused.status, &refused.json()["error"]["details"][0]["field"]), (400, &json!("extension")));
    }
}

#[tokio::test]
async fn the_customer_says_where_its_events_go() {
    let site = site().await;
    let body = json!({"webhook_uri": "https://example.com/hook", "webhook_method": "PUT", "webhook_secret": "s"});
    let changed = site.ask("PUT", "/v1.0/customer", body).await.json();
    assert_eq!((changed["name"].as_str(), changed["webhook_method"].as_str()), (Some("Acme"), Some("PUT")));
    assert_eq!((&changed["email"], &changed["email_verified"]), (&json!(""), &json!(false)));
    assert!(changed.get("webhook_secret").is_none());
    assert_eq!(site.get("/v1.0/customer").await.json(), changed);
    assert_eq!(site.ask("PUT", "/v1.0/customer", json!({"webhook_uri": ""})).await.json()["webhook_uri"], "");
    let about = json!({"email": "a@example.com", "phone_number": "+12025550123", "address": "1 Main Street"});
    let changed = site.ask("PUT", "/v1.0/customer", about.clone()).await.json();
    assert!(about.as_object().unwrap().iter().all(|(field, value)| &changed[field] == value), "{changed}");
    assert_eq!((&changed["email_verified"], &changed["name"]), (&json!(true), &json!("Acme")));
}

#[tokio::test]
async fn what_a_customer_has_noted_of_itself_is_kept_and_shown() {
    let site = site().await;
    assert_eq!(site.get("/v1.0/customer").await.json()["metadata"], json!({"rtp_debug": false}));
    for (put, shown) in [
        (json!({"metadata": {"rtp_debug": true}}), true),
        (json!({"metadata": {"more": 5}, "name": "n"}), true),
        (json!({"metadata": null}), true),
        (json!({"metadata": {"rtp_debug": null}}), true),
        (json!({"metadata": {"rtp_debug": false}}), false),
    ] {
        let changed = site.ask("PUT", "/v1.0/customer", put.clone()).await.json();
        assert_eq!(changed["metadata"], json!({ "rtp_debug": shown }), "{put}");
        assert_eq!(site.get("/v1.0/customer").await.json(), changed);
    }
    let refused = site.ask("PUT", "/v1.0/customer", json!({"metadata": {"rtp_debug": "yes"}})).await;
    assert_eq!((refused.status, &refused.json()["error"]["details"][0]["field"]), (400, &json!("metadata.rtp_debug")));
}

#[tokio::test]
async fn where_events_go_is_no_longer_than_the_document_says() {
    let site = site().await;
    // 255 characters, of which each takes two octets in the secret.
    let (secret, path) = ("ä".repeat(255), "a".repeat(255 - "https://example.com/".len()));
    let body = json!({"webhook_uri": format!("https://example.com/{path}"), "webhook_secret": secret});
    assert_eq!(site.ask("PUT", "/v1.0/customer", body).await.status, 200);
    for body in [
        json!({"webhook_uri": format!("https://example.com/{path}a")}),
        json!({"webhook_secret": format!("{secret}a")}),
    ] {
        assert_eq!(site.ask("PUT", "/v1.0/customer", body).await.refusal(), (400, "INVALID_ARGUMENT".into()));
    }
}

#[tokio::test]
async fn only_the_own_phones_are_shown() {
    let site = site().await;
    let shown = site.get("/v1.0/registrations").await.json();
    assert_eq!(shown["result"].as_array().unwrap().len(), 3);
    assert_eq!(shown["result"][2]["tm_expire"], "1970-01-01T00:00:02.000000Z");
    // Two of them came in one request; the newest stands first.
    let (mut seen, mut token) = (Vec::new(), String::new());
    for size in [1, 1, 2] {
        let page = site.get(&format!("/v1.0/registrations?page_size={size}&page_token={token}")).await.json();
        seen.extend(page["result"].as_array().unwrap().clone());
        token = page["next_page_token"].as_str().unwrap().to_owned();
    }
    assert_eq!((token.as_str(), &json!(seen)), ("", &shown["result"]));
}
