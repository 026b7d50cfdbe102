//! When a conference ends, and what is said about it.

use std::sync::Arc;

use base::{CellId, MS, Now};
use model::{Conference, ConferenceStatus, ConferenceType, ConferencecallStatus, LogEntry, Resource, Timestamp};
use serde_json::{Map, Value};

use super::{Bridge, BridgeTimer, about, kick};
use crate::context::{Act, Context};

impl Bridge {
    /// Why nobody may come in any more.
    pub(super) fn closed(&self) -> Option<String> {
        (self.conference.status != ConferenceStatus::Progressing).then(|| "the conference is over".to_owned())
    }

    /// The conference was changed or deleted by its owner.
    pub(super) fn changed(&mut self, context: &mut Context<'_>, conference: Conference) {
        if conference.tm_delete.is_some() || conference.status != ConferenceStatus::Progressing {
            self.conference.tm_delete = conference.tm_delete;
            return self.terminate(context);
        }
        if self.conference.status == ConferenceStatus::Progressing {
            self.conference = conference;
            self.confbridge.kind = self.conference.kind;
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
        let limited = self.conference.timeout > 0 && self.conference.status == ConferenceStatus::Progressing;
        let created_us = self.conference.tm_create.map_or(now.wall_us, Timestamp::as_us);
        let end_us = created_us.saturating_add(self.conference.timeout.saturating_mul(1_000_000));
        limited.then(|| end_us.saturating_sub(now.wall_us))
    }

    /// Its time was up before anybody looked: the server was down, or nobody was here.
    pub(super) fn end_if_past(&mut self, context: &mut Context<'_>) {
        if self.time_left_us(context.now) == Some(0) {
            self.terminate(context);
        }
    }

    /// Everybody is shown out; their flows go on behind `conference_join`.
    pub(super) fn terminate(&mut self, context: &mut Context<'_>) {
        if self.conference.status != ConferenceStatus::Progressing {
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
        let alone = self.confbridge.kind == ConferenceType::Connect && self.members.len() == 1;
        if alone && self.members.values().all(|member| member.in_mix) {
            self.terminate(context);
        }
    }

    pub(super) fn end_if_empty(&mut self, context: &mut Context<'_>) {
        if self.conference.status == ConferenceStatus::Terminating && self.members.is_empty() {
            self.conference.tm_end = Some(Timestamp::from_us(context.now.wall_us));
            self.set_status(context, ConferenceStatus::Terminated);
            if self.announced {
                self.publish_bridge(context, "confbridge_terminated", Map::new());
                context.act(Act::BridgeEnded(self.confbridge.id));
            }
        }
    }

    /// What is owed to users when the bridge is dropped because its handler panicked: everybody whom they know of is out. A
    /// conference that was ending has ended; another one begins anew when somebody comes.
    pub(crate) fn last_words(&self, now: Now, known: &[CellId]) -> Vec<LogEntry> {
        let at = Some(Timestamp::from_us(now.wall_us));
        let mut words = Vec::new();
        let members = known.iter().filter_map(|cell| self.members.get(cell));
        for mut call in members.filter_map(|member| member.conferencecall.clone()) {
            (call.status, call.tm_update) = (ConferencecallStatus::Leaved, at);
            words.push(about(&call).event(now, "conferencecall_leaved", Resource::Conferencecall(Arc::new(call))));
        }
        let mut conference = self.conference.clone();
        (conference.conferencecall_ids, conference.tm_update) = (Vec::new(), at);
        if conference.status == ConferenceStatus::Terminating {
            (conference.status, conference.tm_end) = (ConferenceStatus::Terminated, at);
        }
        words.push(self.subject().event(now, "conference_updated", Resource::Conference(Arc::new(conference))));
        words
    }

    fn set_status(&mut self, context: &mut Context<'_>, status: ConferenceStatus) {
        self.conference.status = status;
        self.confbridge.status = status;
        self.publish_conference(context);
    }

    pub(super) fn publish_conference(&mut self, context: &mut Context<'_>) {
        let calls = self.members.values().filter_map(|member| member.conferencecall.as_ref());
        self.conference.conferencecall_ids = calls.map(|call| call.id).collect();
        self.conference.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        context.event("conference_updated", Resource::Conference(Arc::new(self.conference.clone())));
    }

    pub(super) fn publish_bridge(&mut self, context: &mut Context<'_>, name: &'static str, extra: Map<String, Value>) {
        let inside = self.members.values().filter(|member| member.in_mix);
        self.confbridge.channel_call_ids = inside.map(|member| member.call_id).collect();
        self.confbridge.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        context.event_with(name, Resource::Confbridge(Arc::new(self.confbridge.clone())), extra);
    }
}
