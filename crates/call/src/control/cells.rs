//! Running a cell's handler: what it decided is carried out, the loop's tables are kept in step with it, and a panic ends it
//! and nothing else.

use base::{CellId, Now, RecordingId};
use bytes::Bytes;
use flow::{COMPLETE_COUNT_END, ChainTooLong, NewActiveflow};
use media_core::Command;
use model::{Conference, ConferenceStatus, ReferenceType};
use uuid::Uuid;

use super::Control;
use super::mail::orphan_recording_over;
use crate::cell::{Body, Cell, Panicked};
use crate::context::{Act, CellInput, Context, Subject};
use crate::message::loop_of_resource;
use crate::run::Run;
use crate::will::Will;
use crate::{CrashReport, Effect, Note, NoteKind, OwedRun, Reply};

impl Control {
    /// A cell id that was never used before.
    pub(super) fn new_cell_id(&mut self) -> CellId {
        let id = CellId::new(self.owner, self.next_cell);
        self.next_cell += 1;
        id
    }

    /// Runs a cell's handler and, when it returns, carries out what it decided.
    pub(super) fn deliver(&mut self, now: Now, id: CellId, input: CellInput, effects: &mut Vec<Effect>) {
        let Some(cell) = self.cells.get_mut(&id) else {
            self.counters.stale_inputs += 1;
            return;
        };
        let mut acts = Vec::new();
        let subject = cell.subject();
        let context = Context { now, snapshot: &self.snapshot, random: &mut self.random, acts: &mut acts, subject };
        match cell.handle(context, input) {
            Ok(()) => {
                self.after_handler(id);
                self.carry_out(now, id, acts, effects);
                self.bury(now, id, effects);
            }
            Err(panicked) => self.cell_panicked(now, id, panicked, effects),
        }
    }

    fn carry_out(&mut self, now: Now, id: CellId, acts: Vec<Act>, effects: &mut Vec<Effect>) {
        for act in acts {
            match act {
                Act::Respond(transaction, response) => self.endpoint.respond(now, transaction, response),
                Act::Request(request, hop) => {
                    self.endpoint.request(now, request, hop, id.to_u64());
                }
                Act::Media(command) => effects.push(Effect::Media(command)),
                Act::ReturnPorts(lease) => {
                    self.by_stream.remove(&lease.stream);
                    self.ports.put_back(lease);
                }
                Act::Effect(effect) => {
                    self.counters.answered += u64::from(effect.is_answer());
                    effects.push(effect);
                }
                Act::CountStale => self.counters.stale_inputs += 1,
                Act::CountAckMissing => self.counters.acks_missing += 1,
                Act::Send(letter) => self.post(letter, effects),
                Act::BridgeOpened(bridge) => self.bridge_opened(*bridge),
                Act::BridgeEnded(confbridge_id) => self.bridge_ended(confbridge_id),
                Act::FlowEnded(activeflow_id, variables) => self.ended_flows.remember(activeflow_id, *variables),
                Act::StartRun(new) => self.start_run(now, *new, effects),
                Act::Will(will) => {
                    if let Some(cell) = self.cells.get_mut(&id) {
                        cell.will = *will;
                    }
                }
            }
        }
    }

    /// Activeflows that run for no call.
    fn runs(&self) -> usize {
        self.by_activeflow.len().saturating_sub(self.calls)
    }

    fn has_all_runs(&self) -> bool {
        self.runs() >= self.snapshot.settings.max_calls as usize
    }

    /// A run that follows what ended with the process before.
    pub(super) fn begin_owed_run(&mut self, now: Now, owed: &OwedRun, effects: &mut Vec<Effect>) -> Reply {
        if loop_of_resource(owed.id, self.snapshot.settings.loops) != self.owner {
            return Reply::NotHere;
        }
        if self.by_activeflow.contains_key(&owed.id) {
            return Reply::Begun;
        }
        if self.has_all_runs() {
            return Reply::Busy;
        }
        let flow = self.snapshot.flows.get(&owed.flow_id).filter(|flow| flow.customer_id == owed.customer_id);
        let new = match flow {
            Some(_) if owed.complete_count >= COMPLETE_COUNT_END => Err(ChainTooLong.to_string()),
            Some(flow) => Ok(owed.of_flow(flow, &self.snapshot.settings)),
            None => Err("there is no such flow".to_owned()),
        };
        match new {
            Ok(new) => {
                self.start_run(now, new, effects);
                Reply::Begun
            }
            Err(why) => {
                let kind = NoteKind::OnCompleteSkipped { flow_id: owed.flow_id, why };
                let (customer_id, activeflow_id) = (owed.customer_id, owed.reference_activeflow_id);
                let call_id = if owed.reference_type == ReferenceType::Call { owed.reference_id } else { Uuid::nil() };
                effects.push(Effect::Note(Note { at_us: now.wall_us, customer_id, call_id, activeflow_id, kind }));
                Reply::Skipped
            }
        }
    }

    /// An activeflow that runs for no call gets a cell of its own. There may be as many of them as calls.
    fn start_run(&mut self, now: Now, new: NewActiveflow, effects: &mut Vec<Effect>) {
        if self.has_all_runs() {
            let why = format!("{} flows run for no call already", self.runs());
            let kind = NoteKind::OnCompleteSkipped { flow_id: new.flow_id, why };
            let (customer_id, activeflow_id) = (new.customer_id, new.reference_activeflow_id);
            let note = Note { at_us: now.wall_us, customer_id, call_id: Uuid::nil(), activeflow_id, kind };
            return effects.push(Effect::Note(note));
        }
        let id = self.new_cell_id();
        let run = Run::new(id, now, new, self.snapshot.settings.max_call_duration_ms);
        self.by_activeflow.insert(run.activeflow_id(), id);
        self.cells.insert(id, Cell::new(id, Body::Run(Box::new(run)), Will::default()));
        self.deliver(now, id, CellInput::Start, effects);
    }

