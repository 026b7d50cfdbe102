//! What `flowswitch check` finds in files, before a server is asked to take them.

use std::path::{Path, PathBuf};

use base::Random;
use model::{FlowBody, Timestamp};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::error::Fault;
use super::file::File;
use super::ids::seed_of;
use super::{Assembly, Provisioned};

/// The outcome for all files together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checked {
    /// Flows and bare arrays of actions that were looked at.
    pub flows: usize,
    /// Numbers that were looked at.
    pub numbers: usize,
    /// What would be refused, or fails or does nothing when the flow runs.
    pub faults: Vec<Fault>,
    /// What is probably not meant so.
    pub warnings: Vec<Fault>,
    /// What may well be meant so.
    pub hints: Vec<Fault>,
}

/// Looks at `files`, each a bare array of actions, one flow (an object with `actions`), or provisioning. Files of
/// provisioning count together: a number in one may lead to a flow in another. Sounds that are files are looked for in `media`, the
/// folder of sounds, if it is known.
pub fn check(files: &[PathBuf], media: Option<&Path>) -> Checked {
    let mut faults = Vec::new();
    let read: Vec<_> =
        files.iter().filter_map(|name| File::read(name).map_err(|fault| faults.push(fault)).ok()).collect();
    let mut assembly = Assembly { media, ..Assembly::new(Timestamp::default(), faults) };
    let mut single = 0;
    for (file, content) in &read {
        let (path, actions) = match content {
            Value::Array(_) => ("", content),
            Value::Object(flow) if flow.contains_key("actions") => {
                if let Err(fault) = file.typed::<FlowBody>("", content) {
                    assembly.faults.push(fault);
                }
                ("actions", &flow["actions"])
            }
            _ => {
                assembly.file(file, content);
                continue;
            }
        };
        single += 1;
        assembly.actions(file, path, actions, Random::from_seed(seed_of(Uuid::nil())));
    }
    assembly.check_links();
    let Assembly { result: Provisioned { flows, numbers, warnings, .. }, mut faults, hints, .. } = assembly;
    let (mistakes, warnings): (Vec<_>, Vec<_>) = warnings.into_iter().partition(|warning| warning.is_mistake);
    faults.extend(mistakes);
    Checked { flows: single + flows.len(), numbers: numbers.len(), faults, warnings, hints }
}
