use base::Random;
use serde_json::{Value, json};

use super::*;
use crate::action::Kind;
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
        (json!([{"type": "play", "option": {"stream_url": ["file:a", "file:b"]}}]), &[]),
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

/// spec/media.md §8: what no encoder is there for is stored as WAV.
#[test]
fn a_format_of_recordings_that_cannot_be_written_is_told() {
    let told = |format: &str| {
        let verdict = verdict(json!([{"type": "answer"}, {"type": "recording_start", "option": {"format": format}}]));
        assert!(verdict.is_accepted());
        verdict.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    for (format, what) in [
        ("mp3", "this server cannot write \"mp3\": the recording would be a WAV file; expected: wav"),
        ("OGG", "this server cannot write \"OGG\": the recording would be a WAV file; expected: wav"),
        ("flac", "\"flac\" means nothing here; expected: one of wav, mp3, ogg"),
    ] {
        assert_eq!(told(format), format!("actions[1].option.format: {what}"));
    }
    for format in ["wav", "WAV", "", "${format}"] {
        assert_eq!(told(format), "", "{format}");
    }
}

/// spec/actions.md `goto`: a count of 0 or less never jumps.
#[test]
fn a_goto_that_never_jumps_is_told() {
    let told = |loop_count: Value| {
        let option = json!({"target_id": "a", "loop_count": loop_count});
        let verdict = verdict(json!([{"type": "beep", "id": "a"}, {"type": "goto", "option": option}]));
        assert!(verdict.is_accepted(), "{verdict:?}");
        verdict.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let never = |how: &str| {
        [format!(
            "actions[1].option.loop_count: {how} the goto never jumps; expected: a whole number from 1: how often to jump"
        )]
    };
    assert_eq!(told(Value::Null), never("without it"));
    for (loop_count, shown) in
        [(json!(0), "0"), (json!(0.0), "0"), (json!("0"), "0"), (json!(-1), "-1"), (json!(" -7 "), "-7")]
    {
        assert_eq!(told(loop_count), never(&format!("with {shown}")));
    }
    for loop_count in [json!(1), json!("1"), json!(99), json!("${n}"), json!("-${n}")] {
        assert_eq!(told(loop_count.clone()), [""; 0], "{loop_count}");
    }
    let unreadable = told(json!("often"));
    assert_eq!(unreadable.len(), 1, "{unreadable:?}");
    assert!(unreadable[0].contains("it is \"often\": the flow would end here"), "{unreadable:?}");
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

#[test]
fn fields_that_are_missing_or_mean_nothing_are_told() {
    for (action, expected) in [
        (json!({"type": "talk"}), &["text: it is missing; expected: text"][..]),
        (json!({"type": "talk", "option": {"text": null}}), &["text: it is missing; expected: text"]),
        (json!({"type": "talk", "option": {"text": "", "gender": "Female", "digits_handle": "NEXT"}}), &[]),
        (
            json!({"type": "talk", "option": {"text": "x", "gender": "tenor", "async": "yes"}}),
            &[
                "async: it is \"yes\": the action would be passed over; expected: true or false",
                "gender: \"tenor\" means nothing here; expected: one of male, female, neutral",
            ],
        ),
        (json!({"type": "talk", "option": {"text": "x", "gender": "${g}"}}), &[]),
        (json!({"type": "play"}), &["stream_urls: it is missing; expected: array of texts, or one text"]),
        (json!({"type": "play", "option": {"stream_url": "file:a"}}), &[]),
        (json!({"type": "fetch", "option": {"event_url": "${u}"}}), &[]),
        (
            json!({"type": "fetch", "option": {"event_url": "example.com"}}),
            &[
                "event_url: it is \"example.com\": the flow would end here; expected: an address that begins with http:// or https:// and holds no spaces",
            ],
        ),
        (json!({"type": "fetch_flow", "option": {"flow_id": ""}}), &["flow_id: it is missing; expected: UUID"]),
        (
            json!({"type": "goto", "option": {"loop_count": 1, "target_id": model::action_id::NIL}}),
            &["target_id: it is missing; expected: id of an action"],
        ),
        (json!({"type": "fetch_flow"}), &["flow_id: it is missing; expected: UUID"]),
        (
            json!({"type": "fetch_flow", "option": {"flow_id": "x"}}),
            &["flow_id: it is \"x\": the flow would end here; expected: a UUID"],
        ),
        (
            json!({"type": "webhook_send", "option": {"uri": 5}}),
            &["uri: it is 5: the action would be passed over; expected: a text"],
        ),
        (
            json!({"type": "hangup", "option": {"reason": "bored"}}),
            &[
                "reason: \"bored\" means nothing here; expected: one of normal, failed, busy, cancel, timeout, noanswer, dialout, amd",
            ],
        ),
        (
            json!({"type": "condition_datetime", "option": {"condition": ">=", "hour": 24, "minute": "-1"}}),
            &["hour: 24 is out of range; expected: a whole number from -1 to 23"],
        ),
        (
            json!({"type": "condition_variable", "option": {"variable": "a", "condition": "=", "value_type": "text"}}),
            &[
                "condition: \"=\" means nothing here; expected: one of ==, !=, >, >=, <, <=, equal, not_equal, greater, greater_equal, less, less_equal",
                "value_type: \"text\" means nothing here; expected: one of string, number, length",
            ],
        ),
        (
            json!({"type": "branch", "option": {"target_indexes": {"1": 0, "2": 1}, "default_index": -1}}),
            &[
                "target_indexes.2: there is no action at index 1: the flow would end here; expected: an index from 0 to 0",
                "default_index: there is no action at index -1: the flow would end here; expected: an index from 0 to 0",
            ],
        ),
    ] {
        let verdict = verdict(json!([action]));
        let told: Vec<_> = verdict.warnings.iter().map(ToString::to_string).collect();
        let expected: Vec<_> = expected.iter().map(|rest| format!("actions[0].option.{rest}")).collect();
        // A branch to itself is a loop as well, which is told by another test.
        let options: Vec<_> = told.iter().filter(|text| text.starts_with("actions[0].option")).collect();
        assert_eq!(options, expected.iter().collect::<Vec<_>>(), "{action}");
    }
}

#[test]
fn a_loop_in_which_nothing_waits_is_told_and_one_that_ends_or_waits_is_not() {
    let sleep =
        |option: Value| json!([{"id": "a", "type": "sleep", "option": option}, {"type": "empty", "next_id": "a"}]);
    let condition = |kind: &str| {
        json!([{"id": "a", "type": "empty"}, {"type": kind, "option": {"condition": "==", "variable": "v", "false_target_id": "a"}},
            {"type": "hangup"}])
    };
    for (actions, looped) in [
        (json!([{"id": "a", "type": "empty", "next_id": "a"}]), true),
        (sleep(json!({"duration": 0})), true),
        (sleep(json!({})), true),
        (sleep(json!({"duration": "soon"})), true),
        (sleep(json!({"duration": 1})), false),
        (sleep(json!({"duration": "5"})), false),
        (sleep(json!({"duration": "${d}"})), false),
        (condition("condition_variable"), true),
        (json!([{"id": "a", "type": "empty"}, {"type": "goto", "option": {"target_id": "a", "loop_count": 3}}]), false),
        (json!([{"type": "branch", "option": {"default_index": 0}}]), true),
        (
            json!([{"id": "a", "type": "digits_receive"}, {"type": "branch", "option": {"default_target_id": "a"}}]),
            false,
        ),
        (json!([{"id": "a", "type": "talk", "option": {"text": "x"}, "next_id": "a"}]), false),
        (json!([{"id": "a", "type": "talk", "option": {"text": ""}, "next_id": "a"}]), true),
        (json!([{"id": "a", "type": "talk", "option": {"text": "x", "async": true}, "next_id": "a"}]), true),
        (json!([{"id": "a", "type": "webhook_send", "option": {"uri": "http://x"}, "next_id": "a"}]), true),
        (
            json!([{"id": "a", "type": "webhook_send", "option": {"uri": "http://x", "sync": true}, "next_id": "a"}]),
            false,
        ),
        (json!([{"id": "a", "type": "play", "option": {"stream_url": "file:x"}, "next_id": "a"}]), false),
        (json!([{"id": "a", "type": "play", "option": {"stream_urls": []}, "next_id": "a"}]), true),
        (json!([{"id": "a", "type": "fetch", "option": {"event_url": "http://x"}, "next_id": "a"}]), false),
        (json!([{"id": "a", "type": "echo", "option": {"duration": []}, "next_id": "a"}]), true),
        (json!([{"id": "a", "type": "echo", "option": 5, "next_id": "a"}]), true),
        (json!([{"id": "a", "type": "confbridge_join", "next_id": "a"}]), true),
        (json!([{"id": "a", "type": "confbridge_join", "option": {"confbridge_id": "${b}"}, "next_id": "a"}]), false),
        (json!([{"id": "a", "type": "fetch", "option": 5, "next_id": "a"}]), false),
        (json!([{"id": "a", "type": "webhook_send", "option": {"sync": true}, "next_id": "a"}]), true),
        (json!([{"type": "hangup"}, {"id": "a", "type": "empty", "next_id": "a"}]), false),
    ] {
        let verdict = verdict(actions.clone());
        let told = verdict.warnings.iter().any(|warning| warning.what.contains("go round"));
        assert_eq!(told, looped, "{actions}: {verdict:?}");
    }
    let verdict = verdict(json!([
        {"type": "empty"}, {"id": "b", "type": "variable_set", "option": {"key": "k"}}, {"type": "empty", "next_id": "d"},
        {"type": "beep"}, {"id": "d", "type": "empty", "next_id": "b"},
    ]));
    assert_eq!(paths(&verdict.warnings), ["actions[3]", "actions[1]"]);
    assert_eq!(
        verdict.warnings[1].what,
        "these go round without waiting, until 1000 actions end the flow: actions[1] → actions[2] → actions[4] → actions[1]"
    );
}

#[test]
fn every_loop_is_told_once() {
    let mut actions = Vec::new();
    for i in 0..300 {
        let option = json!({"condition": "==", "variable": "v", "false_target_id": i.to_string()});
        actions.push(json!({"id": i.to_string(), "type": "condition_variable", "option": option}));
    }
    let verdict = verdict(Value::Array(actions));
    assert_eq!(verdict.warnings.len(), Problem::MAX);
    let mut told = paths(&verdict.warnings);
    told.dedup();
    assert_eq!(told.len(), Problem::MAX);
}

const FLOW: &str = "00000000-0000-0000-0000-0000000000aa";

#[test]
fn in_a_call_that_may_have_been_answered_before_nothing_is_said_of_that() {
    let actions = json!([{"type": "recording_start"}, {"type": "beep"}]);
    let actions = read_actions(actions, &mut Random::from_seed([9; 32])).unwrap();
    assert_eq!(verify_in_call(&actions), Verdict::default());
    let (warnings, hints) = (verify(&actions).warnings.len(), verify(&actions).hints.len());
    assert_eq!((warnings, hints), (1, 1));
    assert_eq!(paths(&verify_in_call(&[]).warnings), ["actions"]);
}

#[test]
fn what_needs_an_answered_call_is_told_where_it_is_certainly_not_answered() {
    let status = |status: &str| json!({"type": "condition_call_status", "option": {"status": status}});
    let beep_after = |action: Value| json!([action, {"type": "beep"}]);
    for (actions, warnings, hints) in [
        (json!([{"type": "recording_start"}]), &["actions[0]"][..], &[][..]),
        (json!([{"type": "answer"}, {"type": "recording_start"}]), &[], &[]),
        (json!([{"type": "talk", "option": {"text": "x"}}, {"type": "recording_start"}, {"type": "beep"}]), &[], &[]),
        (
            json!([{"type": "play", "option": {"stream_url": "file:x"}}, {"type": "echo"}]),
            &[],
            &["actions[0]", "actions[1]"],
        ),
        (json!([{"type": "beep"}, {"type": "answer"}, {"type": "beep"}]), &[], &["actions[0]"]),
        // Reached again after the answer.
        (
            json!([{"id": "b", "type": "beep"}, {"type": "answer"}, {"type": "goto", "option": {"target_id": "b", "loop_count": 1}}]),
            &[],
            &[],
        ),
        (beep_after(status("progressing")), &[], &[]),
        (beep_after(status("ringing")), &[], &["actions[1]"]),
        (
            json!([{"type": "condition_call_status", "option": {"status": "progressing", "false_target_id": "x"}},
                {"type": "hangup"}, {"id": "x", "type": "recording_start"}]),
            &["actions[2]"],
            &[],
        ),
        (
            json!([{"type": "recording_start"}, {"type": "fetch", "option": {"event_url": "http://x"}}]),
            &["actions[0]"],
            &[],
        ),
        (
            json!([{"type": "recording_start"}, {"type": "beep"}, {"type": "conference_join", "option": {"conference_id": FLOW}},
                {"type": "recording_start"}, {"type": "beep"}]),
            &["actions[0]"],
            &["actions[1]"],
        ),
        (json!([{"type": "fetch_flow", "option": {"flow_id": FLOW}}, {"type": "recording_start"}]), &[], &[]),
        // Perhaps again after the answer.
        (
            json!([{"id": "b", "type": "beep"}, {"type": "answer"}, {"type": "goto", "option": {"target_id": "${b}", "loop_count": 1}}]),
            &[],
            &[],
        ),
        (
            json!([{"type": "goto", "option": {"target_id": "${b}", "loop_count": 1}}, {"type": "recording_start"}]),
            &["actions[1]"],
            &[],
        ),
    ] {
        let verdict = verdict(actions.clone());
        assert_eq!((paths(&verdict.warnings), paths(&verdict.hints)), (warnings.to_vec(), hints.to_vec()), "{actions}");
    }
}

#[test]
fn what_is_fetched_may_jump_to_every_id_so_nothing_is_called_unreachable() {
    for kind in ["fetch", "fetch_flow", "conference_join"] {
        let verdict = verdict(json!([{"type": kind, "option": {
            "event_url": "http://x", "flow_id": "00000000-0000-0000-0000-0000000000aa", "conference_id": "00000000-0000-0000-0000-0000000000aa",
        }}, {"type": "hangup"}, {"id": "x", "type": "beep"}]));
        assert!(verdict.warnings.iter().all(|warning| warning.what == "it has no effect"), "{verdict:?}");
    }
}

#[test]
fn the_actions_of_a_call_are_looked_at_and_only_warned_of() {
    let nested = |actions: Value| json!([{"type": "call", "option": {"actions": actions}}]);
    let inner = json!([
        {"type": "dance"}, {"type": "goto", "option": {"target_id": "x", "loop_count": 1}}, {"id": "t", "type": "talk"},
        {"type": "call", "option": {"actions": [{"type": "hangup"}, {"type": "beep"}]}},
        {"id": "t", "type": "recording_start"}, {"type": "empty", "next_id": "u"},
    ]);
    let found = verdict(nested(inner));
    assert_eq!(paths(&found.problems), ["actions[0].type"], "call itself is not yet supported");
    assert_eq!(
        paths(&found.warnings),
        [
            "actions[0].option.actions[0].type",
            "actions[0].option.actions[3].type",
            "actions[0].option.actions[1].option.target_id",
            "actions[0].option.actions[2].option.text",
            "actions[0].option.actions[3].option.actions[1]",
            "actions[0].option.actions[4].id",
            "actions[0].option.actions[5].next_id",
        ]
    );
    assert_eq!(found.warnings[5].what, "the id is that of actions[0].option.actions[2], which wins");
    let found = verdict(nested(json!([5, {"id": model::action_id::FINISH}])));
    assert_eq!(paths(&found.warnings), ["actions[0].option.actions[0]", "actions[0].option.actions[1].id"]);
    assert_eq!(paths(&verdict(nested(json!({}))).warnings), ["actions[0].option.actions"]);
    assert_eq!(paths(&verdict(nested(json!([]))).warnings), <[&str; 0]>::default(), "the call has a flow of its own");
}

#[test]
fn a_long_loop_is_told_in_short() {
    let actions: Vec<Value> = (0..500)
        .map(|i| json!({"id": format!("i{i}"), "type": "empty", "next_id": format!("i{}", (i + 1) % 500)}))
        .collect();
    let verdict = verdict(Value::Array(actions));
    assert_eq!(paths(&verdict.warnings), ["actions[0]"]);
    assert!(verdict.warnings[0].what.ends_with("actions[5] → … → actions[0]"), "{:?}", verdict.warnings);
}

#[test]
fn a_sound_whose_name_says_that_it_cannot_be_played_is_hinted_at() {
    for (option, hints) in [
        (json!({"stream_urls": ["file:a.wav", "https://host/a.flac", "https://host/b.mp3", "file:c.m4a"]}), 2),
        (json!({"stream_url": "file:a.gsm"}), 1),
        (json!({"stream_urls": ["file:a.wav"], "stream_url": "file:a.gsm"}), 0),
        (json!({"stream_urls": ["file:${name}.gsm"]}), 0),
        (json!({"stream_urls": [5]}), 0),
    ] {
        let verdict = verdict(json!([{"type": "answer"}, {"type": "play", "option": option}]));
        assert_eq!(verdict.hints.len(), hints, "{option}: {:?}", verdict.hints);
        assert!(verdict.hints.iter().all(|hint| hint.json_path.starts_with("actions[1].option.stream_url")));
        assert!(verdict.hints.iter().all(|hint| hint.expected.starts_with("WAV, MP3, OGG")));
    }
}

#[test]
fn values_that_do_nothing_are_mistakes() {
    for (kind, option, expected) in [
        ("condition_datetime", json!({"hour": 9}), &["condition"][..]),
        ("condition_datetime", json!({"hour": -1, "day": 0}), &[]),
        ("condition_datetime", json!({"weekdays": [1, 2]}), &[]),
        ("condition_datetime", json!({"condition": "${c}", "hour": 9}), &[]),
        ("condition_datetime", json!({"condition": "==", "weekdays": [9, -1, 3]}), &["weekdays"]),
        ("digits_send", json!({"digits": "12xyz"}), &["digits"]),
        ("digits_send", json!({"digits": "12abcd*#"}), &[]),
        ("digits_receive", json!({"key": "zz"}), &["key"]),
        ("digits_receive", json!({"key": "*#"}), &[]),
        ("sleep", json!({"duration": -3}), &["duration"]),
        ("sleep", json!({"duration": "-3"}), &["duration"]),
        ("play", json!({"stream_urls": ["ftp://x", "FILE:a.wav", "nofile"]}), &["stream_urls", "stream_urls"]),
        ("play", json!({"stream_urls": ["${u}", " https://x "]}), &[]),
        ("webhook_send", json!({"uri": "x", "method": "a b"}), &["uri", "method"]),
        ("hangup", json!({"reason": 5, "reference_id": "zzz"}), &["reason", "reference_id"]),
        ("hangup", json!({"reason": "busy", "reference_id": ""}), &[]),
    ] {
        let verdict = verdict(json!([{"type": "answer"}, {"type": kind, "option": option}]));
        assert!(verdict.is_accepted());
        let expected: Vec<_> = expected.iter().map(|key| format!("actions[1].option.{key}")).collect();
        assert_eq!(paths(&verdict.warnings), expected, "{option}: {:?}", verdict.warnings);
        assert!(verdict.warnings.iter().all(|problem| problem.is_mistake), "{option}");
    }
}

#[test]
fn what_may_be_meant_so_is_no_mistake() {
    let verdict = verdict(json!([{"type": "hangup"}, {"id": "a", "type": "empty", "next_id": "a"}]));
    assert!(!verdict.warnings.is_empty() && verdict.warnings.iter().all(|problem| !problem.is_mistake), "{verdict:?}");
}
