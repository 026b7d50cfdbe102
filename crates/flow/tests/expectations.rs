//! The worked expectations of spec/flow.md §12, the failures of §9, endings and limits.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use flow::{CallView, Event, Machine, NewActiveflow, Settings, StopReason};
use model::{CallStatus, Flow, action_id};
use serde_json::json;
use support::{ACTIVEFLOW_ID, CALL_ID, Dialogue, ringing_call};
use uuid::Uuid;

#[test]
fn expectation_1_a_goto_with_count_2_lets_the_prompt_be_heard_3_times_and_never_resets() {
    let mut d = Dialogue::of_call(json!([
        {"id": "p", "type": "talk", "option": {"text": "a"}},
        {"id": "g", "type": "goto", "option": {"target_id": "p", "loop_count": 2}},
        {"id": "q", "type": "play", "option": {"stream_urls": ["b"]}},
        {"id": "h", "type": "goto", "option": {"target_id": "g", "loop_count": 1}},
    ]));
    assert_eq!(d.start(), "answer | talk#1 a");
    assert_eq!(d.played(), "talk#3 a");
    assert_eq!(d.played(), "talk#5 a");
    assert_eq!(d.played(), "play#7 b");
    assert_eq!(d.played(), "play#10 b", "the first goto is reached again and passed");
    assert_eq!(d.played(), "ended: the actions are finished | end hang_up");
    assert_eq!(d.walked(), "p g p g p g q h g q h");
}

#[test]
fn expectation_2_a_branch_without_an_entry_takes_the_default_and_empties_the_digits() {
    let mut d = Dialogue::of_call(json!([
        {"id": "r", "type": "digits_receive"},
        {"id": "b", "type": "branch", "option": {"default_target_id": "d", "target_ids": {"2": "x"}}},
        {"id": "x", "type": "stop"},
        {"id": "d", "type": "sleep", "option": {"duration": 1}},
    ]));
    assert_eq!(d.start(), "timer#1 5000");
    assert_eq!(d.press("1"), "timer#3 1");
    assert_eq!((d.digits(), d.walked()), ("", "r b d".into()));
}

#[test]
fn expectation_3_actions_that_need_a_call_are_skipped_without_one_and_still_count() {
    let mut d = Dialogue::of_api(json!([
        {"id": "1", "type": "answer"},
        {"id": "2", "type": "talk", "option": {"text": "a"}},
        {"id": "3", "type": "variable_set", "option": {"key": "k", "value": "v"}},
        {"id": "4", "type": "webhook_send", "option": {"uri": "http://x", "data": "${k}"}},
        {"id": "5", "type": "hangup"},
    ]));
    assert_eq!(d.start(), "http#4 Webhook POST http://x (async) | ended: the actions are finished | end");
    assert_eq!(d.request.as_ref().unwrap().body, "v");
    assert_eq!(d.walked(), "(1) (2) 3 4 (5)");
    assert_eq!(d.executed(), [action_id::START, "1", "2", "3", "4", "5"]);
    assert_eq!(d.variable("k"), "v");
    let shown = serde_json::to_value(d.machine.to_activeflow()).unwrap();
    assert_eq!(shown["current_action"]["id"], action_id::FINISH);
    assert_eq!(shown["current_action"]["type"], "");
    assert_eq!(shown["executed_count"], 6);
    assert_eq!(d.updates, 1, "one burst, one activeflow_updated");
}

#[test]
fn a_reference_of_no_type_passes_actions_of_class_any_only() {
    let actions = json!([{"id": "1", "type": "answer"}, {"id": "2", "type": "sleep", "option": {"duration": 7}}]);
    let mut d = Dialogue::new(actions, None, |new| new.reference = Default::default());
    assert_eq!(d.start(), "timer#2 7");
    assert_eq!(d.timer(), "ended: the actions are finished | end");
    assert_eq!(d.walked(), "(1) 2");
}

