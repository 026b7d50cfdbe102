//! The OpenAPI document and the console.

use std::sync::Arc;

use model::{
    Activeflow, CallStatus, Conferencecall, LogBody, LogEntry, Particulars, Recording, RecordingStatus, Resource,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::schema::misfits;
use crate::site::{CUSTOMER, at, site};

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_no_other_method_is() {
    let site = site().await;
    let answer = site.ask_as("", "GET", "/openapi.json", None).await;
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 25, "{}", paths.len());
    let mut names = Vec::new();
    for (path, methods) in paths {
        let id = "24013a0e-d15b-4b5e-9a96-04221a8c6a15";
        let real = path.replace("{id}", id).replace("{call_id}", id);
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let operation = methods.get(method.to_lowercase());
            let answer =
                site.ask_as("", method, &real, operation.and_then(|o| o.get("requestBody")).map(|_| "{}")).await;
            match operation {
                None => assert_eq!(answer.status, 405, "{method} {path} is served, but not in the document"),
                Some(operation) => {
                    assert!(![404, 405].contains(&answer.status), "{method} {path} is in the document, but not served");
                    let public = operation["security"] == json!([]);
                    assert_eq!(answer.status == 401, !public, "{method} {path}");
                    names.push(operation["operationId"].as_str().unwrap().to_owned());
                    for response in operation["responses"].as_object().unwrap().values() {
                        assert!(response["description"].is_string());
                    }
                    assert!(
                        operation["responses"].get(answer.status.to_string()).is_some(),
                        "{method} {path}: {}",
                        answer.status
                    );
                }
            }
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "operation ids are unique");
}

/// What is generated from the document is as long as it may be.
#[tokio::test]
async fn texts_may_be_as_long_as_the_document_says_and_no_longer() {
    let site = site().await;
    let document = site.ask_as("", "GET", "/openapi.json", None).await.json();
    let number = |text: String| json!({ "number": text });
    let extension = |text: String| json!({"extension": text, "password": "x"});
    let password = |text: String| json!({"extension": format!("e{}", text.len()), "password": text});
    let action = |text: String| json!({"actions": [{"type": "answer", "id": text}]});
    type Body<'a> = &'a dyn Fn(String) -> Value;
    let cases: [(&str, &str, Body, &str); 4] = [
        ("numbers", "/NumberRequest/properties/number", &number, "{1,255}"),
        ("extensions", "/ExtensionRequest/properties/extension", &extension, "{1,64}"),
        ("extensions", "/ExtensionRequest/properties/password", &password, "{1,255}"),
        ("flows", "/ActionRequest/properties/id", &action, "{0,255}"),
    ];
    for (collection, field, body, bounds) in cases {
        let schema = document.pointer(&format!("/components/schemas{field}")).unwrap().to_string();
        assert!(schema.contains(bounds), "{field}: {schema}");
        let longest: usize = bounds.trim_end_matches('}').split(',').nth(1).unwrap().parse().unwrap();
        // Characters of four bytes, too, as far as the document takes them.
        let wide = "\u{1f4de}".repeat(longest / 4);
        let texts =
            if field.ends_with("extension") { vec!["x".repeat(longest)] } else { vec!["x".repeat(longest), wide] };
        for text in texts {
            let answer = site.ask("POST", &format!("/v1.0/{collection}"), body(text)).await;
            assert_eq!(answer.status, 200, "{field}: {answer:?}");
        }
        let answer = site.ask("POST", &format!("/v1.0/{collection}"), body("x".repeat(longest + 1))).await;
        assert_eq!(answer.status, 400, "{field}: {answer:?}");
    }
    let pattern = &document["components"]["schemas"]["CustomerRequest"]["properties"]["webhook_uri"]["pattern"];
    for part in ["6553[0-5]", r"(\?["] {
        assert!(pattern.as_str().unwrap().contains(part), "{pattern}");
    }
    for (uri, status) in [
        ("https://a.b:65535/c/d?e=f&g=%20", 200),
        ("http://127.0.0.1:8080?x", 200),
        ("http://a.b/c!$&'()*+,;=:@~", 200),
        ("http://a.b:65536/", 400),
        ("http://a.b:0/", 400),
        ("http://u@a.b/", 400),
    ] {
        let answer = site.ask("PUT", "/v1.0/customer", json!({ "webhook_uri": uri })).await;
        assert_eq!(answer.status, status, "{uri}: {answer:?}");
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|inner| walk(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, found)),
            _ => {}
        }
    }
    let document = site().await.ask_as("", "GET", "/openapi.json", None).await.json();
    let mut references = Vec::new();
    walk(&document, &mut references);
    assert!(references.len() > 100);
    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(references.contains(&format!("#/components/schemas/{name}").as_str()), "nobody uses {name}");
    }
}

