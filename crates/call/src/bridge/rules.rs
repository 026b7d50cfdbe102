//! When a bridge and its conference end, and what is said about it.

use std::sync::Arc;

use base::{CellId, MS, Now};
use model::{Confbridge, Conference, ConferenceStatus, ConferencecallStatus, LogBody, LogEntry, Resource, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Bridge, BridgeTimer, about, kick};
use crate::context::{Act, Context};
use crate::message::NO_BRIDGE;

impl Bridge {
    /// Why nobody may come in any more.
    pub(super) fn closed(&self) -> Option<String> {
        (self.confbridge.status != ConferenceStatus::Progressing).then(|| format!("the {} is over", self.noun()))
    }

    /// Why this call may not come in.
    pub(super) fn closed_to(&self, call: CellId, customer_id: Uuid) -> Option<String> {
        if customer_id != self.confbridge.customer_id {
            return Some(NO_BRIDGE.to_owned());
        }
        let kicked = self.members.get(&call).is_some_and(|member| member.kicked);
        if kicked { Some(format!("the call was sent out of the {}", self.noun())) } else { self.closed() }
    }

    /// The conference was changed or deleted by its owner.
    pub(super) fn changed(&mut self, context: &mut Context<'_>, mut conference: Conference) {
        if conference.tm_delete.is_some() || conference.status != ConferenceStatus::Progressing {
            if let Some(known) = &mut self.conference {
                known.tm_delete = conference.tm_delete;
            }
            return self.terminate(context);
        }
        if self.confbridge.status == ConferenceStatus::Progressing {
            self.confbridge.kind = conference.kind;
            // What runs in it is not for its owner to say.
            if let Some(known) = &self.conference {
                conference.keep_run(known);
            }
            self.conference = Some(conference);
            self.arm(context.now);
            self.end_if_past(context);
        }
    }

    /// Its time-out counts from its creation.
    pub(super) fn arm(&mut self, now: Now) {
        match self.time_left_us(now).filter(|left_us| *left_us > 0) {
            Some(left_us) => {
                let left_ns = left_us.saturating_mul(MS / 1_000);
                self.timers.set(BridgeTimer::End, now.mono_ns.saturating_add(left_ns));
            }
            None => {
                self.timers.stop(&BridgeTimer::End);
            }
        }
    }

    /// How long it may still last; none: as long as it likes, or it has ended.
    fn time_left_us(&self, now: Now) -> Option<u64> {
        let conference = self.conference.as_ref()?;
        let limited = conference.timeout > 0 && self.confbridge.status == ConferenceStatus::Progressing;
        let created_us = conference.tm_create.map_or(now.wall_us, Timestamp::as_us);
        let end_us = created_us.saturating_add(conference.timeout.saturating_mul(1_000_000));
        limited.then(|| end_us.saturating_sub(now.wall_us))
    }

    /// Its time was up before anybody looked: the server was down, or nobody was here.
    pub(super) fn end_if_past(&mut self, context: &mut Context<'_>) {
        if self.time_left_us(context.now) == Some(0) {
            self.terminate(context);
        }
    }

    /// Everybody is shown out; their flows go on behind `conference_join` or `confbridge_join`.
    pub(super) fn terminate(&mut self, context: &mut Context<'_>) {
        if self.confbridge.status != ConferenceStatus::Progressing {
            return;
        }
        self.timers.stop(&BridgeTimer::End);
        self.set_status(context, ConferenceStatus::Terminating);
        if self.announced {
            self.publish_bridge(context, "confbridge_terminating", Map::new());
        }
        let confbridge_id = self.confbridge.id;
        for (cell, member) in &mut self.members {
            kick(context, confbridge_id, *cell, member);
        }
        self.end_if_empty(context);
    }

    /// A bridge of type `connect` ends when one party is left.
    pub(super) fn end_if_alone(&mut self, context: &mut Context<'_>) {
        let alone = self.confbridge.ends_with_one_left() && self.members.len() == 1;
        if alone && self.members.values().all(|member| member.in_mix) {
            self.terminate(context);
        }
    }

    pub(super) fn end_if_empty(&mut self, context: &mut Context<'_>) {
        if self.confbridge.status == ConferenceStatus::Terminating && self.is_empty() {
            if let Some(conference) = &mut self.conference {
                conference.tm_end = Some(Timestamp::from_us(context.now.wall_us));
            }
            self.set_status(context, ConferenceStatus::Terminated);
            if self.announced {
                self.publish_bridge(context, "confbridge_terminated", Map::new());
                context.act(Act::BridgeEnded(self.confbridge.id));
            }
        }
    }

    /// What is owed to users when the bridge is dropped because its handler panicked: everybody whom they know of is out. A
    /// conference that was ending has ended; another one, and a bridge that was made by hand, begins anew when somebody comes.
    pub(crate) fn last_words(&self, now: Now, known: &[CellId]) -> Vec<LogEntry> {
        let at = Some(Timestamp::from_us(now.wall_us));
        let mut words = Vec::new();
        let members = || known.iter().filter_map(|cell| self.members.get(cell));
        for mut call in members().filter_map(|member| member.conferencecall.clone()) {
            (call.status, call.tm_update) = (ConferencecallStatus::Leaved, at);
            words.push(about(&call).event(now, "conferencecall_leaved", Resource::Conferencecall(Arc::new(call))));
        }
        let inside = members().filter(|member| member.in_mix).map(|member| member.call_id);
        let recording_id = Uuid::nil();
        let bridge = Confbridge { channel_call_ids: inside.collect(), recording_id, ..self.confbridge.clone() };
        words.extend(bridge.left_by_all(at).map(|(bridge, call_id)| self.leaved(now, bridge, call_id)));
        if let Some(conference) = &self.conference {
            let mut conference = conference.clone();
            (conference.conferencecall_ids, conference.tm_update) = (Vec::new(), at);
            conference.recording_id = recording_id;
            if self.confbridge.status == ConferenceStatus::Terminating {
                (conference.status, conference.tm_end) = (ConferenceStatus::Terminated, at);
            }
            words.push(self.subject().event(now, "conference_updated", Resource::Conference(Arc::new(conference))));
        }
        words
    }

    fn leaved(&self, now: Now, bridge: Confbridge, call_id: Uuid) -> LogEntry {
        let mut entry = self.subject().event(now, "confbridge_leaved", Resource::Confbridge(Arc::new(bridge)));
        if let LogBody::Event { extra, .. } = &mut entry.body {
            extra.insert("leaved_call_id".into(), json!(call_id));
        }
        entry
    }

    fn set_status(&mut self, context: &mut Context<'_>, status: ConferenceStatus) {
        self.confbridge.status = status;
        if let Some(conference) = &mut self.conference {
            conference.status = status;
        }
        self.publish_conference(context);
    }

    /// Tells how its conference is now, if it has one.
    pub(super) fn publish_conference(&mut self, context: &mut Context<'_>) {
        let Some(conference) = &mut self.conference else { return };
        let calls = self.members.values().filter_map(|member| member.conferencecall.as_ref());
        conference.conferencecall_ids = calls.map(|call| call.id).collect();
        conference.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        context.event("conference_updated", Resource::Conference(Arc::new(conference.clone())));
    }

    pub(super) fn publish_bridge(&mut self, context: &mut Context<'_>, name: &'static str, extra: Map<String, Value>) {
        let inside = self.members.values().filter(|member| member.in_mix);
        self.confbridge.channel_call_ids = inside.map(|member| member.call_id).collect();
        self.confbridge.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        context.event_with(name, Resource::Confbridge(Arc::new(self.confbridge.clone())), extra);
    }
}
