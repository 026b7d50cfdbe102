//! An activeflow, one run of a flow, as the API shows it (spec/flow.md §4).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Action, Timestamp, optional_timestamp};

/// One run of a flow. The state that decides what happens next is the flow runtime's own; this is what users see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Activeflow {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// The flow that the actions come from; nil when they were given inline.
    pub flow_id: Uuid,
    /// Whether it still runs.
    pub status: ActiveflowStatus,
    /// The kind of resource that it runs for.
    pub reference_type: ReferenceType,
    /// The id of that resource; nil if none.
    pub reference_id: Uuid,
    /// The activeflow that it was derived from; nil if none.
    pub reference_activeflow_id: Uuid,
    /// The flow that runs afterwards; nil = none.
    pub on_complete_flow_id: Uuid,
    /// Extra destination for its events; empty = none.
    pub webhook_uri: String,
    /// `POST`, `GET`, `PUT`, `DELETE` or empty.
    pub webhook_method: String,
    /// The action at the cursor, its option substituted; a pseudo action at the start and at the end.
    pub current_action: Arc<Action>,
    /// The action that the cursor will jump to next; nil = sequential.
    pub forward_action_id: String,
    /// The last of the former current actions, oldest first.
    pub executed_actions: Vec<Arc<Action>>,
    /// How many there were in all.
    pub executed_count: u64,
    /// The actions copied from the flow.
    pub actions: Arc<[Action]>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When its cursor last moved, or it ended.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

/// Whether an activeflow still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActiveflowStatus {
    /// From its creation on.
    #[default]
    Running,
    /// For good.
    Ended,
}

/// The kinds of references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceType {
    /// Nothing.
    #[default]
    #[serde(rename = "")]
    None,
    /// A call.
    Call,
    /// A conversation.
    Conversation,
    /// A request to the API.
    Api,
    /// A campaign.
    Campaign,
    /// A transcribe.
    Transcribe,
    /// A recording.
    Recording,
    /// An AI call.
    Ai,
}

impl ReferenceType {
    /// The name in JSON and in variables.
    pub fn as_str(self) -> &'static str {
        match self {
            ReferenceType::None => "",
            ReferenceType::Call => "call",
            ReferenceType::Conversation => "conversation",
            ReferenceType::Api => "api",
            ReferenceType::Campaign => "campaign",
            ReferenceType::Transcribe => "transcribe",
            ReferenceType::Recording => "recording",
            ReferenceType::Ai => "ai",
        }
    }
}
