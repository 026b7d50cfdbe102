//! What an activeflow is made from, and the chain of on-complete flows (spec/flow.md §4, §6, §7.1).

use std::sync::Arc;

use model::{Action, Call, Flow, ReferenceType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Machine, Variables};

/// Everything about a new activeflow that is not decided by the runtime.
#[derive(Clone, Debug, Default)]
pub struct NewActiveflow {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// The flow that the actions come from; nil when they were given inline.
    pub flow_id: Uuid,
    /// The actions, as [`crate::read_actions`] gave them.
    pub actions: Arc<[Action]>,
    /// The flow that runs afterwards; nil = none.
    pub on_complete_flow_id: Uuid,
    /// What it runs for.
    pub reference: Reference,
    /// The activeflow that it was derived from; nil if none.
    pub reference_activeflow_id: Uuid,
    /// Extra destination for events.
    pub webhook: Webhook,
    /// Initial variables as sent (`variables` of `POST /calls` and `POST /activeflows`).
    pub variables: Map<String, Value>,
    /// Variables of the ended activeflow that this one follows.
    pub inherited: Option<Variables>,
    /// Position in a chain of on-complete flows.
    pub complete_count: u32,
    /// The server's settings.
    pub settings: Settings,
}

impl NewActiveflow {
    /// The run of a flow for a call. The call's own `activeflow_id` becomes the id.
    pub fn of_call(call: &Call, flow: &Flow, settings: Settings) -> NewActiveflow {
        NewActiveflow {
            id: call.activeflow_id,
            customer_id: flow.customer_id,
            flow_id: flow.id,
            actions: flow.actions.clone(),
            on_complete_flow_id: flow.on_complete_flow_id,
            reference: Reference { kind: ReferenceType::Call, id: call.id },
            settings,
            ..NewActiveflow::default()
        }
    }

    /// The run of the on-complete flow of an ended activeflow, whose variables are taken over. The per-activeflow
    /// webhook is not inherited.
    ///
    /// # Errors
    /// The chain has reached its length: nothing is created and the ended activeflow keeps its variables.
    pub fn on_complete(ended: &mut Machine, id: Uuid, flow: &Flow) -> Result<NewActiveflow, ChainTooLong> {
        let complete_count = ended.complete_count() + 1;
        if complete_count >= COMPLETE_COUNT_END {
            return Err(ChainTooLong);
        }
        Ok(NewActiveflow {
            id,
            customer_id: flow.customer_id,
            flow_id: flow.id,
            actions: flow.actions.clone(),
            on_complete_flow_id: flow.on_complete_flow_id,
            reference: ended.reference(),
            reference_activeflow_id: ended.id(),
            webhook: Webhook::default(),
            variables: Map::new(),
            inherited: Some(ended.take_variables()),
            complete_count,
            settings: ended.settings(),
        })
    }
}

/// spec/flow.md §5.6: the depth counter stays below this, so the fifth derived activeflow is not created.
pub const COMPLETE_COUNT_END: u32 = 5;

/// The chain of on-complete flows is as long as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTooLong;

impl std::fmt::Display for ChainTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the chain of on-complete flows may hold {} derived activeflows", COMPLETE_COUNT_END - 1)
    }
}

impl std::error::Error for ChainTooLong {}

/// What an activeflow runs for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The kind of resource.
    pub kind: ReferenceType,
    /// Its id; nil if none.
    pub id: Uuid,
}

/// The extra destination for events that carry an activeflow's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where to; empty = nowhere.
    pub uri: String,
    /// `POST`, `GET`, `PUT`, `DELETE` or empty.
    pub method: String,
}

/// What the operator may set about the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Cursor moves that one activeflow may make (`flow.max_execute_count`).
    pub max_execute_count: u64,
    /// Compare `condition_datetime` unit by unit with reversed operands, as VoIPBIN does (`flow.datetime_legacy`).
    pub datetime_legacy: bool,
    /// Escape what `webhook_send` substitutes inside of JSON string literals (`webhook.escape_json`).
    pub webhook_escape_json: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { max_execute_count: 10_000, datetime_legacy: false, webhook_escape_json: true }
    }
}
