//! Resources and events as users see them (spec/resources.md §12–§14), written as JSON without a detour: thousands of them go
//! out in a second. A value of either is made from what is written here, so that both say the same.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::Resource;

/// Why writing cannot fail.
const WRITABLE: &str = "a resource holds only what JSON can write";

/// A resource's public form, written without making a [`Value`] of it. What hides secrets does, for there is one place that
/// takes them out, and it is rare.
pub(crate) struct PublicResource<'a>(pub(crate) &'a Resource);

impl PublicResource<'_> {
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).expect(WRITABLE)
    }
}

impl Serialize for PublicResource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Resource::Call(call, action) => call.public(action.as_deref()).serialize(serializer),
            Resource::Activeflow(activeflow) => activeflow.serialize(serializer),
            Resource::Recording(recording) => recording.serialize(serializer),
            Resource::Conference(conference) => conference.serialize(serializer),
            Resource::Conferencecall(conferencecall) => conferencecall.serialize(serializer),
            Resource::Confbridge(confbridge) => confbridge.serialize(serializer),
            Resource::Flow(flow) => flow.serialize(serializer),
            Resource::Number(number) => number.serialize(serializer),
            Resource::Extension(extension) => extension.to_public().serialize(serializer),
            Resource::Accesskey(accesskey) => accesskey.to_public().serialize(serializer),
            Resource::Agent(agent) => agent.to_public().serialize(serializer),
            Resource::Customer(customer) => customer.to_public().serialize(serializer),
            Resource::Dtmf { call_id, digit, duration_ms } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("call_id", call_id)?;
                map.serialize_entry("digit", digit)?;
                map.serialize_entry("duration", duration_ms)?;
                map.end()
            }
        }
    }
}

/// The envelope of webhooks and WebSocket frames, to be written as JSON: `{"type": …, "data": …}`.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    name: &'a str,
    resource: &'a Resource,
    extra: &'a Map<String, Value>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(name: &'a str, resource: &'a Resource, extra: &'a Map<String, Value>) -> Event<'a> {
        Event { name, resource, extra }
    }

    /// The envelope as a value.
    pub fn to_value(self) -> Value {
        serde_json::to_value(self).expect(WRITABLE)
    }

    /// The envelope's text, behind what is in `out` already.
    pub fn write(self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, &self).expect(WRITABLE);
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut envelope = serializer.serialize_map(Some(2))?;
        envelope.serialize_entry("type", self.name)?;
        if self.extra.is_empty() {
            envelope.serialize_entry("data", &PublicResource(self.resource))?;
        } else {
            // A key that is there already takes the new value, in its old place.
            let mut data = self.resource.to_public();
            if let Some(data) = data.as_object_mut() {
                data.extend(self.extra.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            envelope.serialize_entry("data", &data)?;
        }
        envelope.end()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Accesskey, Action, Activeflow, Agent, Confbridge, Conference, Conferencecall, Customer, Extension, Flow,
        Number, PasswordDigests, Recording, Timestamp, call,
    };

    /// Every kind of resource, and the fields of it as they are kept.
    fn kinds() -> Vec<(Resource, Value)> {
        fn kind<T: Serialize>(make: impl Fn(Arc<T>) -> Resource, resource: T) -> (Resource, Value) {
            let kept = serde_json::to_value(&resource).unwrap();
            (make(Arc::new(resource)), kept)
        }
        let secret = || "secret".to_owned();
        let at = Some(Timestamp::from_us(1_680_792_792_569_073));
        let option = Some(json!({"z": 1.5, "a": ["\u{1}ü\"\\", null, -7], "tm_x": ""}));
        let action = Action { id: "a".into(), option, tm_execute: at, ..Action::default() };
        let actions = vec![action.clone(), Action::finish()];
        let ha1 = PasswordDigests { md5: secret(), sha256: secret() };
        let key = Uuid::from_u128(9);
        vec![
            kind(|call| Resource::Call(call, Some(Arc::new(Action::start()))), call::sample()),
            kind(|call| Resource::Call(call, None), call::sample()),
            kind(
                Resource::Activeflow,
                Activeflow {
                    current_action: Arc::new(action),
                    executed_actions: actions.iter().cloned().map(Arc::new).collect(),
                    tm_create: at,
                    ..Activeflow::default()
                },
            ),
            kind(Resource::Recording, Recording { owner_id: key, filenames: vec!["a".into()], ..Recording::default() }),
            kind(
                Resource::Conference,
                Conference { data: Map::from_iter([("tm_x".into(), json!({"y": 1e300}))]), ..Conference::default() },
            ),
            kind(Resource::Conferencecall, Conferencecall { tm_delete: at, ..Conferencecall::default() }),
            kind(Resource::Confbridge, Confbridge { channel_call_ids: vec![key], ..Confbridge::default() }),
            kind(Resource::Flow, Flow { actions: actions.into(), ..Flow::default() }),
            kind(Resource::Number, Number { number: "+82 \t".into(), ..Number::default() }),
            kind(Resource::Extension, Extension { extension: "1000".into(), ha1, ..Extension::default() }),
            kind(Resource::Accesskey, Accesskey { token_hash: secret(), ..Accesskey::default() }),
            kind(Resource::Agent, Agent { password_hash: secret(), ..Agent::default() }),
            kind(Resource::Customer, Customer { webhook_secret: secret(), tm_create: at, ..Customer::default() }),
            (
                Resource::Dtmf { call_id: key, digit: '"', duration_ms: 7 },
                json!({"call_id": key, "digit": "\"", "duration": 7}),
            ),
        ]
    }

    #[test]
    fn the_public_form_is_what_is_kept_without_secrets_and_with_what_is_promised() {
        for (resource, mut expected) in kinds() {
            let fields = expected.as_object_mut().unwrap();
            for secret in ["ha1", "token_hash", "password_hash", "webhook_secret"] {
                fields.shift_remove(secret);
            }
            match &resource {
                Resource::Call(_, action) => {
                    fields.insert("action".into(), action.as_ref().map_or(json!({}), |action| json!(action)));
                }
                Resource::Extension(extension) => {
                    fields.insert("username".into(), json!(extension.extension));
                }
                _ => {}
            }
            let (public, expected) = (resource.to_public().to_string(), expected.to_string());
            assert_eq!(public, expected, "the order of keys included");
            assert!(!public.contains("secret\""), "{public}");
        }
    }

    #[test]
    fn an_event_is_written_as_its_value_says() {
        for extra in [json!({}), json!({"joined_call_id": "x", "customer_id": "in its old place"})] {
            let extra = extra.as_object().unwrap();
            for (resource, _) in kinds() {
                let event = Event::new("a_\"name", &resource, extra);
                let mut data = resource.to_public();
                data.as_object_mut().unwrap().extend(extra.clone());
                let expected = json!({"type": "a_\"name", "data": data}).to_string();
                let mut written = b"before".to_vec();
                event.write(&mut written);
                assert_eq!(String::from_utf8(written).unwrap(), format!("before{expected}"));
                assert_eq!(event.to_value().to_string(), expected);
            }
        }
    }
}
