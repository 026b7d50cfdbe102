//! What the callers of a trial can dial.

use std::collections::BTreeMap;

use base::Random;
use call::{Settings, Snapshot};
use model::{FlowBody, NumberBody, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cases::Dice;

/// Cursor moves of one flow: small, so that an endless one is over soon.
pub(crate) const MAX_MOVES: u64 = 60;
/// Calls of the loop.
pub(crate) const MAX_CALLS: u32 = 6;
/// Names of the numbers.
pub(crate) const NUMBERS: [&str; 9] =
    ["echo", "ivr", "loop", "sender", "early", "sleep", "short", "busy", "unheard-of"];

fn actions(number: &str) -> Value {
    match number {
        "echo" => json!([{"type": "answer"}, {"type": "echo"}]),
        "ivr" => json!([
            {"type": "answer"},
            {"id": "m", "type": "play", "option": {"stream_urls": ["tone:a", "file:b.wav"]}},
            {"type": "digits_receive", "option": {"duration": 3000, "length": 1}},
            {"type": "branch", "option": {"target_ids": {"1": "m", "2": "e"}, "default_target_id": "h"}},
            {"id": "e", "type": "stream_echo"},
            {"id": "h", "type": "hangup", "option": {"reason": "busy"}},
        ]),
        "loop" => {
            json!([{"id": "a", "type": "empty"}, {"type": "goto", "option": {"target_id": "a", "loop_count": 0}}, {"type": "empty", "next_id": "a"}])
        }
        "sender" => {
            json!([{"type": "digits_send", "option": {"digits": "12#", "duration": 200}}, {"type": "answer"}, {"type": "digits_send", "option": {"digits": "9"}}, {"type": "beep"}])
        }
        "early" => {
            json!([{"type": "play", "option": {"stream_urls": ["file:early.wav"]}}, {"type": "answer"}, {"type": "sleep", "option": {"duration": 2000}}])
        }
        "sleep" => {
            json!([{"type": "sleep", "option": {"duration": 1000}}, {"type": "answer"}, {"type": "sleep", "option": {"duration": 600_000}}])
        }
        "short" => json!([{"type": "answer"}, {"type": "hangup"}]),
        "busy" => json!([{"type": "hangup", "option": {"reason": "busy"}}]),
        other => panic!("{other} has no flow"),
    }
}

/// A snapshot with bounds that a trial reaches.
pub(crate) fn snapshot(dice: &mut Dice, number: u64, max_call_duration_ms: u64) -> Snapshot {
    let mut snapshot = Snapshot { number, ..Snapshot::default() };
    for (index, name) in NUMBERS[..8].iter().enumerate() {
        let actions = flow::read_actions(actions(name), &mut Random::from_seed([index as u8; 32])).unwrap();
        let (flow_id, now) = (Uuid::from_u128(0xf00 + index as u128), Timestamp::from_us(0));
        let flow = FlowBody { name: (*name).to_owned(), ..FlowBody::default() };
        snapshot.flows.insert(flow_id, flow.into_flow(flow_id, Uuid::nil(), actions, now));
        let call_flow_id = if dice.one_in(30) { Uuid::nil() } else { flow_id };
        let body = NumberBody { number: (*name).to_owned(), call_flow_id, ..NumberBody::default() };
        snapshot.numbers.insert((*name).to_owned(), body.into_number(Uuid::from_u128(index as u128), Uuid::nil(), now));
    }
    if dice.one_in(10) {
        snapshot.flows = BTreeMap::new();
    }
    snapshot.settings = Settings {
        open_networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        max_calls: MAX_CALLS,
        max_new_calls_per_second: if dice.one_in(5) { 3 } else { 200 },
        max_call_duration_ms,
        port_stock: 4,
        port_stock_ipv6: 2,
        max_execute_count: MAX_MOVES,
        ..Settings::default()
    };
    snapshot
}
