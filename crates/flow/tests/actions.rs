//! What each action does, as short dialogues (spec/actions.md).

mod support;

use flow::Event;
use model::{CallStatus, Direction};
use serde_json::{Value, json};
use support::{CALL_ID, Dialogue, ringing_call};

/// One action in a flow that then sleeps, so that "goes on at once" can be seen.
fn one(action: Value) -> Dialogue {
    let mut d = Dialogue::of_call(json!([action, {"id": "z", "type": "sleep", "option": {"duration": 1}}]));
    d.walked.clear();
    d
}

#[test]
fn answer_answers_an_unanswered_incoming_call_only() {
    assert_eq!(one(json!({"type": "answer"})).start(), "answer | timer#2 1");
    for (status, direction) in [
        (CallStatus::Progressing, Direction::Incoming),
        (CallStatus::Ringing, Direction::Outgoing),
        (CallStatus::Dialing, Direction::Outgoing),
    ] {
        let mut call = ringing_call();
        (call.status, call.direction) = (status, direction);
        let mut d = Dialogue::new(
            json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 1}}]),
            Some(call),
            |_| {},
        );
        assert_eq!(d.start(), "timer#2 1", "{status:?} {direction:?}");
    }
    let twice = json!([{"type": "answer"}, {"type": "answer"}, {"type": "sleep", "option": {"duration": 1}}]);
    assert_eq!(Dialogue::of_call(twice).start(), "answer | timer#3 1");
}

#[test]
fn beep_waits_for_its_end_and_digits_do_not_stop_it() {
    let mut d = one(json!({"type": "beep"}));
    assert_eq!(d.start(), "beep#1");
    assert!(d.machine.is_waiting());
    assert_eq!(d.press("1"), "");
    assert_eq!(d.played(), "timer#2 1");
    let mut d = one(json!({"type": "beep"}));
    d.start();
    assert_eq!(
        d.event(Event::PlaybackFailed { step: 1, reason: "no media".into() }),
        "failed beep: no media | timer#2 1"
    );
}

#[test]
fn play_takes_both_spellings_and_plays_its_files_as_one() {
    for (option, expected) in [
        (json!({"stream_urls": ["a", "b"]}), "play#1 a,b"),
        (json!({"stream_urls": "a"}), "play#1 a"),
        (json!({"stream_url": ["a", "b"]}), "play#1 a,b"),
        (json!({"stream_url": "a"}), "play#1 a"),
        (json!({"stream_urls": ["new"], "stream_url": "old"}), "play#1 new"),
        (json!({"stream_urls": ["${voipbin.call.direction}.wav"]}), "play#1 incoming.wav"),
        (json!({"stream_urls": ["", " a "]}), "play#1 a"),
        (json!({"stream_urls": []}), "timer#2 1"),
        (json!({"stream_urls": [], "stream_url": "old"}), "timer#2 1"),
        (json!({"stream_urls": null, "stream_url": "old"}), "play#1 old"),
        (json!({}), "timer#2 1"),
    ] {
        assert_eq!(one(json!({"type": "play", "option": option})).start(), expected, "{option}");
    }
}

#[test]
fn play_goes_on_after_its_end_or_its_failure_and_a_digit_stops_it_only_if_asked() {
    let mut d = one(json!({"type": "play", "option": {"stream_urls": ["a"]}}));
    d.start();
    assert_eq!(d.press("5"), "");
    assert_eq!(d.digits(), "5");
    assert_eq!(
        d.event(Event::PlaybackFailed { step: 1, reason: "nothing could be played".into() }),
        "failed play: nothing could be played | timer#2 1"
    );
    let mut d = one(json!({"type": "play", "option": {"stream_urls": ["a"], "digits_handle": "next"}}));
    d.start();
    assert_eq!(d.press("x"), "", "no digit");
    assert_eq!(d.press("7"), "stop_playback | timer#2 1");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "");
    assert_eq!(d.digits(), "7");
}

#[test]
fn a_digit_that_stopped_a_prompt_satisfies_the_digits_receive_behind_it() {
    let mut d = Dialogue::of_call(json!([
        {"type": "play", "option": {"stream_urls": ["a"], "digits_handle": "NEXT"}},
        {"type": "digits_receive", "option": {"length": 1}},
        {"id": "b", "type": "branch", "option": {"target_ids": {"3": "three"}}},
        {"type": "stop"},
        {"id": "three", "type": "beep"},
    ]));
    d.start();
    assert_eq!(d.press("3"), "stop_playback | beep#4");
}

