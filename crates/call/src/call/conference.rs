//! A call in a conference: admitted, standing at the door of the mix, inside, out again.

use flow::Event as FlowEvent;
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
    /// Bridges that know of the call: they must hear when it leaves.
    known_to: Vec<Uuid>,
    /// The bridge that it is in, or at the door of, and the step that waits there.
    mix: Option<Mix>,
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
}

impl Call {
    /// The action `conference_join`: asks for admission.
    pub(super) fn join_conference(&mut self, context: &mut Context<'_>, step: u64, conference_id: Uuid) {
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
        self.stays.known_to.push(confbridge_id);
    }

    /// The action `confbridge_join`: stands at the door of the mix.
    pub(super) fn join_confbridge(&mut self, context: &mut Context<'_>, step: u64, confbridge_id: Uuid) {
        let (call_id, worker) = (self.record.id, self.media.lease().stream.worker);
        context.send(Address::Bridge(confbridge_id), CellMessage::Enter { from: self.cell, step, call_id, worker });
        if !self.stays.known_to.contains(&confbridge_id) {
            self.stays.known_to.push(confbridge_id);
        }
        self.stays.mix = Some(Mix { confbridge_id, step, inside: false });
    }

    /// A bridge has something to say.
    pub(super) fn message(&mut self, context: &mut Context<'_>, message: CellMessage) {
        if self.over.is_some() {
            return context.act(Act::CountStale);
        }
        match message {
            CellMessage::Admitted { step, conferencecall_id, pre_flow_id, post_flow_id, confbridge_id } => {
                let actions = participant_actions(context, pre_flow_id, confbridge_id, post_flow_id);
                let event = FlowEvent::ServiceStarted { step, stack_id: conferencecall_id, actions };
                self.step_flow(context, event);
            }
            CellMessage::NotAdmitted { step, why } => {
                self.stays.known_to.pop();
                self.step_flow(context, FlowEvent::ServiceRefused { step, reason: why });
            }
            CellMessage::Entered { step, room, confbridge_id, answers } => {
                let Some(mix) = self.stays.mix.as_mut().filter(|mix| mix.step == step) else {
                    // The flow went elsewhere in between.
                    return context.send(Address::Bridge(confbridge_id), CellMessage::Left { from: self.cell });
                };
                mix.inside = true;
                if answers {
                    self.answer(context);
                }
                self.record.confbridge_id = confbridge_id;
                self.record.tm_update = Some(Timestamp::from_us(context.now.wall_us));
                self.media.join_room(context, room);
                self.publish(context, "call_updated");
            }
            CellMessage::NotEntered { step, why } => {
                if let Some(mix) = self.stays.mix.take_if(|mix| mix.step == step) {
                    self.stays.known_to.retain(|id| *id != mix.confbridge_id);
                    // A participant that was shown out at the door is out.
                    context.send(Address::Bridge(mix.confbridge_id), CellMessage::Left { from: self.cell });
                    self.step_flow(context, FlowEvent::BridgeRefused { step, reason: why });
                }
            }
            CellMessage::Kick => {
                if let Some(step) = self.leave_mix(context) {
                    self.step_flow(context, FlowEvent::BridgeLeft { step });
                }
            }
            CellMessage::Admit { .. } | CellMessage::Enter { .. } | CellMessage::Left { .. } => {
                context.act(Act::CountStale);
            }
        }
    }

    /// The worker has no room for the call.
    pub(super) fn room_refused(&mut self, context: &mut Context<'_>) {
        if let Some(step) = self.leave_mix(context) {
            let reason = "the mix is full".to_owned();
            self.step_flow(context, FlowEvent::BridgeRefused { step, reason });
        }
    }

    /// Leaves the mix, if the call is in one or waits for it; says which step stood there.
    pub(super) fn leave_mix(&mut self, context: &mut Context<'_>) -> Option<u64> {
        let mix = self.stays.mix.take()?;
        self.stays.known_to.retain(|id| *id != mix.confbridge_id);
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
        self.stays.mix = None;
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
