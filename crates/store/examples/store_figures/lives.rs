//! Calls as control makes them.

use std::sync::Arc;

use model::{
    Action, Activeflow, ActiveflowStatus, Address, AddressType, Call, CallStatus, CallType, Direction, HangupBy,
    HangupReason, LogBody, LogEntry, Particulars, ReferenceType, Resource, Timestamp,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// 20 entries of a whole call, or the first 15 of one that goes on.
pub(crate) fn life(number: u128, whole: bool) -> Vec<LogEntry> {
    let at_us = 1_700_000_000_000_000 + number as u64 * 5_000;
    let mut call = ringing(number, at_us);
    let (call_id, activeflow_id, customer_id) = (call.id, call.activeflow_id, call.customer_id);
    let entry = |body| LogEntry { at_us, customer_id, call_id, activeflow_id, body };
    let event =
        |name: &str, resource| entry(LogBody::Event { name: name.to_owned().into(), resource, extra: Map::new() });
    let action = Action {
        id: "welcome".into(),
        kind: "talk".into(),
        option: Some(json!({"text": "hello"})),
        ..Action::default()
    };
    let call_event = |call: &Call| {
        let name = format!("call_{}", call.status.as_str());
        event(&name, Resource::Call(Arc::new(call.clone()), Some(Arc::new(action.clone()))))
    };
    let mut flow = Activeflow {
        id: activeflow_id,
        customer_id,
        actions: vec![action.clone(); 6].into(),
        tm_create: call.tm_create,
        ..Activeflow::default()
    };
    let mut entries =
        vec![call_event(&call), event("activeflow_created", Resource::Activeflow(Arc::new(flow.clone())))];
    call.status = CallStatus::Progressing;
    entries.push(call_event(&call));
    for step in 0..12 {
        let data = Particulars::from([("action_id", json!(format!("step-{step}"))), ("type", json!("talk"))]);
        entries.push(entry(LogBody::Note { name: "action_started".into(), message: "talk".into(), data }));
    }
    if whole {
        call.status = CallStatus::Terminating;
        entries.push(call_event(&call));
        flow.executed_actions = std::iter::repeat_n(Arc::new(action.clone()), 6).collect();
        flow.status = ActiveflowStatus::Ended;
        entries.push(event("activeflow_updated", Resource::Activeflow(Arc::new(flow))));
        entries.push(entry(LogBody::Note {
            name: "media".into(),
            message: "quality".into(),
            data: Particulars::default(),
        }));
        call.status = CallStatus::Hangup;
        entries.push(call_event(&call));
        entries.push(entry(LogBody::Note {
            name: "call_ended".into(),
            message: "bye".into(),
            data: Particulars::default(),
        }));
    }
    entries
}

/// The entries of a call that is answered, echoes and is hung up by the caller: the six with which it begins and the six with
/// which it ends.
pub(crate) fn short_call(number: u128) -> (Vec<LogEntry>, Vec<LogEntry>) {
    let at_us = 1_700_000_000_000_000 + number as u64 * 2_000;
    let mut call = ringing(number, at_us);
    let (call_id, activeflow_id, customer_id) = (call.id, call.activeflow_id, call.customer_id);
    let entry = |after_us: u64, body| LogEntry { at_us: at_us + after_us, customer_id, call_id, activeflow_id, body };
    let event = |after_us, name: &str, resource| {
        entry(after_us, LogBody::Event { name: name.to_owned().into(), resource, extra: Map::new() })
    };
    let note = |after_us, name: &str, data: Value| {
        let Value::Object(data) = data else { unreachable!("notes are written as objects here") };
        entry(after_us, LogBody::Note { name: name.to_owned().into(), message: String::new(), data: data.into() })
    };
    let step = |name: &str, step: u64, action: &Action| {
        note(step, name, json!({"action_id": action.id, "action_type": action.kind, "step": step}))
    };
    let action = |number: u128, kind: &str, option: Value| Action {
        id: id(number, 3).to_string(),
        kind: kind.into(),
        option: Some(option),
        ..Action::default()
    };
    let (answer, echo) = (action(11, "answer", json!({})), action(12, "echo", json!({"duration": 600_000})));
    let mut flow = Activeflow {
        id: activeflow_id,
        customer_id,
        flow_id: call.flow_id,
        reference_type: ReferenceType::Call,
        reference_id: call_id,
        current_action: Arc::new(Action::start()),
        actions: vec![answer.clone(), echo.clone(), action(13, "hangup", json!({}))].into(),
        tm_create: call.tm_create,
        ..Activeflow::default()
    };
    let call_event = |after_us, name: &str, call: &Call, action: &Action| {
        event(after_us, name, Resource::Call(Arc::new(call.clone()), Some(Arc::new(action.clone()))))
    };
    let flow_event =
        |after_us, name: &str, flow: &Activeflow| event(after_us, name, Resource::Activeflow(Arc::new(flow.clone())));
    let sip = json!({"remote": "192.0.2.9:5060", "sip_call_id": format!("{number}-a84b4c76e66710@192.0.2.9")});
    let mut begin = vec![
        call_event(0, "call_created", &call, &Action::start()),
        note(0, "sip_invite", sip),
        flow_event(0, "activeflow_created", &flow),
    ];
    (call.status, call.tm_progressing) = (CallStatus::Progressing, Some(Timestamp::from_us(at_us + 1)));
    begin.push(call_event(1, "call_progressing", &call, &answer));
    begin.push(step("action_started", 2, &echo));
    flow.executed_actions = vec![Arc::new(Action::start()), Arc::new(answer)];
    (flow.current_action, flow.executed_count) = (Arc::new(echo.clone()), 2);
    begin.push(flow_event(2, "activeflow_updated", &flow));

    (call.status, call.hangup_by) = (CallStatus::Terminating, HangupBy::Remote);
    call.hangup_reason = HangupReason::Normal;
    let mut end = vec![call_event(200_000, "call_terminating", &call, &echo), step("action_ended", 3, &echo)];
    flow.executed_actions.push(Arc::new(echo));
    (flow.current_action, flow.status) = (Arc::new(Action::finish()), ActiveflowStatus::Ended);
    end.push(note(200_001, "flow_ended", json!({"reason": "hangup"})));
    end.push(flow_event(200_001, "activeflow_updated", &flow));
    let totals = json!({
        "talked_ms": 200, "sent_packets": 10, "received_packets": 10, "lost_packets": 0, "jitter_ms": 0.125,
    });
    end.push(note(200_002, "media_totals", totals));
    (call.status, call.tm_hangup) = (CallStatus::Hangup, Some(Timestamp::from_us(at_us + 200_002)));
    end.push(call_event(200_002, "call_hangup", &call, &flow.current_action));
    (begin, end)
}

/// Ids of the real world are random: two of one call are not neighbours.
fn id(number: u128, salt: u128) -> Uuid {
    Uuid::from_u128((number + 1 + (salt << 64)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).rotate_left(40))
}

fn ringing(number: u128, at_us: u64) -> Call {
    Call {
        id: id(number, 1),
        customer_id: Uuid::from_u128(7),
        flow_id: Uuid::from_u128(8),
        activeflow_id: id(number, 2),
        kind: CallType::Flow,
        master_call_id: Uuid::nil(),
        chained_call_ids: Vec::new(),
        owner_type: String::new(),
        owner_id: Uuid::nil(),
        recording_id: Uuid::nil(),
        recording_ids: Vec::new(),
        groupcall_id: Uuid::nil(),
        confbridge_id: Uuid::nil(),
        mute_direction: String::new(),
        metadata: Map::new(),
        source: Address::new(AddressType::Sip, "+12025550123@192.0.2.9", "Alice"),
        destination: Address::new(AddressType::Sip, "ivr@192.0.2.1", ""),
        status: CallStatus::Ringing,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: Some(Timestamp::from_us(at_us)),
        tm_progressing: None,
        tm_hangup: None,
        tm_create: Some(Timestamp::from_us(at_us)),
        tm_update: None,
        tm_delete: None,
    }
}
