//! One entry of `flows`.

use base::Random;
use flow::{Problem, Verdict};
use model::{Action, FlowBody};
use serde_json::Value;
use uuid::Uuid;

use super::error::Fault;
use super::file::File;
use super::ids::{default_customer, derived_id, seed_of};
use super::rounds::Fetch;
use super::{Assembly, Link};

/// All keys of a flow (spec/flow.md §2); those that only an answer has are ignored without a word.
const KEYS: [&str; 11] = [
    "id",
    "name",
    "detail",
    "actions",
    "on_complete_flow_id",
    "customer_id",
    "type",
    "direct_hash",
    "tm_create",
    "tm_update",
    "tm_delete",
];

/// All keys of an action (spec/flow.md §1).
const ACTION_KEYS: [&str; 5] = ["id", "next_id", "type", "option", "tm_execute"];

impl<'a> Assembly<'a> {
    pub(super) fn flow(&mut self, file: &'a File, path: &str, entry: &Value) {
        let body: FlowBody = match file.typed(path, entry) {
            Ok(body) => body,
            Err(fault) => return self.faults.push(fault),
        };
        if body.id.is_nil() && body.name.is_empty() {
            let what = "found neither, allowed: an `id`, or a `name` from which the id follows";
            return self.faults.push(file.fault(path, what));
        }
        let id = if body.id.is_nil() { derived_id("flows", &body.name) } else { body.id };
        if !self.claim(file, path, format!("flow {id}"), &format!("the flow {id}")) {
            return;
        }
        self.warn_of_unknown(file, path, entry, &KEYS);
        let Some(actions) = self.actions(file, &format!("{path}.actions"), &body.actions, id, flow::verify) else {
            return;
        };
        let target = body.on_complete_flow_id;
        self.links.push(Link { file, path: format!("{path}.on_complete_flow_id"), target });
        self.result.flows.insert(id, body.into_flow(id, default_customer(), actions, self.now));
    }

    /// The actions at `path` of this flow, read and verified; none where there are faults.
    pub(super) fn actions(
        &mut self,
        file: &'a File,
        path: &str,
        actions: &Value,
        flow_id: Uuid,
        verify: fn(&[Action]) -> Verdict,
    ) -> Option<Vec<Action>> {
        let told = |problem: Problem| {
            // The flow crate's paths begin at `actions`; ours at the top of the file.
            let problem = problem.moved_to(path);
            let found = file.finding(&problem.json_path, problem.what, problem.expected);
            Fault { is_mistake: problem.is_mistake, ..found }
        };
        for (at, action) in actions.as_array().into_iter().flatten().enumerate() {
            self.warn_of_unknown(file, &format!("{path}[{at}]"), action, &ACTION_KEYS);
        }
        match flow::read_actions(actions.clone(), &mut Random::from_seed(seed_of(flow_id))) {
            Ok(actions) => {
                let verdict = verify(&actions);
                let accepted = verdict.is_accepted();
                self.faults.extend(verdict.problems.into_iter().map(told));
                self.result.warnings.extend(verdict.warnings.into_iter().map(told));
                self.hints.extend(verdict.hints.into_iter().map(told));
                for (place, to) in flow::fetched_flows(&actions) {
                    let path = place.replacen("actions", path, 1);
                    self.fetches.push(Fetch { file, path, from: flow_id, to });
                }
                if let Some(folder) = self.media {
                    self.look_for_sounds(file, path, &actions, folder);
                }
                accepted.then_some(actions)
            }
            Err(problems) => {
                self.faults.extend(problems.into_iter().map(told));
                None
            }
        }
    }
}