/// Three actions, the second of which fetches a flow.
fn fetching() -> Dialogue {
    let fetch = json!({"id": "2", "type": "fetch_flow", "option": {"flow_id": Uuid::from_u128(0xf2)}});
    let mut d = Dialogue::of_call(json!([{"id": "1", "type": "empty"}, fetch, {"id": "3", "type": "empty"}]));
    assert_eq!(d.start(), "flow#2 242");
    d
}

#[test]
fn expectation_4_a_fetched_flow_runs_between_the_fetch_and_the_next_action() {
    let mut d = fetching();
    let two = json!([{"id": "f1", "type": "empty"}, {"id": "f2", "type": "empty"}]);
    assert_eq!(d.found(two), "ended: the actions are finished | end hang_up");
    assert_eq!(d.walked(), "1 2 f1 f2 3");
}

#[test]
fn expectation_5_a_goto_out_of_a_fetched_flow_leaves_its_frame() {
    let mut d = fetching();
    let goto = json!({"id": "f1", "type": "goto", "option": {"target_id": "3", "loop_count": 1}});
    d.found(json!([goto, {"id": "f2", "type": "empty"}]));
    assert_eq!(d.walked(), "1 2 f1 3");
}

/// §5.2: a jump to the enclosing array abandons the nested one; §12.1: the count lives in the activeflow all the same.
#[test]
fn a_goto_that_leaves_its_array_counts_on_when_the_array_is_fetched_anew() {
    let again = json!([{"id": "f1", "type": "goto", "option": {"target_id": "2", "loop_count": 2}}]);
    let mut d = fetching();
    assert_eq!(d.found(again.clone()), "flow#4 242");
    assert_eq!(d.found(again.clone()), "flow#6 242");
    assert_eq!(d.found(again), "ended: the actions are finished | end hang_up");
    assert_eq!(d.walked(), "1 2 f1 2 f1 2 f1 3");
}

#[test]
fn a_goto_of_an_array_that_ran_to_its_end_has_no_jumps_left_when_it_runs_again() {
    let fetch = json!({"id": "2", "type": "fetch_flow", "option": {"flow_id": Uuid::from_u128(0xf2)}});
    let goto = |id: &str, to: &str| json!({"id": id, "type": "goto", "option": {"target_id": to, "loop_count": 1}});
    let nested = || json!([{"id": "f1", "type": "empty"}, goto("f2", "f1")]);
    let mut d = Dialogue::of_call(json!([{"id": "1", "type": "empty"}, fetch, goto("3", "2")]));
    d.start();
    d.found(nested());
    d.found(nested());
    assert_eq!(d.walked(), "1 2 f1 f2 f1 f2 3 2 f1 f2 3");
}

#[test]
fn the_same_array_fetched_by_another_action_counts_for_itself() {
    let fetch = |id: &str| json!({"id": id, "type": "fetch_flow", "option": {"flow_id": Uuid::from_u128(0xf2)}});
    let nested = || json!([{"id": "f1", "type": "empty"}, {"id": "f2", "type": "goto", "option": {"target_id": "f1", "loop_count": 1}}]);
    let mut d = Dialogue::of_call(json!([fetch("1"), fetch("2")]));
    d.start();
    d.found(nested());
    d.found(nested());
    assert_eq!(d.walked(), "1 f1 f2 f1 f2 2 f1 f2 f1 f2");
}

fn forked(main: serde_json::Value, nested: serde_json::Value) -> Dialogue {
    let mut d = Dialogue::of_call(main);
    assert_eq!(d.start(), "timer#2 5");
    let nested = flow::read_actions(nested, &mut base::Random::from_seed([8; 32])).unwrap();
    d.machine.push_frame(Uuid::from_u128(0x5e), nested).unwrap();
    d
}

fn three() -> serde_json::Value {
    json!([{"id": "1", "type": "empty"}, {"id": "2", "type": "sleep", "option": {"duration": 5}}, {"id": "3", "type": "empty"}])
}