#[test]
fn a_digit_pressed_before_the_prompt_began_does_not_stop_it() {
    let mut d = Dialogue::of_call(json!([
        {"type": "sleep", "option": {"duration": 5}},
        {"type": "play", "option": {"stream_urls": ["a"], "digits_handle": "next"}},
    ]));
    d.start();
    d.press("1");
    assert_eq!(d.timer(), "play#2 a");
    assert_eq!(d.drain(), "");
}

#[test]
fn digits_receive_ends_by_length_key_or_time() {
    for (option, keys, ended_by, value) in [
        (json!({}), "5", true, "5"),
        (json!({"length": 3}), "123", true, "123"),
        (json!({"length": 3}), "12", false, "12"),
        (json!({"key": "#"}), "1234#", true, "1234#"),
        (json!({"key": "*#"}), "12*", true, "12*"),
        (json!({"key": "#"}), "123456", false, "123456"),
        (json!({"length": 2, "key": "#"}), "1#", true, "1#"),
        (json!({"length": 2, "key": "#"}), "#", true, "#"),
        (json!({"length": 0}), "123456", false, "123456"),
        (json!({"length": "2"}), "ab", true, "AB"),
    ] {
        let mut d = one(json!({"type": "digits_receive", "option": option}));
        assert_eq!(d.start(), "timer#1 5000", "{option}");
        let said = d.press(keys);
        assert_eq!(said, if ended_by { "timer#2 1" } else { "" }, "{option} {keys}");
        assert_eq!(d.digits(), value, "{option}");
        if !ended_by {
            assert_eq!(d.timer(), "timer#2 1", "{option}: time is up");
            assert_eq!(d.digits(), value, "what was collected stays");
        }
    }
}

#[test]
fn the_time_is_for_the_whole_action() {
    let mut d = one(json!({"type": "digits_receive", "option": {"duration": 700, "length": 4}}));
    assert_eq!(d.start(), "timer#1 700");
    assert_eq!(d.press("12"), "", "no digit arms the timer again");
    assert_eq!(d.timer(), "timer#2 1");
}

/// digits_receive of these lengths one after the other, with a pause before each.
fn receivers(lengths: &[Value]) -> Dialogue {
    let mut actions = Vec::new();
    for length in lengths {
        actions.push(json!({"type": "sleep", "option": {"duration": 1}}));
        actions.push(json!({"type": "digits_receive", "option": length}));
    }
    actions.push(json!({"type": "sleep", "option": {"duration": 1}}));
    Dialogue::of_call(Value::Array(actions))
}

#[test]
fn digits_pressed_ahead_count_first_and_the_rest_stays_for_the_next() {
    let mut d = receivers(&[json!({"length": 2}), json!({"length": 2}), json!({"length": 2})]);
    d.start();
    d.press("12345");
    assert_eq!(d.digits(), "5", "outside of digits_receive the last one is shown");
    assert_eq!(d.timer(), "timer#3 1", "satisfied at once");
    assert_eq!(d.digits(), "12");
    assert_eq!(d.timer(), "timer#5 1");
    assert_eq!(d.digits(), "34");
    assert_eq!(d.timer(), "timer#6 5000");
    assert_eq!(d.digits(), "5");
    assert_eq!(d.press("6"), "timer#7 1");
    assert_eq!(d.digits(), "56");
}

#[test]
fn a_terminating_key_pressed_ahead_ends_at_that_digit() {
    let mut d = receivers(&[json!({"key": "#"}), json!({"length": 1})]);
    d.start();
    d.press("12#9");
    d.timer();
    assert_eq!(d.digits(), "12#");
    d.timer();
    assert_eq!(d.digits(), "9");
}

#[test]
fn what_a_digits_receive_held_is_used_up_and_the_next_one_starts_empty() {
    let mut d = receivers(&[json!({"length": 4}), json!({"length": 4})]);
    d.start();
    d.timer();
    d.press("12");
    d.timer();
    assert_eq!(d.digits(), "12", "readable after the time-out");
    assert_eq!(d.timer(), "timer#4 5000");
    assert_eq!(d.digits(), "");
    let mut d = receivers(&[json!({"length": 4}), json!({"length": 4})]);
    d.start();
    d.timer();
    d.press("12");
    d.timer();
    d.press("9");
    assert_eq!(d.digits(), "9");
    assert_eq!(d.timer(), "timer#4 5000");
    assert_eq!(d.digits(), "9", "a digit pressed in between starts the value");
}

