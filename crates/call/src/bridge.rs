//! A bridge, of a conference or made by hand: who is in it, where it is mixed, and when it ends (spec/resources.md §7).
//!
//! ```text
//!   call ── Admit ──► bridge      joining       (the flow before it runs)
//!   call ── Enter ──► bridge ── Entered, room ──► call joins the mix       joined
//!   call ── Left ───► bridge                                               leaving, leaved
//! ```

mod recording;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{CellId, Now, RoomId, TimerTable, WorkerId};
use model::{
    Confbridge, Conference, ConferenceStatus, ConferenceType, Conferencecall, ConferencecallStatus, Resource, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::context::{Act, CellInput, Context, Subject};
use crate::message::{Address, CellMessage};
use crate::will::Will;
use recording::Running;

/// One bridge while somebody is in it, while a recording of it is being completed, or while its conference's time runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bridge {
    cell: CellId,
    /// None for a bridge that was made by hand.
    conference: Option<Conference>,
    confbridge: Confbridge,
    /// Where it is mixed: at the first member's worker. None: nobody is in the mix.
    room: Option<RoomId>,
    /// The recording that runs.
    recording: Option<Running>,
    members: BTreeMap<CellId, Member>,
    timers: TimerTable<BridgeTimer>,
    /// Users know of the bridge: once for its life, though it has a cell only while somebody is in it.
    announced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum BridgeTimer {
    /// The conference's own time-out.
    End,
    /// The longest wait for the end of a recording that was stopped.
    Farewell,
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
    /// A conference's bridge that somebody enters. `known` is what users know of it from before.
    pub(crate) fn of_conference(
        cell: CellId,
        now: Now,
        mut conference: Conference,
        known: Option<&Confbridge>,
    ) -> Bridge {
        let as_before = known.map(|known| Confbridge { kind: conference.kind, ..known.clone() });
        let mut confbridge = as_before.unwrap_or_else(|| Confbridge {
            id: conference.confbridge_id,
            customer_id: conference.customer_id,
            kind: conference.kind,
            reference_type: "conference".into(),
            reference_id: conference.id,
            recording_ids: conference.recording_ids.clone(),
            tm_create: Some(Timestamp::from_us(now.wall_us)),
            ..Confbridge::default()
        });
        confbridge.status = conference.status;
        // What the snapshot says of it may be older than what this loop remembers, and nothing is recorded yet.
        (conference.recording_id, confbridge.recording_id) = (Uuid::nil(), Uuid::nil());
        conference.recording_ids.clone_from(&confbridge.recording_ids);
        let mut bridge = Bridge::new(cell, Some(conference), confbridge, known.is_some());
        bridge.arm(now);
        bridge
    }

    /// A bridge that was made by hand: users know of it, from the API.
    pub(crate) fn by_hand(cell: CellId, confbridge: Confbridge) -> Bridge {
        Bridge::new(cell, None, confbridge, true)
    }

    fn new(cell: CellId, conference: Option<Conference>, confbridge: Confbridge, announced: bool) -> Bridge {
        let (members, timers) = (BTreeMap::new(), TimerTable::new());
        Bridge { cell, conference, confbridge, room: None, recording: None, members, timers, announced }
    }

    pub(crate) fn confbridge_id(&self) -> Uuid {
        self.confbridge.id
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject { customer_id: self.confbridge.customer_id, ..Subject::default() }
    }

    /// The participant of this id, if it is here.
    pub(crate) fn conferencecall(&self, id: Uuid) -> Option<&Conferencecall> {
        self.members.values().filter_map(|member| member.conferencecall.as_ref()).find(|call| call.id == id)
    }

    /// The conference as users see it.
    pub(crate) fn conference(&self) -> Option<&Conference> {
        self.conference.as_ref()
    }

    /// The bridge as users see it, without those who are on their way out.
    pub(crate) fn confbridge(&self) -> Confbridge {
        let stay = self.members.values().filter(|member| member.in_mix && !member.kicked);
        Confbridge { channel_call_ids: stay.map(|member| member.call_id).collect(), ..self.confbridge.clone() }
    }

    /// What it is to those who are told of it.
    pub(crate) fn noun(&self) -> &'static str {
        if self.conference.is_some() { "conference" } else { "confbridge" }
    }

    /// Whether this call is in it, or on its way.
    pub(crate) fn has_call(&self, call_id: Uuid) -> bool {
        self.members.values().any(|member| member.call_id == call_id)
    }

    pub(crate) fn status(&self) -> ConferenceStatus {
        self.confbridge.status
    }

    /// Whether nobody is in it, or on the way in or out, and no recording is being completed.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.recording.is_none()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_empty() && self.timers.next_deadline().is_none()
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
            CellInput::KickMember(conferencecall_id) => self.kick_member(context, |member| {
                member.conferencecall.as_ref().is_some_and(|call| call.id == conferencecall_id)
            }),
            CellInput::KickCall(call_id) => self.kick_member(context, |member| member.call_id == call_id),
            CellInput::CloseBridge => self.terminate(context),
            CellInput::StartRecording(wish) => self.start_recording(context, wish),
            CellInput::StopRecording => self.stop_recording(context, "stopped"),
            CellInput::Recording { recording, fact } => self.recording_fact(context, recording, fact),
            CellInput::Timeout => {
                while let Some(timer) = self.timers.pop_expired(context.now.mono_ns) {
                    match timer {
                        BridgeTimer::End => self.terminate(context),
                        BridgeTimer::Farewell => self.give_up_recording(context),
                    }
                }
            }
            _ => context.act(Act::CountStale),
        }
        let members = self.members.keys().copied().collect();
        let will = Will {
            members,
            members_of: self.confbridge.id,
            recording: self.recording.as_ref().map(|running| Box::new(running.record().clone())),
            recording_reports: self.recording.is_some(),
            recorded_room: self.recording.as_ref().map(Running::room),
            ..Will::default()
        };
        context.act(Act::Will(Box::new(will)));
    }

    fn announce(&mut self, context: &mut Context<'_>) {
        if !std::mem::replace(&mut self.announced, true) {
            self.publish_bridge(context, "confbridge_created", Map::new());
            self.remember(context);
        }
    }

    /// What is known of it while it has no cell.
    fn remember(&self, context: &mut Context<'_>) {
        let (channel_call_ids, recording_id) = (Vec::new(), Uuid::nil());
        let bridge = Confbridge { channel_call_ids, recording_id, ..self.confbridge.clone() };
        context.act(Act::BridgeOpened(Box::new(bridge)));
    }

    fn message(&mut self, context: &mut Context<'_>, message: CellMessage) {
        match message {
            CellMessage::Admit { from, step, conferencecall } => self.admit(context, from, step, *conferencecall),
            CellMessage::Enter { from, step, call_id, customer_id, worker, answered } => {
                let why = self.closed_to(from, customer_id);
                match why {
                    Some(why) => context.send(Address::Cell(from), CellMessage::NotEntered { step, why }),
                    None => {
                        self.enter(context, from, step, call_id, worker);
                        if answered {
                            self.answer_who_rings(context, from);
                        }
                    }
                }
            }
            CellMessage::Left { from } => self.left(context, from),
            CellMessage::Admitted { .. }
            | CellMessage::NotAdmitted { .. }
            | CellMessage::Entered { .. }
            | CellMessage::AnswerInside { .. }
            | CellMessage::NotEntered { .. }
            | CellMessage::Kick { .. }
            | CellMessage::HowEnded { .. }
            | CellMessage::Ended { .. } => context.act(Act::CountStale),
        }
    }

    fn admit(&mut self, context: &mut Context<'_>, from: CellId, step: u64, mut call: Conferencecall) {
        if self.members.contains_key(&from) {
            // Its flow comes by for the second time: the way that it took before is over.
            self.left(context, from);
        }
        let why = self.closed();
        let conference = match (&self.conference, &why) {
            (Some(conference), None) => conference.clone(),
            _ => {
                let why = why.unwrap_or_else(|| "there is no such conference".to_owned());
                return context.send(Address::Cell(from), CellMessage::NotAdmitted { step, why });
            }
        };
        self.announce(context);
        let now = Timestamp::from_us(context.now.wall_us);
        call.conference_id = conference.id;
        call.customer_id = conference.customer_id;
        call.tm_create = Some(now);
        publish_call(context, &call);
        context.send(
            Address::Cell(from),
            CellMessage::Admitted {
                step,
                conferencecall_id: call.id,
                pre_flow_id: conference.pre_flow_id,
                post_flow_id: conference.post_flow_id,
                confbridge_id: self.confbridge.id,
            },
        );
        let member = Member { call_id: call.reference_id, conferencecall: Some(call), in_mix: false, kicked: false };
        self.members.insert(from, member);
        self.publish_conference(context);
    }

    fn enter(&mut self, context: &mut Context<'_>, from: CellId, step: u64, call_id: Uuid, worker: WorkerId) {
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
        // There are two, and what one presses is meant for the other: spec/media.md §5.
        let forwards_keys = self.confbridge.kind == ConferenceType::Connect;
        let confbridge_id = self.confbridge.id;
        let entered = CellMessage::Entered { step, room, confbridge_id, answers, forwards_keys };
        context.send(Address::Cell(from), entered);
        self.publish_bridge(context, "confbridge_joined", Map::from_iter([("joined_call_id".into(), json!(call_id))]));
        self.publish_conference(context);
    }

    /// spec/actions.md `connect`, step 4: once one that is answered is in a bridge of type `connect`, everybody who waits there is
    /// answered. Who comes later without an answer is not.
    fn answer_who_rings(&self, context: &mut Context<'_>, answered: CellId) {
        if self.confbridge.kind == ConferenceType::Connect {
            let confbridge_id = self.confbridge.id;
            for (cell, _) in self.members.iter().filter(|(cell, member)| member.in_mix && **cell != answered) {
                context.send(Address::Cell(*cell), CellMessage::AnswerInside { confbridge_id });
            }
        }
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
            self.stop_recording_of_nobody(context);
        }
        self.end_if_alone(context);
        self.publish_conference(context);
        self.end_if_empty(context);
    }

    fn kick_member(&mut self, context: &mut Context<'_>, is: impl Fn(&Member) -> bool) {
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
