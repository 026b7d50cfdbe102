//! The flows that an array runs by `fetch_flow`.

use model::Action;
use uuid::Uuid;

use crate::action::option::OptionReader;
use crate::action::{Kind, Known, known};

/// The flows that `fetch_flow` actions of an array name, each with its place, such as `actions[2].option.flow_id`. What has a
/// variable in it is known only when the flow runs, and left out.
pub fn fetched_flows(actions: &[Action]) -> Vec<(String, Uuid)> {
    let fetches =
        actions.iter().enumerate().filter(|(_, action)| known(&action.kind) == Known::Supported(Kind::FetchFlow));
    let named = fetches.filter_map(|(at, action)| {
        let flow_id = OptionReader::verifying(action.option.as_ref()).ok()?.uuid("flow_id").ok()??;
        Some((format!("actions[{at}].option.flow_id"), flow_id))
    });
    named.collect()
}
