//! What is empty, negative, very large or very small.

use base::Random;
use serde_json::{Value, json};

use super::*;
use crate::action::Kind;
use crate::action::about::{Allowed, Type};
use crate::read_actions;

fn verdict(actions: Value) -> Verdict {
    verify(&read_actions(actions, &mut Random::from_seed([9; 32])).unwrap())
}

/// What is told of this option of an answered call: `mistake duration: ...`.
fn told(kind: &str, option: Value) -> Vec<String> {
    let verdict = verdict(json!([{"type": "answer"}, {"type": kind, "option": option}]));
    assert!(verdict.is_accepted(), "{verdict:?}");
    let warnings = verdict.warnings.iter().map(|found| (if found.is_mistake { "mistake" } else { "warning" }, found));
    let all = warnings.chain(verdict.hints.iter().map(|found| ("hint", found)));
    all.map(|(what, found)| format!("{what} {found}").replace("actions[1].option.", "")).collect()
}

#[test]
fn a_negative_number_is_a_mistake_wherever_it_means_nothing() {
    for (kind, field, expected) in [
        ("condition_call_digits", "length", "-1 is taken for 0, which is no test; expected: a whole number from 0"),
        ("condition_variable", "value_length", "no text has -1 characters; expected: a whole number from 0"),
        ("digits_receive", "duration", "-1 is taken for the default, 5000; expected: a time in ms"),
        ("digits_receive", "length", "-1 is taken for 0, which is no limit; expected: a whole number from 0"),
        ("digits_send", "interval", "-1 is out of range; expected: a whole number from 0 to 5000"),
        ("echo", "duration", "-1 is taken for the default, 180000; expected: a time in ms"),
        ("recording_start", "duration", "-1 is taken for 0, which is no limit; expected: a time in s"),
        ("recording_start", "end_of_silence", "-1 is taken for 0, which is off; expected: a time in s"),
        ("sleep", "duration", "-1 is taken for 0; expected: a time in ms"),
        ("stream_echo", "duration", "-1 is taken for the default, 180000; expected: a time in ms"),
    ] {
        for value in [json!(-1), json!("-1"), json!(-1.0)] {
            let option = json!({field: value, "digits": "1", "variable": "v", "condition": "=="});
            let told = told(kind, option).into_iter().filter(|told| !told.contains("it has no effect"));
            assert_eq!(told.collect::<Vec<_>>(), [format!("mistake {field}: {expected}")], "{kind} {value}");
        }
        assert!(told(kind, json!({field: "${n}"})).iter().all(|told| !told.contains(&format!(" {field}: "))), "{kind}");
    }
}

/// A number that is added to an action must say what a negative one does.
#[test]
fn every_number_of_every_action_has_its_bounds() {
    for (kind, name, ..) in Kind::TABLE {
        for field in action::about(kind).options {
            let is_number = matches!(field.is, Type::Ms | Type::Seconds | Type::Whole);
            let is_told_elsewhere = matches!(
                (kind, field.name),
                (Kind::Goto, "loop_count")
                    | (Kind::Branch, "default_index")
                    | (Kind::ConditionVariable, "value_length")
            );
            let is_bounded = matches!(field.allowed, Allowed::Range(..) | Allowed::FromZero(_));
            assert!(!is_number || is_bounded || is_told_elsewhere, "{name}.{}", field.name);
        }
    }
}

#[test]
fn what_is_empty_and_must_not_be_is_told_with_what_it_leads_to() {
    for (kind, option, expected) in [
        ("fetch", json!({"event_url": ""}), &["mistake event_url: it is empty: the flow would end here"][..]),
        ("fetch", json!({"event_url": " "}), &["mistake event_url: it is empty: the flow would end here"]),
        ("webhook_send", json!({"uri": ""}), &["mistake uri: it is empty: the action would be passed over"]),
        ("variable_set", json!({"key": ""}), &["mistake key: it is empty: the action would do nothing"]),
        ("digits_send", json!({"digits": ""}), &["mistake digits: it is empty: nothing is sent"]),
        (
            "condition_variable",
            json!({"variable": "", "condition": "=="}),
            &["mistake variable: it names no variable, so what is compared is empty"],
        ),
        (
            "condition_variable",
            json!({"variable": "v", "condition": ""}),
            &["mistake condition: \"\" means nothing here"],
        ),
        ("talk", json!({"text": " "}), &["hint text: nothing is said: the call is only answered"]),
        ("play", json!({"stream_urls": []}), &["mistake stream_urls: no sound is named: nothing is played"]),
        ("play", json!({"stream_urls": ["", " "]}), &["mistake stream_urls: no sound is named: nothing is played"]),
        ("fetch_flow", json!({"flow_id": ""}), &["mistake flow_id: it is missing"]),
        ("fetch", json!({"event_url": "${url}"}), &[]),
        ("play", json!({"stream_urls": ["", "file:a.wav"]}), &[]),
    ] {
        let told = told(kind, option.clone());
        let told: Vec<_> = told.iter().map(|told| told.split("; expected").next().unwrap()).collect();
        assert_eq!(told, expected, "{kind} {option}");
    }
}

