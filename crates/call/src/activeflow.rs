//! What runs of flows have in common, with a call and without: flows that are looked up, and HTTP.

use std::sync::Arc;

use base::{CellId, Now};
use flow::{ActiveflowStatus, Event as FlowEvent, HttpRequest, Machine, NewActiveflow};
use model::{LogEntry, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::context::{Act, Context, Subject};

/// An HTTP request of an activeflow (spec/flow.md §10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpJob {
    /// Who asks.
    pub cell: CellId,
    /// For which step; comes back.
    pub step: u64,
    /// Whose secret signs it.
    pub customer_id: Uuid,
    /// The call, for the log; nil if there is none.
    pub call_id: Uuid,
    /// The activeflow, for the log.
    pub activeflow_id: Uuid,
    /// The request itself.
    pub request: HttpRequest,
    /// Whether [`crate::Input::Http`] is wanted; else only [`crate::Input::WebhookFailed`].
    pub wait: bool,
}

pub(crate) fn http(cell: CellId, subject: Subject, step: u64, request: HttpRequest, wait: bool) -> HttpJob {
    let Subject { customer_id, call_id, activeflow_id } = subject;
    HttpJob { cell, step, customer_id, call_id, activeflow_id, request, wait }
}

/// The flow that `fetch_flow` names, as it is at this moment.
pub(crate) fn find_flow(context: &Context<'_>, step: u64, flow_id: Uuid) -> FlowEvent {
    match context.snapshot.flows.get(&flow_id).filter(|flow| flow.customer_id == context.subject.customer_id) {
        Some(flow) => FlowEvent::FlowFound { step, actions: flow.actions.clone() },
        None => FlowEvent::FlowMissing { step, reason: format!("there is no flow {flow_id}") },
    }
}

/// An activeflow has ended: what it leaves behind can be looked at for a while.
pub(crate) fn ended(context: &mut Context<'_>, flow: &mut Machine, on_complete: bool) {
    // The one that follows goes on with them.
    let variables = if on_complete { flow.variables().clone() } else { flow.take_variables() };
    context.act(Act::FlowEnded(flow.id(), Box::new(variables)));
}

/// What follows an ended activeflow; in words why nothing does.
pub(crate) fn on_complete(
    context: &mut Context<'_>,
    ended: &mut Machine,
    flow_id: Uuid,
) -> Result<NewActiveflow, String> {
    let flow = context.snapshot.flows.get(&flow_id).filter(|flow| flow.customer_id == ended.customer_id());
    let flow = flow.ok_or("there is no such flow")?;
    let id = model::random_id(context.random);
    NewActiveflow::on_complete(ended, id, flow).map_err(|error| error.to_string())
}

/// The end of an activeflow whose cell is being dropped because its handler panicked; none if it has ended already.
pub(crate) fn last_words(flow: &Machine, subject: Subject, now: Now) -> Option<LogEntry> {
    if flow.status() == ActiveflowStatus::Ended {
        return None;
    }
    let mut activeflow = flow.to_activeflow();
    activeflow.status = ActiveflowStatus::Ended;
    activeflow.tm_update = Some(Timestamp::from_us(now.wall_us));
    Some(subject.event(now, "activeflow_updated", Resource::Activeflow(Arc::new(activeflow))))
}
