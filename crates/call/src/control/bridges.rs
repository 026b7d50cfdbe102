//! The bridges that users know of: those of conferences from the first who enters until the conference ends, those that were made
//! by hand until they are deleted; also while nobody is in them and they have no cell.

use std::sync::Arc;

use base::Now;
use model::{Confbridge, Conference, ConferenceStatus, Resource, Timestamp};
use uuid::Uuid;

use super::Control;
use crate::Effect;
use crate::context::Subject;
use crate::message::loop_of_resource;

impl Control {
    /// A bridge has been entered for the first time.
    pub(super) fn bridge_opened(&mut self, bridge: Confbridge) {
        self.bridges.insert(bridge.id, bridge);
    }

    /// A bridge was made by hand.
    pub(super) fn bridge_made(&mut self, bridge: &Confbridge) {
        let is_ours = loop_of_resource(bridge.id, self.snapshot.settings.loops) == self.owner;
        let stands = bridge.tm_delete.is_none() && bridge.status == ConferenceStatus::Progressing;
        if is_ours && stands && bridge.is_by_hand() {
            self.bridges.entry(bridge.id).or_insert_with(|| bridge.clone());
        }
    }

    /// A bridge has said itself that it is over.
    pub(super) fn bridge_ended(&mut self, confbridge_id: Uuid) {
        self.bridges.remove(&confbridge_id);
    }

    /// Says that a bridge is over which cannot say so: it has no cell. One that is not known is of no interest.
    pub(super) fn end_bridge(&mut self, now: Now, confbridge_id: Uuid, effects: &mut Vec<Effect>) {
        let Some(mut bridge) = self.bridges.remove(&confbridge_id) else { return };
        bridge.status = ConferenceStatus::Terminated;
        bridge.tm_update = Some(Timestamp::from_us(now.wall_us));
        let subject = Subject { customer_id: bridge.customer_id, ..Subject::default() };
        let event = subject.event(now, "confbridge_terminated", Resource::Confbridge(Arc::new(bridge)));
        effects.push(Effect::Log(Box::new(event)));
    }

    /// The same for one whose conference is gone.
    pub(super) fn end_bridge_if_gone(&mut self, now: Now, confbridge_id: Uuid, effects: &mut Vec<Effect>) {
        let conference_of = |bridge: &Confbridge| self.snapshot.conferences.get(&bridge.reference_id);
        let gone = |bridge: &Confbridge| !bridge.is_by_hand() && conference_of(bridge).is_none_or(is_over);
        if !self.by_bridge.contains_key(&confbridge_id) && self.bridges.get(&confbridge_id).is_some_and(gone) {
            self.end_bridge(now, confbridge_id, effects);
        }
    }

    /// The same for all of them: there is another snapshot.
    pub(super) fn end_bridges_that_are_gone(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for confbridge_id in self.bridges.keys().copied().collect::<Vec<_>>() {
            self.end_bridge_if_gone(now, confbridge_id, effects);
        }
    }
}

/// Nobody can enter it any more.
fn is_over(conference: &Conference) -> bool {
    conference.tm_delete.is_some() || conference.status != ConferenceStatus::Progressing
}