#[test]
fn a_branch_on_digits_and_a_variable_set_of_digits_empty_the_buffer() {
    for action in [
        json!({"type": "branch"}),
        json!({"type": "branch", "option": {"variable": ""}}),
        json!({"type": "branch", "option": {"variable": "voipbin.call.digits"}}),
        json!({"type": "branch", "option": {"variable": "${voipbin.call.digits}"}}),
        json!({"type": "variable_set", "option": {"key": "voipbin.call.digits", "value": ""}}),
    ] {
        let mut d = Dialogue::of_call(
            json!([{"type": "sleep", "option": {"duration": 1}}, action, {"type": "digits_receive", "option": {"length": 1}}]),
        );
        d.start();
        d.press("12");
        assert_eq!(d.timer(), "timer#3 5000", "{action}");
        assert_eq!(d.digits(), "");
    }
    let mut d = Dialogue::of_call(json!([
        {"type": "sleep", "option": {"duration": 1}}, {"type": "branch", "option": {"variable": "other"}}, {"type": "digits_receive", "option": {"length": 1}},
        {"type": "beep"},
    ]));
    d.start();
    d.press("1");
    assert_eq!(d.timer(), "beep#4", "another variable leaves the digits alone");
}

#[test]
fn branch_matches_exactly_and_leaves_other_variables() {
    let targets = json!({"1": "one", "A": "a", "": "none"});
    for (digits, expected) in [("1", "one"), ("1#", "default"), ("a", "a"), ("", "none"), ("2", "default")] {
        let mut d = Dialogue::of_call(json!([
            {"type": "digits_receive", "option": {"length": 2}},
            {"type": "branch", "option": {"target_ids": targets, "default_target_id": "default"}},
            {"id": "one", "type": "beep"}, {"id": "a", "type": "beep"}, {"id": "none", "type": "beep"}, {"id": "default", "type": "beep"},
        ]));
        d.start();
        d.press(digits);
        d.timer();
        assert_eq!(d.machine.current_action().id, expected, "{digits:?}");
    }
    let custom = |variable: &str| {
        let mut d = Dialogue::of_call(json!([
            {"type": "variable_set", "option": {"key": "tier", "value": "vip"}},
            {"type": "variable_set", "option": {"key": "which", "value": "tier"}},
            {"type": "branch", "option": {"variable": variable, "target_ids": {"vip": "yes"}}},
            {"id": "no", "type": "beep"}, {"id": "yes", "type": "beep"},
        ]));
        d.start();
        assert_eq!(d.variable("tier"), "vip");
        d.machine.current_action().id.clone()
    };
    assert_eq!(
        (custom("tier"), custom("${tier}"), custom("${which}"), custom("ti${x}er")),
        ("yes".into(), "yes".into(), "no".into(), "yes".into())
    );
}

#[test]
fn branch_takes_indexes_where_ids_are_absent() {
    let go = |option: Value| {
        let mut d = Dialogue::of_call(json!([
            {"type": "branch", "option": option}, {"id": "1", "type": "beep"}, {"id": "2", "type": "beep"}, {"id": "3", "type": "beep"},
        ]));
        d.start();
        d.machine.current_action().id.clone()
    };
    assert_eq!(go(json!({"target_indexes": {"": 2}})), "2");
    assert_eq!(go(json!({"target_indexes": {"": "2"}, "target_ids": {}})), "2");
    assert_eq!(go(json!({"target_indexes": {"x": 2}, "default_index": 3})), "3");
    assert_eq!(go(json!({"default_target_id": "2", "default_index": 3})), "2");
    assert_eq!(go(json!({"target_ids": {"": "3"}, "target_indexes": {"": 2}})), "3");
}

#[test]
fn condition_variable_reads_names_and_references() {
    let goes_on = |variable: &str, value: &str| {
        let mut d = Dialogue::of_call(json!([
            {"type": "variable_set", "option": {"key": "customer.tier", "value": "vip"}},
            {"type": "condition_variable", "option": {"condition": "==", "variable": variable, "value_string": value, "false_target_id": "no"}},
            {"id": "yes", "type": "beep"}, {"id": "no", "type": "beep"},
        ]));
        d.start();
        d.machine.current_action().id == "yes"
    };
    for (variable, value, expected) in [
        ("customer.tier", "vip", true),
        ("${customer.tier}", "vip", true),
        ("${customer.tier}", "customer.tier", false),
        ("x${customer.tier}", "xvip", true),
        ("customer.other", "", true),
        ("${customer.other}", "", true),
        ("voipbin.call.status", "ringing", true),
        ("${voipbin.call.status}", "ringing", true),
        ("voipbin.call.caller_id", "+821100000001", true),
        ("customer.tier", "${customer.tier}", true),
    ] {
        assert_eq!(goes_on(variable, value), expected, "{variable} == {value}");
    }
}

