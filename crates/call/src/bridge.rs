//! A conference and its bridge: who is in it, where it is mixed, and when it ends (spec/resources.md §7).
//!
//! ```text
//!   call ── Admit ──► bridge      joining       (the flow before it runs)
//!   call ── Enter ──► bridge ── Entered, room ──► call joins the mix       joined
//!   call ── Left ───► bridge                                               leaving, leaved
//! ```

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{CellId, Now, RoomId, TimerTable, WorkerId};
use model::{Confbridge, Conference, ConferenceType, Conferencecall, ConferencecallStatus, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::context::{Act, CellInput, Context, Subject};
use crate::message::{Address, CellMessage};
use crate::will::Will;

/// One conference while somebody is in it, or while its time runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bridge {
    cell: CellId,
    conference: Conference,
    confbridge: Confbridge,
    /// Where it is mixed: at the first member's worker.
    room: Option<RoomId>,
    members: BTreeMap<CellId, Member>,
    timers: TimerTable<BridgeTimer>,
    /// Users know of the bridge: once for its life, though it has a cell only while somebody is in it.
    announced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum BridgeTimer {
    /// The conference's own time-out.
    End,
}

/// One call in the conference or on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Member {
    call_id: Uuid,
    /// None for a call that entered the bridge by hand.
    conferencecall: Option<Conferencecall>,
    in_mix: bool,
    /// It has been shown out: it may not enter any more.
    kicked: bool,
}

impl Bridge {
    /// A bridge that somebody enters. `known` is what users know of it from before.
    pub(crate) fn new(cell: CellId, now: Now, conference: Conference, known: Option<&Confbridge>) -> Bridge {
        let as_before = known.map(|known| Confbridge { kind: conference.kind, ..known.clone() });
        let confbridge = as_before.unwrap_or_else(|| Confbridge {
            id: conference.confbridge_id,
            customer_id: conference.customer_id,
            kind: conference.kind,
            reference_type: "conference".into(),
            reference_id: conference.id,
            tm_create: Some(Timestamp::from_us(now.wall_us)),
            ..Confbridge::default()
        });
        let (members, timers) = (BTreeMap::new(), TimerTable::new());
        let announced = known.is_some();
        let mut bridge = Bridge { cell, conference, confbridge, room: None, members, timers, announced };
        bridge.arm(now);
        bridge
    }

    pub(crate) fn confbridge_id(&self) -> Uuid {
        self.confbridge.id
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject { customer_id: self.conference.customer_id, ..Subject::default() }
    }

    /// The participant of this id, if it is here.
    pub(crate) fn conferencecall(&self, id: Uuid) -> Option<&Conferencecall> {
        self.members.values().filter_map(|member| member.conferencecall.as_ref()).find(|call| call.id == id)
    }

    /// The conference as users see it.
    pub(crate) fn conference(&self) -> &Conference {
        &self.conference
    }

    pub(crate) fn is_over(&self) -> bool {
        self.members.is_empty() && self.timers.next_deadline().is_none()
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.timers.next_deadline()
    }

    pub(crate) fn handle(&mut self, context: &mut Context<'_>, input: CellInput) {
        match input {
            CellInput::Start => self.end_if_past(context),
            CellInput::Message(message) => {
                self.end_if_past(context);
                self.message(context, message);
            }
            CellInput::Conference(conference) => self.changed(context, *conference),
            CellInput::KickMember(conferencecall_id) => self.kick_member(context, conferencecall_id),
            CellInput::Timeout => {
                while self.timers.pop_expired(context.now.mono_ns).is_some() {
                    self.terminate(context);
                }
            }
            _ => context.act(Act::CountStale),
        }
        let members = self.members.keys().copied().collect();
        let will = Will { members, members_of: self.confbridge.id, ..Will::default() };
        context.act(Act::Will(Box::new(will)));
    }

    fn announce(&mut self, context: &mut Context<'_>) {
        if !std::mem::replace(&mut self.announced, true) {
            self.publish_bridge(context, "confbridge_created", Map::new());
            context.act(Act::BridgeOpened(Box::new(self.confbridge.clone())));
        }
    }

    fn message(&mut self, context: &mut Context<'_>, message: CellMessage) {
        match message {
            CellMessage::Admit { from, step, conferencecall } => self.admit(context, from, step, *conferencecall),
            CellMessage::Enter { from, step, call_id, worker } => self.enter(context, from, step, call_id, worker),
            CellMessage::Left { from } => self.left(context, from),
            CellMessage::Admitted { .. }
            | CellMessage::NotAdmitted { .. }
            | CellMessage::Entered { .. }
            | CellMessage::NotEntered { .. }
            | CellMessage::Kick { .. } => context.act(Act::CountStale),
        }
    }

