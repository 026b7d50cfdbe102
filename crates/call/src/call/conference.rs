//! A call in a conference: admitted, standing at the door of the mix, inside, out again.

use base::RoomId;
use flow::{CallView, Event as FlowEvent};
use model::{Action, Conferencecall, ConferencecallStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Call;
use crate::context::{Act, Context};
use crate::message::{Address, CellMessage};

/// The conferences that a call has to do with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stays {
    /// Bridges that may know of the call: they must hear when it leaves.
    known_to: Vec<Uuid>,
    /// Conferences that it was admitted to and whose mix it has not left yet.
    admissions: Vec<Admission>,
    /// The bridge that it is in, or at the door of, and the step that waits there.
    mix: Option<Mix>,
}

/// A conference that took the call.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Admission {
    confbridge_id: Uuid,
    /// Names the frame of the flow that leads into the mix and out of it.
    conferencecall_id: Uuid,
    /// It was sent out on its way there.
    withdrawn: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Mix {
    confbridge_id: Uuid,
    step: u64,
    inside: bool,
}

impl Stays {
    /// The bridges that must hear that the call is gone.
    pub(super) fn bridges(&self) -> &[Uuid] {
        &self.known_to
    }

    fn is_known_to(&mut self, confbridge_id: Uuid) {
        if !self.known_to.contains(&confbridge_id) {
            self.known_to.push(confbridge_id);
        }
    }

    /// The call has nothing to do with this bridge any more.
    fn forget(&mut self, confbridge_id: Uuid) {
        self.known_to.retain(|id| *id != confbridge_id);
        self.admissions.retain(|admission| admission.confbridge_id != confbridge_id);
    }
}

impl Call {
    /// The action `conference_join`: asks for admission.
    pub(super) fn join_conference(&mut self, context: &mut Context<'_>, step: u64, conference_id: Uuid) {
        self.leave_abandoned(context);
        let customer_id = self.record.customer_id;
        let conference = context.snapshot.conferences.get(&conference_id);
        let Some(conference) = conference.filter(|conference| conference.customer_id == customer_id) else {
            let reason = format!("there is no conference {conference_id}");
            return self.step_flow(context, FlowEvent::ServiceRefused { step, reason });
        };
        let confbridge_id = conference.confbridge_id;
        let conferencecall = Conferencecall {
            id: model::random_id(context.random),
            customer_id,
            activeflow_id: self.record.activeflow_id,
            conference_id,
            reference_type: "call".into(),
            reference_id: self.record.id,
            status: ConferencecallStatus::Joining,
            ..Conferencecall::default()
        };
        let conferencecall = Box::new(conferencecall);
        context.send(Address::Bridge(confbridge_id), CellMessage::Admit { from: self.cell, step, conferencecall });
        self.stays.is_known_to(confbridge_id);
    }

    /// The action `confbridge_join`: stands at the door of the mix.
    pub(super) fn join_confbridge(&mut self, context: &mut Context<'_>, step: u64, confbridge_id: Uuid) {
        self.leave_abandoned(context);
        let withdrawn = |admission: &Admission| admission.confbridge_id == confbridge_id && admission.withdrawn;
        if self.stays.admissions.iter().any(withdrawn) {
            self.stays.forget(confbridge_id);
            let reason = "the call was sent out of the conference".to_owned();
            return self.flow.handle(
                context.now,
                FlowEvent::BridgeRefused { step, reason },
                &CallView::of(&self.record),
            );
        }
        let message = CellMessage::Enter {
            from: self.cell,
            step,
            call_id: self.record.id,
            customer_id: self.record.customer_id,
            worker: self.media.lease().stream.worker,
            answered: self.record.tm_progressing.is_some(),
        };
        context.send(Address::Bridge(confbridge_id), message);
        self.stays.is_known_to(confbridge_id);
        self.stays.mix = Some(Mix { confbridge_id, step, inside: false });
    }

    /// A bridge has something to say, or another call's loop.
    pub(super) fn message(&mut self, context: &mut Context<'_>, message: CellMessage) {
        if self.over.is_some() {
            return context.act(Act::CountStale);
        }
        match message {
            CellMessage::Admitted { step, conferencecall_id, pre_flow_id, post_flow_id, confbridge_id } => {
                self.stays.admissions.push(Admission { confbridge_id, conferencecall_id, withdrawn: false });
                let actions = participant_actions(context, pre_flow_id, confbridge_id, post_flow_id);
                let event = FlowEvent::ServiceStarted { step, stack_id: conferencecall_id, actions: actions.into() };
                self.step_flow(context, event);
            }
            CellMessage::NotAdmitted { step, why } => {
                self.step_flow(context, FlowEvent::ServiceRefused { step, reason: why });
            }
            CellMessage::Entered { step, room, confbridge_id, answers, forwards_keys } => {
                let Some(mix) = self.stays.mix.as_mut().filter(|mix| mix.step == step) else {
                    // The flow went elsewhere in between, and the bridge was told so.
                    return context.act(Act::CountStale);
                };
                mix.inside = true;
                if answers {
                    self.answer(context);
                }
                self.record.confbridge_id = confbridge_id;
                self.record.tm_update = Some(Timestamp::from_us(context.now.wall_us));
                self.media.join_room(context, room, forwards_keys);
                self.publish(context, "call_updated");
            }
            CellMessage::AnswerInside { confbridge_id } => {
                match self.stays.mix.is_some_and(|mix| mix.inside && mix.confbridge_id == confbridge_id) {
                    true => self.answer(context),
                    false => context.act(Act::CountStale),
                }
            }
            CellMessage::NotEntered { step, why } => {
                if let Some(mix) = self.stays.mix.take_if(|mix| mix.step == step) {
                    self.stays.forget(mix.confbridge_id);
                    // A participant that was shown out at the door is out.
                    context.send(Address::Bridge(mix.confbridge_id), CellMessage::Left { from: self.cell });
                    self.step_flow(context, FlowEvent::BridgeRefused { step, reason: why });
                }
            }
            CellMessage::Kick { confbridge_id } => self.kicked(context, confbridge_id),
            CellMessage::Ended { call_id, reason } => self.other_ended(context, call_id, reason),
            CellMessage::Admit { .. }
            | CellMessage::Enter { .. }
            | CellMessage::Left { .. }
            | CellMessage::HowEnded { .. } => context.act(Act::CountStale),
        }
    }