    /// Keeps the loop's tables in step with the cell: its next deadline, its activeflow, whether anybody is in it.
    fn after_handler(&mut self, id: CellId) {
        let Some(cell) = self.cells.get(&id) else { return };
        match cell.next_deadline() {
            Some(deadline_ns) if self.deadlines.deadline(&id) == Some(deadline_ns) => {}
            Some(deadline_ns) => self.deadlines.set(id, deadline_ns),
            None => {
                self.deadlines.stop(&id);
            }
        }
        if let Body::Bridge(bridge) = &cell.body {
            match bridge.is_empty() {
                true => self.empty_bridges.insert(id),
                false => self.empty_bridges.remove(&id),
            };
        }
        let Subject { activeflow_id, .. } = cell.subject();
        if !activeflow_id.is_nil() && !self.by_activeflow.contains_key(&activeflow_id) {
            // An on-complete flow has taken the place of the one before.
            self.by_activeflow.retain(|_, owner| *owner != id);
            self.by_activeflow.insert(activeflow_id, id);
        }
    }

    /// Removes a cell of which nothing more can come.
    fn bury(&mut self, now: Now, id: CellId, effects: &mut Vec<Effect>) {
        if self.cells.get(&id).is_some_and(Cell::is_over) {
            let cell = self.cells.remove(&id).expect("it was just found");
            self.forget(id, &cell);
            if let Body::Bridge(bridge) = &cell.body {
                self.end_bridge_if_gone(now, bridge.confbridge_id(), effects);
            }
        }
    }

    fn forget(&mut self, id: CellId, cell: &Cell) {
        self.deadlines.stop(&id);
        let activeflow_id = cell.subject().activeflow_id;
        if self.by_activeflow.get(&activeflow_id) == Some(&id) {
            self.by_activeflow.remove(&activeflow_id);
        }
        match &cell.body {
            Body::Call(call) => {
                self.calls -= 1;
                self.by_call.remove(&call.id());
                self.ended.remember(call.record());
                self.by_dialog.remove(call.dialog().id());
                self.by_invite.remove(&call.invite_transaction());
                // Ports that were given back early may belong to another call by now.
                let stream = call.stream();
                if self.by_stream.get(&stream) == Some(&id) {
                    self.by_stream.remove(&stream);
                }
            }
            Body::Run(_) => {}
            Body::Bridge(bridge) => {
                self.by_bridge.remove(&bridge.confbridge_id());
                self.empty_bridges.remove(&id);
                // Who comes next must not find it open, and begin it anew.
                let ended = |conference: &&Conference| conference.status != ConferenceStatus::Progressing;
                if let Some(conference) = bridge.conference().filter(ended) {
                    self.snapshot.conference_ended(conference);
                }
            }
        }
    }

    /// One cell's failure ends that cell, and nothing else.
    fn cell_panicked(&mut self, now: Now, id: CellId, panicked: Panicked, effects: &mut Vec<Effect>) {
        let mut cell = self.cells.remove(&id).expect("a handler that ran has its cell");
        self.forget(id, &cell);
        self.counters.panics += 1;
        if let Some(call) = cell.call() {
            let local_tag = call.dialog().id().local_tag.clone();
            cell.will.execute(now, &mut self.endpoint, &local_tag, id.to_u64());
        }
        if let Some((lease, in_service)) = cell.will.ports.take() {
            if in_service {
                self.orphans.insert(lease.stream);
                effects.push(Effect::Media(Command::Close { stream: lease.stream }));
            } else {
                self.ports.put_back(lease);
            }
        }
        if let Some(recording) = cell.will.recording.take() {
            if let Some(room) = cell.will.recorded_room {
                let (source, recording) = (room.into(), RecordingId(recording.id.as_u128()));
                effects.push(Effect::Media(Command::StopRecording { source, recording }));
            }
            match cell.will.recording_reports {
                true => drop(self.orphan_recordings.insert(RecordingId(recording.id.as_u128()), *recording)),
                false => effects.push(orphan_recording_over(now, *recording, 0)),
            }
        }
        for recording in std::mem::take(&mut cell.will.stopping) {
            self.orphan_recordings.insert(RecordingId(recording.id.as_u128()), recording);
        }
        for letter in cell.will.letters(id) {
            self.post(letter, effects);
        }
        if let Some(CellInput::Message(message)) = cell.recent.newest() {
            let noun = if let Body::Bridge(bridge) = &cell.body { bridge.noun() } else { "conference" };
            self.turned_away(message, &format!("the {noun} has failed"), effects);
        }
        let inputs = rmp_serde::to_vec_named(&cell.recent).map(Bytes::from).unwrap_or_default();
        let Subject { customer_id, call_id, activeflow_id } = cell.subject();
        let message = panicked.0;
        let kind = NoteKind::CellPanicked { message: message.clone() };
        let note = Note { at_us: now.wall_us, customer_id, call_id, activeflow_id, kind };
        effects.push(Effect::Note(note));
        effects.extend(cell.last_words(now).into_iter().map(|entry| Effect::Log(Box::new(entry))));
        // A conference that was ending has ended by these words.
        if let Body::Bridge(bridge) = &cell.body {
            match bridge.status() {
                ConferenceStatus::Progressing => self.end_bridge_if_gone(now, bridge.confbridge_id(), effects),
                _ => self.end_bridge(now, bridge.confbridge_id(), effects),
            }
        }
        effects.push(Effect::KeepCrash(Box::new(CrashReport { cell: id, call_id, message, inputs })));
    }
}
