//! What users are told about a call: its events, and the last one of a call whose handler panicked.

use base::Now;
use model::{CallStatus, HangupBy, HangupReason, LogBody, LogEntry, Resource, Timestamp};
use serde_json::Map;

use super::Call;
use crate::context::{Context, Subject};

impl Call {
    /// What notes and events of this call are about.
    pub(crate) fn subject(&self) -> Subject {
        let (customer_id, call_id) = (self.record.customer_id, self.record.id);
        Subject { customer_id, call_id, activeflow_id: self.record.activeflow_id }
    }

    /// Tells users of the call as it is now.
    pub(super) fn publish(&self, context: &mut Context<'_>, name: &str) {
        context.event(name, self.resource());
    }

    /// Tells users of the activeflow as it is now.
    pub(super) fn publish_activeflow(&self, context: &mut Context<'_>, name: &str) {
        context.event(name, Resource::Activeflow(Box::new(self.flow.to_activeflow())));
    }

    fn resource(&self) -> Resource {
        Resource::Call(Box::new(self.record.clone()), Some(self.flow.current_action().clone()))
    }

    /// The end of a call that is being dropped because its handler panicked.
    pub(crate) fn last_words(&self, now: Now) -> Option<LogEntry> {
        if self.record.status == CallStatus::Hangup {
            return None;
        }
        let at = Timestamp::from_us(now.wall_us);
        let mut record = self.record.clone();
        record.status = CallStatus::Hangup;
        (record.hangup_by, record.hangup_reason) = (HangupBy::Local, HangupReason::Failed);
        (record.tm_hangup, record.tm_update) = (Some(at), Some(at));
        let Subject { customer_id, call_id, activeflow_id } = self.subject();
        let resource = Resource::Call(Box::new(record), None);
        let body = LogBody::Event { name: "call_hangup".into(), resource, extra: Map::new() };
        Some(LogEntry { at_us: now.wall_us, customer_id, call_id, activeflow_id, body })
    }
}