#[test]
fn digits_send_waits_as_long_as_the_digits_last() {
    let mut d = one(json!({"type": "digits_send", "option": {"digits": "12a!", "duration": 200, "interval": 50}}));
    assert_eq!(d.start(), "send#1 12A 200 50 | timer#1 700");
    assert_eq!(d.timer(), "timer#2 1");
    assert_eq!(d.digits(), "");
    assert_eq!(one(json!({"type": "digits_send", "option": {"digits": "x"}})).start(), "timer#2 1");
}

#[test]
fn echoes_are_switched_off_when_their_time_is_up() {
    for (action, mode) in [("echo", "Audio"), ("stream_echo", "Stream")] {
        for (duration, ms) in
            [(json!(300), 300), (json!(0), 180_000), (json!(-5), 180_000), (json!("250"), 250), (Value::Null, 180_000)]
        {
            let mut d = one(json!({"type": action, "option": {"duration": duration}}));
            assert_eq!(d.start(), format!("echo {mode} | timer#1 {ms}"));
            assert_eq!(d.press("1"), "", "digits are stored");
            assert_eq!(d.timer(), "echo Off | timer#2 1");
            assert_eq!(d.digits(), "1");
        }
    }
}

#[test]
fn sleep_of_nothing_goes_on_at_once_and_it_waits_without_a_call_too() {
    for option in [json!({}), json!({"duration": 0}), json!({"duration": -1})] {
        assert_eq!(one(json!({"type": "sleep", "option": option})).start(), "timer#2 1");
    }
    let mut d = Dialogue::of_api(json!([{"type": "sleep", "option": {"duration": "40"}}]));
    assert_eq!(d.start(), "timer#1 40");
    assert_eq!(d.timer(), "ended: the actions are finished | end");
}

#[test]
fn hangup_takes_the_reasons_of_the_list_and_anything_else_is_normal() {
    let reference = uuid::Uuid::from_u128(5);
    for (option, expected) in [
        (json!({}), "hangup normal"),
        (json!({"reason": "busy"}), "hangup busy"),
        (json!({"reason": "noanswer"}), "hangup noanswer"),
        (json!({"reason": "tired"}), "hangup normal"),
        (json!({"reason": 5}), "hangup normal"),
        (json!({"reason": "busy", "reference_id": reference}), "hangup busy as 5"),
        (json!({"reference_id": model::action_id::NIL}), "hangup normal"),
        (json!({"reference_id": "${nope}"}), "hangup normal"),
        (json!({"reference_id": "garbage"}), "hangup normal"),
    ] {
        let mut d = one(json!({"type": "hangup", "option": option}));
        assert_eq!(d.start(), expected, "{option}");
        assert_eq!(d.hang_up_by_peer(), "ended: the call is over | end");
    }
}

#[test]
fn stop_ends_at_once() {
    let mut d = Dialogue::of_call(json!([{"id": "s", "type": "stop"}, {"id": "n", "type": "beep"}]));
    assert_eq!(d.start(), "ended: stopped by the action stop | end hang_up");
    assert_eq!(d.walked(), "s");
}

#[test]
fn variable_set_stores_text_and_json_and_refuses_what_is_too_much() {
    for (option, key, expected) in [
        (json!({"key": "a b.c", "value": "x"}), "a b.c", "x"),
        (json!({"key": "k", "value": 1.5}), "k", "1.5"),
        (json!({"key": "k", "value": true}), "k", "true"),
        (json!({"key": "k", "value": [1, "a"]}), "k", "[1,\"a\"]"),
        (json!({"key": "k"}), "k", ""),
        (json!({"key": "k", "value": "${voipbin.call.id}"}), "k", &CALL_ID.to_string()),
        (json!({"key": "${voipbin.call.direction}", "value": "x"}), "incoming", "x"),
        (json!({"key": "", "value": "x"}), "", "<unset>"),
        (json!({"key": "voipbin.call.id", "value": "mine"}), "voipbin.call.id", "mine"),
    ] {
        let mut d = one(json!({"type": "variable_set", "option": option}));
        assert_eq!(d.start(), "timer#2 1", "{option}");
        assert_eq!(d.variable(key), expected, "{option}");
    }
    let mut d = one(json!({"type": "variable_set", "option": {"key": "k", "value": "x".repeat(40_000)}}));
    assert_eq!(d.start(), "variable_refused variable_set: k: the value has 40000 bytes, allowed are 32768 | timer#2 1");
    assert_eq!(d.variable("k"), "<unset>");
}