#[test]
fn a_time_that_is_probably_of_another_unit_is_told() {
    for (kind, option, expected) in [
        ("sleep", json!({"duration": 86_400_001}), &["warning duration: 86400001 ms are more than a day"][..]),
        ("sleep", json!({"duration": 86_400_000}), &[]),
        ("digits_receive", json!({"duration": 1e12}), &["warning duration: 1000000000000 ms are more than a day"]),
        ("digits_receive", json!({"duration": 5}), &["hint duration: 5 ms are over at once"]),
        ("echo", json!({"duration": "30"}), &["hint duration: 30 ms are over at once"]),
        ("digits_receive", json!({"duration": 100}), &[]),
        ("sleep", json!({"duration": 0}), &[]),
        ("recording_start", json!({"duration": 60_000}), &["hint duration: 60000 s are 16 h 40 min"]),
        (
            "recording_start",
            json!({"end_of_silence": 90_000}),
            &["warning end_of_silence: 90000 s are more than a day"],
        ),
        ("recording_start", json!({"duration": 3_600}), &[]),
    ] {
        let told = told(kind, option.clone());
        let told: Vec<_> = told.iter().map(|told| told.split("; expected").next().unwrap()).collect();
        assert_eq!(told, expected, "{kind} {option}");
    }
}

#[test]
fn more_digits_than_there_can_be_are_told() {
    for (kind, option, expected) in [
        (
            "digits_receive",
            json!({"length": 1_001}),
            &["mistake length: 1001 are more digits than are kept: so many are never reached"][..],
        ),
        ("digits_receive", json!({"length": 1_000}), &[]),
        (
            "condition_call_digits",
            json!({"length": 2_000}),
            &["mistake length: 2000 are more digits than are kept: it is never true"],
        ),
        (
            "digits_send",
            json!({"digits": "1".repeat(101)}),
            &["mistake digits: these are 101 digits: only the first 100 are sent"],
        ),
        ("digits_send", json!({"digits": "1".repeat(100)}), &[]),
    ] {
        let told = told(kind, option.clone());
        let told: Vec<_> = told.iter().map(|told| told.split("; expected").next().unwrap()).collect();
        assert_eq!(told, expected, "{kind}");
    }
}

#[test]
fn a_goto_that_jumps_more_often_than_a_flow_may_run_is_told() {
    let back = |count: Value| json!({"type": "goto", "option": {"target_id": "a", "loop_count": count}});
    let sleep = json!({"id": "a", "type": "sleep", "option": {"duration": 1000}});
    let empty = json!({"id": "a", "type": "empty"});
    let whole = "flow.max_execute_count, 10000 if not set, ends the flow before";
    for (actions, expected) in [
        (
            json!([empty, back(json!(1_000_000))]),
            Some("1000000 jumps back by 2 without waiting: 1000 actions in a row end the flow".to_owned()),
        ),
        (
            json!([empty, back(json!(500))]),
            Some("500 jumps back by 2 without waiting: 1000 actions in a row end the flow".into()),
        ),
        (json!([empty, back(json!("499"))]), None),
        (json!([empty, back(json!("${n}"))]), None),
        (
            json!([{"id": "a", "type": "goto", "option": {"target_id": "a", "loop_count": 1_000}}]),
            Some("1000 jumps back by 1 without waiting: 1000 actions in a row end the flow".into()),
        ),
        (json!([sleep, back(json!(4_999))]), None),
        (json!([sleep, back(json!(5_000))]), Some(format!("5000 jumps back by 2: {whole}"))),
        // One of two ways waits.
        (
            json!([{"id": "a", "type": "branch", "option": {"target_ids": {"1": "w"}}}, {"id": "g", "type": "goto", "option": {"target_id": "a", "loop_count": 800}},
                {"type": "hangup"}, {"id": "w", "type": "sleep", "option": {"duration": 1000}, "next_id": "g"}]),
            Some("800 jumps back by 2 without waiting: 1000 actions in a row end the flow".into()),
        ),
        // It jumps ahead, or nowhere, or nothing leads to it.
        (json!([{"type": "goto", "option": {"target_id": "a", "loop_count": 1_000_000}}, empty]), None),
        (json!([{"type": "goto", "option": {"target_id": "x", "loop_count": 1_000_000}}]), None),
        (json!([{"type": "hangup"}, empty, back(json!(1_000_000))]), None),
    ] {
        let verdict = verdict(actions.clone());
        let told: Vec<_> = verdict.warnings.iter().filter(|found| found.what.contains("jumps back")).collect();
        assert_eq!(told.first().map(|found| &found.what), expected.as_ref(), "{actions}");
        assert!(told.iter().all(|found| found.json_path.ends_with(".option.loop_count")), "{told:?}");
    }
}

#[test]
fn many_gotos_of_many_jumps_are_looked_at_in_a_moment() {
    let actions = (0..10_000)
        .map(|n| json!({"id": n.to_string(), "type": "goto", "option": {"target_id": "0", "loop_count": 1_000}}));
    assert_eq!(verdict(actions.collect()).warnings.len(), Problem::MAX);
}

#[test]
fn the_flows_that_are_run_by_an_array_are_found() {
    let [one, two] = [1, 2].map(uuid::Uuid::from_u128);
    let fetch = |flow_id: Value| json!({"type": "FETCH_flow", "option": {"flow_id": flow_id}});
    let actions = json!([fetch(json!(one)), fetch(json!("${x}")), fetch(json!("x")), {"type": "beep"}, fetch(json!(two)), fetch(Value::Null)]);
    let actions = read_actions(actions, &mut Random::from_seed([9; 32])).unwrap();
    let expected = [("actions[0].option.flow_id".to_owned(), one), ("actions[4].option.flow_id".to_owned(), two)];
    assert_eq!(fetched_flows(&actions), expected);
}
