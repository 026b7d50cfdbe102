//! Wishes of the API: found by resource id, answered at once.

use base::{CellId, Now};
use flow::{ActiveflowStatus, Machine};
use model::{
    Activeflow, Call as CallRecord, Confbridge, Conference, ConferenceStatus, Conferencecall, LogBody, Resource,
};
use uuid::Uuid;

use super::Control;
use crate::bridge::Bridge;
use crate::cell::{Body, Cell};
use crate::context::CellInput;
use crate::message::loop_of_resource;
use crate::{Effect, Refusal, Reply, Request};

impl Control {
    /// Answers one wish, by [`Reply::NotHere`] when this loop does not own what it is about.
    pub(super) fn request(&mut self, now: Now, token: u64, request: &Request, effects: &mut Vec<Effect>) {
        let reply = match request {
            Request::BeginRun(owed) => self.begin_owed_run(now, owed, effects),
            Request::HangUp { call_id } => self.hang_up_call(now, *call_id, effects),
            Request::StopActiveflow { activeflow_id } => self.stop_activeflow(now, *activeflow_id, effects),
            Request::Variables { activeflow_id } => self.variables(*activeflow_id),
            Request::KickConferencecall { conferencecall_id } => self.kick(now, *conferencecall_id, effects),
            Request::CloseConference { conference_id } => self.close_conference(now, *conference_id, effects),
            Request::KickConfbridgeCall { confbridge_id, call_id } => {
                self.kick_call(now, *confbridge_id, *call_id, effects)
            }
            Request::CloseConfbridge { confbridge_id } => self.close_confbridge(now, *confbridge_id, effects),
            Request::StartConferenceRecording { conference_id, recording } => {
                let wish = CellInput::StartRecording(*recording);
                self.record_conference(now, *conference_id, Bridge::unrecordable, wish, effects)
            }
            Request::StopConferenceRecording { conference_id } => {
                self.record_conference(now, *conference_id, Bridge::unrecorded, CellInput::StopRecording, effects)
            }
        };
        effects.push(Effect::Reply { token, reply });
    }

    fn hang_up_call(&mut self, now: Now, call_id: Uuid, effects: &mut Vec<Effect>) -> Reply {
        let Some(cell) = self.by_call.get(&call_id).copied() else { return Reply::NotHere };
        let Some(call) = self.cells.get(&cell).and_then(|cell| cell.call()) else { return Reply::NotHere };
        if !call.record().status.is_up() {
            return Reply::AlreadyOver(Box::new(call.record().clone()));
        }
        let as_it_was = call.record().clone();
        let told_before = effects.len();
        self.deliver(now, cell, CellInput::HangUp, effects);
        // The call may be gone with its last event.
        let told = effects[told_before..].iter().rev().find_map(|effect| match resource_of(effect) {
            Some(Resource::Call(call, _)) if call.id == call_id => Some(CallRecord::clone(call)),
            _ => None,
        });
        Reply::Call(Box::new(told.unwrap_or(as_it_was)))
    }

    fn stop_activeflow(&mut self, now: Now, activeflow_id: Uuid, effects: &mut Vec<Effect>) -> Reply {
        let Some(cell) = self.by_activeflow.get(&activeflow_id).copied() else { return Reply::NotHere };
        let as_it_was = self.machine_of(cell).map(Machine::to_activeflow);
        let told_before = effects.len();
        self.deliver(now, cell, CellInput::StopFlow, effects);
        // It may be gone with its last event, and an on-complete flow be in its place. One that had ended says nothing more.
        let told = effects[told_before..].iter().rev().find_map(|effect| match resource_of(effect) {
            Some(Resource::Activeflow(activeflow)) if activeflow.id == activeflow_id => {
                Some(Activeflow::clone(activeflow))
            }
            _ => None,
        });
        told.or(as_it_was).map_or(Reply::NotHere, |activeflow| Reply::Activeflow(Box::new(activeflow)))
    }

    fn variables(&self, activeflow_id: Uuid) -> Reply {
        let machine = self.by_activeflow.get(&activeflow_id).and_then(|cell| self.machine_of(*cell));
        // One that has ended has left them there.
        let running = machine.filter(|machine| machine.status() == ActiveflowStatus::Running).map(Machine::variables);
        match running.or_else(|| self.ended_flows.variables(activeflow_id)) {
            Some(variables) => {
                let variables = variables.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
                Reply::Variables(variables.collect())
            }
            None => Reply::NotHere,
        }
    }

    fn kick(&mut self, now: Now, conferencecall_id: Uuid, effects: &mut Vec<Effect>) -> Reply {
        let has = |cell: &&Cell| conferencecall_of(cell, conferencecall_id).is_some();
        let Some(cell) = self.cells.values().find(has).map(|cell| cell.id) else { return Reply::NotHere };
        self.deliver(now, cell, CellInput::KickMember(conferencecall_id), effects);
        // Its call hears of it by letter, so the participant is still there.
        match self.cells.get(&cell).and_then(|cell| conferencecall_of(cell, conferencecall_id)) {
            Some(conferencecall) => Reply::Conferencecall(Box::new(conferencecall.clone())),
            None => Reply::NotHere,
        }
    }