    fn admit(&mut self, context: &mut Context<'_>, from: CellId, step: u64, mut call: Conferencecall) {
        if self.members.contains_key(&from) {
            // Its flow comes by for the second time: the way that it took before is over.
            self.left(context, from);
        }
        if let Some(why) = self.closed() {
            return context.send(Address::Cell(from), CellMessage::NotAdmitted { step, why });
        }
        self.announce(context);
        let now = Timestamp::from_us(context.now.wall_us);
        call.conference_id = self.conference.id;
        call.customer_id = self.conference.customer_id;
        call.tm_create = Some(now);
        publish_call(context, &call);
        context.send(
            Address::Cell(from),
            CellMessage::Admitted {
                step,
                conferencecall_id: call.id,
                pre_flow_id: self.conference.pre_flow_id,
                post_flow_id: self.conference.post_flow_id,
                confbridge_id: self.confbridge.id,
            },
        );
        let member = Member { call_id: call.reference_id, conferencecall: Some(call), in_mix: false, kicked: false };
        self.members.insert(from, member);
        self.publish_conference(context);
    }

    fn enter(&mut self, context: &mut Context<'_>, from: CellId, step: u64, call_id: Uuid, worker: WorkerId) {
        let kicked = self.members.get(&from).is_some_and(|member| member.kicked);
        let why = if kicked { Some("the call was sent out of the conference".to_owned()) } else { self.closed() };
        if let Some(why) = why {
            return context.send(Address::Cell(from), CellMessage::NotEntered { step, why });
        }
        self.announce(context);
        let number = self.cell.to_u64();
        let room = *self.room.get_or_insert(RoomId { worker, number });
        let member =
            self.members.entry(from).or_insert(Member { call_id, conferencecall: None, in_mix: false, kicked: false });
        member.in_mix = true;
        if let Some(call) = &mut member.conferencecall {
            set_status(context, call, ConferencecallStatus::Joined);
        }
        // spec/actions.md `conference_join`: a participant is answered when it enters.
        let answers = self.confbridge.kind != ConferenceType::Connect || member.conferencecall.is_some();
        let confbridge_id = self.confbridge.id;
        context.send(Address::Cell(from), CellMessage::Entered { step, room, confbridge_id, answers });
        self.publish_bridge(context, "confbridge_joined", Map::from_iter([("joined_call_id".into(), json!(call_id))]));
        self.publish_conference(context);
    }

    fn left(&mut self, context: &mut Context<'_>, from: CellId) {
        let Some(member) = self.members.remove(&from) else { return context.act(Act::CountStale) };
        if let Some(mut call) = member.conferencecall {
            if call.status != ConferencecallStatus::Leaving {
                set_status(context, &mut call, ConferencecallStatus::Leaving);
            }
            set_status(context, &mut call, ConferencecallStatus::Leaved);
        }
        if member.in_mix {
            let leaved = Map::from_iter([("leaved_call_id".into(), json!(member.call_id))]);
            self.publish_bridge(context, "confbridge_leaved", leaved);
        }
        if !self.members.values().any(|member| member.in_mix) {
            // The next one who comes decides anew where it is mixed.
            self.room = None;
        }
        self.end_if_alone(context);
        self.publish_conference(context);
        self.end_if_empty(context);
    }

    fn kick_member(&mut self, context: &mut Context<'_>, conferencecall_id: Uuid) {
        let is = |member: &Member| member.conferencecall.as_ref().is_some_and(|call| call.id == conferencecall_id);
        let confbridge_id = self.confbridge.id;
        if let Some((cell, member)) = self.members.iter_mut().find(|(_, member)| is(member)) {
            kick(context, confbridge_id, *cell, member);
        }
    }
}

fn kick(context: &mut Context<'_>, confbridge_id: Uuid, cell: CellId, member: &mut Member) {
    if std::mem::replace(&mut member.kicked, true) {
        return;
    }
    if let Some(call) = &mut member.conferencecall {
        set_status(context, call, ConferencecallStatus::Leaving);
    }
    context.send(Address::Cell(cell), CellMessage::Kick { confbridge_id });
}

fn set_status(context: &mut Context<'_>, call: &mut Conferencecall, status: ConferencecallStatus) {
    call.status = status;
    call.tm_update = Some(Timestamp::from_us(context.now.wall_us));
    publish_call(context, call);
}

fn publish_call(context: &mut Context<'_>, call: &Conferencecall) {
    let name = match call.status {
        ConferencecallStatus::Joining => "conferencecall_joining",
        ConferencecallStatus::Joined => "conferencecall_joined",
        ConferencecallStatus::Leaving => "conferencecall_leaving",
        ConferencecallStatus::Leaved => "conferencecall_leaved",
    };
    let before = std::mem::replace(&mut context.subject, about(call));
    context.event(name, Resource::Conferencecall(Arc::new(call.clone())));
    context.subject = before;
}

fn about(call: &Conferencecall) -> Subject {
    Subject { customer_id: call.customer_id, call_id: call.reference_id, activeflow_id: call.activeflow_id }
}
