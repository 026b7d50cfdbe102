//! Flow documents from strangers: about a second of mutated documents (`FUZZ_SECONDS` for longer). The i-th document is
//! always the same.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail, too")]

#[path = "../../../fuzz/cases.rs"]
mod cases;
mod support;

use std::cell::Cell;

use base::{Now, Random};
use cases::{cases, show};
use flow::{
    CallView, DocumentError, Event, HttpOutcome, MAX_ACTIONS, MAX_DOCUMENT_BYTES, Machine, NewActiveflow, Settings,
    read_document, verify,
};
use serde_json::{Value, json};
use support::ringing_call;

const SEEDS: [&str; 6] = [
    r##"{"name":"ivr","actions":[{"id":"m","type":"play","option":{"stream_urls":["file:menu.wav"],"digits_handle":"next"}},{"type":"digits_receive","option":{"duration":5000,"length":1,"key":"#"}},{"type":"branch","option":{"default_target_id":"d","target_ids":{"1":"e","2":"s"}}},{"id":"e","type":"echo","option":{"duration":1000}},{"type":"hangup","option":{"reason":"busy"}},{"id":"s","type":"stream_echo"},{"id":"d","type":"goto","option":{"target_id":"m","loop_count":2}}]}"##,
    r#"[{"type":"condition_datetime","option":{"condition":">=","hour":9,"minute":0,"weekdays":[1,2,3],"false_target_id":"x"}},{"type":"condition_variable","option":{"condition":"==","variable":"${voipbin.call.source.target}","value_type":"length","value_length":13}},{"id":"x","type":"variable_set","option":{"key":"a","value":"${a}${a}x"},"next_id":"x"}]"#,
    r#"[{"type":"answer"},{"type":"digits_send","option":{"digits":"12#","duration":"200","interval":50}},{"type":"sleep","option":{"duration":"1000"}},{"type":"beep"},{"type":"condition_call_status","option":{"status":"progressing"}},{"type":"condition_call_digits","option":{"length":2}},{"type":"stop"}]"#,
    r#"{"actions":[{"type":"connect","option":{"destinations":[{"type":"tel","target":"+821100000001"}]}},{"id":"00000000-0000-0000-0000-000000000002","type":"Hangup_relay"}],"on_complete_flow_id":"00000000-0000-0000-0000-0000000000aa"}"#,
    r##"[{"type":"talk","option":{"text":"${a}","language":"en","digits_handle":"next","async":false}},{"type":"recording_start","option":{"format":"wav","end_of_silence":3,"end_of_key":"#","duration":"60","beep_start":true}},{"id":"m","type":"webhook_send","option":{"sync":true,"uri":"http://x/${a}","method":"POST","data_type":"application/json","data":"{\"a\":\"${voipbin.call.source.target_name}\"}"}},{"type":"recording_stop"},{"type":"goto","option":{"target_id":"m","loop_count":2}}]"##,
    r#"[{"type":"fetch","option":{"event_url":"https://x","event_method":"GET"}},{"id":"e","type":"fetch_flow","option":{"flow_id":"00000000-0000-0000-0000-0000000000f1"}},{"type":"conference_join","option":{"conference_id":"00000000-0000-0000-0000-0000000000c1"}},{"type":"confbridge_join","option":{"confbridge_id":"00000000-0000-0000-0000-0000000000b1"},"next_id":"e"}]"#,
];

const PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ",",
    ":",
    "null",
    "1e999",
    "-",
    "\\ud800",
    "${",
    "\u{0}",
    "\"option\":",
    "99999999999999999999",
];

fn below(random: &mut Random, end: usize) -> usize {
    random.next_u32() as usize % end.max(1)
}

/// The i-th document: even ones have wrong values and are well-formed, odd ones are damaged octet by octet.
fn document(i: u64) -> Vec<u8> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&i.to_le_bytes());
    let random = &mut Random::from_seed(seed);
    let text = SEEDS[below(random, SEEDS.len())];
    if i.is_multiple_of(2) {
        let mut value: Value = serde_json::from_str(text).unwrap();
        for _ in 0..1 + below(random, 4) {
            mutate(&mut value, random);
        }
        return value.to_string().into_bytes();
    }
    let mut text = text.as_bytes().to_vec();
    for _ in 0..1 + below(random, 6) {
        let at = below(random, text.len());
        match below(random, 4) {
            0 if !text.is_empty() => text[at] = random.next_u32() as u8,
            1 => text.truncate(at),
            2 => drop(text.splice(at..at, PIECES[below(random, PIECES.len())].bytes())),
            _ => {
                let end = at + below(random, text.len() - at);
                let copy = text[at..end].to_vec();
                let to = below(random, text.len());
                drop(text.splice(to..to, copy));
            }
        }
    }
    text
}

