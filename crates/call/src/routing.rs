//! From a request URI to the flow that answers it (spec/media.md §1 and §2, as far as numbers and conferences go).

use std::sync::Arc;

use base::Random;
use model::{Action, Address, AddressType, Conference, Flow, FlowType};
use serde_json::{Value, json};
use sip_core::{Message, uas};
use uuid::Uuid;

use crate::domain::Domain;
use crate::{Snapshot, parties};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody in an open network.
    Anyone,
    /// The phone of this extension.
    Phone(String),
}

/// What answers a call, and between whom it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) target: Target,
    pub(crate) source: Address,
    pub(crate) destination: Address,
}

/// What answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// This flow of the snapshot.
    Flow(Uuid),
    /// A flow made for this call; its ids and those of its actions are not set yet.
    Generated(Box<Flow>),
}

/// Why no flow answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// Nothing of this name exists, as far as this caller may know.
    Unknown(String),
    /// The number has no flow, or one that does not exist.
    NoFlow(String),
    /// It is a phone, or an agent, who is reached by phone.
    Phone(String),
    /// No customer, or no trunk, has this domain.
    Domain(String),
}

impl Target {
    /// Gives a generated flow its ids. Only what becomes a call uses randomness up.
    pub(crate) fn give_ids(&mut self, random: &mut Random) {
        let Target::Generated(flow) = self else { return };
        flow.id = model::random_id(random);
        for action in Arc::make_mut(&mut flow.actions) {
            action.id = model::random_id(random).to_string();
        }
    }
}

impl NoRoute {
    /// Whether a caller who proves who he is may find more.
    pub(crate) fn may_be_private(&self) -> bool {
        matches!(self, NoRoute::Unknown(_))
    }

    /// What the caller is told.
    pub(crate) fn rejection(&self) -> uas::Rejection {
        match self {
            NoRoute::Unknown(_) | NoRoute::NoFlow(_) | NoRoute::Domain(_) => uas::Rejection::new(404),
            NoRoute::Phone(_) => {
                let reason = Some("Calls to phones are not supported yet".into());
                uas::Rejection { reason, ..uas::Rejection::new(480) }
            }
        }
    }
}

impl std::fmt::Display for NoRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoRoute::Unknown(user) => write!(f, "no number \"{user}\""),
            NoRoute::NoFlow(user) => write!(f, "number \"{user}\" has no flow"),
            NoRoute::Phone(user) => write!(f, "\"{user}\" is a phone: calls to phones are not supported yet"),
            NoRoute::Domain(host) => write!(f, "nobody here has the domain \"{host}\""),
        }
    }
}

/// What answers an INVITE of this caller. Design, section 5: what was dialled is an extension, a number, an agent, a direct
/// address or a conference, the first that it fits. Extensions are looked up for phones only: strangers learn nothing of them.
pub(crate) fn find(snapshot: &Snapshot, caller: &Caller, invite: &Message) -> Result<Route, NoRoute> {
    let uri = invite.uri().map_err(|_| NoRoute::Unknown(String::new()))?;
    let user = parties::dialled_user(&uri);
    let phone = match caller {
        Caller::Anyone => None,
        Caller::Phone(extension) => snapshot.extensions.get(extension),
    };
    let source = match phone {
        Some(extension) => Address::new(AddressType::Extension, extension.id.to_string(), &extension.extension),
        None => parties::source(invite),
    };
    let to_conference = |id: &str, source: Address| {
        let id = Uuid::parse_str(id).ok().filter(|_| phone.is_some() || snapshot.settings.open_conferences);
        let conference = id.and_then(|id| snapshot.conferences.get(&id));
        conference.map(|conference| conference_route(conference, source)).ok_or_else(|| NoRoute::Unknown(user.clone()))
    };
    match Domain::of(&uri, &snapshot.settings.registrar.realm) {
        Domain::Conference => {
            let source = if phone.is_some() { source } else { parties::sip_source(invite) };
            return to_conference(&user, source);
        }
        Domain::Registrar if phone.is_none() => return Err(NoRoute::Unknown(user)),
        Domain::Nobodys(host) => return Err(NoRoute::Domain(host)),
        Domain::Registrar | Domain::Other => {}
    }
    if phone.is_some() && is_extension(snapshot, &user) {
        return Err(NoRoute::Phone(user));
    }
    if let Some(number) = snapshot.numbers.get(&user) {
        let id = number.call_flow_id;
        return match snapshot.flows.contains_key(&id) {
            true => {
                let name = parties::dialled_name(invite, &user);
                let destination = Address::new(AddressType::Tel, user, name);
                Ok(Route { target: Target::Flow(id), source, destination })
            }
            false => Err(NoRoute::NoFlow(user)),
        };
    }
    if user.starts_with("agent:") && phone.is_some() {
        return Err(NoRoute::Phone(user));
    }
    if user.starts_with("direct.") {
        return find_direct(snapshot, source, user, invite);
    }
    match user.strip_prefix("conference:") {
        Some(id) => to_conference(id, source),
        None => Err(NoRoute::Unknown(user)),
    }
}

