//! A run that is owed from before this process began: it follows a recording or an activeflow that ended with the process before.

use std::collections::BTreeMap;

use base::Now;
use flow::{CallView, Machine, NewActiveflow, Reference, ReferenceType, Variables};
use model::{Activeflow, Call, Recording};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Settings;
use crate::recording::variables_of as recording_variables;

/// What such a run is made of, apart from its flow, which is taken as it is when it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwedRun {
    /// The id of its activeflow. It follows from what the run follows, so that the same one is known again.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// The flow that is to run.
    pub flow_id: Uuid,
    /// What it runs for: as if that had ended while it was looked after.
    pub reference_type: ReferenceType,
    /// The id of that; nil if none.
    pub reference_id: Uuid,
    /// The activeflow that it follows; nil if none.
    pub reference_activeflow_id: Uuid,
    /// Position in a chain of on-complete flows.
    pub complete_count: u32,
    /// Its variables. Those that the flow had set are lost with the process.
    pub variables: BTreeMap<String, String>,
}

/// Makes an id of another one: no random octet is lost, and version and variant stay.
const OTHER_ID: u128 = 0x6f77_6564_0066_0000_0072_756e_7300_0000;

impl OwedRun {
    /// The on-end flow of a recording that has ended, if it has one (spec/actions.md `recording_start`).
    pub fn on_end(recording: &Recording) -> Option<OwedRun> {
        (!recording.on_end_flow_id.is_nil()).then(|| OwedRun {
            id: Uuid::from_u128(recording.id.as_u128() ^ OTHER_ID),
            customer_id: recording.customer_id,
            flow_id: recording.on_end_flow_id,
            reference_type: ReferenceType::None,
            reference_id: Uuid::nil(),
            reference_activeflow_id: recording.activeflow_id,
            complete_count: 0,
            variables: recording_variables(recording).into(),
        })
    }

    /// The on-complete flow of an activeflow that has ended, if it has one (spec/flow.md §6). `call` is the one that it ran for,
    /// `recording` what was recorded of it last, `complete_count` its own position in its chain.
    pub fn on_complete(
        ended: &Activeflow,
        call: Option<&Call>,
        recording: Option<&Recording>,
        complete_count: u32,
    ) -> Option<OwedRun> {
        if ended.on_complete_flow_id.is_nil() {
            return None;
        }
        let mut variables = BTreeMap::new();
        if let Some(call) = call {
            let reference = Reference { kind: ReferenceType::Call, id: call.id };
            let new = NewActiveflow { id: ended.id, flow_id: ended.flow_id, reference, ..NewActiveflow::default() };
            let mut as_it_began = Machine::new(Now::default(), new, &CallView::of(call));
            let made = as_it_began.take_variables();
            variables.extend(made.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        variables.extend(recording.into_iter().flat_map(recording_variables));
        Some(OwedRun {
            id: Uuid::from_u128(ended.id.as_u128() ^ OTHER_ID),
            customer_id: ended.customer_id,
            flow_id: ended.on_complete_flow_id,
            reference_type: ended.reference_type,
            reference_id: ended.reference_id,
            reference_activeflow_id: ended.id,
            complete_count: complete_count + 1,
            variables,
        })
    }

    /// The run of `flow`.
    pub(crate) fn of_flow(&self, flow: &model::Flow, settings: &Settings) -> NewActiveflow {
        let mut variables = Variables::default();
        for (key, value) in &self.variables {
            // Few and short: no limit can forbid them.
            let _ = variables.set(key, value.as_str());
        }
        NewActiveflow {
            id: self.id,
            customer_id: flow.customer_id,
            flow_id: flow.id,
            actions: flow.actions.clone(),
            on_complete_flow_id: flow.on_complete_flow_id,
            reference: Reference { kind: self.reference_type, id: self.reference_id },
            reference_activeflow_id: self.reference_activeflow_id,
            inherited: Some(variables),
            complete_count: self.complete_count,
            settings: settings.flow(),
            ..NewActiveflow::default()
        }
    }
}
