//! What is refused, and in which words.

use serde_json::json;

use crate::site::{Options, site, site_with};
use api::{RateLimit, RateLimits};

const ID: &str = "24013a0e-d15b-4b5e-9a96-04221a8c6a15";

#[tokio::test]
async fn every_refusal_has_its_status_its_reason_and_a_request_id() {
    let site = site().await;
    let deep = format!("{{\"actions\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(&str, String, Option<&str>, u16, &str)> = vec![
        ("GET", "/nowhere".into(), None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1.0/nowhere".into(), None, 404, "ROUTE_NOT_FOUND"),
        ("PATCH", "/v1.0/flows".into(), None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", format!("/v1.0/flows/{ID}"), Some("{}"), 405, "METHOD_NOT_ALLOWED"),
        ("GET", format!("/v1.0/flows/{ID}"), None, 404, "FLOW_NOT_FOUND"),
        ("GET", format!("/v1.0/calls/{ID}"), None, 404, "CALL_NOT_FOUND"),
        ("POST", format!("/v1.0/calls/{ID}/hangup"), None, 404, "CALL_NOT_FOUND"),
        ("GET", format!("/v1.0/activeflows/{ID}"), None, 404, "ACTIVEFLOW_NOT_FOUND"),
        ("POST", format!("/v1.0/activeflows/{ID}/stop"), None, 404, "ACTIVEFLOW_NOT_FOUND"),
        ("GET", format!("/v1.0/recordings/{ID}"), None, 404, "RECORDING_NOT_FOUND"),
        ("GET", format!("/v1.0/recordingfiles/{ID}"), None, 404, "RECORDING_NOT_FOUND"),
        ("GET", format!("/v1.0/conferences/{ID}"), None, 404, "CONFERENCE_NOT_FOUND"),
        ("DELETE", format!("/v1.0/conferencecalls/{ID}"), None, 404, "CONFERENCECALL_NOT_FOUND"),
        ("GET", format!("/v1.0/numbers/{ID}"), None, 404, "NUMBER_NOT_FOUND"),
        ("GET", format!("/v1.0/extensions/{ID}"), None, 404, "EXTENSION_NOT_FOUND"),
        ("DELETE", format!("/v1.0/accesskeys/{ID}"), None, 404, "ACCESSKEY_NOT_FOUND"),
        ("GET", format!("/v1.0/timelines/calls/{ID}/events"), None, 404, "CALL_NOT_FOUND"),
        ("GET", "/v1.0/flows/menu".into(), None, 400, "INVALID_ID"),
        ("GET", "/v1.0/flows/%ff".into(), None, 400, "INVALID_ID"),
        ("GET", "/v1.0/flows?page_token=x".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/calls?status=odd".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/calls?flow_id=odd".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/calls?flow_id=".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/calls?status=".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/recordings?reference_id=".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/flows?a=%zz".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", format!("/v1.0/flows?reference_id={ID}"), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/calls?direction=incoming".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("GET", "/v1.0/registrations?status=active".into(), None, 400, "INVALID_REQUEST_PARAMETER"),
        ("POST", "/v1.0/flows".into(), Some("{\"name\": \"a\",}"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some("[]"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some("null"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some("{} x"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some("{\"name\": 5}"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some("{\"name\": \"a\", \"name\": \"b\"}"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some(&deep), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/flows".into(), Some("{\"actions\": {}}"), 400, "INVALID_ARGUMENT"),
        ("POST", "/v1.0/numbers".into(), Some("{}"), 400, "MISSING_REQUEST_PARAMETER"),
        ("POST", "/v1.0/numbers".into(), Some("{\"number\": null}"), 400, "MISSING_REQUEST_PARAMETER"),
        ("POST", "/v1.0/numbers".into(), Some("{\"number\": \"a b\"}"), 400, "INVALID_ARGUMENT"),
        ("POST", "/v1.0/numbers".into(), Some("{\"number\": \"1\", \"type\": \"virtual\"}"), 400, "INVALID_ARGUMENT"),
        ("POST", "/v1.0/extensions".into(), Some("{\"extension\": \"1000\"}"), 400, "MISSING_REQUEST_PARAMETER"),
        (
            "POST",
            "/v1.0/extensions".into(),
            Some("{\"extension\": \"a:b\", \"password\": \"x\"}"),
            400,
            "INVALID_ARGUMENT",
        ),
        ("POST", "/v1.0/conferences".into(), Some("{\"type\": \"party\"}"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/accesskeys".into(), Some("{\"expire\": -1}"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/accesskeys".into(), Some("{\"expire\": 0.5}"), 400, "INVALID_JSON_BODY"),
        ("POST", "/v1.0/accesskeys".into(), Some("{\"expire\": 1e300}"), 400, "INVALID_JSON_BODY"),
        ("PUT", "/v1.0/customer".into(), Some("{\"webhook_uri\": \"ftp://x\"}"), 400, "INVALID_ARGUMENT"),
        ("PUT", "/v1.0/customer".into(), Some("{\"webhook_method\": \"PATCH\"}"), 400, "INVALID_ARGUMENT"),
        ("POST", "/auth/login".into(), Some("{\"username\": \"a\"}"), 400, "MISSING_REQUEST_PARAMETER"),
        ("GET", "/v1.0/ws".into(), None, 426, "INVALID_ARGUMENT"),
    ];
    for (method, path, body, status, reason) in cases {
        let answer = site.ask_as(&site.key, method, &path, body).await;
        assert_eq!(
            answer.refusal(),
            (status, reason.to_owned()),
            "{method} {path} {:?}",
            body.map(|body| &body[..body.len().min(80)])
        );
    }
}

#[tokio::test]
async fn the_field_that_is_wrong_is_named() {
    let site = site().await;
    for (path, body, field) in [
        ("/v1.0/flows", r#"{"name": 5}"#, "name"),
        ("/v1.0/flows", r#"{"on_complete_flow_id": "x"}"#, "on_complete_flow_id"),
        ("/v1.0/flows", r#"{"actions": [{"type": "answer"}, 7]}"#, "actions[1]"),
        ("/v1.0/conferences", r#"{"type": "party"}"#, "type"),
        ("/v1.0/conferences", r#"{"data": []}"#, "data"),
        ("/v1.0/numbers", r#"{"number": ""}"#, "number"),
        ("/v1.0/numbers", r#"{"number": "1", "call_flow_id": "24013a0e-d15b-4b5e-9a96-04221a8c6a15"}"#, "call_flow_id"),
    ] {
        let answer = site.ask_as(&site.key, "POST", path, Some(body)).await;
        assert_eq!(answer.json()["error"]["details"][0]["field"], field, "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn the_place_that_is_wrong_is_named() {
    let site = site().await;
    let deep = format!("{{\n \"actions\": {}{}}}", "[".repeat(100), "]".repeat(100));
    for (body, line) in
        [("{\n\"name\": \"a\",}", 2), ("{\"name\": \"a\"", 1), (deep.as_str(), 2), ("{\"a\": 1, \"a\": 2}", 1)]
    {
        let answer = site.ask_as(&site.key, "POST", "/v1.0/flows", Some(body)).await.json();
        let place = &answer["error"]["details"][0];
        assert_eq!(place["line"], line, "{body}: {answer}");
        assert!(place["column"].as_u64() >= Some(1), "{body}: {answer}");
        let named = format!("line {line} column {}", place["column"]);
        assert!(answer["error"]["message"].as_str().unwrap().contains(&named), "{answer}");
    }
    for (path, field) in [("flows/menu", "id"), (&format!("confbridges/{ID}/calls/x/kick"), "call_id")] {
        let method = if path.ends_with("kick") { "POST" } else { "GET" };
        let answer = site.ask(method, &format!("/v1.0/{path}"), None).await;
        assert_eq!(answer.refusal(), (400, "INVALID_ID".into()));
        assert_eq!(answer.json()["error"]["details"][0]["field"], field);
    }
    let upgrade = site.get("/v1.0/ws").await;
    assert!(upgrade.head.contains("\r\nupgrade: websocket"), "{}", upgrade.head);
}

#[tokio::test]
async fn null_is_as_good_as_not_there_and_a_number_is_its_value() {
    let site = site().await;
    let bodies = [
        r#"{"name": "a", "timeout": 59494.0, "data": {"size": 1.0, "none": null}}"#,
        r#"{"name": "b", "timeout": 5.9494e4, "detail": null, "type": null, "pre_flow_id": null, "pre_actions": null, "data": null}"#,
    ];
    let made = site.ask_as(&site.key, "POST", "/v1.0/conferences", Some(bodies[0])).await.json();
    assert_eq!(made["timeout"], 59_494, "{made}");
    assert_eq!(made["data"].to_string(), r#"{"size":1.0,"none":null}"#, "what is the user's own stays as it is");
    let other = site.ask_as(&site.key, "POST", "/v1.0/conferences", Some(bodies[1])).await.json();
    assert_eq!(
        (&other["timeout"], &other["detail"], &other["data"]),
        (&59_494.into(), &"".into(), &json!({})),
        "{other}"
    );
    let path = format!("/v1.0/conferences/{}", made["id"].as_str().unwrap());
    let changed =
        site.ask_as(&site.key, "PUT", &path, Some(r#"{"name": null, "timeout": null, "detail": "x"}"#)).await.json();
    assert_eq!((&changed["name"], &changed["timeout"], &changed["detail"]), (&"a".into(), &59_494.into(), &"x".into()));
}

#[tokio::test]
async fn bodies_must_be_json_and_not_too_long() {
    let site = site().await;
    let head = |kind: &str| format!("Authorization: Bearer {}\r\nContent-Type: {kind}\r\n", site.key);
    for (kind, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        ("application/merge-patch+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("json", 415),
    ] {
        let answer = site.raw("POST", "/v1.0/flows", &head(kind), b"{}").await;
        assert_eq!(answer.status, status, "{kind}");
    }
    let bare = format!("Authorization: Bearer {}\r\n", site.key);
    assert_eq!(site.raw("POST", "/v1.0/flows", &bare, b"{}").await.status, 200);
    let long = json!({"name": "x".repeat(1024 * 1024)}).to_string();
    let answer = site.raw("POST", "/v1.0/flows", &head("application/json"), long.as_bytes()).await;
    assert_eq!(answer.refusal(), (413, "INVALID_ARGUMENT".into()));
    let latin = b"{\"name\": \"\xff\"}";
    let answer = site.raw("POST", "/v1.0/flows", &head("application/json"), latin).await;
    assert_eq!(answer.refusal(), (400, "INVALID_JSON_BODY".into()));
}

#[tokio::test]
async fn limits_hold_per_address_and_per_customer() {
    let wide = RateLimit { per_second: 1_000.0, burst: 1_000 };
    let narrow = RateLimit { per_second: 0.1, burst: 3 };
    for (limits, by, path) in [
        (RateLimits { auth: wide, address: narrow, customer: wide }, "ip", "/v1.0/flows"),
        (RateLimits { auth: wide, address: wide, customer: narrow }, "customer", "/v1.0/flows"),
        (RateLimits { auth: narrow, address: wide, customer: wide }, "ip", "/auth/login"),
    ] {
        let site = site_with(Options { limits: Some(limits), ..Options::default() }).await;
        let (method, body) = if path == "/auth/login" { ("POST", Some(json!({}))) } else { ("GET", None) };
        for _ in 0..3 {
            assert_ne!(site.ask(method, path, body.clone()).await.status, 429);
        }
        let answer = site.ask(method, path, body).await;
        assert_eq!(answer.refusal(), (429, "RATE_LIMIT_EXCEEDED".into()), "{by}");
        assert_eq!(answer.json()["error"]["details"][0]["limited_by"], by);
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
        let metrics = String::from_utf8(site.get("/metrics").await.octets).unwrap();
        assert!(
            metrics.contains("\nflowswitch_http_requests_limited_total 1\n"),
            "health and metrics are never limited"
        );
    }
}

/// What POST makes stays in memory until it is deleted.
#[tokio::test]
async fn no_more_is_made_than_the_operator_allows() {
    let quotas = api::Quotas { flows: 2, numbers: 2, extensions: 2, conferences: 2, confbridges: 2, accesskeys: 2 };
    let site = site_with(Options { quotas, ..Options::default() }).await;
    let extension = |name| json!({"extension": name, "password": "secret"});
    for (collection, bodies) in [
        ("flows", [json!({}), json!({}), json!({})]),
        ("numbers", [json!({"number": "1"}), json!({"number": "2"}), json!({"number": "3"})]),
        ("extensions", [extension("1"), extension("2"), extension("3")]),
        ("conferences", [json!({}), json!({}), json!({})]),
        ("confbridges", [json!({}), json!({}), json!({})]),
        // The one that asks is there already.
        ("accesskeys", [json!({}), json!({}), json!({})]),
    ] {
        let path = format!("/v1.0/{collection}");
        let made = site.ask("POST", &path, bodies[0].clone()).await;
        assert_eq!(made.status, 200, "{collection}");
        if collection != "accesskeys" {
            assert_eq!(site.ask("POST", &path, bodies[1].clone()).await.status, 200, "{collection}");
        }
        let refused = site.ask("POST", &path, bodies[2].clone()).await;
        assert_eq!(refused.refusal(), (429, "QUOTA_EXCEEDED".into()));
        let error = refused.json()["error"].clone();
        assert_eq!(
            error["message"],
            format!("there are 2 {collection}, and api.max_{collection} is 2: delete some first")
        );
        assert_eq!(error["details"], json!([{"collection": collection, "limit": 2}]));
        let one = format!("{path}/{}", made.json()["id"].as_str().unwrap());
        assert!([200, 204].contains(&site.ask("DELETE", &one, None).await.status));
        assert_eq!(site.ask("POST", &path, bodies[2].clone()).await.status, 200, "{collection}: there is room again");
    }
    let body = json!({"pre_actions": [{"type": "answer"}]});
    let list = site.get("/v1.0/conferences").await.json();
    let path = format!("/v1.0/conferences/{}", list["result"][0]["id"].as_str().unwrap());
    assert_eq!(site.ask("PUT", &path, body).await.refusal(), (429, "QUOTA_EXCEEDED".into()), "its actions are a flow");
}
