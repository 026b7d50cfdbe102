//! Speech, recordings, rooms, other flows and the web: the actions that ask others for something (spec/actions.md).
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use base::Random;
use flow::{Event, HttpOutcome, StopReason, read_actions};
use model::{CallStatus, Direction};
use serde_json::{Value, json};
use support::{ACTIVEFLOW_ID, CALL_ID, Dialogue, ringing_call};
use uuid::Uuid;

/// One action in a flow that then sleeps, so that "goes on at once" can be seen.
fn one(action: Value) -> Dialogue {
    Dialogue::of_call(before_sleep(action))
}

/// The same with a call that is answered.
fn answered(action: Value) -> Dialogue {
    let mut call = ringing_call();
    call.status = CallStatus::Progressing;
    Dialogue::new(before_sleep(action), Some(call), |_| {})
}

fn before_sleep(action: Value) -> Value {
    json!([action, {"id": "z", "type": "sleep", "option": {"duration": 1}}])
}

fn service(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

#[test]
fn talk_answers_speaks_and_waits() {
    let mut d = one(
        json!({"type": "talk", "option": {"text": "Hello ${voipbin.call.source.target_name}", "language": "de-DE"}}),
    );
    assert_eq!(d.start(), "answer | talk#1 Hello Ann");
    assert_eq!(d.press("5"), "", "digits are stored");
    assert_eq!(d.played(), "timer#2 1");
    assert_eq!(d.digits(), "5");
    let mut d = answered(json!({"type": "talk", "option": {"text": "x"}}));
    assert_eq!(d.start(), "talk#1 x");
    let reason = "no voice".to_owned();
    assert_eq!(d.event(Event::PlaybackFailed { step: 1, reason }), "failed talk: no voice | timer#2 1");
    let mut call = ringing_call();
    call.direction = Direction::Outgoing;
    let mut d = Dialogue::new(json!([{"type": "talk", "option": {"text": "x"}}]), Some(call), |_| {});
    assert_eq!(d.start(), "talk#1 x", "nothing is there to be answered");
}

#[test]
fn talk_takes_both_spellings_of_a_voice() {
    for (option, language, gender, provider, voice_id) in [
        (json!({"text": "x"}), "", "", "gcp", ""),
        (json!({"text": "x", "language": "en", "gender": "Female"}), "en", "female", "gcp", ""),
        (json!({"text": "x", "provider": "AWS", "voice_id": "Joanna"}), "", "", "aws", "Joanna"),
        (json!({"text": "x", "provider": "house"}), "", "", "house", ""),
    ] {
        let mut d = answered(json!({"type": "talk", "option": option}));
        d.start();
        let s = &d.speech;
        assert_eq!(
            (s.text.as_str(), s.language.as_str(), s.gender.as_str(), s.provider.as_str(), s.voice_id.as_str()),
            ("x", language, gender, provider, voice_id),
            "{option}"
        );
    }
}

#[test]
fn an_empty_text_says_nothing_but_answers() {
    for option in [json!({}), json!({"text": "  "}), json!({"text": "${nope}", "async": true})] {
        assert_eq!(one(json!({"type": "talk", "option": option})).start(), "answer | timer#2 1", "{option}");
    }
    assert_eq!(
        one(json!({"type": "talk", "option": {"text": 5}})).start(),
        "answer | failed talk: the option cannot be read: text is 5; expected: a text | timer#2 1"
    );
}

#[test]
fn a_digit_stops_a_talk_only_if_asked_and_serves_the_digits_receive_behind_it() {
    let mut d = Dialogue::of_call(json!([
        {"type": "talk", "option": {"text": "menu", "digits_handle": "next"}},
        {"type": "digits_receive", "option": {"length": 1}},
        {"type": "branch", "option": {"target_ids": {"3": "three"}}},
        {"type": "stop"},
        {"id": "three", "type": "beep"},
    ]));
    d.start();
    assert_eq!(d.press("3"), "stop_playback | beep#4");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "", "the end of what was stopped is stale");
}