/// Walks down at random and puts something unexpected there, or adds an action once more.
fn mutate(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(entries) if !entries.is_empty() && below(random, 12) > 0 => {
            let key = below(random, entries.len());
            mutate(entries.values_mut().nth(key).unwrap(), random);
        }
        Value::Array(items) if !items.is_empty() && below(random, 12) > 0 => {
            let index = below(random, items.len());
            if below(random, 6) == 0 {
                items.push(items[index].clone());
            } else {
                mutate(&mut items[index], random);
            }
        }
        other => *other = unexpected(random),
    }
}

fn unexpected(random: &mut Random) -> Value {
    match below(random, 10) {
        0 => Value::Null,
        1 => Value::from(random.next_u64() as i64),
        2 => Value::from(below(random, 4)),
        3 => Value::from(f64::from(random.next_u32()) / 7.0),
        4 => Value::from("x${a}".repeat(1 << below(random, 14))),
        5 => Value::from(["m", "e", "x", "==", "${a}", "", "length", "goto", "sleep"][below(random, 9)]),
        6 => (0..below(random, 90)).fold(Value::from(1), |inner, _| Value::Array(vec![inner])),
        7 => (0..below(random, 90)).fold(Value::from(1), |inner, _| json!({"a": inner})),
        8 => json!({"1": "m", "": "x"}),
        _ => Value::Bool(true),
    }
}

/// Whatever the verifier says of it, a document that can be read is run for a while.
fn run(text: &[u8]) -> bool {
    let Ok(document) = read_document(text, &mut Random::from_seed([1; 32])) else { return false };
    let verdict = verify(&document.actions);
    for problem in verdict.problems.iter().chain(&verdict.warnings).chain(&verdict.hints) {
        assert!(problem.to_string().len() < 1_000, "a message repeats the input");
    }
    let call = ringing_call();
    let view = CallView::of(&call);
    let mut now = Now { mono_ns: 0, wall_us: 1_795_262_400_000_000 };
    let settings = Settings { max_execute_count: 200, ..Settings::default() };
    let new = NewActiveflow { settings, ..NewActiveflow::of_call(&call, &Default::default(), settings) };
    let mut machine = Machine::new(now, NewActiveflow { actions: document.actions.into(), ..new }, &view);
    machine.handle(now, Event::Start, &view);
    for i in 0..30 {
        let mut polls = 0;
        while machine.poll(now, &view).is_some() {
            polls += 1;
            assert!(polls < 6_000, "polls are not bounded");
        }
        now = now.plus_ns(1_000_000_000);
        let step = machine.execute_count();
        let event = match i % 7 {
            0 => Event::Digit { digit: '1', duration_ms: 80 },
            1 => Event::PlaybackEnded { step },
            2 => Event::HttpAnswered {
                step,
                outcome: HttpOutcome { status: 200, body: text.to_vec(), ..Default::default() },
            },
            3 => Event::FlowFound { step, actions: machine.to_activeflow().actions },
            4 => Event::BridgeLeft { step },
            5 => Event::ServiceStarted { step, stack_id: machine.id(), actions: machine.to_activeflow().actions },
            _ => Event::Timer { step },
        };
        machine.handle(now, event, &view);
    }
    true
}

#[test]
fn mutated_documents_are_read_or_refused_and_run_within_bounds() {
    let readable = Cell::new(0u64);
    let ran = cases(1.0, 200, |i, _| {
        let text = document(i);
        show(&text[..text.len().min(6_000)]);
        readable.set(readable.get() + u64::from(run(&text)));
    });
    let readable = readable.get();
    assert!(
        ran < 200 || readable * 10 > ran,
        "only {readable} of {ran} documents could be read: the mutations are too wild to test the machine"
    );
}

#[test]
fn the_largest_documents_are_read_and_one_more_byte_is_refused() {
    let random = &mut Random::from_seed([1; 32]);
    let frame = r#"[{"type":"variable_set","option":{"key":"k","value":""}}]"#;
    let long = "x".repeat(MAX_DOCUMENT_BYTES - frame.len());
    let largest = frame.replace("\"value\":\"\"", &format!("\"value\":\"{long}\""));
    assert_eq!(largest.len(), MAX_DOCUMENT_BYTES);
    assert!(run(largest.as_bytes()));
    let larger = format!("{largest} ");
    assert_eq!(
        read_document(larger.as_bytes(), random),
        Err(DocumentError::TooLarge { bytes: MAX_DOCUMENT_BYTES + 1 })
    );
    let many = format!("[{}]", vec![r#"{"type":"empty"}"#; MAX_ACTIONS].join(","));
    assert!(run(many.as_bytes()));
}
