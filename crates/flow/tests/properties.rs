//! Random flows and events: never a panic, always an end or a wait, and the same continuation after being restored.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

mod support;

use base::{Now, Random};
use flow::{
    ActiveflowStatus, CallView, Effect, EndReason, Event, HttpOutcome, Machine, NewActiveflow, Reference,
    ReferenceType, Settings, StopReason, What, read_actions, verify,
};
use model::{Call, CallStatus};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::ringing_call;
use uuid::Uuid;

const TYPES: [&str; 28] = [
    "answer",
    "beep",
    "branch",
    "condition_call_digits",
    "condition_call_status",
    "condition_datetime",
    "condition_variable",
    "digits_receive",
    "digits_send",
    "echo",
    "empty",
    "goto",
    "hangup",
    "play",
    "sleep",
    "stop",
    "stream_echo",
    "variable_set",
    "talk",
    "recording_start",
    "recording_stop",
    "confbridge_join",
    "conference_join",
    "fetch",
    "fetch_flow",
    "webhook_send",
    "connect",
    "dance",
];

const KEYS: [&str; 36] = [
    "target_id",
    "loop_count",
    "default_target_id",
    "target_ids",
    "target_indexes",
    "default_index",
    "variable",
    "key",
    "value",
    "length",
    "duration",
    "interval",
    "digits",
    "stream_urls",
    "stream_url",
    "digits_handle",
    "condition",
    "hour",
    "weekdays",
    "false_target_id",
    "status",
    "value_type",
    "value_number",
    "reason",
    "text",
    "async",
    "end_of_key",
    "beep_start",
    "confbridge_id",
    "conference_id",
    "flow_id",
    "event_url",
    "uri",
    "sync",
    "data",
    "data_type",
];

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "e", "", "nowhere"]).prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = Value> {
    prop_oneof![
        id().prop_map(Value::from),
        (-2_i64..7).prop_map(Value::from),
        prop::sample::select(vec![
            "1",
            "#",
            "==",
            ">=",
            "next",
            "ringing",
            "${k}",
            "${voipbin.call.digits}",
            "${voipbin.call.status}",
            "${",
            "5000",
            "true",
            "http://x/${k}",
            "\"${k}",
            "00000000-0000-0000-0000-0000000000f1"
        ])
        .prop_map(Value::from),
        Just(Value::Null),
        Just(json!(["x", "${k}"])),
        Just(json!([1, 2])),
        (id(), id()).prop_map(|(one, none)| json!({"1": one, "": none})),
        Just(json!(1.5)),
    ]
}

fn action() -> impl Strategy<Value = Value> {
    let option = prop::collection::vec((prop::sample::select(KEYS.to_vec()), field()), 0..5);
    (prop::sample::select(TYPES.to_vec()), id(), prop::option::weighted(0.2, id()), option).prop_map(
        |(kind, id, next_id, option)| {
            let option: serde_json::Map<_, _> =
                option.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            json!({"type": kind, "id": id, "next_id": next_id, "option": option})
        },
    )
}

/// Events; a step is relative to the machine's own, so that stale ones occur.
#[derive(Clone, Debug)]
enum Happening {
    Digit(char),
    Timer(u64),
    Ended(u64),
    Failed(u64),
    Status(CallStatus),
    Forward(String),
    Push(Vec<Value>),
    ServiceEnded,
    ServiceStarted(u64, Vec<Value>),
    FlowFound(u64, Vec<Value>),
    Refused(u64),
    BridgeLeft(u64),
    Answered(u64, u16, String),
    Stop,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => prop::sample::select(vec!['0', '1', '#', '*', 'A', 'z']).prop_map(Happening::Digit),
        6 => (0_u64..2).prop_map(Happening::Timer),
        6 => (0_u64..2).prop_map(Happening::Ended),
        2 => (0_u64..2).prop_map(Happening::Failed),
        1 => prop::sample::select(CallStatus::ALL.to_vec()).prop_map(Happening::Status),
        1 => id().prop_map(Happening::Forward),
        1 => prop::collection::vec(action(), 0..3).prop_map(Happening::Push),
        1 => Just(Happening::ServiceEnded),
        2 => (0_u64..2, prop::collection::vec(action(), 0..3)).prop_map(|(ago, list)| Happening::ServiceStarted(ago, list)),
        2 => (0_u64..2, prop::collection::vec(action(), 0..3)).prop_map(|(ago, list)| Happening::FlowFound(ago, list)),
        1 => (0_u64..2).prop_map(Happening::Refused),
        2 => (0_u64..2).prop_map(Happening::BridgeLeft),
        4 => (0_u64..2, prop::sample::select(vec![0, 200, 404]), body())
            .prop_map(|(ago, status, body)| Happening::Answered(ago, status, body)),
        1 => Just(Happening::Stop),
    ]
}