    /// Out of the mix, and the flow goes on. On the way there: the flow before the mix runs on, but leads nowhere.
    fn kicked(&mut self, context: &mut Context<'_>, confbridge_id: Uuid) {
        if self.stays.mix.is_some_and(|mix| mix.confbridge_id == confbridge_id) {
            if let Some(step) = self.leave_mix(context) {
                self.step_flow(context, FlowEvent::BridgeLeft { step });
            }
        } else if self.stays.known_to.contains(&confbridge_id) {
            self.stays.known_to.retain(|id| *id != confbridge_id);
            let on_the_way = |admission: &&mut Admission| admission.confbridge_id == confbridge_id;
            self.stays.admissions.iter_mut().filter(on_the_way).for_each(|admission| admission.withdrawn = true);
            context.send(Address::Bridge(confbridge_id), CellMessage::Left { from: self.cell });
        } else {
            context.act(Act::CountStale);
        }
    }

    /// The flow may jump out of what leads into a mix; the conference must not wait for the call then.
    pub(super) fn leave_abandoned(&mut self, context: &mut Context<'_>) {
        let (flow, cell) = (&self.flow, self.cell);
        let is_abandoned = |admission: &mut Admission| !flow.has_frame(admission.conferencecall_id);
        for Admission { confbridge_id, withdrawn, .. } in self.stays.admissions.extract_if(.., is_abandoned) {
            self.stays.known_to.retain(|id| *id != confbridge_id);
            if !withdrawn {
                context.send(Address::Bridge(confbridge_id), CellMessage::Left { from: cell });
            }
        }
    }

    /// The worker has no room for the call.
    pub(super) fn room_refused(&mut self, context: &mut Context<'_>, room: RoomId) {
        if self.media.room() != Some(room) {
            // It has left that mix meanwhile, and is in another one perhaps.
            return context.act(Act::CountStale);
        }
        if let Some(step) = self.leave_mix(context) {
            let reason = "the mix is full".to_owned();
            self.step_flow(context, FlowEvent::BridgeRefused { step, reason });
        }
    }

    /// Leaves the mix, if the call is in one or waits for it; says which step stood there.
    pub(super) fn leave_mix(&mut self, context: &mut Context<'_>) -> Option<u64> {
        let mix = self.stays.mix.take()?;
        self.stays.forget(mix.confbridge_id);
        context.send(Address::Bridge(mix.confbridge_id), CellMessage::Left { from: self.cell });
        if mix.inside {
            self.media.leave_room(context);
            self.record.confbridge_id = Uuid::nil();
            self.record.tm_update = Some(Timestamp::from_us(context.now.wall_us));
            self.publish(context, "call_updated");
        }
        Some(mix.step)
    }

    /// The call is over: every bridge that knows of it is told.
    pub(super) fn leave_all(&mut self, context: &mut Context<'_>) {
        if self.stays.mix.take().is_some() {
            self.record.confbridge_id = Uuid::nil();
        }
        self.stays.admissions.clear();
        for confbridge_id in std::mem::take(&mut self.stays.known_to) {
            context.send(Address::Bridge(confbridge_id), CellMessage::Left { from: self.cell });
        }
    }
}

/// spec/actions.md `conference_join`: what each participant runs.
fn participant_actions(
    context: &mut Context<'_>,
    pre_flow_id: Uuid,
    confbridge_id: Uuid,
    post_flow_id: Uuid,
) -> Vec<Action> {
    let mut action = |kind: &str, option: Value| Action {
        id: model::random_id(context.random).to_string(),
        kind: kind.to_owned(),
        option: Some(option),
        ..Action::default()
    };
    let mut actions = Vec::new();
    if !pre_flow_id.is_nil() {
        actions.push(action("fetch_flow", json!({"flow_id": pre_flow_id})));
    }
    actions.push(action("confbridge_join", json!({"confbridge_id": confbridge_id})));
    if !post_flow_id.is_nil() {
        actions.push(action("fetch_flow", json!({"flow_id": post_flow_id})));
    }
    actions
}