#[test]
fn a_fork_runs_between_the_action_that_forked_and_the_next() {
    let mut d = forked(three(), json!([{"id": "f1", "type": "empty"}, {"id": "f2", "type": "empty"}]));
    assert_eq!(serde_json::to_value(d.machine.to_activeflow()).unwrap()["forward_action_id"], "f1");
    assert_eq!(d.timer(), "ended: the actions are finished | end hang_up");
    assert_eq!(d.walked(), "1 2 f1 f2 3");
    assert_eq!(
        serde_json::to_value(d.machine.to_activeflow()).unwrap()["actions"].as_array().unwrap().len(),
        3,
        "the main array is shown"
    );
}

#[test]
fn a_goto_out_of_a_fork_leaves_its_frame() {
    let goto = json!({"id": "f1", "type": "goto", "option": {"target_id": "3", "loop_count": 1}});
    let mut d = forked(three(), json!([goto, {"id": "f2", "type": "empty"}]));
    d.timer();
    assert_eq!(d.walked(), "1 2 f1 3");
}

#[test]
fn an_empty_fork_changes_nothing_and_a_jump_into_a_fork_is_impossible() {
    let mut d = forked(three(), json!([]));
    d.timer();
    assert_eq!(d.walked(), "1 2 3");
    let outer = json!([
        {"id": "1", "type": "empty"}, {"id": "2", "type": "sleep", "option": {"duration": 5}},
        {"id": "3", "type": "goto", "option": {"target_id": "f1", "loop_count": 1}},
    ]);
    let mut d = forked(outer, json!([{"id": "f1", "type": "empty"}]));
    assert_eq!(d.timer(), "ended: there is no action f1 | end hang_up");
}

#[test]
fn a_service_that_ends_hands_back_to_what_follows_the_fork_and_stops_what_it_played() {
    let play = json!([{"id": "s", "type": "play", "option": {"stream_urls": ["m"]}}, {"id": "t", "type": "empty"}]);
    let mut d = forked(three(), play);
    let service = Uuid::from_u128(0x5e);
    assert_eq!(d.event(Event::ServiceEnded { stack_id: service }), "", "its frame is not the current one yet");
    assert_eq!(d.timer(), "play#3 m");
    assert_eq!(d.event(Event::ServiceEnded { stack_id: Uuid::from_u128(1) }), "", "the main frame is no service");
    let said = d.event(Event::ServiceEnded { stack_id: service });
    assert_eq!(said, "stop_playback | ended: the actions are finished | end hang_up");
    assert_eq!(d.walked(), "1 2 s 3");
    assert_eq!(d.machine.stale_events(), 2);
}

#[test]
fn a_forward_stops_the_current_action_and_goes_on_there() {
    let mut d = Dialogue::of_call(json!([
        {"id": "1", "type": "echo"}, {"id": "2", "type": "empty"}, {"id": "3", "type": "sleep", "option": {"duration": 9}},
    ]));
    d.start();
    let main = Uuid::from_u128(1);
    assert_eq!(d.event(Event::Forward { stack_id: main, action_id: "nope".into() }), "");
    assert_eq!(d.event(Event::Forward { stack_id: main, action_id: "3".into() }), "echo Off | timer#2 9");
    assert_eq!(d.event(Event::Timer { step: 1 }), "", "the echo's timer is stale");
    assert_eq!((d.walked(), d.machine.stale_events()), ("1 3".into(), 2));
}

#[test]
fn expectation_6_unknown_names_are_empty_and_open_references_stay() {
    let mut d = Dialogue::of_api(json!([
        {"type": "variable_set", "option": {"key": "a", "value": "<${nope}>${a"}},
        {"type": "variable_set", "option": {"key": "n", "value": {"x": [1, "${a}"]}}},
    ]));
    d.start();
    assert_eq!((d.variable("a"), d.variable("n")), ("<>${a", "{\"x\":[1,\"<>${a\"]}"));
}