/// Whether a phone that dials this means another one: `extension:<x>` or plain `<x>`, by its number or its id (spec/media.md §2).
fn is_extension(snapshot: &Snapshot, dialled: &str) -> bool {
    let name = dialled.strip_prefix("extension:").unwrap_or(dialled);
    let has_id = |id: Uuid| snapshot.extensions.values().any(|extension| extension.id == id);
    snapshot.extensions.contains_key(name) || Uuid::parse_str(name).is_ok_and(has_id)
}

/// What a direct hash leads to (spec/media.md §10): it is a secret itself, and whoever knows it may call.
fn find_direct(snapshot: &Snapshot, source: Address, user: String, invite: &Message) -> Result<Route, NoRoute> {
    if let Some(flow) = snapshot.flows.values().find(|flow| flow.direct_hash == user) {
        let name = parties::dialled_name(invite, &user);
        let destination = Address::new(AddressType::Sip, user, name);
        return Ok(Route { target: Target::Flow(flow.id), source, destination });
    }
    if let Some(conference) = snapshot.conferences.values().find(|conference| conference.direct_hash == user) {
        return Ok(conference_route(conference, source));
    }
    match snapshot.extensions.values().any(|extension| extension.direct_hash == user) {
        true => Err(NoRoute::Phone(user)),
        false => Err(NoRoute::Unknown(user)),
    }
}

