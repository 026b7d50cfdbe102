//! Letters between cells, and what the snapshot's changes mean to cells.

use std::sync::Arc;

use base::{CellId, Now, RecordingId};
use media_core::{RecordingFact, RecordingSource};
use model::{Conference, ConferenceStatus, Recording, RecordingReference, RecordingStatus, Resource, Timestamp};
use uuid::Uuid;

use super::Control;
use crate::Effect;
use crate::bridge::Bridge;
use crate::cell::{Body, Cell};
use crate::context::{CellInput, Subject};
use crate::message::{Address, CellMessage, Envelope, NO_BRIDGE, loop_of_resource};
use crate::will::Will;

impl Control {
    /// Delivers one letter; false: there is none.
    pub(super) fn deliver_mail(&mut self, now: Now, effects: &mut Vec<Effect>) -> bool {
        let Some(Envelope { to, message }) = self.mail.pop_front() else { return false };
        match to {
            Address::Cell(cell) => self.deliver(now, cell, CellInput::Message(message), effects),
            Address::Call(call_id) => self.asked_about_call(call_id, &message, effects),
            Address::Bridge(confbridge_id) => {
                // Only who comes opens the door. That somebody has left is of no interest to a bridge that has ended.
                let comes = matches!(message, CellMessage::Admit { .. } | CellMessage::Enter { .. });
                let cell = match comes {
                    true => self.bridge(now, confbridge_id),
                    false => self.by_bridge.get(&confbridge_id).copied(),
                };
                match cell {
                    Some(cell) => self.deliver(now, cell, CellInput::Message(message), effects),
                    None => {
                        let admits = matches!(message, CellMessage::Admit { .. });
                        let why = if admits { "there is no such conference" } else { NO_BRIDGE };
                        self.turned_away(&message, why, effects);
                    }
                }
            }
        }
        true
    }

    /// The cell of a bridge; it is made when it is needed.
    pub(super) fn bridge(&mut self, now: Now, confbridge_id: Uuid) -> Option<CellId> {
        if let Some(cell) = self.by_bridge.get(&confbridge_id) {
            return Some(*cell);
        }
        if let Some(by_hand) = self.bridges.get(&confbridge_id).filter(|bridge| bridge.is_by_hand()).cloned() {
            let id = self.new_cell_id();
            self.add_bridge(id, Bridge::by_hand(id, by_hand));
            return Some(id);
        }
        let conference = self.snapshot.conference_of_bridge(confbridge_id)?.clone();
        Some(self.bridge_of_conference(now, conference))
    }

    fn bridge_of_conference(&mut self, now: Now, conference: Conference) -> CellId {
        let id = self.new_cell_id();
        let known = self.bridges.get(&conference.confbridge_id);
        let bridge = Bridge::of_conference(id, now, conference, known);
        self.add_bridge(id, bridge);
        id
    }

    fn add_bridge(&mut self, id: CellId, bridge: Bridge) {
        self.by_bridge.insert(bridge.confbridge_id(), id);
        self.cells.insert(id, Cell::new(id, Body::Bridge(Box::new(bridge)), Will::default()));
    }

    /// Nobody answers this letter to a bridge: who stands at the door must not wait there for ever.
    pub(super) fn turned_away(&mut self, message: &CellMessage, why: &str, effects: &mut Vec<Effect>) {
        let why = why.to_owned();
        let (from, answer) = match *message {
            CellMessage::Admit { from, step, .. } => (from, CellMessage::NotAdmitted { step, why }),
            CellMessage::Enter { from, step, .. } => (from, CellMessage::NotEntered { step, why }),
            _ => return self.counters.stale_inputs += 1,
        };
        self.post(Envelope { to: Address::Cell(from), message: answer }, effects);
    }

