//! How timestamps look on the way out (spec/resources.md §1): RFC 3339, or the older form that some programs know.

use model::{Event, Resource, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// What the older form shows for a time that has not come.
const UNSET: &str = "9999-01-01 00:00:00.000000";

/// Which of the two forms is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The older form: `2023-04-06 14:53:12.569073`, and the year 9999 for what is unset.
    pub legacy: bool,
}

impl Shape {
    /// One moment.
    pub fn timestamp(self, at: Timestamp) -> String {
        let text = at.to_string();
        if self.legacy { older(&text) } else { text }
    }

    /// A resource as the outside sees it.
    pub fn resource(self, resource: &Resource) -> Value {
        let mut public = resource.to_public();
        if self.legacy {
            times(&mut public);
        }
        public
    }

    /// Writes a resource as the outside sees it behind what is in `out`.
    pub(crate) fn write_resource(self, resource: &Resource, out: &mut Vec<u8>) {
        match self.legacy {
            false => write_json(&resource.public(), out),
            true => write_json(&self.resource(resource), out),
        }
    }

    /// Writes an event's envelope behind what is in `out`.
    pub fn write_event(self, event: Event<'_>, out: &mut Vec<u8>) {
        match self.legacy {
            false => event.write(out),
            true => out.extend_from_slice(self.event(event.to_value()).to_string().as_bytes()),
        }
    }

    /// An event's envelope or a timeline's entry.
    pub fn event(self, mut event: Value) -> Value {
        if self.legacy
            && let Some(object) = event.as_object_mut()
        {
            if let Some(data) = object.get_mut("data") {
                times(data);
            }
            if let Some(Value::String(at)) = object.get_mut("timestamp") {
                *at = older(at);
            }
        }
        event
    }
}

/// Rewrites `tm_…` of a resource and of the actions it shows. What users put into a resource is left alone.
fn times(resource: &mut Value) {
    let Some(object) = resource.as_object_mut() else { return };
    for (key, value) in object {
        match value {
            Value::Null if key.starts_with("tm_") => *value = UNSET.into(),
            Value::String(at) if key.starts_with("tm_") => *at = older(at),
            Value::Object(_) if matches!(key.as_str(), "action" | "current_action") => times(value),
            Value::Array(actions) if matches!(key.as_str(), "actions" | "executed_actions") => {
                actions.iter_mut().for_each(times);
            }
            _ => {}
        }
    }
}

/// Writes a value behind what is in `out`.
pub(crate) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("what is shown holds only what JSON can write");
}

fn older(text: &str) -> String {
    text.replacen('T', " ", 1).trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_written_in_both_forms() {
        let flow = model::Flow { tm_create: Some(Timestamp::from_us(5)), ..model::Flow::default() };
        let (name, resource) = ("flow_created".to_owned(), model::Resource::Flow(std::sync::Arc::new(flow)));
        let body = model::LogBody::Event { name: name.into(), resource, extra: serde_json::Map::new() };
        let nil = uuid::Uuid::nil();
        let entry = model::LogEntry { at_us: 0, customer_id: nil, call_id: nil, activeflow_id: nil, body };
        for legacy in [false, true] {
            let shape = Shape { legacy };
            let mut written = Vec::new();
            shape.write_event(entry.event().unwrap(), &mut written);
            let expected = shape.event(entry.to_event().unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), expected.to_string());
            let older = "1970-01-01 00:00:00.000005";
            assert_eq!(expected["data"]["tm_create"] == older, legacy);
        }
    }

    #[test]
    fn the_older_form_reaches_actions_but_not_what_users_wrote() {
        let at = "2023-04-06T14:53:12.569073Z";
        let mut value = json!({"tm_create": at, "tm_delete": null, "data": {"tm_x": at}, "current_action": {"tm_execute": at,
            "option": {"tm_y": at}}, "executed_actions": [{"tm_execute": at}]});
        let older = "2023-04-06 14:53:12.569073";
        times(&mut value);
        assert_eq!(
            value,
            json!({"tm_create": older, "tm_delete": UNSET, "data": {"tm_x": at}, "current_action": {"tm_execute": older,
                "option": {"tm_y": at}}, "executed_actions": [{"tm_execute": older}]})
        );
    }

    #[test]
    fn the_times_of_a_call_that_have_not_come_are_unset_as_all_others() {
        let ringing = json!({
            "id": model::action_id::NIL, "customer_id": model::action_id::NIL, "flow_id": model::action_id::NIL,
            "activeflow_id": model::action_id::NIL, "type": "flow", "master_call_id": model::action_id::NIL,
            "chained_call_ids": [], "owner_type": "", "owner_id": model::action_id::NIL,
            "recording_id": model::action_id::NIL, "recording_ids": [], "groupcall_id": model::action_id::NIL,
            "confbridge_id": model::action_id::NIL, "mute_direction": "", "metadata": {},
            "source": {"type": "tel", "target": "1"}, "destination": {"type": "tel", "target": "2"}, "status": "ringing",
            "direction": "incoming", "hangup_by": "", "hangup_reason": "", "tm_ringing": "2023-04-06T14:53:12.569073Z",
        });
        let call: model::Call = serde_json::from_value(ringing).unwrap();
        let resource = Resource::Call(std::sync::Arc::new(call), None);
        let nil = uuid::Uuid::nil();
        let body = model::LogBody::Event {
            name: "call_created".into(),
            resource: resource.clone(),
            extra: serde_json::Map::new(),
        };
        let entry = model::LogEntry { at_us: 0, customer_id: nil, call_id: nil, activeflow_id: nil, body };
        let all = |shape: Shape| {
            let event = shape.event(entry.to_event().unwrap());
            let timeline = shape.event(entry.to_timeline());
            [shape.resource(&resource), event["data"].clone(), timeline["data"].clone()]
        };
        for call in all(Shape { legacy: true }) {
            let times = ["tm_ringing", "tm_progressing", "tm_hangup", "tm_update"].map(|key| call[key].clone());
            assert_eq!(times, ["2023-04-06 14:53:12.569073", UNSET, UNSET, UNSET], "{call}");
        }
        for call in all(Shape { legacy: false }) {
            for key in ["tm_progressing", "tm_hangup", "tm_update"] {
                assert_eq!(call.get(key), Some(&Value::Null), "{key}: {call}");
            }
        }
    }
}