#[test]
fn a_value_is_not_scanned_again_and_a_loop_sees_fresh_values() {
    let mut d = Dialogue::of_call(json!([
        {"type": "variable_set", "option": {"key": "n", "value": "x"}},
        {"id": "again", "type": "variable_set", "option": {"key": "n", "value": "${n}x"}},
        {"type": "goto", "option": {"target_id": "again", "loop_count": "2"}},
        {"type": "beep"},
    ]));
    d.start();
    assert_eq!(d.variable("n"), "xxxx");
}

#[test]
fn goto_finds_the_first_of_two_actions_with_one_id_and_goes_on_behind_it() {
    let mut d = Dialogue::of_call(json!([
        {"id": "a", "type": "empty"}, {"id": "b", "type": "empty"}, {"id": "a", "type": "empty"},
        {"id": "g", "type": "goto", "option": {"target_id": "a", "loop_count": 1}}, {"type": "stop"},
    ]));
    d.start();
    assert_eq!(d.walked[..8].join(" "), "a b a g a b a g");
}

#[test]
fn the_variables_of_a_call_are_set_before_its_first_action() {
    let mut d = Dialogue::new(json!([]), Some(ringing_call()), |new| {
        new.variables = json!({"voipbin.x": "no", " mine ": 5}).as_object().unwrap().clone();
    });
    for (name, value) in [
        ("voipbin.activeflow.id", support::ACTIVEFLOW_ID.to_string().as_str()),
        ("voipbin.activeflow.reference_type", "call"),
        ("voipbin.activeflow.reference_id", &CALL_ID.to_string()),
        ("voipbin.activeflow.reference_activeflow_id", model::action_id::NIL),
        ("voipbin.activeflow.complete_count", "0"),
        ("voipbin.call.id", &CALL_ID.to_string()),
        ("voipbin.call.source.type", "tel"),
        ("voipbin.call.source.target", "+821100000001"),
        ("voipbin.call.source.target_name", "Ann"),
        ("voipbin.call.source.name", ""),
        ("voipbin.call.source.detail", ""),
        ("voipbin.call.destination.target", "+821100000002"),
        ("voipbin.call.destination.target_name", "Desk"),
        ("voipbin.call.direction", "incoming"),
        ("voipbin.call.master_call_id", model::action_id::NIL),
        ("voipbin.call.digits", ""),
        ("mine", "5"),
        ("voipbin.x", "<unset>"),
    ] {
        assert_eq!(d.variable(name), value, "{name}");
    }
    assert_eq!(d.start(), "ended: the actions are finished | end hang_up");
}

#[test]
fn initial_variables_over_a_limit_are_dropped_and_the_flow_runs_all_the_same() {
    let mut d = Dialogue::new(json!([{"type": "beep"}]), Some(ringing_call()), |new| {
        new.variables = (0..101).map(|i| (format!("k{i}"), json!("v"))).collect();
    });
    assert_eq!(
        d.start(),
        "variable_refused : initial variables: too many variables: at most 100 initial ones and 1000 in all | beep#1"
    );
    assert_eq!(d.variable("k1"), "<unset>");
    assert_eq!(d.variable("voipbin.call.direction"), "incoming");
}

#[test]
fn the_call_as_json_can_be_substituted() {
    let mut d = Dialogue::of_call(
        json!([{"type": "variable_set", "option": {"key": "k", "value": "${voipbin.flow.reference_data}"}}, {"type": "beep"}]),
    );
    d.start();
    let call: Value = serde_json::from_str(d.variable("k")).unwrap();
    assert_eq!((&call["id"], &call["status"]), (&json!(CALL_ID.to_string()), &json!("ringing")));
    let mut d = Dialogue::of_api(
        json!([{"type": "variable_set", "option": {"key": "k", "value": "<${voipbin.flow.reference_data}>"}}]),
    );
    d.start();
    assert_eq!(d.variable("k"), "<>");
}

#[test]
fn an_option_that_substitution_makes_too_long_is_a_failure_of_its_action() {
    let many = "${v}".repeat(40);
    for (action, expected) in [
        (
            json!({"type": "play", "option": {"stream_urls": [many]}}),
            "failed play: the option has more than 1048576 bytes after substitution | timer#3 1",
        ),
        (
            json!({"type": "branch", "option": {"variable": many}}),
            "ended: the option has more than 1048576 bytes after substitution | end hang_up",
        ),
    ] {
        let set = json!({"type": "variable_set", "option": {"key": "v", "value": "x".repeat(32_000)}});
        let mut d = Dialogue::of_call(json!([set, action, {"type": "sleep", "option": {"duration": 1}}]));
        assert_eq!(d.start(), expected);
    }
}
