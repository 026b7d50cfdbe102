//! A call as the API shows it (spec/resources.md §4.2).

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::{Action, Address, CallStatus, HangupBy, HangupReason, Timestamp, optional_timestamp};

/// One leg between this server and a party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: Uuid,
    /// Owner of the call.
    pub customer_id: Uuid,
    /// Flow that it runs; nil if none.
    pub flow_id: Uuid,
    /// The run of that flow.
    pub activeflow_id: Uuid,
    /// What kind of call.
    #[serde(rename = "type")]
    pub kind: CallType,
    /// The call that this one is chained to; nil if none.
    pub master_call_id: Uuid,
    /// Calls that end with this one.
    pub chained_call_ids: Vec<Uuid>,
    /// `agent` when the call is an agent's, else empty.
    pub owner_type: String,
    /// That agent; nil if none.
    pub owner_id: Uuid,
    /// The running recording; nil if none.
    pub recording_id: Uuid,
    /// All of its recordings, in order.
    pub recording_ids: Vec<Uuid>,
    /// The groupcall that it is a leg of; nil if none.
    pub groupcall_id: Uuid,
    /// The bridge that it is in; nil if none.
    pub confbridge_id: Uuid,
    /// Which way its sound is muted: empty, `both`, `in`, `out`.
    pub mute_direction: String,
    /// The user's own data.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The calling party.
    pub source: Address,
    /// The called party.
    pub destination: Address,
    /// Where it is in its life.
    pub status: CallStatus,
    /// Who called.
    pub direction: Direction,
    /// Who ended it.
    pub hangup_by: HangupBy,
    /// Why it ended.
    pub hangup_reason: HangupReason,
    /// When it rang.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_ringing: Option<Timestamp>,
    /// When it was answered.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_progressing: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_hangup: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

impl Call {
    /// The public form: with the action that the call is at, and without the times that have not come yet.
    pub fn to_public(&self, action: Option<&Action>) -> serde_json::Value {
        serde_json::to_value(self.public(action)).expect("a call holds only what JSON can write")
    }

    /// The same, to be written without a detour.
    pub(crate) fn public<'a>(&'a self, action: Option<&'a Action>) -> PublicCall<'a> {
        PublicCall { call: self, action }
    }
}

/// See [`Call::to_public`].
pub(crate) struct PublicCall<'a> {
    call: &'a Call,
    action: Option<&'a Action>,
}

impl Serialize for PublicCall<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Named one by one, so that a field that is new is decided about here.
        let Call {
            id,
            customer_id,
            flow_id,
            activeflow_id,
            kind,
            master_call_id,
            chained_call_ids,
            owner_type,
            owner_id,
            recording_id,
            recording_ids,
            groupcall_id,
            confbridge_id,
            mute_direction,
            metadata,
            source,
            destination,
            status,
            direction,
            hangup_by,
            hangup_reason,
            tm_ringing,
            tm_progressing,
            tm_hangup,
            tm_create,
            tm_update,
            tm_delete,
        } = self.call;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", id)?;
        map.serialize_entry("customer_id", customer_id)?;
        map.serialize_entry("flow_id", flow_id)?;
        map.serialize_entry("activeflow_id", activeflow_id)?;
        map.serialize_entry("type", kind)?;
        map.serialize_entry("master_call_id", master_call_id)?;
        map.serialize_entry("chained_call_ids", chained_call_ids)?;
        map.serialize_entry("owner_type", owner_type)?;
        map.serialize_entry("owner_id", owner_id)?;
        map.serialize_entry("recording_id", recording_id)?;
        map.serialize_entry("recording_ids", recording_ids)?;
        map.serialize_entry("groupcall_id", groupcall_id)?;
        map.serialize_entry("confbridge_id", confbridge_id)?;
        map.serialize_entry("mute_direction", mute_direction)?;
        map.serialize_entry("metadata", metadata)?;
        map.serialize_entry("source", source)?;
        map.serialize_entry("destination", destination)?;
        map.serialize_entry("status", status)?;
        map.serialize_entry("direction", direction)?;
        map.serialize_entry("hangup_by", hangup_by)?;
        map.serialize_entry("hangup_reason", hangup_reason)?;
        map.serialize_entry("tm_ringing", tm_ringing)?;
        map.serialize_entry("tm_progressing", tm_progressing)?;
        map.serialize_entry("tm_hangup", tm_hangup)?;
        map.serialize_entry("tm_create", tm_create)?;
        map.serialize_entry("tm_update", tm_update)?;
        map.serialize_entry("tm_delete", tm_delete)?;
        match self.action {
            Some(action) => map.serialize_entry("action", action)?,
            None => map.serialize_entry("action", &serde_json::Map::new())?,
        }
        map.end()
    }
}

/// The kinds of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallType {
    /// Runs a flow.
    #[default]
    Flow,
    /// Made for a conference.
    Conference,
    /// A service of the server itself.
    SipService,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The party called us.
    Incoming,
    /// We called the party.
    Outgoing,
}

impl Direction {
    /// The name in JSON and in variables.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Incoming => "incoming",
            Direction::Outgoing => "outgoing",
        }
    }
}

/// A call that rings.
#[cfg(test)]
pub(crate) fn sample() -> Call {
    Call {
        id: Uuid::from_u128(1),
        customer_id: Uuid::nil(),
        flow_id: Uuid::nil(),
        activeflow_id: Uuid::nil(),
        kind: CallType::SipService,
        master_call_id: Uuid::nil(),
        chained_call_ids: Vec::new(),
        owner_type: String::new(),
        owner_id: Uuid::nil(),
        recording_id: Uuid::nil(),
        recording_ids: Vec::new(),
        groupcall_id: Uuid::nil(),
        confbridge_id: Uuid::nil(),
        mute_direction: String::new(),
        metadata: serde_json::Map::new(),
        source: Address::default(),
        destination: Address::default(),
        status: CallStatus::Ringing,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: Some(Timestamp::from_us(0)),
        tm_progressing: None,
        tm_hangup: None,
        tm_create: Some(Timestamp::from_us(0)),
        tm_update: None,
        tm_delete: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_have_not_come_are_null_and_the_action_is_shown() {
        let call = sample();
        let public = call.to_public(Some(&Action::start()));
        assert_eq!(public["type"], "sip-service");
        assert_eq!(public["tm_ringing"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(public.get("tm_progressing"), Some(&serde_json::Value::Null));
        assert_eq!(public["tm_update"], serde_json::Value::Null);
        assert_eq!(public["action"]["id"], crate::action_id::START);
        assert_eq!(public["hangup_by"], "");
        let mut whole = serde_json::to_value(&call).unwrap();
        whole["action"] = serde_json::to_value(Action::start()).unwrap();
        assert_eq!(public.to_string(), whole.to_string(), "nothing else is different, the order of keys included");
        assert_eq!(call.to_public(None)["action"], serde_json::json!({}));
        let octets = rmp_serde::to_vec(&call).unwrap();
        assert_eq!(rmp_serde::from_slice::<Call>(&octets).unwrap(), call);
    }
}