#[test]
fn an_async_talk_goes_on_at_once_and_its_end_is_stale() {
    let mut d = one(json!({"type": "talk", "option": {"text": "x", "async": "true", "digits_handle": "next"}}));
    assert_eq!(d.start(), "answer | talk#1 x (async) | timer#2 1");
    assert_eq!(d.press("1"), "");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "");
    assert_eq!(d.machine.stale_events(), 1);
}

#[test]
fn a_recording_needs_an_answered_call_and_goes_on_at_once() {
    assert_eq!(
        one(json!({"type": "recording_start"})).start(),
        "failed recording_start: the call is not answered, so nothing is recorded | timer#2 1"
    );
    let record =
        json!({"type": "recording_start", "option": {"end_of_silence": "3", "end_of_key": "#", "duration": 60}});
    let mut d = answered(record);
    assert_eq!(d.start(), "record#1 | timer#2 1");
    let r = &d.recording;
    assert_eq!((r.format.as_str(), r.end_of_silence_s, r.end_of_key.as_str(), r.duration_s), ("wav", 3, "#", 60));
    assert_eq!(answered(json!({"type": "recording_stop"})).start(), "stop_recording | timer#2 1");
    let wrong = json!({"type": "recording_start", "option": {"end_of_key": "12"}});
    assert_eq!(
        answered(wrong).start(),
        "failed recording_start: the option cannot be read: end_of_key is \"12\"; expected: none, any, or one key of 0-9 A-D * # | timer#2 1"
    );
}

#[test]
fn the_next_action_sees_the_variables_of_the_recording() {
    let actions = json!([
        {"type": "answer"}, {"type": "recording_start"},
        {"type": "variable_set", "option": {"key": "seen", "value": "${voipbin.recording.id}"}},
        {"type": "sleep", "option": {"duration": 1}},
    ]);
    let mut d = Dialogue::of_call(actions.clone());
    assert_eq!(d.start(), "answer | record#2 | timer#4 1");
    assert_eq!(d.variable("seen"), "recording-2");
    let mut d = Dialogue::of_call(actions);
    d.cannot_record = Some("it is recorded already".into());
    assert_eq!(d.start(), "answer | record#2 | failed recording_start: it is recorded already | timer#4 1");
    assert_eq!(d.variable("seen"), "");
}

#[test]
fn variables_from_outside_have_the_limits_of_all_others() {
    let mut d = answered(json!({"type": "beep"}));
    d.start();
    d.machine.set_variables([("a".into(), "1".into()), ("b".into(), "x".repeat(40_000))]);
    assert_eq!(d.drain(), "variable_refused beep: b: the value has 40000 bytes, allowed are 32768");
    assert_eq!((d.variable("a"), d.variable("b")), ("1", "<unset>"));
}

#[test]
fn a_late_note_has_its_step_and_none_comes_after_the_end() {
    let mut d = answered(json!({"type": "beep"}));
    d.start();
    d.played();
    d.machine.note_failed(1, "the disk is full".into());
    assert_eq!(d.drain(), "failed : the disk is full");
    d.hang_up_by_peer();
    d.machine.note_failed(1, "too late".into());
    assert_eq!((d.drain(), d.machine.stale_events()), (String::new(), 1));
}

#[test]
fn a_confbridge_is_waited_for_and_left_when_the_cursor_is_forced_away() {
    let join = json!({"id": "j", "type": "confbridge_join", "option": {"confbridge_id": service(7)}});
    let mut d = one(join.clone());
    assert_eq!(d.start(), "bridge#1 7");
    assert_eq!(d.variable("voipbin.confbridge.id"), service(7).to_string());
    assert!(d.machine.is_waiting());
    assert_eq!(d.press("42"), "");
    assert_eq!(d.digits(), "2", "the last digit");
    assert_eq!(d.event(Event::BridgeLeft { step: 0 }), "");
    assert_eq!(d.timer(), "", "no timer was armed");
    assert_eq!(d.event(Event::BridgeLeft { step: 1 }), "timer#2 1");

    let mut d = one(join.clone());
    d.start();
    let reason = "there is no such confbridge".to_owned();
    assert_eq!(
        d.event(Event::BridgeRefused { step: 1, reason }),
        "failed confbridge_join: there is no such confbridge | timer#2 1"
    );
    let mut d = one(join.clone());
    d.start();
    let forward = Event::Forward { stack_id: service(1), action_id: "z".into() };
    assert_eq!(d.event(forward), "leave_bridge | timer#2 1");
    assert_eq!(d.event(Event::BridgeLeft { step: 1 }), "", "stale");
    let mut d = one(join);
    d.start();
    assert_eq!(d.event(Event::Stop(StopReason::Request)), "leave_bridge | ended: stopped by request | end hang_up");
    for option in [json!({}), json!({"confbridge_id": ""}), json!({"confbridge_id": Uuid::nil()})] {
        assert_eq!(
            one(json!({"type": "confbridge_join", "option": option})).start(),
            "failed confbridge_join: the option cannot be read: confbridge_id is missing; expected: a UUID | timer#2 1"
        );
    }
}

