//! What users are told of a call, in order (spec/resources.md §4.3, §12).

use support::{Value, World, json, scenario};

/// The names and states of all events of calls and activeflows, in order.
fn story(world: &World) -> Vec<String> {
    let told =
        world.events().into_iter().filter(|(name, _)| name.starts_with("call_") || name.starts_with("activeflow_"));
    told.map(|(name, data)| format!("{name} {}", data["status"].as_str().unwrap_or_default())).collect()
}

fn times(call: &Value) -> [bool; 5] {
    ["tm_create", "tm_ringing", "tm_progressing", "tm_hangup", "tm_update"].map(|key| call[key].is_string())
}

#[test]
fn a_plain_call_is_told_from_its_creation_to_its_end() {
    scenario("events_plain", |world| {
        world.number(
            "plain",
            json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 500}}, {"type": "hangup"}]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("plain");
        let created = world.last("call_created");
        assert_eq!((&created["status"], &created["direction"]), (&"ringing".into(), &"incoming".into()));
        assert_eq!(times(&created), [true, true, false, false, false]);
        assert_eq!(created["activeflow_id"], world.last("activeflow_created")["id"]);
        assert_eq!(world.last("activeflow_created")["current_action"]["id"], support::uuid(1).to_string());
        alice.is_asked("BYE");
        world.passes_ms(50);
        assert_eq!(
            story(world),
            [
                "call_created ringing",
                "activeflow_created running",
                "call_progressing progressing",
                "activeflow_updated running",
                "call_terminating terminating",
                "activeflow_updated running",
                "call_hangup hangup",
                "activeflow_updated ended",
            ]
        );
        let ended = world.last("call_hangup");
        assert_eq!(times(&ended), [true, true, true, true, true]);
        assert_eq!((&ended["hangup_by"], &ended["hangup_reason"]), (&"local".into(), &"normal".into()));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_caller_who_hangs_up_ends_the_call_without_terminating() {
    scenario("events_caller_hangs_up", |world| {
        world.number("plain", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 60_000}}]));
        let alice = world.phone("alice");
        alice.is_connected_to("plain");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        assert_eq!(story(world)[4..], ["call_hangup hangup", "activeflow_updated ended"]);
        let ended = world.last("call_hangup");
        assert_eq!((&ended["hangup_by"], &ended["hangup_reason"]), (&"remote".into(), &"normal".into()));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_caller_who_cancels_is_told_as_such() {
    scenario("events_cancel", |world| {
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 60_000}}]));
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        alice.cancels();
        alice.gets(487);
        let expected = [
            "call_created ringing",
            "activeflow_created running",
            "activeflow_updated running",
            "call_hangup hangup",
            "activeflow_updated ended",
        ];
        assert_eq!(story(world), expected);
        let ended = world.last("call_hangup");
        assert_eq!((&ended["hangup_by"], &ended["hangup_reason"]), (&"remote".into(), &"cancel".into()));
        world.is_empty_after_40_s();
    });
}

/// Each cursor move is in an event, and moves within one burst share one.
#[test]
fn an_activeflow_is_told_at_each_move() {
    scenario("events_activeflow", |world| {
        world.number(
            "moves",
            json!([
                {"id": "a", "type": "answer"},
                {"id": "b", "type": "variable_set", "option": {"key": "x", "value": "1"}},
                {"id": "c", "type": "sleep", "option": {"duration": 100}},
                {"id": "d", "type": "sleep", "option": {"duration": 100}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("moves");
        alice.is_asked("BYE");
        world.passes_ms(50);
        let moves: Vec<String> = world
            .events()
            .into_iter()
            .filter(|(name, _)| name == "activeflow_updated")
            .map(|(_, data)| data["current_action"]["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        let finish = support::uuid(2).to_string();
        assert_eq!(moves, ["c".to_owned(), "d".into(), finish]);
        let ended = world.last("activeflow_updated");
        let executed = ended["executed_actions"].as_array().map_or(0, Vec::len);
        assert_eq!((executed, &ended["executed_count"]), (5, &json!(5)));
        world.is_empty_after_40_s();
    });
}

#[test]
fn each_key_is_told_once() {
    scenario("events_dtmf", |world| {
        world.number("plain", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 60_000}}]));
        let alice = world.phone("alice");
        alice.is_connected_to("plain");
        alice.presses('1');
        alice.presses_for('#', 200, 1);
        alice.waits_ms(50);
        let told: Vec<Value> =
            world.events().into_iter().filter(|(name, _)| name == "dtmf_received").map(|(_, data)| data).collect();
        let call_id = world.id_of("call_created");
        let keys: Vec<(&Value, &Value)> = told.iter().map(|data| (&data["digit"], &data["duration"])).collect();
        assert_eq!(keys, [(&json!("1"), &json!(100)), (&json!("#"), &json!(200))]);
        assert!(told.iter().all(|data| data["call_id"] == json!(call_id)));
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}
