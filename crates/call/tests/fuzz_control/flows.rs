//! What the callers of a trial can dial.

use std::collections::BTreeMap;

use base::{Now, Random};
use call::registrar::BindingSettings;
use call::{ConferenceRecording, RegistrarSettings, Request, Settings, Snapshot};
use flow::HttpOutcome;
use model::{
    Confbridge, Conference, ConferenceBody, ConferenceStatus, ConferenceType, Extension, FlowBody, NumberBody,
    PasswordDigests, Timestamp,
};
use serde_json::{Value, json};
use sip_core::digest::{Algorithm, ha1};
use uuid::Uuid;

use crate::accounts::{PASSWORD, USERS};
use crate::cases::Dice;

/// Cursor moves of one flow: small, so that an endless one is over soon.
pub(crate) const MAX_MOVES: u64 = 60;
/// Calls of the loop.
pub(crate) const MAX_CALLS: u32 = 6;
/// Places of one extension.
pub(crate) const MAX_CONTACTS: usize = 2;
/// What is dialled; the first twelve are numbers.
pub(crate) const NUMBERS: [&str; 17] = [
    "echo",
    "ivr",
    "loop",
    "sender",
    "early",
    "sleep",
    "short",
    "busy",
    "record",
    "meet",
    "talk",
    "web",
    "unheard-of",
    "1001",
    "agent:7",
    "conference:00000000-0000-0000-0000-0000000000c0",
    "direct.0000000000c0",
];

/// The conference of `meet`, its bridge, one that is made by hand, and what runs when a recording has ended.
const CONFERENCE: Uuid = Uuid::from_u128(0xc0);
const BRIDGE: Uuid = Uuid::from_u128(0xb0);
const BY_HAND: Uuid = Uuid::from_u128(0xb1);
const AFTERWARDS: Uuid = Uuid::from_u128(0xf00);

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
        "record" => json!([
            {"type": "recording_start"},
            {"type": "answer"},
            {"type": "recording_start", "option": {"beep_start": true, "end_of_key": "any", "on_end_flow_id": AFTERWARDS}},
            {"type": "recording_start"},
            {"type": "sleep", "option": {"duration": 2500}},
            {"type": "recording_stop"},
            {"type": "recording_start", "option": {"duration": 1}},
            {"type": "echo", "option": {"duration": 3000}},
        ]),
        "meet" => json!([
            {"type": "conference_join", "option": {"conference_id": CONFERENCE}},
            {"type": "confbridge_join", "option": {"confbridge_id": BRIDGE}},
            {"type": "confbridge_join", "option": {"confbridge_id": BY_HAND}},
            {"type": "conference_join", "option": {"conference_id": AFTERWARDS}},
        ]),
        "talk" => json!([
            {"type": "talk", "option": {"text": "hello", "async": true}},
            {"type": "talk", "option": {"text": "${voipbin.call.digits}, hello", "digits_handle": "next"}},
        ]),
        "web" => json!([
            {"type": "webhook_send", "option": {"uri": "http://web/1", "data": "x"}},
            {"type": "webhook_send", "option": {"uri": "http://web/2", "sync": true}},
            {"type": "fetch", "option": {"event_url": "http://web/3"}},
            {"type": "fetch_flow", "option": {"flow_id": AFTERWARDS}},
        ]),
        other => panic!("{other} has no flow"),
    }
}

/// Registrations and nonces that end within a trial.
fn registrar() -> RegistrarSettings {
    let mut registrar = RegistrarSettings::default();
    registrar.digest.nonce_lifetime_s = 20;
    registrar.bindings =
        BindingSettings { max_contacts: MAX_CONTACTS, min_expires_s: 1, max_expires_s: 30, default_expires_s: 10 };
    registrar
}

/// The `index`-th account.
pub(crate) fn extension(index: u128, user: &str, realm: &str) -> Extension {
    let digest = |algorithm| ha1(algorithm, user, realm, PASSWORD);
    let digests = PasswordDigests { md5: digest(Algorithm::Md5), sha256: digest(Algorithm::Sha256) };
    Extension { id: Uuid::from_u128(0xe0 + index), extension: user.to_owned(), ha1: digests, ..Extension::default() }
}

