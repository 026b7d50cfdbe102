//! What happened, as it is written to the event log: once, in the order in which it happened. Webhooks, WebSocket frames,
//! timelines and call records are made from these entries (spec/resources.md §12–§14).

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{Event, PublicResource};
use crate::{
    Accesskey, Action, Activeflow, Agent, Call, Confbridge, Conference, Conferencecall, Customer, Extension, Flow,
    Number, Particulars, Recording, Timestamp,
};

/// One entry. It is *accepted* when the log has given it a sequence number and synced it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it happened, microseconds since the Unix epoch.
    pub at_us: u64,
    /// Whose it is.
    pub customer_id: Uuid,
    /// The call that it belongs to; nil if none.
    pub call_id: Uuid,
    /// The activeflow that it belongs to; nil if none.
    pub activeflow_id: Uuid,
    /// What happened.
    pub body: LogBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LogBody {
    /// A resource changed: users are told.
    Event {
        /// The event's name, such as `call_hangup`; its part before the first `_` is the resource of WebSocket topics.
        name: Cow<'static, str>,
        /// The resource as it is now.
        resource: Resource,
        /// More keys of the event's `data`, such as `joined_call_id`; empty for most.
        extra: Map<String, Value>,
    },
    /// A resource changed, and no event says so (spec/resources.md §12), or it was deleted before: whoever asks for it sees it.
    Change {
        /// The resource as it is now.
        resource: Resource,
    },
    /// Something for the timeline only.
    Note {
        /// In one word, such as `action_started`.
        name: Cow<'static, str>,
        /// In plain words; may be empty.
        message: String,
        /// Its particulars.
        data: Particulars,
    },
}

/// A resource as it is at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Resource {
    /// A call and the action that it is at.
    Call(Arc<Call>, Option<Arc<Action>>),
    /// A run of a flow.
    Activeflow(Arc<Activeflow>),
    /// A recording.
    Recording(Arc<Recording>),
    /// A conference.
    Conference(Arc<Conference>),
    /// A participant.
    Conferencecall(Arc<Conferencecall>),
    /// A bridge.
    Confbridge(Arc<Confbridge>),
    /// A flow.
    Flow(Arc<Flow>),
    /// A number.
    Number(Arc<Number>),
    /// A phone's account.
    Extension(Arc<Extension>),
    /// A program's key.
    Accesskey(Arc<Accesskey>),
    /// A person.
    Agent(Arc<Agent>),
    /// The owner.
    Customer(Arc<Customer>),
    /// A key press.
    Dtmf {
        /// The call.
        call_id: Uuid,
        /// `0-9A-D*#`
        digit: char,
        /// How long, ms.
        duration_ms: u32,
    },
}

impl Resource {
    /// Its id; of a key press that of its call.
    pub fn id(&self) -> Uuid {
        match self {
            Resource::Call(call, _) => call.id,
            Resource::Activeflow(activeflow) => activeflow.id,
            Resource::Recording(recording) => recording.id,
            Resource::Conference(conference) => conference.id,
            Resource::Conferencecall(conferencecall) => conferencecall.id,
            Resource::Confbridge(confbridge) => confbridge.id,
            Resource::Flow(flow) => flow.id,
            Resource::Number(number) => number.id,
            Resource::Extension(extension) => extension.id,
            Resource::Accesskey(accesskey) => accesskey.id,
            Resource::Agent(agent) => agent.id,
            Resource::Customer(customer) => customer.id,
            Resource::Dtmf { call_id, .. } => *call_id,
        }
    }

    /// When it was made; none for a key press.
    pub fn tm_create(&self) -> Option<Timestamp> {
        match self {
            Resource::Call(call, _) => call.tm_create,
            Resource::Activeflow(activeflow) => activeflow.tm_create,
            Resource::Recording(recording) => recording.tm_create,
            Resource::Conference(conference) => conference.tm_create,
            Resource::Conferencecall(conferencecall) => conferencecall.tm_create,
            Resource::Confbridge(confbridge) => confbridge.tm_create,
            Resource::Flow(flow) => flow.tm_create,
            Resource::Number(number) => number.tm_create,
            Resource::Extension(extension) => extension.tm_create,
            Resource::Accesskey(accesskey) => accesskey.tm_create,
            Resource::Agent(agent) => agent.tm_create,
            Resource::Customer(customer) => customer.tm_create,
            Resource::Dtmf { .. } => None,
        }
    }