#[test]
fn expectation_7_the_status_is_that_of_this_moment() {
    let mut d = Dialogue::of_call(json!([
        {"id": "c", "type": "condition_call_status", "option": {"status": "progressing", "false_target_id": "a"}},
        {"id": "x", "type": "stop"},
        {"id": "a", "type": "talk", "option": {"text": "leave a message"}},
        {"id": "d", "type": "condition_call_status", "option": {"status": "progressing", "false_target_id": "x"}},
        {"id": "b", "type": "beep"},
        {"id": "r", "type": "recording_start"},
        {"id": "s", "type": "sleep", "option": {"duration": "10000"}},
        {"id": "h", "type": "hangup"},
    ]));
    assert_eq!(d.start(), "answer | talk#2 leave a message");
    assert_eq!(d.played(), "beep#4");
    assert_eq!(d.played(), "record#5 | timer#6 10000");
    assert_eq!(d.timer(), "hangup normal");
    assert!(!d.machine.is_waiting());
    assert_eq!(d.hang_up_by_peer(), "ended: the call is over | end");
    assert_eq!(d.walked(), "c a d b r s h");
}

#[test]
fn expectation_8_a_stop_request_stops_the_playback_and_hangs_up() {
    let mut d = Dialogue::of_call(json!([{"id": "p", "type": "talk", "option": {"text": "a"}}]));
    d.start();
    let said = d.event(Event::Stop(StopReason::Request));
    assert_eq!(said, "stop_playback | ended: stopped by request | end hang_up");
    assert_eq!(d.event(Event::Stop(StopReason::Request)), "", "stopping an ended one does nothing");
    let shown = serde_json::to_value(d.machine.to_activeflow()).unwrap();
    assert_eq!((&shown["status"], &shown["current_action"]["id"]), (&json!("ended"), &json!("p")));
    assert_eq!(shown["tm_delete"], json!(null));
}

#[test]
fn failures_end_the_activeflow_or_are_passed_over_as_the_table_says() {
    let past = json!({"id": "z", "type": "sleep", "option": {"duration": 1}});
    for (action, expected) in [
        (
            json!({"type": "goto", "option": {"target_id": "x", "loop_count": 1}}),
            "ended: there is no action x | end hang_up",
        ),
        (json!({"type": "goto", "option": {"loop_count": 1}}), "ended: no target is given | end hang_up"),
        (json!({"type": "goto", "option": {"target_id": "x"}}), "timer#2 1"),
        (json!({"type": "goto", "option": {"target_id": "x", "loop_count": -1}}), "timer#2 1"),
        (
            json!({"type": "goto", "option": {"target_id": "z", "loop_count": "many"}}),
            "ended: the option cannot be read: loop_count is \"many\"; expected: a whole number | end hang_up",
        ),
        (
            json!({"type": "goto", "option": "x"}),
            "ended: the option cannot be read: option is \"x\"; expected: an object | end hang_up",
        ),
        (
            json!({"type": "condition_variable", "option": {"condition": "==", "variable": "v", "value_string": "x", "false_target_id": "x"}}),
            "ended: there is no action x | end hang_up",
        ),
        (
            json!({"type": "condition_variable", "option": {"condition": "==", "variable": "v", "value_string": "x"}}),
            "timer#2 1",
        ),
        (
            json!({"type": "condition_variable", "option": {"condition": "==", "variable": "v", "value_string": "x", "false_target_id": action_id::NIL}}),
            "timer#2 1",
        ),
        (
            json!({"type": "condition_call_digits", "option": {"length": 1, "false_target_id": "x"}}),
            "ended: there is no action x | end hang_up",
        ),
        (
            json!({"type": "condition_datetime", "option": {"condition": "?", "false_target_id": "x"}}),
            "ended: there is no action x | end hang_up",
        ),
        (
            json!({"type": "condition_datetime", "option": {"hour": []}}),
            "ended: the option cannot be read: hour is an array of something else; expected: a whole number | end hang_up",
        ),
        (json!({"type": "branch"}), "timer#2 1"),
        (json!({"type": "branch", "option": {"default_target_id": "", "target_ids": {"1": "x", "": ""}}}), "timer#2 1"),
        (json!({"type": "branch", "option": {"default_target_id": "x"}}), "ended: there is no action x | end hang_up"),
        (json!({"type": "branch", "option": {"target_ids": {"": "x"}}}), "ended: there is no action x | end hang_up"),
        (
            json!({"type": "branch", "option": {"default_index": 7}}),
            "ended: there is no action at index 7 | end hang_up",
        ),
        (
            json!({"type": "branch", "option": {"target_ids": {"1": 5}}}),
            "ended: the option cannot be read: target_ids.1 is 5; expected: the id of an action | end hang_up",
        ),
        (
            json!({"type": "variable_set", "option": {"key": 5}}),
            "failed variable_set: the option cannot be read: key is 5; expected: a text | timer#2 1",
        ),
        (
            json!({"type": "play", "option": {"stream_urls": 5}}),
            "failed play: the option cannot be read: stream_urls is 5; expected: an array of texts | timer#2 1",
        ),
        (
            json!({"type": "sleep", "option": {"duration": "${nope}"}}),
            "failed sleep: the option cannot be read: duration is \"\"; expected: a whole number | timer#2 1",
        ),
        (
            json!({"type": "digits_receive", "option": []}),
            "failed digits_receive: the option cannot be read: option is an array of something else; expected: an object | timer#2 1",
        ),
        (json!({"type": "empty", "next_id": "x"}), "ended: the actions are finished | end hang_up"),
        (json!({"type": "dance"}), "timer#2 1"),
        (json!({"type": "connect"}), "ended: not yet supported: connect | end hang_up"),
        (json!({"type": "HANGUP_RELAY"}), "ended: not yet supported: hangup_relay | end hang_up"),
    ] {
        let mut d = Dialogue::of_call(json!([action, past]));
        assert_eq!(d.start(), expected, "{action}");
    }
}

