//! The activeflow as the API shows it (spec/flow.md §4).

use model::action_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Machine;

/// Whether an activeflow still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActiveflowStatus {
    /// From its creation on.
    Running,
    /// For good.
    Ended,
}

impl Machine {
    /// The public form, also the data of `activeflow_*` events. The last executed actions are shown; the timeline has
    /// all of them.
    pub fn to_activeflow(&self) -> Value {
        let executed: Vec<_> = self.executed.iter().collect();
        json!({
            "id": self.id,
            "customer_id": self.customer_id,
            "flow_id": self.flow_id,
            "status": self.status(),
            "reference_type": self.reference.kind,
            "reference_id": self.reference.id,
            "reference_activeflow_id": self.reference_activeflow_id,
            "on_complete_flow_id": self.on_complete_flow_id,
            "webhook_uri": self.webhook.uri,
            "webhook_method": self.webhook.method,
            "current_action": self.current,
            "forward_action_id": self.cursor.forward_action().map_or(action_id::NIL, |action| &action.id),
            "executed_actions": executed,
            "executed_count": self.execute_count,
            "actions": self.cursor.main_actions(),
            "tm_create": self.tm_create,
            "tm_update": self.tm_update,
            "tm_delete": Value::Null,
        })
    }
}