/// A wish of the API, of something that there is or was, or of nothing.
pub(crate) fn wish(dice: &mut Dice, ids: &BTreeMap<String, Uuid>) -> Request {
    let kind = *dice.pick(&["call", "activeflow", "conferencecall", "conferencecall", "conference", "confbridge"]);
    let id = ids.get(kind).copied().filter(|_| !dice.one_in(8)).unwrap_or(AFTERWARDS);
    match kind {
        "call" => Request::HangUp { call_id: id },
        "activeflow" if dice.one_in(2) => Request::StopActiveflow { activeflow_id: id },
        "activeflow" => Request::Variables { activeflow_id: id },
        "conferencecall" => Request::KickConferencecall { conferencecall_id: id },
        "confbridge" => {
            let confbridge_id = *dice.pick(&[BRIDGE, BY_HAND]);
            match ids.get("call") {
                Some(call_id) if !dice.one_in(4) => Request::KickConfbridgeCall { confbridge_id, call_id: *call_id },
                _ => Request::CloseConfbridge { confbridge_id },
            }
        }
        _ => match dice.below(4) {
            0 => Request::CloseConference { conference_id: CONFERENCE },
            1 => Request::StopConferenceRecording { conference_id: CONFERENCE },
            _ => {
                let duration_s = dice.below(3) as u32 * 100_000;
                let recording = ConferenceRecording { duration_s, on_end_flow_id: AFTERWARDS };
                Request::StartConferenceRecording { conference_id: CONFERENCE, recording }
            }
        },
    }
}

/// The conference as its owner or the server has changed it.
pub(crate) fn changed_conference(dice: &mut Dice, now: Now) -> Conference {
    let at = Timestamp::from_us(now.wall_us);
    let pre_flow_id = if dice.one_in(2) { AFTERWARDS } else { Uuid::nil() };
    let timeout = if dice.one_in(3) { 60 } else { 0 };
    let body = ConferenceBody { id: CONFERENCE, timeout, pre_flow_id, ..Default::default() };
    let mut conference = body.into_conference(CONFERENCE, BRIDGE, Uuid::nil(), at);
    conference.tm_delete = dice.one_in(5).then_some(at);
    if dice.one_in(4) {
        conference.status = ConferenceStatus::Terminated;
    }
    if dice.one_in(4) {
        conference.kind = ConferenceType::Connect;
    }
    conference
}

/// A bridge that a user has made.
pub(crate) fn made_by_hand(dice: &mut Dice, now: Now) -> Confbridge {
    let kind = if dice.one_in(2) { ConferenceType::Connect } else { ConferenceType::Conference };
    Confbridge { id: BY_HAND, kind, tm_create: Some(Timestamp::from_us(now.wall_us)), ..Confbridge::default() }
}

/// What the web says.
pub(crate) fn answer(dice: &mut Dice) -> HttpOutcome {
    let status = *dice.pick(&[0, 200, 200, 200, 404, 500]);
    let bodies =
        ["", "[]", "{\"a\": [1, {\"b\": null}]}", "[{\"type\": \"sleep\", \"option\": {\"duration\": 100}}]", "<html>"];
    HttpOutcome { status, body: dice.pick(&bodies).as_bytes().to_vec(), error: String::new() }
}

/// A snapshot with bounds that a trial reaches.
pub(crate) fn snapshot(dice: &mut Dice, number: u64, max_call_duration_ms: u64) -> Snapshot {
    let mut snapshot = Snapshot { number, ..Snapshot::default() };
    for (index, name) in NUMBERS[..12].iter().enumerate() {
        let actions = flow::read_actions(actions(name), &mut Random::from_seed([index as u8; 32])).unwrap();
        let (flow_id, now) = (Uuid::from_u128(0xf00 + index as u128), Timestamp::from_us(0));
        let flow = FlowBody { name: (*name).to_owned(), ..FlowBody::default() };
        snapshot.flows.insert(flow_id, flow.into_flow(flow_id, Uuid::nil(), actions, now));
        let call_flow_id = if dice.one_in(30) { Uuid::nil() } else { flow_id };
        let body = NumberBody { number: (*name).to_owned(), call_flow_id, ..NumberBody::default() };
        snapshot.numbers.insert((*name).to_owned(), body.into_number(Uuid::from_u128(index as u128), Uuid::nil(), now));
    }
    if !dice.one_in(10) {
        let timeout = if dice.one_in(3) { 60 } else { 0 };
        let body = model::ConferenceBody { id: CONFERENCE, timeout, ..Default::default() };
        let now = Timestamp::from_us(1_800_000_000_000_000);
        let mut conference = body.into_conference(CONFERENCE, BRIDGE, Uuid::nil(), now);
        conference.direct_hash = "direct.0000000000c0".to_owned();
        snapshot.conferences.insert(CONFERENCE, conference);
    }
    let registrar = registrar();
    for (index, user) in USERS[..2].iter().enumerate() {
        if !dice.one_in(8) {
            let extension = extension(index as u128, user, &registrar.realm);
            snapshot.extensions.insert((*user).to_owned(), extension);
        }
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
        open_conferences: dice.one_in(4),
        registrar,
        ..Settings::default()
    };
    snapshot
}