#[test]
fn an_end_by_failure_stays_at_the_action_that_failed() {
    let mut d = Dialogue::of_call(json!([{"id": "g", "type": "goto", "option": {"target_id": "x", "loop_count": 1}}]));
    d.start();
    assert_eq!(d.machine.current_action().id, "g");
    assert_eq!(d.executed(), [action_id::START]);
}

#[test]
fn an_empty_flow_finishes_at_once() {
    assert_eq!(Dialogue::of_call(json!([])).start(), "ended: the actions are finished | end hang_up");
}

#[test]
fn nothing_happens_before_the_start_and_a_second_start_is_dropped() {
    let mut d = Dialogue::of_call(json!([{"type": "beep"}]));
    assert_eq!(d.drain(), "");
    let shown = serde_json::to_value(d.machine.to_activeflow()).unwrap();
    assert_eq!((&shown["status"], &shown["current_action"]["id"]), (&json!("running"), &json!(action_id::START)));
    assert_eq!(shown["executed_actions"], json!([]));
    assert_eq!(d.start(), "beep#1");
    assert_eq!(d.start(), "");
    assert_eq!(d.machine.stale_events(), 1);
}

#[test]
fn a_burst_ends_after_a_thousand_actions_and_waiting_begins_a_new_one() {
    let looped = json!([{"id": "a", "type": "empty", "next_id": "a"}]);
    let mut d = Dialogue::of_call(looped);
    assert_eq!(d.start(), "ended: 1000 actions in a row did not wait | end hang_up");
    assert_eq!((d.machine.execute_count(), d.updates), (1_000, 1));
    assert_eq!(d.executed().len(), 100);
    assert_eq!(serde_json::to_value(d.machine.to_activeflow()).unwrap()["executed_count"], 1_000);

    let waits = json!([{"id": "a", "type": "empty"}, {"type": "sleep", "option": {"duration": 1}, "next_id": "a"}]);
    let mut d = Dialogue::of_call(waits);
    assert_eq!(d.start(), "timer#2 1");
    for i in 2..=1_500 {
        assert_eq!(d.timer(), format!("timer#{} 1", 2 * i));
    }
}

