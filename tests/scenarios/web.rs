//! Actions that ask the web or another flow (spec/flow.md §10, spec/actions.md `fetch`, `fetch_flow`, `webhook_send`).

use support::{Value, World, json, scenario, uuid};

const HOOK: &str = "http://hook.test/";

fn fetch(url: &str) -> Value {
    json!({"type": "fetch", "option": {"event_url": url, "event_method": "POST"}})
}

fn play(hz: u32, ms: u32) -> Value {
    json!({"type": "play", "option": {"stream_urls": [format!("tone:{hz}:{ms}")]}})
}

fn send(sync: bool, data: &str) -> Value {
    json!({"type": "webhook_send", "option": {"sync": sync, "uri": HOOK, "method": "POST", "data": data}})
}

/// What stands in the newest state of the call's activeflow.
fn executed(world: &World) -> Vec<String> {
    let activeflow = world.last("activeflow_updated");
    let actions = activeflow["executed_actions"].as_array().cloned().unwrap_or_default();
    actions.iter().map(|action| action["type"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Bare, or in an object as flows are shown; the flow goes on behind the fetch.
#[test]
fn fetched_actions_run_and_the_flow_goes_on_behind_them() {
    scenario("fetch", |world| {
        world.page("http://app.test/bare", 200, &json!([play(600, 500)]).to_string());
        world.page("http://app.test/object", 201, &json!({"name": "x", "actions": [play(440, 500)]}).to_string());
        world.page("http://app.test/empty", 200, "[]");
        let (bare, object) = (fetch("http://app.test/bare"), fetch("http://app.test/object"));
        world
            .number("app", json!([{"type": "answer"}, bare, object, fetch("http://app.test/empty"), play(1_000, 500)]));
        let alice = world.phone("alice");
        alice.is_connected_to("app");
        assert!(alice.share_of(600.0, 400) > 0.9);
        alice.waits_ms(120);
        assert!(alice.share_of(440.0, 380) > 0.9);
        alice.waits_ms(150);
        assert!(alice.share_of(1_000.0, 350) > 0.9);
        alice.is_asked("BYE");
        world.passes_ms(50);
        let ids = (world.id_of("activeflow_created"), world.id_of("call_created"));
        let body: Value = serde_json::from_str(&world.asked("http://app.test/bare")[0]).expect("it is JSON");
        assert_eq!(body, json!({"activeflow_id": ids.0, "reference_id": ids.1}));
        assert_eq!(executed(world), ["", "answer", "fetch", "play", "fetch", "play", "fetch", "play"]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_fetch_that_fails_ends_the_flow() {
    let no_array = "the answer is no array of actions";
    let cases = [
        ("silent", None, "there was no answer: nobody answers".to_owned()),
        ("missing", Some((404, "[]")), "the answer has status 404".to_owned()),
        ("object", Some((200, "{\"a\": 1}")), no_array.to_owned()),
        ("word", Some((200, "\"hello\"")), no_array.to_owned()),
    ];
    scenario("fetch_fails", |world| {
        for (name, page, why) in &cases {
            let url = format!("http://app.test/{name}");
            if let Some((status, body)) = page {
                world.page(&url, *status, body);
            }
            world.number(name, json!([{"type": "answer"}, fetch(&url), play(600, 60_000)]));
            let phone = world.phone(name);
            phone.calls(name);
            phone.is_asked("BYE");
            assert!(world.ended_because(why), "{name}");
            assert_eq!(phone.share_so_far(600.0), 0.0);
        }
        world.page("http://app.test/broken", 200, "[{\"type\": \"answer\",]");
        world.number("broken", json!([{"type": "answer"}, fetch("http://app.test/broken"), play(600, 60_000)]));
        let phone = world.phone("broken");
        phone.calls("broken");
        phone.is_asked("BYE");
        assert_eq!(world.published("call_hangup") + 1, world.published("call_created"));
        world.is_empty_after_40_s();
    });
}

/// The answer that the flow waits for finds nobody.
#[test]
fn who_hangs_up_while_the_web_is_asked_is_not_waited_for() {
    scenario("fetch_hangup", |world| {
        world.page("http://app.test/", 200, &json!([play(600, 500)]).to_string());
        world.number("app", json!([fetch("http://app.test/")]));
        let alice = world.phone("alice");
        alice.calls("app");
        alice.gets(180);
        alice.cancels();
        alice.gets(487);
        assert_eq!(world.asked("http://app.test/").len(), 1);
        world.is_empty_after_40_s();
    });
}

/// spec/flow.md §12.4 and §12.5.
#[test]
fn a_flow_within_a_flow_returns_or_is_left_by_a_goto() {
    scenario("fetch_flow", |world| {
        let inner = world.flow("inner", json!([play(600, 100), play(440, 100)]));
        let leaving = world.flow(
            "leaving",
            json!([{"type": "goto", "option": {"target_id": "last", "loop_count": 1}}, play(440, 100)]),
        );
        for (user, flow_id) in [("returns", inner), ("leaves", leaving)] {
            world.number(
                user,
                json!([
                    {"type": "answer"}, {"type": "fetch_flow", "option": {"flow_id": flow_id}},
                    {"type": "sleep", "option": {"duration": 50}}, {"id": "last", "type": "echo", "option": {"duration": 50}},
                ]),
            );
        }
        let alice = world.phone("alice");
        alice.is_connected_to("returns");
        alice.is_asked("BYE");
        world.passes_ms(50);
        assert_eq!(executed(world), ["", "answer", "fetch_flow", "play", "play", "sleep", "echo"]);
        let bob = world.phone("bob");
        bob.is_connected_to("leaves");
        bob.is_asked("BYE");
        world.passes_ms(50);
        assert_eq!(executed(world), ["", "answer", "fetch_flow", "goto", "echo"]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_flow_that_is_missing_or_fetches_itself_ends() {
    scenario("fetch_flow_fails", |world| {
        let circle = world.flow("circle", json!([]));
        world.edits_flow(circle, json!([{"type": "fetch_flow", "option": {"flow_id": circle}}]));
        let foreign = world.flow("foreign", json!([play(600, 100)]));
        world.owns_flow(foreign, uuid(7));
        for (user, flow_id) in [("missing", uuid(0xdead)), ("circle", circle), ("foreign", foreign)] {
            world.number(user, json!([{"type": "answer"}, {"type": "fetch_flow", "option": {"flow_id": flow_id}}]));
            let phone = world.phone(user);
            phone.calls(user);
            phone.is_asked("BYE");
        }
        assert!(world.ended_because(&format!("there is no flow {}", uuid(0xdead))));
        assert!(world.ended_because(&format!("there is no flow {foreign}")));
        assert!(world.ended_because("more than 100 nested arrays of actions"));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_webhook_that_is_waited_for_sets_variables() {
    scenario("webhook_sync", |world| {
        world.page(
            HOOK,
            200,
            r#"{"customer": {"name": "Ann", "vip": true}, "list": [1, "b"], "none": null, "voipbin.call.id": "forged"}"#,
        );
        let told = "${voipbin.webhook.status_code}|${customer.name}|${customer.vip}|${list}|${list.1}|${none}|${voipbin.call.id}";
        world.number("hook", json!([send(true, "ask \"${voipbin.call.destination.target}\""), send(false, told)]));
        let alice = world.phone("alice");
        alice.calls("hook");
        alice.gets(480);
        let call_id = world.id_of("call_created");
        let asked = world.asked(HOOK);
        assert_eq!(asked, ["ask \"hook\"".to_owned(), format!("200|Ann|true|[1,\"b\"]|b||{call_id}")]);
        world.is_empty_after_40_s();
    });
}

/// The reason stands where the webhook was sent, though the flow is elsewhere by then.
#[test]
fn a_webhook_that_is_not_waited_for_and_fails_is_noted() {
    scenario("webhook_async_fails", |world| {
        world.page(HOOK, 404, "");
        let silent = json!({"type": "webhook_send", "option": {"uri": "http://silent.test/"}});
        let last = json!({"type": "webhook_send", "option": {"uri": "http://silent.test/"}});
        world.number("hook", json!([{"type": "answer"}, send(false, ""), silent, play(600, 500), last]));
        let alice = world.phone("alice");
        alice.is_connected_to("hook");
        alice.hears(600.0);
        alice.is_asked("BYE");
        world.passes_ms(50);
        assert_eq!(
            world.failures(),
            [
                ("webhook_send".to_owned(), "the answer has status 404".to_owned()),
                ("webhook_send".to_owned(), "there was no answer: nobody answers".to_owned()),
            ],
            "the last one fails when its activeflow is over"
        );
        world.is_empty_after_40_s();
    });
}

/// A failure never ends the flow. What is not waited for sets nothing.
#[test]
fn a_webhook_that_fails_is_noted_and_one_that_is_not_waited_for_sets_nothing() {
    scenario("webhook_async", |world| {
        world.page("http://fails.test/", 500, "{\"a\": \"1\"}");
        let fails = json!({"type": "webhook_send", "option": {"sync": true, "uri": "http://fails.test/"}});
        let silent = json!({"type": "webhook_send", "option": {"sync": true, "uri": "http://silent.test/"}});
        world.page(HOOK, 200, "{\"b\": \"2\"}");
        world.number(
            "hook",
            json!([
                fails, send(false, "${voipbin.webhook.status_code}|${voipbin.webhook.body}|${a}"),
                silent, send(false, "${voipbin.webhook.status_code}|${b}|"), {"type": "answer"}, play(600, 500),
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("hook");
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert_eq!(world.asked(HOOK), ["500|{\"a\": \"1\"}|", "0||"]);
        assert_eq!(
            world.failures(),
            [
                ("webhook_send".to_owned(), "the answer has status 500".to_owned()),
                ("webhook_send".to_owned(), "there was no answer: nobody answers".to_owned()),
            ]
        );
        world.is_empty_after_40_s();
    });
}