#[tokio::test]
async fn real_answers_fit_the_document() {
    let site = site().await;
    let document = site.ask_as("", "GET", "/openapi.json", None).await.json();
    let call = site.new_call(1, CallStatus::Progressing, 10);
    let id = Uuid::from_u128(9);
    let recording = Recording {
        id,
        customer_id: CUSTOMER,
        status: RecordingStatus::Recording,
        tm_create: Some(at(1)),
        ..Recording::default()
    };
    let conferencecall =
        Conferencecall { id, customer_id: CUSTOMER, tm_create: Some(at(1)), ..Conferencecall::default() };
    let activeflow = Activeflow {
        id,
        customer_id: CUSTOMER,
        tm_create: Some(at(1)),
        current_action: Arc::new(model::Action::start()),
        executed_actions: vec![Arc::new(model::Action { tm_execute: Some(at(2)), ..model::Action::start() })],
        ..Activeflow::default()
    };
    site.put(Resource::Recording(Arc::new(recording)));
    site.put(Resource::Conferencecall(Arc::new(conferencecall)));
    site.put(Resource::Activeflow(Arc::new(activeflow)));
    let body = LogBody::Note { name: "n".into(), message: "m".into(), data: Particulars::default() };
    site.repository.note(LogEntry { at_us: 1, customer_id: CUSTOMER, call_id: call, activeflow_id: id, body });
    let made = |path: &'static str, body: Value| {
        let site = &site;
        async move { site.ask("POST", path, body).await.json()["id"].as_str().unwrap().to_owned() }
    };
    let flow =
        made("/v1.0/flows", json!({"actions": [{"type": "answer"}, {"type": "sleep", "option": {"duration": 5}}]}))
            .await;
    let number = made("/v1.0/numbers", json!({"number": "echo"})).await;
    let extension = made("/v1.0/extensions", json!({"extension": "1000", "password": "x"})).await;
    let conference = made("/v1.0/conferences", json!({"data": {"x": 1}})).await;
    let confbridge = made("/v1.0/confbridges", json!({"type": "connect", "flags": ["no_auto_leave"]})).await;
    let key = made("/v1.0/accesskeys", json!({})).await;
    let ids = [
        ("flows", flow.as_str()),
        ("numbers", &number),
        ("extensions", &extension),
        ("conferences", &conference),
        ("confbridges", &confbridge),
        ("accesskeys", &key),
        ("calls", &call.to_string()),
    ]
    .map(|(collection, id)| (collection, id.to_owned()));

    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if ["/ws", "/sip", "recordingfiles"].iter().any(|word| path.contains(word)) || methods.get("get").is_none() {
            continue;
        }
        let collection = path.split('/').filter(|part| *part != "timelines").nth(2).unwrap();
        let own = ids.iter().find(|(of, _)| *of == collection).map_or(id.to_string(), |(_, id)| id.clone());
        let answer = site.get(&path.replace("{id}", &own)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let schema = &methods["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let found = misfits(&document, schema, &answer.json(), path);
        assert!(found.is_empty(), "{found:#?}");
        checked += 1;
    }
    assert!(checked >= 18, "{checked}");
    let schema = |path: &str, method: &str| {
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"].clone()
    };
    for (method, path, template, body) in [
        ("post", "/v1.0/accesskeys".to_owned(), "/v1.0/accesskeys", Some(json!({"expire": 5}))),
        ("put", format!("/v1.0/flows/{flow}"), "/v1.0/flows/{id}", Some(json!({"name": "n"}))),
        ("put", "/v1.0/customer".into(), "/v1.0/customer", Some(json!({"detail": "d"}))),
        (
            "post",
            format!("/v1.0/extensions/{extension}/direct-hash-regenerate"),
            "/v1.0/extensions/{id}/direct-hash-regenerate",
            None,
        ),
        ("delete", format!("/v1.0/numbers/{number}"), "/v1.0/numbers/{id}", None),
        ("delete", format!("/v1.0/confbridges/{confbridge}"), "/v1.0/confbridges/{id}", None),
        ("delete", format!("/v1.0/calls/{call}"), "/v1.0/calls/{id}", None),
    ] {
        let answer = site.ask(&method.to_uppercase(), &path, body).await;
        let found = misfits(&document, &schema(template, method), &answer.json(), &path);
        assert!(answer.status == 200 && found.is_empty(), "{found:#?}");
    }
    let refusal = site.get("/v1.0/flows/x").await.json();
    let found = misfits(&document, &document["components"]["schemas"]["Error"], &refusal, "error");
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn the_console_loads_nothing_from_elsewhere() {
    let site = site().await;
    for (path, kind) in [("/", "text/html"), ("/console.js", "text/javascript"), ("/console.css", "text/css")] {
        let answer = site.ask_as("", "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains(&format!("content-type: {kind}")), "{}", answer.head);
        assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{}", answer.head);
        let text = String::from_utf8(answer.octets).unwrap();
        for forbidden in ["http://", "https://", " onclick=", " onload=", "innerHTML", "eval(", "style=\"", "<script>"]
        {
            assert!(!text.contains(forbidden), "{path}: {forbidden}");
        }
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let site = site().await;
    site.get("/v1.0/flows").await;
    site.get("/nowhere").await;
    let metrics = String::from_utf8(site.get("/metrics").await.octets).unwrap();
    assert!(metrics.contains("\nflowswitch_http_requests_total{status=\"2xx\"} 1\n"), "{metrics}");
    assert!(metrics.contains("\nflowswitch_http_requests_total{status=\"4xx\"} 1\n"), "{metrics}");
    assert!(metrics.contains("\nflowswitch_websockets 0\n"));
}

#[tokio::test]
async fn what_the_console_hides_stays_hidden_whatever_its_style_says() {
    let site = site().await;
    let style = site.get("/console.css").await;
    let style = String::from_utf8_lossy(&style.octets).into_owned();
    // A `display` of an element's own is stronger than the attribute, and left the login beside the calls.
    assert!(style.contains("[hidden] { display: none !important; }"), "{style}");
}