#[test]
fn cursor_moves_are_limited_by_the_setting() {
    let actions = json!([{"id": "a", "type": "sleep", "option": {"duration": 1}, "next_id": "a"}]);
    let mut d = Dialogue::new(actions, Some(ringing_call()), |new| {
        new.settings = Settings { max_execute_count: 3, ..Settings::default() };
    });
    d.start();
    d.timer();
    assert_eq!(d.timer(), "timer#3 1");
    assert_eq!(d.timer(), "ended: 3 actions were executed, no more are allowed | end hang_up");
    assert_eq!(d.machine.current_action().id, "a");
}

#[test]
fn answers_of_an_earlier_step_are_dropped_and_counted() {
    let mut d = Dialogue::of_call(json!([
        {"type": "play", "option": {"stream_urls": ["a"]}}, {"type": "sleep", "option": {"duration": 5}}, {"type": "beep"},
    ]));
    d.start();
    assert_eq!(d.event(Event::Timer { step: 1 }), "", "nobody armed a timer");
    assert_eq!(d.event(Event::PlaybackEnded { step: 0 }), "");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "timer#2 5");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "");
    assert_eq!(d.event(Event::PlaybackFailed { step: 1, reason: "x".into() }), "");
    assert_eq!(d.event(Event::Timer { step: 2 }), "beep#3");
    assert_eq!(d.machine.stale_events(), 4);
}

#[test]
fn a_loop_cannot_be_fooled_by_the_same_action_of_an_earlier_round() {
    let mut d =
        Dialogue::of_call(json!([{"id": "a", "type": "play", "option": {"stream_urls": ["a"]}, "next_id": "a"}]));
    assert_eq!(d.start(), "play#1 a");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "play#2 a");
    assert_eq!(d.event(Event::PlaybackEnded { step: 1 }), "");
}

#[test]
fn a_hangup_while_an_action_runs_ends_the_flow_without_hanging_up() {
    for action in ["beep", "echo", "sleep", "digits_receive"] {
        let option = if action == "sleep" { json!({"duration": 9}) } else { json!({}) };
        let mut d =
            Dialogue::of_call(json!([{"id": "w", "type": action, "option": option}, {"id": "n", "type": "beep"}]));
        d.start();
        assert_eq!(d.hang_up_by_peer(), "ended: the call is over | end", "{action}");
        assert_eq!(d.event(Event::Digit { digit: '1', duration_ms: 80 }), "");
        assert_eq!(d.walked(), "w");
    }
}

#[test]
fn the_effects_of_an_end_come_in_order() {
    use flow::Effect;
    let mut d = Dialogue::new(json!([{"type": "stop"}]), Some(ringing_call()), |new| {
        new.on_complete_flow_id = Uuid::from_u128(7)
    });
    let view = CallView::of(d.call.as_ref().unwrap());
    d.machine.handle(d.now, Event::Start, &view);
    let effects: Vec<Effect> = std::iter::from_fn(|| d.machine.poll(d.now, &view)).collect();
    assert!(matches!(
        &effects[..],
        [
            Effect::Timeline(_),
            Effect::Timeline(_),
            Effect::Updated,
            Effect::Ended { hang_up: true, on_complete_flow_id: Some(_), .. }
        ]
    ));
}

