//! Who is let in.

use serde_json::json;

use crate::site::{CUSTOMER, OTHER, at, site};

#[tokio::test]
async fn a_key_is_taken_from_every_place() {
    let site = site().await;
    let key = &site.key;
    for (query, head) in [
        (String::new(), format!("Authorization: Bearer {key}\r\n")),
        (format!("?token={key}"), String::new()),
        (format!("?accesskey={key}"), String::new()),
        (String::new(), format!("Cookie: token={key}\r\n")),
        (String::new(), format!("Cookie: a=b; accesskey={key}\r\n")),
    ] {
        let answer = site.raw("GET", &format!("/v1.0/me{query}"), &head, b"").await;
        assert_eq!(answer.status, 200, "{query} {head}");
        assert_eq!(answer.json()["customer_id"], CUSTOMER.to_string());
    }
}

#[tokio::test]
async fn who_is_not_known_is_not_let_in() {
    let site = site().await;
    assert_eq!(site.ask_as("", "GET", "/v1.0/calls", None).await.refusal(), (401, "AUTHENTICATION_REQUIRED".into()));
    let expired = site.new_key(CUSTOMER, Some(at(1_000_000)));
    let invalid = ["vb_unknown", "nonsense", "a.b.c", &expired, ""];
    for key in invalid.into_iter().filter(|key| !key.is_empty()) {
        let answer = site.ask_as(key, "GET", "/v1.0/calls", None).await;
        assert_eq!(answer.refusal(), (401, "INVALID_CREDENTIALS".into()), "{key}");
    }
    let future = site.new_key(CUSTOMER, Some(at(u64::MAX)));
    assert_eq!(site.ask_as(&future, "GET", "/v1.0/calls", None).await.status, 200);
    let answer = site.raw("GET", &format!("/v1.0/calls?token=nonsense&accesskey={}", site.key), "", b"").await;
    assert_eq!(answer.status, 401, "the first place that has something counts");
}

#[tokio::test]
async fn a_key_is_made_once_shown_and_ended() {
    let site = site().await;
    let made = site.ask("POST", "/v1.0/accesskeys", json!({"name": "crm", "expire": 3600})).await.json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("vb_") && token.len() == 35);
    assert_eq!(made["token_prefix"], token[..11]);
    assert!(made["tm_expire"].is_string() && made.get("token_hash").is_none());
    let path = format!("/v1.0/accesskeys/{}", made["id"].as_str().unwrap());
    let shown = site.get(&path).await.json();
    assert!(shown.get("token").is_none() && shown.get("token_hash").is_none());
    assert_eq!(site.ask_as(token, "GET", "/v1.0/flows", None).await.status, 200);
    let renamed = site.ask("PUT", &path, json!({"name": "new"})).await.json();
    assert_eq!((renamed["name"].as_str(), &renamed["token_prefix"]), (Some("new"), &made["token_prefix"]));
    let ended = site.ask("DELETE", &path, None).await;
    assert_eq!(ended.status, 200);
    assert!(ended.json()["tm_delete"].is_string());
    assert_eq!(site.ask_as(token, "GET", "/v1.0/flows", None).await.refusal(), (401, "INVALID_CREDENTIALS".into()));
}

#[tokio::test]
async fn people_log_in_and_may_what_their_permission_says() {
    let site = site().await;
    site.new_agent("ann", "secret", 64);
    site.new_agent("bob", "secret", 16);
    for path in ["/auth/login", "/v1.0/auth/login"] {
        let answer = site.ask_as("", "POST", path, Some(r#"{"username": "ann", "password": "secret"}"#)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["username"], "ann");
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        for part in [
            format!("token={}", token.to_lowercase()),
            "httponly".into(),
            "secure".into(),
            "samesite=strict".into(),
            "max-age=604800".into(),
        ] {
            assert!(answer.head.contains(&part), "{part}: {}", answer.head);
        }
        assert_eq!(site.ask_as(&token, "GET", "/v1.0/me", None).await.json()["username"], "ann");
        assert_eq!(site.ask_as(&token, "GET", "/v1.0/flows", None).await.status, 200);
    }
    let answer = site.ask_as("", "POST", "/auth/login", Some(r#"{"username": "bob", "password": "secret"}"#)).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let me = site.ask_as(&token, "GET", "/v1.0/me", None).await.json();
    assert_eq!(me["permission"], 16);
    assert!(me.get("password_hash").is_none());
    assert_eq!(site.ask_as(&token, "GET", "/v1.0/flows", None).await.refusal(), (403, "PERMISSION_DENIED".into()));
    for body in [r#"{"username": "ann", "password": "wrong"}"#, r#"{"username": "zoe", "password": "secret"}"#] {
        let answer = site.ask_as("", "POST", "/auth/login", Some(body)).await;
        assert_eq!(answer.refusal(), (400, "INVALID_CREDENTIALS".into()));
    }
}

#[tokio::test]
async fn a_login_ends_with_the_password_it_was_made_with() {
    let site = site().await;
    let ann = site.new_agent("ann", "secret", 64);
    let login = site.ask_as("", "POST", "/auth/login", Some(r#"{"username": "ann", "password": "secret"}"#)).await;
    let token = login.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(site.ask_as(&token, "GET", "/v1.0/me", None).await.status, 200);
    site.change_password(ann, "another");
    assert_eq!(site.ask_as(&token, "GET", "/v1.0/me", None).await.refusal(), (401, "INVALID_CREDENTIALS".into()));
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let site = site().await;
    site.new_agent("ann", "secret", 64);
    let mut times = Vec::new();
    for name in ["ann", "zoe"] {
        let body = json!({"username": name, "password": "wrong"}).to_string();
        let mut fastest = std::time::Duration::MAX;
        for _ in 0..3 {
            let began = std::time::Instant::now();
            site.ask_as("", "POST", "/auth/login", Some(&body)).await;
            fastest = fastest.min(began.elapsed());
        }
        times.push(fastest.as_secs_f64());
    }
    assert!(times[1] > times[0] / 3.0, "an unknown name is told by its speed: {times:?}");
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let site = site().await;
    let theirs = site.new_key(OTHER, None);
    let flow = site.ask("POST", "/v1.0/flows", json!({"name": "mine"})).await.json();
    let path = format!("/v1.0/flows/{}", flow["id"].as_str().unwrap());
    for (method, body) in [("GET", None), ("PUT", Some("{}")), ("DELETE", None)] {
        let answer = site.ask_as(&theirs, method, &path, body).await;
        assert_eq!(answer.refusal(), (404, "FLOW_NOT_FOUND".into()), "{method}");
    }
    assert_eq!(site.ask_as(&theirs, "GET", "/v1.0/flows", None).await.json()["result"], json!([]));
    assert_eq!(site.get(&path).await.json(), flow);
    assert_eq!(site.ask_as(&theirs, "GET", "/v1.0/customer", None).await.status, 404);
}