#[test]
fn a_conference_gives_the_actions_that_bring_the_call_in() {
    let join = json!({"id": "c", "type": "conference_join", "option": {"conference_id": service(9)}});
    let inner = || {
        let pre = json!({"id": "pre", "type": "empty"});
        let bridge = json!({"id": "b", "type": "confbridge_join", "option": {"confbridge_id": service(7)}});
        read_actions(json!([pre, bridge, {"id": "post", "type": "empty"}]), &mut Random::from_seed([1; 32])).unwrap()
    };
    let mut d = one(join.clone());
    assert_eq!(d.start(), "conference#1 9");
    assert_eq!(d.variable("voipbin.conference.id"), "<unset>", "not in it yet");
    let started = Event::ServiceStarted { step: 1, stack_id: service(0x5e), actions: inner().into() };
    assert_eq!(d.event(started.clone()), "bridge#3 7");
    assert_eq!(d.event(started.clone()), "", "twice");
    assert_eq!(d.variable("voipbin.conference.id"), service(9).to_string());
    assert_eq!(d.event(Event::BridgeLeft { step: 3 }), "timer#5 1");
    assert_eq!(d.walked(), "c pre b post z");

    let mut d = one(join.clone());
    d.start();
    d.event(started);
    let ended = d.event(Event::ServiceEnded { stack_id: service(0x5e) });
    assert_eq!((ended.as_str(), d.walked()), ("leave_bridge | timer#4 1", "c pre b z".into()));

    let mut d = one(join);
    d.start();
    let reason = "the conference is over".to_owned();
    assert_eq!(d.event(Event::ServiceRefused { step: 1, reason }), "ended: the conference is over | end hang_up");
    assert_eq!(
        one(json!({"type": "conference_join", "option": {"conference_id": "x"}})).start(),
        "ended: the option cannot be read: conference_id is \"x\"; expected: a UUID | end hang_up"
    );
}

#[test]
fn a_service_without_actions_lets_the_cursor_pass() {
    let mut d = one(json!({"type": "conference_join", "option": {"conference_id": service(9)}}));
    d.start();
    let started = Event::ServiceStarted { step: 1, stack_id: service(5), actions: Vec::new().into() };
    assert_eq!(d.event(started), "timer#2 1");
}

#[test]
fn a_fetched_flow_runs_in_between_or_the_activeflow_ends() {
    let fetch = json!({"type": "fetch_flow", "option": {"flow_id": service(3)}});
    let mut d = one(fetch.clone());
    assert_eq!(d.start(), "flow#1 3");
    assert_eq!(d.found(json!([{"type": "beep"}])), "beep#2");
    assert_eq!(d.played(), "timer#3 1");
    let mut d = one(fetch.clone());
    d.start();
    assert_eq!(d.found(json!([])), "timer#2 1");
    let mut d = one(fetch);
    d.start();
    let reason = "there is no such flow".to_owned();
    assert_eq!(d.event(Event::FlowMissing { step: 1, reason }), "ended: there is no such flow | end hang_up");
    assert_eq!(
        one(json!({"type": "fetch_flow"})).start(),
        "ended: the option cannot be read: flow_id is missing; expected: a UUID | end hang_up"
    );
}