#[test]
fn an_on_complete_flow_inherits_variables_and_skips_what_needs_the_dead_call() {
    let mut d = Dialogue::new(
        json!([{"type": "variable_set", "option": {"key": "k", "value": "v"}}, {"type": "sleep", "option": {"duration": 9}}]),
        Some(ringing_call()),
        |new| new.on_complete_flow_id = Uuid::from_u128(7),
    );
    d.start();
    assert_eq!(d.hang_up_by_peer(), "ended: the call is over | end then 7");
    let actions = flow::read_actions(
        json!([
            {"id": "1", "type": "answer"}, {"id": "2", "type": "play", "option": {"stream_urls": ["a"]}}, {"id": "3", "type": "hangup"},
            {"id": "4", "type": "condition_call_status", "option": {"status": "hangup", "false_target_id": "x"}},
            {"id": "5", "type": "variable_set", "option": {"key": "seen", "value": "${k} ${voipbin.call.status} ${voipbin.activeflow.complete_count}"}},
        ]),
        &mut base::Random::from_seed([1; 32]),
    )
    .unwrap();
    let flow = Flow { id: Uuid::from_u128(7), actions: actions.into(), ..Flow::default() };
    let new = NewActiveflow::on_complete(&mut d.machine, Uuid::from_u128(8), &flow).unwrap();
    let machine = Machine::new(d.now, new, &CallView::of(d.call.as_ref().unwrap()));
    let mut then = Dialogue::with(machine, d.call, d.now);
    assert_eq!(then.start(), "ended: the actions are finished | end");
    assert_eq!(then.walked(), "(1) (2) (3) 4 5");
    assert_eq!(then.variable("seen"), "v hangup 1");
    assert_eq!(then.variable("voipbin.activeflow.id"), Uuid::from_u128(8).to_string());
    assert_eq!(then.variable("voipbin.activeflow.reference_activeflow_id"), ACTIVEFLOW_ID.to_string());
    let shown = serde_json::to_value(then.machine.to_activeflow()).unwrap();
    assert_eq!(shown["reference_id"], CALL_ID.to_string());
    assert_eq!(shown["reference_activeflow_id"], ACTIVEFLOW_ID.to_string());
}

#[test]
fn the_fifth_derived_activeflow_is_not_created() {
    let flow = Flow { on_complete_flow_id: Uuid::from_u128(7), ..Flow::default() };
    let mut machine = Dialogue::of_api(json!([{"type": "variable_set", "option": {"key": "k", "value": "v"}}])).machine;
    for depth in 1..=4 {
        let new = NewActiveflow::on_complete(&mut machine, Uuid::from_u128(depth), &flow).unwrap();
        machine = Machine::new(base::Now::default(), new, &CallView::none());
        assert_eq!(u128::from(machine.complete_count()), depth);
    }
    let kept = machine.variables().clone();
    assert!(NewActiveflow::on_complete(&mut machine, Uuid::nil(), &flow).is_err());
    assert_eq!(machine.variables(), &kept);
}

#[test]
fn the_public_form_has_the_fields_of_the_reference() {
    let mut d = Dialogue::of_call(
        json!([{"id": "p", "type": "Play", "option": {"stream_url": "${voipbin.call.caller_id}.wav", "x": 1}}]),
    );
    d.start();
    let shown = serde_json::to_value(d.machine.to_activeflow()).unwrap();
    let keys: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "id",
            "customer_id",
            "flow_id",
            "status",
            "reference_type",
            "reference_id",
            "reference_activeflow_id",
            "on_complete_flow_id",
            "webhook_uri",
            "webhook_method",
            "current_action",
            "forward_action_id",
            "executed_actions",
            "executed_count",
            "actions",
            "tm_create",
            "tm_update",
            "tm_delete",
        ]
    );
    assert_eq!(shown["current_action"]["option"], json!({"stream_url": "+821100000001.wav", "x": 1}));
    assert_eq!(shown["actions"][0]["option"], json!({"stream_url": "${voipbin.call.caller_id}.wav", "x": 1}));
    assert!(shown["current_action"]["tm_execute"].as_str().unwrap().ends_with('Z'));
    assert!(shown["actions"][0].get("tm_execute").is_none());
    assert_eq!((&shown["reference_type"], &shown["forward_action_id"]), (&json!("call"), &json!(action_id::NIL)));
}

#[test]
fn a_call_that_is_already_being_hung_up_is_not_hung_up_again() {
    let mut d = Dialogue::of_call(json!([{"type": "sleep", "option": {"duration": 9}}]));
    d.start();
    d.call.as_mut().unwrap().status = CallStatus::Terminating;
    assert_eq!(d.timer(), "ended: the actions are finished | end");
}