/// Into a conference: `[answer, conference_join]`.
fn conference_route(conference: &Conference, source: Address) -> Route {
    let action = |kind: &str, option: Option<Value>| Action { kind: kind.to_owned(), option, ..Action::default() };
    let flow = Flow {
        customer_id: conference.customer_id,
        kind: FlowType::Conference,
        name: conference.name.clone(),
        actions: [action("answer", None), action("conference_join", Some(json!({"conference_id": conference.id})))]
            .into(),
        ..Flow::default()
    };
    let destination = Address::new(AddressType::Conference, conference.id.to_string(), &conference.name);
    Route { target: Target::Generated(Box::new(flow)), source, destination }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(uri: &str, from: &str) -> Message {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\nTo: <sip:x@y>\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
        );
        Message::parse_datagram(text.into()).unwrap()
    }

    fn snapshot() -> Snapshot {
        let id = Uuid::from_u128;
        let mut snapshot = Snapshot::default();
        snapshot.settings.registrar.realm = "c1.registrar.example.com".into();
        for (n, direct_hash) in [(1, ""), (2, "direct.00000000000f")] {
            let flow = Flow { id: id(n), direct_hash: direct_hash.into(), ..Flow::default() };
            snapshot.flows.insert(flow.id, flow);
        }
        for (name, n) in [("ivr", 1), ("1001", 2), ("dead", 9)] {
            let number = model::Number { call_flow_id: id(n), ..model::Number::default() };
            snapshot.numbers.insert(name.into(), number);
        }
        for (n, name, direct_hash) in [(0xe0, "1000", ""), (0xe1, "1001", ""), (0xe2, "ann", "direct.00000000000e")] {
            let extension = model::Extension {
                id: id(n),
                extension: name.into(),
                direct_hash: direct_hash.into(),
                ..model::Extension::default()
            };
            snapshot.extensions.insert(name.into(), extension);
        }
        let conference =
            Conference { id: id(0xc0), direct_hash: "direct.00000000000c".into(), ..Conference::default() };
        snapshot.conferences.insert(conference.id, conference);
        snapshot
    }

    /// `flow 1`, `conference`, or the status.
    fn outcome(snapshot: &Snapshot, caller: &Caller, uri: &str) -> String {
        match find(snapshot, caller, &invite(uri, "<sip:1000@b>")) {
            Ok(Route { target: Target::Flow(id), .. }) => format!("flow {}", id.as_u128()),
            Ok(Route { target: Target::Generated(flow), destination, .. }) => {
                let actions: Vec<_> = flow.actions.iter().map(|action| action.kind.as_str()).collect();
                assert_eq!((actions, destination.kind), (vec!["answer", "conference_join"], AddressType::Conference));
                "conference".into()
            }
            Err(no_route) => no_route.rejection().status.to_string(),
        }
    }

    #[test]
    fn what_is_dialled_is_the_first_that_it_fits_of_what_the_caller_may_reach() {
        let mut snapshot = snapshot();
        let phone = Caller::Phone("1000".into());
        const C0: &str = "00000000-0000-0000-0000-0000000000c0";
        const E1: &str = "00000000-0000-0000-0000-0000000000e1";
        const C1: &str = "00000000-0000-0000-0000-0000000000c1";
        for (uri, stranger, of_phone) in [
            ("sip:ivr@a".to_owned(), "flow 1", "flow 1"),
            ("sip:1001@a".into(), "flow 2", "480"),
            ("sip:1000@a".into(), "404", "480"),
            ("sip:extension:1001@a".into(), "404", "480"),
            ("sip:extension%3a1000@a".into(), "404", "480"),
            ("sip:extension:ivr@a".into(), "404", "404"),
            ("sip:extension:@a".into(), "404", "404"),
            (format!("sip:extension:{E1}@a"), "404", "480"),
            (format!("sip:{E1}@a"), "404", "480"),
            ("sip:dead@a".into(), "404", "404"),
            ("sip:nobody@a".into(), "404", "404"),
            ("sip:a".into(), "404", "404"),
            ("sip:agent%3A7@a".into(), "404", "480"),
            ("sip:agent:7@a".into(), "404", "480"),
            ("sip:direct.00000000000f@a".into(), "flow 2", "flow 2"),
            ("sip:direct.00000000000c@a".into(), "conference", "conference"),
            ("sip:direct.00000000000e@a".into(), "480", "480"),
            ("sip:direct.@a".into(), "404", "404"),
            ("sip:@a".into(), "404", "404"),
            (format!("sip:conference:{C0}@a"), "404", "conference"),
            (format!("sip:conference%3a{C0}@a"), "404", "conference"),
            (format!("sip:conference:{C1}@a"), "404", "404"),
            ("sip:conference:1@a".into(), "404", "404"),
            (format!("sip:{C0}@conference.Example.com:5070"), "404", "conference"),
            (format!("sip:{C0}@conference.example.org"), "404", "404"),
            ("sip:ivr@conference.example.com".into(), "404", "404"),
            ("sip:ivr@c1.registrar.example.com".into(), "404", "flow 1"),
            ("sip:1000@C1.Registrar.Example.com:5070".into(), "404", "480"),
            ("sip:direct.00000000000f@c1.registrar.example.com".into(), "404", "flow 2"),
            ("sip:ivr@c2.registrar.example.com".into(), "404", "404"),
            ("sip:ivr@pbx.trunk.example.com".into(), "404", "404"),
            ("sip:ivr@sip.example.com".into(), "flow 1", "flow 1"),
            ("sip:ivr@pstn.example.com".into(), "flow 1", "flow 1"),
            ("sip:ivr@example.com".into(), "flow 1", "flow 1"),
            ("sip:ivr@c2.registrar.example.org".into(), "flow 1", "flow 1"),
        ] {
            assert_eq!(outcome(&snapshot, &Caller::Anyone, &uri), stranger, "a stranger dials {uri}");
            assert_eq!(outcome(&snapshot, &phone, &uri), of_phone, "a phone dials {uri}");
        }
        snapshot.settings.open_conferences = true;
        assert_eq!(outcome(&snapshot, &Caller::Anyone, &format!("sip:conference:{C0}@a")), "conference");
        let invite = invite(&format!("sip:{C0}@conference.example.com"), "Bob <sip:bob@far.example:5070>");
        let route = find(&snapshot, &Caller::Anyone, &invite).unwrap();
        assert_eq!(route.source, Address::new(AddressType::Sip, "bob@far.example", "Bob"));
    }
}
