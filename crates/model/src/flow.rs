//! A flow: a named array of actions (spec/flow.md §2).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Action, Timestamp, optional_timestamp};

/// What a call can run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// Made by a user, or by the system for something.
    #[serde(rename = "type")]
    pub kind: FlowType,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// As given, ids filled in.
    pub actions: Arc<[Action]>,
    /// The flow that is started when a run of this one ends; nil = none.
    pub on_complete_flow_id: Uuid,
    /// `direct.` and 12 hex digits: makes the flow dialable.
    pub direct_hash: String,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it was last replaced.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

/// What a flow is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowType {
    /// A user's flow.
    #[default]
    Flow,
    /// Made for a conference.
    Conference,
    /// Made for a queue.
    Queue,
    /// Made for a campaign.
    Campaign,
    /// Made for a transfer.
    Transfer,
}

/// The body of `POST /flows` and `PUT /flows/{id}`, and an entry of `flows` in a provisioning file. Unknown keys are
/// ignored; `actions` is read and verified by the flow crate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowBody {
    /// Provisioning only; nil = a new one.
    pub id: Uuid,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// The actions as sent; null when missing.
    pub actions: Value,
    /// See [`Flow::on_complete_flow_id`].
    pub on_complete_flow_id: Uuid,
}

impl FlowBody {
    /// The flow that this body makes. `id` is used unless the body names one.
    pub fn into_flow(self, id: Uuid, customer_id: Uuid, actions: Vec<Action>, now: Timestamp) -> Flow {
        Flow {
            id: if self.id.is_nil() { id } else { self.id },
            customer_id,
            kind: FlowType::Flow,
            name: self.name,
            detail: self.detail,
            actions: actions.into(),
            on_complete_flow_id: self.on_complete_flow_id,
            direct_hash: String::new(),
            tm_create: Some(now),
            tm_update: None,
            tm_delete: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_needs_nothing_and_ignores_what_it_does_not_know() {
        let body: FlowBody = serde_json::from_str(r#"{"name":"n","colour":"red","type":"queue"}"#).unwrap();
        let flow = body.into_flow(Uuid::from_u128(1), Uuid::from_u128(2), Vec::new(), Timestamp::from_us(0));
        let json = serde_json::to_value(&flow).unwrap();
        assert_eq!(json["type"], "flow");
        assert_eq!(json["on_complete_flow_id"], crate::action_id::NIL);
        assert_eq!(json["tm_update"], Value::Null);
        assert_eq!(serde_json::from_value::<Flow>(json).unwrap(), flow);
        let octets = rmp_serde::to_vec(&flow).unwrap();
        assert_eq!(rmp_serde::from_slice::<Flow>(&octets).unwrap(), flow);
    }
}