/// What a web server answers: actions, variables, or something else.
fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(action(), 0..3).prop_map(|list| Value::Array(list).to_string()),
        prop::sample::select(vec![r#"{"k": {"x": [1, null]}, "voipbin.call.digits": "1"}"#, "{}", "[", ""])
            .prop_map(str::to_owned),
    ]
}

fn view(call: &Option<Call>) -> CallView<'_> {
    call.as_ref().map_or(CallView::none(), CallView::of)
}

/// Polls until there is nothing more; restored after every poll if asked.
fn drain(machine: &mut Machine, now: Now, call: &Option<Call>, restore: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    loop {
        let effect = machine.poll(now, &view(call));
        if restore {
            *machine = rmp_serde::from_slice(&rmp_serde::to_vec_named(machine).unwrap()).unwrap();
        }
        match effect {
            Some(effect) => effects.push(effect),
            None => return effects,
        }
        // A burst of 1000 moves with a few effects each.
        assert!(effects.len() < 6_000, "polls are not bounded");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn random_flows_end_or_wait_and_a_restored_machine_goes_on_the_same(
        actions in prop::collection::vec(action(), 0..8),
        happenings in prop::collection::vec(happening(), 0..25),
        has_call in prop::bool::weighted(0.85),
    ) {
        let random = &mut Random::from_seed([2; 32]);
        let actions = read_actions(Value::Array(actions), random).unwrap();
        verify(&actions);
        let mut call = has_call.then(ringing_call);
        let kind = if has_call { ReferenceType::Call } else { ReferenceType::Api };
        let new = NewActiveflow {
            actions: actions.into(),
            reference: Reference { kind, id: Uuid::from_u128(1) },
            settings: Settings { max_execute_count: 60, ..Settings::default() },
            ..NewActiveflow::default()
        };
        let mut now = Now { mono_ns: 1, wall_us: 1_795_262_400_000_000 };
        let mut kept = Machine::new(now, new, &view(&call));
        let mut restored = kept.clone();
        let mut events = vec![Some(Event::Start)];
        for happening in happenings {
            let step = kept.execute_count();
            let push = Uuid::from_u128(9);
            events.push(match happening {
                Happening::Digit(digit) => Some(Event::Digit { digit, duration_ms: 100 }),
                Happening::Timer(ago) => Some(Event::Timer { step: step.saturating_sub(ago) }),
                Happening::Ended(ago) => Some(Event::PlaybackEnded { step: step.saturating_sub(ago) }),
                Happening::Failed(ago) => Some(Event::PlaybackFailed { step: step.saturating_sub(ago), reason: "x".into() }),
                Happening::Forward(action_id) => Some(Event::Forward { stack_id: push, action_id }),
                Happening::ServiceEnded => Some(Event::ServiceEnded { stack_id: push }),
                Happening::ServiceStarted(ago, list) => {
                    let actions = read_actions(Value::Array(list), random).unwrap();
                    Some(Event::ServiceStarted { step: step.saturating_sub(ago), stack_id: push, actions: actions.into() })
                }
                Happening::FlowFound(ago, list) => {
                    let actions = read_actions(Value::Array(list), random).unwrap();
                    Some(Event::FlowFound { step: step.saturating_sub(ago), actions: actions.into() })
                }
                Happening::Refused(ago) => {
                    Some(Event::BridgeRefused { step: step.saturating_sub(ago), reason: "x".into() })
                }
                Happening::BridgeLeft(ago) => Some(Event::BridgeLeft { step: step.saturating_sub(ago) }),
                Happening::Answered(ago, status, body) => {
                    let outcome = HttpOutcome { status, body: body.into_bytes(), error: String::new() };
                    Some(Event::HttpAnswered { step: step.saturating_sub(ago), outcome })
                }
                Happening::Stop => Some(Event::Stop(StopReason::Request)),
                Happening::Status(status) => {
                    if let Some(call) = &mut call {
                        call.status = status;
                    }
                    None
                }
                Happening::Push(actions) => {
                    let actions = read_actions(Value::Array(actions), random).unwrap();
                    let pushed = kept.push_frame(push, actions.clone());
                    prop_assert_eq!(restored.push_frame(push, actions), pushed);
                    None
                }
            });
            for event in events.drain(..).flatten() {
                now = now.plus_ns(1_000_000_000);
                kept.handle(now, event.clone(), &view(&call));
                restored.handle(now, event, &view(&call));
                let effects = drain(&mut kept, now, &call, false);
                prop_assert_eq!(drain(&mut restored, now, &call, true), effects);
                prop_assert_eq!(&restored, &kept);
                kept.to_activeflow();
            }
        }
        kept.handle(now, Event::CallGone, &view(&call));
        drain(&mut kept, now, &call, false);
        prop_assert_eq!(kept.status(), ActiveflowStatus::Ended);
        kept.handle(now, Event::Timer { step: kept.execute_count() }, &view(&call));
        prop_assert_eq!(drain(&mut kept, now, &call, false), vec![]);
    }

    #[test]
    fn a_flow_that_ends_for_going_round_was_told_of(actions in prop::collection::vec(action(), 0..6)) {
        // Where a target is known only at run time the verifier cannot tell.
        let actions = Value::Array(actions).to_string().replace("${", "");
        let actions = serde_json::from_str(&actions).unwrap();
        let actions = read_actions(actions, &mut Random::from_seed([2; 32])).unwrap();
        let told = verify(&actions).warnings.iter().any(|warning| warning.what.contains("go round"));
        let call = Some(ringing_call());
        let reference = Reference { kind: ReferenceType::Call, id: Uuid::from_u128(1) };
        let mut machine = Machine::new(Now::default(), NewActiveflow { actions: actions.into(), reference, ..NewActiveflow::default() }, &view(&call));
        machine.handle(Now::default(), Event::Start, &view(&call));
        let effects = drain(&mut machine, Now::default(), &call, false);
        let went_round = effects.iter().any(|effect| matches!(effect, Effect::Ended { reason: EndReason::Limit(_), .. }));
        prop_assert!(told || !went_round);
    }

    #[test]
    fn what_nothing_leads_to_never_runs_and_what_is_certainly_unanswered_is(
        actions in prop::collection::vec(action(), 0..6),
        keys in prop::collection::vec(prop::sample::select(vec!['1', '#']), 40),
    ) {
        let actions = Value::Array(actions).to_string().replace("${", "");
        let mut actions: Vec<Value> = serde_json::from_str(&actions).unwrap();
        for (action, id) in actions.iter_mut().zip(["a", "b", "c", "d", "e", "f"]) {
            action["id"] = json!(id);
        }
        let actions = read_actions(Value::Array(actions), &mut Random::from_seed([2; 32])).unwrap();
        let verdict = verify(&actions);
        let named = |what: &str| -> Vec<String> {
            let found = verdict.warnings.iter().chain(&verdict.hints).filter(|found| found.what.starts_with(what));
            let index = |path: &str| path.trim_start_matches("actions[").trim_end_matches(']').parse::<usize>().unwrap();
            found.map(|found| actions[index(&found.json_path)].id.clone()).collect()
        };
        let (unreachable, unanswered) = (named("nothing leads"), named("an incoming call is not answered yet"));
        let mut call = Some(ringing_call());
        let reference = Reference { kind: ReferenceType::Call, id: Uuid::from_u128(1) };
        let new = NewActiveflow { actions: actions.clone().into(), reference, ..NewActiveflow::default() };
        let mut machine = Machine::new(Now::default(), new, &view(&call));
        machine.handle(Now::default(), Event::Start, &view(&call));
        for key in keys {
            while let Some(effect) = machine.poll(Now::default(), &view(&call)) {
                match effect {
                    Effect::Answer => call.as_mut().unwrap().status = CallStatus::Progressing,
                    Effect::Timeline(entry) if entry.what == What::Started => {
                        prop_assert!(!unreachable.contains(&entry.action_id), "{} ran", entry.action_id);
                        let is_answered = call.as_ref().unwrap().status == CallStatus::Progressing;
                        prop_assert!(!is_answered || !unanswered.contains(&entry.action_id), "{}", entry.action_id);
                    }
                    _ => {}
                }
            }
            let step = machine.execute_count();
            for event in [
                Event::Digit { digit: key, duration_ms: 80 },
                Event::PlaybackEnded { step },
                Event::Timer { step },
                Event::BridgeLeft { step },
                Event::FlowFound { step, actions: Vec::new().into() },
                Event::ServiceStarted { step, stack_id: Uuid::from_u128(9), actions: Vec::new().into() },
                Event::HttpAnswered { step, outcome: HttpOutcome { status: 200, body: b"[]".to_vec(), error: String::new() } },
            ] {
                machine.handle(Now::default(), event, &view(&call));
            }
        }
    }

    #[test]
    fn an_action_without_a_call_of_any_kind_never_waits_for_one(actions in prop::collection::vec(action(), 0..8)) {
        let actions = read_actions(Value::Array(actions), &mut Random::from_seed([2; 32])).unwrap();
        let new = NewActiveflow { actions: actions.into(), ..NewActiveflow::default() };
        let mut machine = Machine::new(Now::default(), new, &CallView::none());
        machine.handle(Now::default(), Event::Start, &CallView::none());
        for effect in drain(&mut machine, Now::default(), &None, false) {
            prop_assert!(
                matches!(effect, Effect::Timer { .. } | Effect::Http { .. } | Effect::FetchFlow { .. } | Effect::Updated | Effect::Timeline(_) | Effect::Ended { hang_up: false, .. }),
                "{:?}", effect
            );
        }
    }
}
