//! Flows and numbers of a scenario, made as provisioning makes them.

use base::Random;
use model::{Flow, FlowBody, Number, NumberBody, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// The `count`-th number of a scenario with its flow.
pub(crate) fn flow_and_number(count: u128, number: &str, actions: Value) -> (Flow, Number) {
    let mut random = Random::from_seed([count as u8; 32]);
    let actions = flow::read_actions(actions, &mut random).expect("the scenario's actions are well-formed");
    let now = Timestamp::from_us(0);
    let flow_id = Uuid::from_u128(0xf100 + count);
    let flow = FlowBody { name: number.to_owned(), ..FlowBody::default() };
    let flow = flow.into_flow(flow_id, Uuid::nil(), actions, now);
    let body = NumberBody { number: number.to_owned(), call_flow_id: flow_id, ..NumberBody::default() };
    (flow, body.into_number(Uuid::from_u128(count), Uuid::nil(), now))
}