    /// As the API and events show it, to be written as JSON: no secrets.
    pub fn public(&self) -> impl Serialize + '_ {
        PublicResource(self)
    }

    /// The same as a value.
    pub fn to_public(&self) -> Value {
        PublicResource(self).to_value()
    }

    /// The agent that it belongs to; nil for what has no such owner.
    pub fn owner_id(&self) -> Uuid {
        match self {
            Resource::Call(call, _) => call.owner_id,
            Resource::Recording(recording) => recording.owner_id,
            _ => Uuid::nil(),
        }
    }
}

impl LogBody {
    /// The resource that changed; none for a note.
    pub fn resource(&self) -> Option<&Resource> {
        match self {
            LogBody::Event { resource, .. } | LogBody::Change { resource } => Some(resource),
            LogBody::Note { .. } => None,
        }
    }
}

impl LogEntry {
    /// The envelope of webhooks and WebSocket frames; none for what is no event.
    pub fn event(&self) -> Option<Event<'_>> {
        let LogBody::Event { name, resource, extra } = &self.body else { return None };
        Some(Event::new(name, resource, extra))
    }

    /// The same as a value.
    pub fn to_event(&self) -> Option<Value> {
        self.event().map(Event::to_value)
    }

    /// The entry as a timeline shows it.
    pub fn to_timeline(&self) -> Value {
        let at = Timestamp::from_us(self.at_us);
        match &self.body {
            LogBody::Event { name, .. } => {
                let event = self.to_event().unwrap_or_default();
                json!({"timestamp": at, "event_type": name, "data": event["data"]})
            }
            LogBody::Change { resource } => {
                json!({"timestamp": at, "event_type": "changed", "data": resource.to_public()})
            }
            LogBody::Note { name, message, data } => {
                json!({"timestamp": at, "event_type": name, "message": message, "data": data})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_shows_no_secret_and_survives_the_compact_form() {
        let extension = Extension { extension: "1000".into(), ..Extension::default() };
        let entry = LogEntry {
            at_us: 5,
            customer_id: Uuid::from_u128(1),
            call_id: Uuid::nil(),
            activeflow_id: Uuid::nil(),
            body: LogBody::Event {
                name: "extension_created".into(),
                resource: Resource::Extension(Arc::new(extension)),
                extra: Map::from_iter([("more".to_owned(), json!(1))]),
            },
        };
        let event = entry.to_event().unwrap();
        assert_eq!(event["type"], "extension_created");
        assert_eq!(event["data"]["username"], "1000");
        assert_eq!(event["data"]["more"], 1);
        assert!(event["data"].get("ha1").is_none());
        let octets = rmp_serde::to_vec(&entry).unwrap();
        assert_eq!(rmp_serde::from_slice::<LogEntry>(&octets).unwrap(), entry);
    }

    #[test]
    fn a_change_is_no_event_but_has_its_resource() {
        let recording = Recording { id: Uuid::from_u128(7), ..Recording::default() };
        let body = LogBody::Change { resource: Resource::Recording(Arc::new(recording)) };
        let nil = Uuid::nil();
        let entry = LogEntry { at_us: 0, customer_id: nil, call_id: nil, activeflow_id: nil, body };
        assert_eq!(entry.to_event(), None);
        assert_eq!(entry.body.resource().map(Resource::id), Some(Uuid::from_u128(7)));
        let octets = rmp_serde::to_vec(&entry).unwrap();
        assert_eq!(rmp_serde::from_slice::<LogEntry>(&octets).unwrap(), entry);
    }

    #[test]
    fn a_note_is_no_event_but_stands_in_the_timeline() {
        let body =
            LogBody::Note { name: "action_started".into(), message: "talk".into(), data: Particulars::default() };
        let nil = Uuid::nil();
        let entry = LogEntry { at_us: 0, customer_id: nil, call_id: nil, activeflow_id: nil, body };
        assert_eq!(entry.to_event(), None);
        assert_eq!(entry.to_timeline()["timestamp"], "1970-01-01T00:00:00.000000Z");
    }
}
