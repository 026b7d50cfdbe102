//! Flows and numbers of a scenario, made as provisioning makes them.

use base::Random;
use model::{Extension, Flow, FlowBody, Number, NumberBody, PasswordDigests, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// The `count`-th number of a scenario with its flow.
pub fn flow_and_number(count: u128, number: &str, actions: Value) -> (Flow, Number) {
    let mut random = Random::from_seed([count as u8; 32]);
    let actions = flow::read_actions(actions, &mut random).expect("the scenario's actions are well-formed");
    let now = Timestamp::from_us(0);
    let flow_id = Uuid::from_u128(0xf100 + count);
    let flow = FlowBody { name: number.to_owned(), ..FlowBody::default() };
    let flow = flow.into_flow(flow_id, Uuid::nil(), actions, now);
    let body = NumberBody { number: number.to_owned(), call_flow_id: flow_id, ..NumberBody::default() };
    (flow, body.into_number(Uuid::from_u128(count), Uuid::nil(), now))
}

/// The `count`-th account of a scenario. Its digests are made here, as the phones make theirs.
pub(crate) fn extension(count: u128, number: &str, realm: &str, password: &str) -> Extension {
    let digest = |algorithm| crate::digest::hash(algorithm, &format!("{number}:{realm}:{password}"));
    Extension {
        id: Uuid::from_u128(0xe000 + count),
        extension: number.to_owned(),
        domain_name: realm.to_owned(),
        ha1: PasswordDigests { md5: digest("MD5"), sha256: digest("SHA-256") },
        ..Extension::default()
    }
}