#[test]
fn a_flow_that_fetches_itself_is_bounded() {
    let fetch = json!([{"type": "fetch_flow", "option": {"flow_id": service(3)}}, {"type": "empty"}]);
    let mut d = Dialogue::of_call(fetch.clone());
    d.start();
    let mut said = String::new();
    for _ in 0..200 {
        said = d.found(fetch.clone());
    }
    assert_eq!(said, "", "it is over by then");
    assert_eq!(d.machine.execute_count(), 100);

    let looped = json!([{"id": "a", "type": "fetch_flow", "option": {"flow_id": service(3)}, "next_id": "a"}]);
    let mut d = Dialogue::of_call(looped);
    d.start();
    let mut rounds = 0;
    while d.found(json!([])).starts_with("flow#") {
        rounds += 1;
    }
    assert_eq!(rounds, 999, "an answer that comes at once is no wait");
}

#[test]
fn long_options_in_fetched_actions_are_bounded_in_all() {
    let long = json!({"key": "k", "value": "x".repeat(1_000_000)});
    let body =
        json!([{"type": "variable_set", "option": long}, {"type": "fetch", "option": {"event_url": "http://x"}}]);
    let actions = json!([{"type": "fetch", "option": {"event_url": "http://x"}}]);
    let mut d = Dialogue::of_call(actions);
    d.start();
    // With such frames that would take long.
    d.restores = false;
    let (mut rounds, mut said) = (0, String::new());
    while !said.contains("ended") {
        said = d.answer(200, &body.to_string());
        rounds += 1;
    }
    assert_eq!((rounds, said.as_str()), (34, "ended: nested arrays take more than 33554432 bytes | end hang_up"));
}