    fn close_conference(&mut self, now: Now, conference_id: Uuid, effects: &mut Vec<Effect>) -> Reply {
        let Some(conference) = self.snapshot.conferences.get(&conference_id) else { return Reply::NotHere };
        let confbridge_id = conference.confbridge_id;
        if loop_of_resource(confbridge_id, self.snapshot.settings.loops) != self.owner {
            return Reply::NotHere;
        }
        let mut ending = Conference { status: ConferenceStatus::Terminating, ..conference.clone() };
        if let Some(cell) = self.bridge(now, confbridge_id) {
            self.deliver(now, cell, CellInput::Conference(Box::new(ending.clone())), effects);
        }
        match self.by_bridge.get(&confbridge_id).and_then(|cell| self.cells.get(cell)).map(|cell| &cell.body) {
            Some(Body::Bridge(bridge)) => ending = bridge.conference().cloned().unwrap_or(ending),
            // Nobody was in it: it is over already.
            _ => ending.status = ConferenceStatus::Terminated,
        }
        Reply::Conference(Box::new(ending))
    }

    /// Has a conference recorded, or no more, unless its bridge says by `refusal` why not.
    fn record_conference(
        &mut self,
        now: Now,
        conference_id: Uuid,
        refusal: fn(&Bridge) -> Option<Refusal>,
        wish: CellInput,
        effects: &mut Vec<Effect>,
    ) -> Reply {
        let Some(conference) = self.snapshot.conferences.get(&conference_id) else { return Reply::NotHere };
        if loop_of_resource(conference.confbridge_id, self.snapshot.settings.loops) != self.owner {
            return Reply::NotHere;
        }
        let Some(cell) = self.by_bridge.get(&conference.confbridge_id).copied() else {
            return Reply::Refused(match (wish, conference.status) {
                (CellInput::StopRecording, _) => Refusal::NoRecording,
                (_, ConferenceStatus::Starting | ConferenceStatus::Progressing) => Refusal::Empty,
                _ => Refusal::Over,
            });
        };
        let bridge_in = |control: &Control| match control.cells.get(&cell).map(|cell| &cell.body) {
            Some(Body::Bridge(bridge)) => Some((refusal(bridge), bridge.conference().cloned())),
            _ => None,
        };
        if let Some((Some(refusal), _)) = bridge_in(self) {
            return Reply::Refused(refusal);
        }
        self.deliver(now, cell, wish, effects);
        match bridge_in(self) {
            Some((_, Some(conference))) => Reply::Conference(Box::new(conference)),
            _ => Reply::NotHere,
        }
    }

    fn kick_call(&mut self, now: Now, confbridge_id: Uuid, call_id: Uuid, effects: &mut Vec<Effect>) -> Reply {
        let Some(cell) = self.by_bridge.get(&confbridge_id).copied() else { return Reply::NotHere };
        let bridge_in = |control: &Control| match control.cells.get(&cell).map(|cell| &cell.body) {
            Some(Body::Bridge(bridge)) if bridge.has_call(call_id) => Some(bridge.confbridge()),
            _ => None,
        };
        if bridge_in(self).is_none() {
            return Reply::NotHere;
        }
        self.deliver(now, cell, CellInput::KickCall(call_id), effects);
        // The call hears of it by letter, so it is still known there.
        bridge_in(self).map_or(Reply::NotHere, |bridge| Reply::Confbridge(Box::new(bridge)))
    }

    /// Only a bridge that was made by hand: the others end with their conferences.
    fn close_confbridge(&mut self, now: Now, confbridge_id: Uuid, effects: &mut Vec<Effect>) -> Reply {
        if !self.bridges.get(&confbridge_id).is_some_and(Confbridge::is_by_hand) {
            return Reply::NotHere;
        }
        let Some(cell) = self.bridge(now, confbridge_id) else { return Reply::NotHere };
        let told_before = effects.len();
        self.deliver(now, cell, CellInput::CloseBridge, effects);
        // It is gone with its last event when nobody was in it.
        let told = effects[told_before..].iter().rev().find_map(|effect| match resource_of(effect) {
            Some(Resource::Confbridge(bridge)) if bridge.id == confbridge_id => Some(Confbridge::clone(bridge)),
            _ => None,
        });
        let as_it_is = || match self.cells.get(&cell).map(|cell| &cell.body) {
            Some(Body::Bridge(bridge)) => Some(bridge.confbridge()),
            _ => None,
        };
        as_it_is().or(told).map_or(Reply::NotHere, |bridge| Reply::Confbridge(Box::new(bridge)))
    }

    fn machine_of(&self, cell: CellId) -> Option<&Machine> {
        match &self.cells.get(&cell)?.body {
            Body::Call(call) => Some(call.flow()),
            Body::Run(run) => Some(run.flow()),
            Body::Bridge(_) => None,
        }
    }
}

fn conferencecall_of(cell: &Cell, id: Uuid) -> Option<&Conferencecall> {
    match &cell.body {
        Body::Bridge(bridge) => bridge.conferencecall(id),
        Body::Call(_) | Body::Run(_) => None,
    }
}

/// What an event is about.
fn resource_of(effect: &Effect) -> Option<&Resource> {
    match effect {
        Effect::Log(entry) => match &entry.body {
            LogBody::Event { resource, .. } => Some(resource),
            _ => None,
        },
        _ => None,
    }
}
