//! The activeflow as the API shows it (spec/flow.md §4).

use model::{Activeflow, action_id};

use crate::Machine;

impl Machine {
    /// The public form, also the data of `activeflow_*` events. The last executed actions are shown; the timeline has
    /// all of them.
    pub fn to_activeflow(&self) -> Activeflow {
        Activeflow {
            id: self.id,
            customer_id: self.customer_id,
            flow_id: self.flow_id,
            status: self.status(),
            reference_type: self.reference.kind,
            reference_id: self.reference.id,
            reference_activeflow_id: self.reference_activeflow_id,
            on_complete_flow_id: self.on_complete_flow_id,
            webhook_uri: self.webhook.uri.clone(),
            webhook_method: self.webhook.method.clone(),
            current_action: self.current.clone(),
            forward_action_id: self.cursor.forward_action().map_or(action_id::NIL, |action| &action.id).to_owned(),
            executed_actions: self.executed.iter().cloned().collect(),
            executed_count: self.execute_count,
            actions: self.cursor.main_actions().clone(),
            tm_create: Some(self.tm_create),
            tm_update: self.tm_update,
            tm_delete: None,
        }
    }
}