#[test]
fn fetch_asks_with_who_it_is_and_runs_what_it_gets() {
    let mut d = one(json!({"type": "fetch", "option": {"event_url": "http://x/${voipbin.call.direction}"}}));
    assert_eq!(d.start(), "http#1 Fetch POST http://x/incoming");
    let request = d.request.clone().unwrap();
    assert_eq!(request.content_type, "application/json; charset=utf-8");
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body, json!({"activeflow_id": ACTIVEFLOW_ID, "reference_id": CALL_ID}));
    assert_eq!(d.answer(200, r#"[{"type": "beep"}]"#), "beep#2");
    assert_eq!(d.machine.current_action().id.len(), 36, "an action without an id gets one");
    assert_eq!(d.played(), "timer#3 1");
}

#[test]
fn fetch_takes_an_array_or_an_object_with_one_and_ends_for_anything_else() {
    for (status, body, expected) in [
        (200, r#"{"actions": [{"type": "beep"}], "name": "x"}"#, "beep#2"),
        (201, r#"[{"type": "beep"}]"#, "beep#2"),
        (200, "[]", "timer#2 1"),
        (200, r#"[{"type": "dance"}]"#, "timer#3 1"),
        (200, r#"[{"type": "connect"}]"#, "ended: not yet supported: connect | end hang_up"),
        (200, "{}", "ended: the answer is no array of actions | end hang_up"),
        (200, "null", "ended: the answer is no array of actions | end hang_up"),
        (200, "\"x\"", "ended: the answer is no array of actions | end hang_up"),
        (
            200,
            "[5]",
            "ended: the answer holds no valid actions: actions[0]: it is a number; expected: an object with `type` | end hang_up",
        ),
        (
            200,
            "[",
            "ended: the answer cannot be read: line 1, column 1: not JSON: EOF while parsing a list | end hang_up",
        ),
        (404, "[]", "ended: the answer has status 404 | end hang_up"),
        (302, "[]", "ended: the answer has status 302 | end hang_up"),
        (0, "", "ended: there was no answer: no route | end hang_up"),
    ] {
        let mut d = one(json!({"type": "fetch", "option": {"event_url": "https://x", "event_method": "get"}}));
        assert_eq!(d.start(), "http#1 Fetch GET https://x");
        assert_eq!(d.answer(status, body), expected, "{status} {body}");
    }
    let mut d = one(json!({"type": "fetch", "option": {"event_url": "https://x"}}));
    d.start();
    let too_long = HttpOutcome { status: 200, body: b"[]".to_vec(), error: "the answer is longer than 1 MiB".into() };
    assert_eq!(
        d.event(Event::HttpAnswered { step: 1, outcome: too_long }),
        "ended: the answer is longer than 1 MiB | end hang_up"
    );
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let mut d = one(json!({"type": "fetch", "option": {"event_url": "https://x"}}));
    d.start();
    assert!(d.answer(200, &deep).starts_with("ended: the answer cannot be read"));
    for (option, why) in [
        (json!({}), "event_url is missing; expected: an address of the web"),
        (
            json!({"event_url": "ftp://x"}),
            "event_url is \"ftp://x\"; expected: an address that begins with http:// or https:// and holds no spaces",
        ),
        (
            json!({"event_url": "http://x", "event_method": "a b"}),
            "event_method is \"a b\"; expected: the name of an HTTP method",
        ),
    ] {
        let said = one(json!({"type": "fetch", "option": option})).start();
        assert_eq!(said, format!("ended: the option cannot be read: {why} | end hang_up"));
    }
}

#[test]
fn a_webhook_is_sent_in_the_background_and_sets_nothing() {
    let mut d = one(json!({"type": "webhook_send", "option": {"uri": "http://x", "data": "{\"digits\": \"${k}\"}"}}));
    assert_eq!(d.start(), "http#1 Webhook POST http://x (async) | timer#2 1");
    let request = d.request.clone().unwrap();
    assert_eq!((request.content_type.as_str(), request.body.as_str()), ("application/json", "{\"digits\": \"\"}"));
    assert_eq!(d.event(Event::HttpAnswered { step: 1, outcome: HttpOutcome::default() }), "", "nobody asked");
    assert_eq!(d.variable("voipbin.webhook.status_code"), "<unset>");
    let failed =
        |activeflow_id| Event::WebhookFailed { activeflow_id, step: 1, action_id: "a".into(), reason: "x".into() };
    assert_eq!(d.event(failed(ACTIVEFLOW_ID)), "failed webhook_send: x", "the reason stands in the timeline");
    assert_eq!(d.event(failed(CALL_ID)), "", "another flow of the same call sent it");
    let option = json!({"uri": "http://x", "method": "delete", "data_type": "text/plain", "data": "x"});
    let mut d = one(json!({"type": "webhook_send", "option": option}));
    assert_eq!(d.start(), "http#1 Webhook DELETE http://x (async) | timer#2 1");
    assert_eq!(d.request.clone().unwrap().content_type, "text/plain");
}

#[test]
fn the_response_to_a_sync_webhook_sets_variables() {
    let mut d = one(json!({"type": "webhook_send", "option": {"uri": "http://x", "sync": "true"}}));
    assert_eq!(d.start(), "http#1 Webhook POST http://x");
    assert_eq!(d.variable("voipbin.webhook.status_code"), "0", "nothing has come yet");
    let body = r#"{"customer": {"name": "Ann", "tier": "vip"}, "voipbin.call.id": "me", "n": 1}"#;
    assert_eq!(d.answer(201, body), "timer#2 1");
    assert_eq!((d.variable("customer.name"), d.variable("customer.tier"), d.variable("n")), ("Ann", "vip", "1"));
    assert_eq!(d.variable("voipbin.call.id"), CALL_ID.to_string());
    assert_eq!((d.variable("voipbin.webhook.status_code"), d.variable("voipbin.webhook.body")), ("201", body));
}

#[test]
fn a_failed_webhook_never_ends_the_flow() {
    let sync = |uri: &str| json!({"type": "webhook_send", "option": {"uri": uri, "sync": true}});
    for (status, body, expected, code) in [
        (500, r#"{"a": "b"}"#, "failed webhook_send: the answer has status 500 | timer#2 1", "500"),
        (0, "", "failed webhook_send: there was no answer: no route | timer#2 1", "0"),
        (200, "no JSON", "timer#2 1", "200"),
        (204, "", "timer#2 1", "204"),
    ] {
        let mut d = one(sync("http://x"));
        d.start();
        assert_eq!(d.answer(status, body), expected);
        assert_eq!((d.variable("a"), d.variable("voipbin.webhook.status_code")), ("<unset>", code));
        assert_eq!(d.variable("voipbin.webhook.body"), body);
    }
    let mut d = one(sync(""));
    assert_eq!(
        d.start(),
        "failed webhook_send: the option cannot be read: uri is missing; expected: an address of the web | timer#2 1"
    );
    assert_eq!(d.variable("voipbin.webhook.status_code"), "0");
}

#[test]
fn a_response_over_the_limits_sets_nothing_but_its_status_and_the_beginning_of_its_body() {
    let mut d = one(json!({"type": "webhook_send", "option": {"uri": "http://x", "sync": true}}));
    d.start();
    let many: serde_json::Map<_, _> = (0..101).map(|i| (format!("k{i}"), json!("v"))).collect();
    assert_eq!(
        d.answer(200, &Value::Object(many).to_string()),
        "variable_refused webhook_send: the variables of the response: too many variables: one response may set 100 | timer#2 1"
    );
    assert_eq!((d.variable("k1"), d.variable("voipbin.webhook.status_code")), ("<unset>", "200"));
    let mut d = one(json!({"type": "webhook_send", "option": {"uri": "http://x", "sync": true}}));
    d.start();
    d.answer(200, &"x".repeat(100_000));
    assert_eq!(d.variable("voipbin.webhook.body").len(), 32 * 1024);
}

#[test]
fn what_is_substituted_into_json_cannot_break_it_unless_that_is_switched_off() {
    let send = |escape: bool, data_type: &str| {
        let mut call = ringing_call();
        call.source.target_name = "Ann \"The\" B".into();
        let option = json!({"uri": "http://x", "data_type": data_type, "data": "{\"n\": \"${voipbin.call.source.target_name}\"}"});
        let actions = json!([{"type": "WEBHOOK_SEND", "option": option}]);
        let mut d = Dialogue::new(actions, Some(call), |new| new.settings.webhook_escape_json = escape);
        d.start();
        d.request.unwrap().body
    };
    assert_eq!(send(true, ""), r#"{"n": "Ann \"The\" B"}"#);
    assert_eq!(send(true, "application/json"), r#"{"n": "Ann \"The\" B"}"#);
    assert_eq!(send(true, "text/plain"), r#"{"n": "Ann "The" B"}"#);
    assert_eq!(send(false, ""), r#"{"n": "Ann "The" B"}"#);
}

#[test]
fn a_call_that_ends_meanwhile_ends_the_flow_and_the_answer_is_stale() {
    for action in [
        json!({"type": "talk", "option": {"text": "x"}}),
        json!({"type": "confbridge_join", "option": {"confbridge_id": service(7)}}),
        json!({"type": "conference_join", "option": {"conference_id": service(7)}}),
        json!({"type": "fetch", "option": {"event_url": "http://x"}}),
        json!({"type": "fetch_flow", "option": {"flow_id": service(7)}}),
        json!({"type": "webhook_send", "option": {"uri": "http://x", "sync": true}}),
    ] {
        let mut d = answered(action.clone());
        d.start();
        assert_eq!(d.hang_up_by_peer(), "ended: the call is over | end", "{action}");
        assert_eq!(d.answer(200, "[]"), "");
        assert_eq!(d.machine.stale_events(), 1);
    }
}

#[test]
fn without_a_call_the_web_and_other_flows_are_used_and_the_rest_is_skipped() {
    let mut d = Dialogue::of_api(json!([
        {"id": "1", "type": "talk", "option": {"text": "x"}}, {"id": "2", "type": "recording_start"},
        {"id": "3", "type": "recording_stop"}, {"id": "4", "type": "confbridge_join"}, {"id": "5", "type": "conference_join"},
        {"id": "6", "type": "fetch_flow", "option": {"flow_id": service(3)}},
        {"id": "7", "type": "webhook_send", "option": {"uri": "http://x"}},
    ]));
    assert_eq!(d.start(), "flow#6 3");
    assert_eq!(d.found(json!([])), "http#7 Webhook POST http://x (async) | ended: the actions are finished | end");
    assert_eq!(d.walked(), "(1) (2) (3) (4) (5) 6 7");
}
