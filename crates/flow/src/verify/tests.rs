use base::Random;
use serde_json::{Value, json};

use super::*;
use crate::read_actions;

fn verdict(actions: Value) -> Verdict {
    verify(&read_actions(actions, &mut Random::from_seed([9; 32])).unwrap())
}

fn paths(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.json_path.as_str()).collect()
}

#[test]
fn known_types_are_not_yet_supported_and_unknown_ones_are_refused() {
    let verdict = verdict(
        json!([{"type": "ANSWER"}, {"type": "connect"}, {"type": "Hangup_Relay"}, {"type": "dance"}, {}, {"type": ""}]),
    );
    let found: Vec<_> =
        verdict.problems.iter().map(|p| (p.reason.as_str(), p.json_path.as_str(), p.what.as_str())).collect();
    assert_eq!(
        found,
        [
            ("INVALID_ACTION_TYPE", "actions[1].type", "not yet supported: connect"),
            ("INVALID_ACTION_TYPE", "actions[2].type", "not yet supported: hangup_relay"),
            ("INVALID_ACTION_TYPE", "actions[3].type", "unknown type: dance"),
            ("INVALID_ACTION_TYPE", "actions[4].type", "the type is missing"),
            ("INVALID_ACTION_TYPE", "actions[5].type", "the type is missing"),
        ]
    );
    assert!(!verdict.is_accepted());
}

#[test]
fn all_actions_of_this_server_are_accepted_without_options() {
    for (_, name, ..) in Kind::TABLE {
        let verdict = verdict(json!([{"type": name}]));
        assert!(verdict.is_accepted(), "{name}: {verdict:?}");
    }
}

#[test]
fn reserved_target_ids_are_refused() {
    let finish = model::action_id::FINISH;
    let verdict = verdict(json!([
        {"type": "branch", "option": {"default_target_id": finish, "target_ids": {"1": finish, "2": model::action_id::NIL}}},
        {"type": "condition_call_status", "option": {"status": "ringing", "false_target_id": finish}},
        {"type": "goto", "option": {"target_id": finish, "loop_count": 1}},
        {"type": "variable_set", "option": {"key": "target_id", "value": finish}},
    ]));
    assert_eq!(
        paths(&verdict.problems),
        [
            "actions[0].option.default_target_id",
            "actions[0].option.target_ids.1",
            "actions[1].option.false_target_id",
            "actions[2].option.target_id",
        ]
    );
    assert!(verdict.problems.iter().all(|problem| problem.reason == ProblemReason::InvalidArgument));
}

#[test]
fn what_is_probably_a_mistake_is_a_warning_only() {
    for (actions, expected) in [
        (json!([]), &["actions"][..]),
        (json!([{"id": "a", "type": "goto", "option": {"target_id": "a"}}]), &["actions[0].option.loop_count"]),
        (json!([{"id": "a", "type": "goto", "option": {"target_id": "a", "loop_count": "${n}"}}]), &[]),
        (json!([{"type": "goto", "option": {"target_id": "x", "loop_count": 1}}]), &["actions[0].option.target_id"]),
        (json!([{"type": "goto", "option": {"target_id": "${x}", "loop_count": 1}}]), &[]),
        (json!([{"type": "branch", "option": {"target_ids": {"1": "x"}}}]), &["actions[0].option.target_ids.1"]),
        (
            json!([{"type": "condition_datetime", "option": {"false_target_id": "x"}}]),
            &["actions[0].option.false_target_id"],
        ),
        (json!([{"type": "empty", "next_id": "x"}]), &["actions[0].next_id"]),
        (json!([{"id": "a", "type": "empty"}, {"id": "a", "type": "empty"}]), &["actions[1].id"]),
        (json!([{"type": "sleep", "option": {"duration": "soon"}}]), &["actions[0].option.duration"]),
        (json!([{"type": "sleep", "option": {"duration": "${soon}"}}]), &[]),
        (json!([{"type": "sleep", "option": {"duraton": 5}}]), &["actions[0].option.duraton"]),
        (json!([{"type": "answer", "option": {"x": 5}}]), &["actions[0].option.x"]),
        (json!([{"type": "sleep", "option": 5}]), &["actions[0].option"]),
        (json!([{"type": "play", "option": {"stream_url": ["a", "b"]}}]), &[]),
        (json!([{"type": "play", "option": {"stream_urls": [5]}}]), &["actions[0].option.stream_urls"]),
        (json!([{"type": "answer"}, {"type": "hangup"}, {"type": "beep"}]), &["actions[2]"]),
        (json!([{"type": "stop"}, {"type": "beep"}]), &["actions[1]"]),
        (json!([{"type": "empty", "next_id": "b"}, {"type": "beep"}, {"id": "b", "type": "beep"}]), &["actions[1]"]),
        (
            json!([{"type": "branch", "option": {"default_target_id": "b", "target_ids": {"1": "c"}}}, {"type": "beep"},
                {"id": "b", "type": "hangup"}, {"id": "c", "type": "hangup"}]),
            &["actions[1]"],
        ),
        (
            json!([{"type": "branch", "option": {"target_ids": {"1": "c"}}}, {"type": "hangup"}, {"type": "beep"},
                {"id": "c", "type": "hangup"}]),
            &["actions[2]"],
        ),
        (
            json!([{"type": "branch", "option": {"default_index": 2, "target_indexes": {"1": 3}}}, {"type": "beep"},
                {"type": "hangup"}, {"type": "hangup"}]),
            &["actions[1]"],
        ),
        (
            json!([{"type": "branch", "option": {"default_target_id": "${x}"}}, {"type": "hangup"}, {"type": "beep"}]),
            &[],
        ),
    ] {
        let verdict = verdict(actions.clone());
        assert!(verdict.is_accepted(), "{actions}: {verdict:?}");
        assert_eq!(paths(&verdict.warnings), expected, "{actions}");
    }
}

#[test]
fn a_message_says_where_what_and_what_instead() {
    let verdict = verdict(json!([{"type": "digits_receive", "option": {"length": [1]}}]));
    assert_eq!(
        verdict.warnings[0].to_string(),
        "actions[0].option.length: it is an array of something else: the action would be passed over; expected: a whole number"
    );
}

#[test]
fn the_number_of_messages_is_bounded() {
    let actions: Vec<Value> = (0..500).map(|_| json!({"type": "dance"})).collect();
    assert_eq!(verdict(Value::Array(actions)).problems.len(), Problem::MAX);
}
