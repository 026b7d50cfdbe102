//! What `flowswitch check` finds in files, before a server is asked to take them.

use std::path::{Path, PathBuf};

use model::{FlowBody, Timestamp};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::error::Fault;
use super::file::{File, found};
use super::{Assembly, Provisioned, is_collection};

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

/// What a file may be.
const KNOWN: &str = "an array of actions; a flow, which is an object with `actions`; or provisioning, an object of arrays: flows, \
    numbers, extensions, conferences, accesskeys, agents, customers";

/// What was found, if it is nothing that could be checked.
fn nothing_known(content: &Value) -> Option<String> {
    let Value::Object(fields) = content else {
        return Some(format!("found {}", found(content)));
    };
    let is_provisioning = fields.keys().any(|key| is_collection(key));
    if is_provisioning || fields.is_empty() {
        return None;
    }
    if fields.contains_key("type") {
        return Some("found one action, or another object, that is in no array".to_owned());
    }
    let keys: Vec<_> = fields.keys().take(5).map(|key| format!("{key:?}")).collect();
    Some(format!("found an object that is neither a flow nor provisioning: it has {}", keys.join(", ")))
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
        let (path, actions, id) = match content {
            Value::Array(_) => ("", content, Uuid::nil()),
            Value::Object(flow) if flow.contains_key("actions") => {
                let id = file.typed::<FlowBody>("", content).map(|flow| flow.id);
                ("actions", &flow["actions"], id.map_err(|fault| assembly.faults.push(fault)).unwrap_or_default())
            }
            other => {
                match nothing_known(other) {
                    Some(what) => assembly.faults.push(file.finding("", what, KNOWN.to_owned())),
                    None => assembly.file(file, content),
                }
                continue;
            }
        };
        single += 1;
        assembly.actions(file, path, actions, id, flow::verify);
    }
    assembly.check_links();
    assembly.check_rounds();
    let Assembly { result: Provisioned { flows, numbers, warnings, .. }, mut faults, hints, .. } = assembly;
    let (mistakes, warnings): (Vec<_>, Vec<_>) = warnings.into_iter().partition(|warning| warning.is_mistake);
    faults.extend(mistakes);
    Checked { flows: single + flows.len(), numbers: numbers.len(), faults, warnings, hints }
}
