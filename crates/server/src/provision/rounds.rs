//! Flows that run one another by `fetch_flow` without end.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Assembly;
use super::file::File;

/// Most flows that a message names.
const NAMED: usize = 6;

/// `path` in the flow `from` runs the flow `to`.
pub(super) struct Fetch<'a> {
    pub(super) file: &'a File,
    pub(super) path: String,
    pub(super) from: Uuid,
    pub(super) to: Uuid,
}

impl Assembly<'_> {
    /// Warns of each `fetch_flow` that leads back to a flow which is running already. Each round is told once.
    pub(super) fn check_rounds(&mut self) {
        let mut by_flow: BTreeMap<Uuid, Vec<&Fetch<'_>>> = BTreeMap::new();
        for fetch in self.fetches.iter().filter(|fetch| !fetch.from.is_nil()) {
            by_flow.entry(fetch.from).or_default().push(fetch);
        }
        let mut warnings = Vec::new();
        let mut seen = BTreeSet::new();
        for start in by_flow.keys() {
            // The flows that run one another just now, and how many fetches of each were followed.
            let mut running = vec![(*start, 0)];
            while let Some((flow, followed)) = running.last_mut().filter(|(flow, _)| !seen.contains(flow)) {
                let Some(fetch) = by_flow.get(flow).and_then(|fetches| fetches.get(*followed)) else {
                    seen.insert(*flow);
                    running.pop();
                    continue;
                };
                *followed += 1;
                match running.iter().position(|(flow, _)| *flow == fetch.to) {
                    Some(first) => {
                        let what = self.told(running[first..].iter().map(|(flow, _)| *flow), fetch.to);
                        let expected = "`next_id` or `goto`, to go round within one flow".to_owned();
                        warnings.push(fetch.file.finding(&fetch.path, what, expected));
                    }
                    None if seen.contains(&fetch.to) => {}
                    None => running.push((fetch.to, 0)),
                }
            }
        }
        self.result.warnings.extend(warnings);
    }

    fn told(&self, round: impl Iterator<Item = Uuid>, back_to: Uuid) -> String {
        let name = |id: Uuid| match self.result.flows.get(&id).map(|flow| flow.name.clone()) {
            Some(name) if !name.is_empty() => name,
            _ => id.to_string(),
        };
        let mut names: Vec<_> = round.map(name).collect();
        if names.len() > NAMED {
            names.truncate(NAMED);
            names.push("…".to_owned());
        }
        names.push(name(back_to));
        format!(
            "a flow runs itself once more within itself ({}): behind 100 such steps it would end",
            names.join(" → ")
        )
    }
}
