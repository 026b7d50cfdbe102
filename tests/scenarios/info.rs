//! Keys by SIP INFO (spec/media.md §5): they count as those of RFC 4733 do, and what is no key does no harm.

use support::{Phone, Value, World, json, scenario};

use crate::quiet;

const RELAY: &str = "application/dtmf-relay";
const PLAIN: &str = "application/dtmf";

/// Asks for keys until `#` and plays 600 Hz if they were `1#`.
fn pin(first: Value) -> Value {
    json!([
        first,
        {"type": "digits_receive", "option": {"duration": 10_000, "key": "#"}},
        {"type": "branch", "option": {"target_ids": {"1#": "right"}, "default_target_id": "end"}},
        {"id": "right", "type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
        {"id": "end", "type": "hangup"},
    ])
}

/// The keys that users were told of: `5 160`.
fn keys(world: &World) -> Vec<String> {
    let told = world.events().into_iter().filter(|(name, _)| name == "dtmf_received");
    told.map(|(_, data)| format!("{} {}", data["digit"].as_str().unwrap_or_default(), data["duration"])).collect()
}

/// Sends this INFO and gets this status.
fn informed(phone: &Phone, content_type: &str, body: &str, status: u16) {
    let before = phone.count(status, "INFO");
    phone.informs(content_type, body);
    phone.waits_ms(50);
    assert_eq!(phone.count(status, "INFO"), before + 1, "{content_type:?} {body:?}");
}

#[test]
fn keys_by_info_are_those_that_the_flow_waits_for() {
    scenario("info_keys", |world| {
        world.number("pin", pin(json!({"type": "answer"})));
        let alice = world.phone("alice");
        alice.is_connected_to("pin");
        alice.presses_by_info("1");
        informed(&alice, PLAIN, "#", 200);
        alice.waits_ms(20);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert_eq!(keys(world), ["1 160", "# 100"]);
        world.is_empty_after_40_s();
    });
}

/// In the early dialog there is no way for RTP yet.
#[test]
fn keys_by_info_count_before_the_answer() {
    scenario("info_early", |world| {
        world.number("pin", pin(json!({"type": "empty"})));
        let alice = world.phone("alice");
        alice.calls("pin");
        alice.gets(180);
        alice.presses_by_info("1");
        alice.presses_by_info("11");
        alice.gets(183);
        alice.hears(600.0);
        alice.gets(603);
        assert_eq!(keys(world), ["1 160", "# 160"]);
        world.is_empty_after_40_s();
    });
}

/// RFC 3261 §17.2.2: the 200 is lost, and the repeated INFO gets it again.
#[test]
fn a_repeated_info_presses_once() {
    scenario("info_repeated", |world| {
        world.number("pin", pin(json!({"type": "answer"})));
        let alice = world.phone("alice");
        alice.is_connected_to("pin");
        alice.link(|link| link.drop_next_to_peer = 1);
        alice.presses_by_info("1");
        alice.link(|link| link.duplicate_permille = 1_000);
        alice.presses_by_info("#");
        alice.waits_ms(40);
        alice.hears(600.0);
        alice.link(|link| link.duplicate_permille = 0);
        alice.is_asked("BYE");
        assert_eq!(keys(world), ["1 160", "# 160"]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_key_by_info_ends_a_recording() {
    scenario("info_ends_recording", |world| {
        world.number(
            "mail",
            json!([
                {"type": "answer"},
                {"type": "recording_start", "option": {"end_of_key": "#"}},
                {"type": "sleep", "option": {"duration": 5_000}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("mail");
        alice.waits_ms(500);
        alice.presses_by_info("5");
        assert_eq!(world.published("recording_finished"), 0);
        alice.presses_by_info("#");
        alice.waits_ms(500);
        assert_eq!(world.published("recording_finished"), 1);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn what_is_no_key_does_no_harm() {
    scenario("info_no_key", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        // RFC 2976 §2.2: without a body it only asks whether the call is still there.
        informed(&alice, "", "", 200);
        for flash in ["16", "hf", "!", "Z"] {
            informed(&alice, RELAY, &format!("Signal={flash}\r\nDuration=160\r\n"), 200);
        }
        for (content_type, body) in [
            (RELAY, "Duration=160\r\n"),
            (RELAY, "Signal=\r\nDuration=160\r\n"),
            (RELAY, "Signal=1\r\nDuration=soon\r\n"),
            (RELAY, "5"),
            (PLAIN, "\r\n"),
            (PLAIN, "five or so"),
        ] {
            informed(&alice, content_type, body, 400);
        }
        for content_type in ["text/plain", "application/sdp", "application/vnd.nortelnetworks.digits", ""] {
            informed(&alice, content_type, "Signal=1\r\n", 415);
            assert!(alice.last_response(415).contains("Accept: application/dtmf-relay, application/dtmf\r\n"));
        }
        informed(&alice, "Application/DTMF-Relay;charset=utf-8", "Signal=1", 200);
        assert_eq!(keys(world), ["1 100"]);
        alice.hears_silence();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn after_the_end_info_gets_481() {
    scenario("info_too_late", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 100}}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.answers_bye = false);
        alice.is_connected_to("short");
        alice.is_asked("BYE");
        // Our BYE waits for its answer.
        informed(&alice, RELAY, "Signal=1", 481);
        world.passes_ms(40_000);
        // And now nothing of the call is left.
        informed(&alice, RELAY, "Signal=1", 481);
        assert_eq!(keys(world), [""; 0]);
        world.is_empty_after_40_s();
    });
}