    /// Sends a letter on its way: within this loop, or to another one.
    pub(super) fn post(&mut self, letter: Envelope, effects: &mut Vec<Effect>) {
        match letter.owner(self.snapshot.settings.loops) == self.owner {
            true => self.mail.push_back(letter),
            false => effects.push(Effect::Send(letter)),
        }
    }

    /// A resource of the snapshot has changed.
    pub(super) fn changed(&mut self, now: Now, mut resource: Resource, effects: &mut Vec<Effect>) {
        if let Resource::Conference(conference) = &mut resource {
            self.snapshot.keep_ended(Arc::make_mut(conference));
        }
        match &resource {
            Resource::Conference(conference) => self.conference_changed(now, conference, effects),
            Resource::Confbridge(bridge) => self.bridge_made(bridge),
            _ => {}
        }
        let confbridge_id = match &resource {
            Resource::Conference(conference) => Some(conference.confbridge_id),
            _ => None,
        };
        self.apply_change(now, resource, effects);
        if let Some(confbridge_id) = confbridge_id {
            self.end_bridge_if_gone(now, confbridge_id, effects);
        }
    }

    /// Conferences with a time-out have a cell although nobody is in them: somebody must watch the time.
    pub(super) fn watch_conferences(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let timed = self.snapshot.conferences.values().filter(|conference| conference.timeout > 0);
        for conference in timed.cloned().collect::<Vec<_>>() {
            self.conference_changed(now, &conference, effects);
        }
    }

    fn conference_changed(&mut self, now: Now, conference: &Conference, effects: &mut Vec<Effect>) {
        if loop_of_resource(conference.confbridge_id, self.snapshot.settings.loops) != self.owner {
            return;
        }
        if let Some(cell) = self.by_bridge.get(&conference.confbridge_id).copied() {
            self.deliver(now, cell, CellInput::Conference(Box::new(conference.clone())), effects);
        } else if conference.timeout > 0
            && conference.tm_delete.is_none()
            && conference.status == ConferenceStatus::Progressing
        {
            let cell = self.bridge_of_conference(now, conference.clone());
            self.deliver(now, cell, CellInput::Start, effects);
        }
    }

    /// A fact about a recording goes to the call or bridge that is recorded; of one that panicked only the end is written down.
    pub(super) fn recording(
        &mut self,
        now: Now,
        source: RecordingSource,
        recording: RecordingId,
        fact: RecordingFact,
        effects: &mut Vec<Effect>,
    ) {
        if let RecordingFact::Ended { samples, .. } = fact
            && let Some(orphan) = self.orphan_recordings.remove(&recording)
        {
            return effects.push(orphan_recording_over(now, orphan, samples / 8));
        }
        let cell = match source {
            RecordingSource::Stream(stream) => self.by_stream.get(&stream).copied(),
            // A room has the number of the cell that made it.
            RecordingSource::Room(room) => Some(CellId::from_u64(room.number)),
        };
        match cell {
            Some(cell) => self.deliver(now, cell, CellInput::Recording { recording, fact }, effects),
            None => self.counters.stale_inputs += 1,
        }
    }
}

/// The end of a recording whose call or bridge panicked.
pub(super) fn orphan_recording_over(now: Now, mut orphan: Recording, duration_ms: u64) -> Effect {
    let at = Timestamp::from_us(now.wall_us);
    orphan.status = RecordingStatus::Ended;
    orphan.duration_ms = duration_ms;
    let noun = match orphan.reference_type {
        RecordingReference::Call => "call",
        RecordingReference::Confbridge => "conference",
    };
    orphan.end_reason = format!("the {noun} was ended because its handler panicked");
    (orphan.tm_end, orphan.tm_update) = (Some(at), Some(at));
    let (customer_id, activeflow_id) = (orphan.customer_id, orphan.activeflow_id);
    let subject = Subject { customer_id, call_id: orphan.call_id(), activeflow_id };
    Effect::Log(Box::new(subject.event(now, "recording_finished", Resource::Recording(Arc::new(orphan)))))
}
