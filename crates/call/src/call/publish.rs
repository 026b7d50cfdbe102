//! What users are told about a call: its events, and the last one of a call whose handler panicked.

use std::sync::Arc;

use base::Now;
use model::{CallStatus, HangupBy, HangupReason, LogEntry, Resource, Timestamp};
use uuid::Uuid;

use super::Call;
use crate::Effect;
use crate::activeflow;
use crate::context::{Act, Context, Subject};

impl Call {
    /// What notes and events of this call are about.
    pub(crate) fn subject(&self) -> Subject {
        let (customer_id, call_id) = (self.record.customer_id, self.record.id);
        Subject { customer_id, call_id, activeflow_id: self.flow.id() }
    }

    /// Tells users of the call as it is now. It belongs to its own activeflow, also when an on-complete flow runs after that.
    pub(super) fn publish(&self, context: &mut Context<'_>, name: &'static str) {
        let subject = Subject { activeflow_id: self.record.activeflow_id, ..context.subject };
        let entry = subject.event(context.now, name, self.resource());
        context.act(Act::Effect(Effect::Log(Box::new(entry))));
    }

    /// Tells users of the activeflow as it is now.
    pub(super) fn publish_activeflow(&self, context: &mut Context<'_>, name: &'static str) {
        context.event(name, Resource::Activeflow(Arc::new(self.flow.to_activeflow())));
    }

    fn resource(&self) -> Resource {
        let action = self.flow.current_action().clone();
        Resource::Call(Arc::new(self.record.clone()), Some(action))
    }

    /// What is owed to users when the call is dropped because its handler panicked: the end of its flow and its own.
    pub(crate) fn last_words(&self, now: Now) -> Vec<LogEntry> {
        let mut words = Vec::new();
        if self.record.status != CallStatus::Hangup {
            let at = Timestamp::from_us(now.wall_us);
            let mut record = self.record.clone();
            record.status = CallStatus::Hangup;
            (record.hangup_by, record.hangup_reason) = (HangupBy::Local, HangupReason::Failed);
            (record.tm_hangup, record.tm_update) = (Some(at), Some(at));
            (record.confbridge_id, record.recording_id) = (Uuid::nil(), Uuid::nil());
            words.push(self.subject().event(now, "call_hangup", Resource::Call(Arc::new(record), None)));
        }
        words.extend(activeflow::last_words(&self.flow, self.subject(), now));
        words
    }
}
