//! Provisioning: flows, numbers, phones, conferences and access from JSON files, applied at start and on reload.
//!
//! A file is an object of arrays, named as the REST collections; an entry is the body of the POST and may have an `id`.
//! Reading the same files again gives the same resources with the same ids, so doing it twice changes nothing.

mod access;
mod check;
mod conferences;
mod error;
mod extensions;
mod file;
mod flows;
mod ids;
mod locate;
mod numbers;
mod rounds;
mod sounds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Conference, Customer, ExtensionBody, Flow, Number, Timestamp};
use serde_json::Value;
use uuid::Uuid;

pub use access::{ProvisionedAgent, ProvisionedKey};
pub use check::{Checked, check};
pub use error::{Fault, ProvisionError};
pub use ids::{default_customer, derived_id};

use file::File;
use rounds::Fetch;

/// The collections that a file may have and this server does not support yet.
const NOT_YET: [&str; 5] = ["trunks", "providers", "routes", "queues", "tags"];
/// Those that it supports, for messages.
const SUPPORTED: &str = "flows, numbers, extensions, conferences, accesskeys, agents, customers";

/// Whether a file may have this collection, or might with a later server.
fn is_collection(key: &str) -> bool {
    NOT_YET.contains(&key) || SUPPORTED.split(", ").any(|known| known == key)
}

/// What the files provide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provisioned {
    /// Flows by id.
    pub flows: BTreeMap<Uuid, Flow>,
    /// Numbers by the exact user part that is dialled.
    pub numbers: BTreeMap<String, Number>,
    /// Phones' accounts by extension; the password as in the file, empty where one is to be made.
    pub extensions: BTreeMap<String, ExtensionBody>,
    /// Conferences by id.
    pub conferences: BTreeMap<Uuid, Conference>,
    /// Keys for programs.
    pub accesskeys: Vec<ProvisionedKey>,
    /// People who log in.
    pub agents: Vec<ProvisionedAgent>,
    /// The customer, if a file says something about it.
    pub customer: Option<Customer>,
    /// What is probably not meant so, for the log.
    pub warnings: Vec<Fault>,
}

/// Reads `files` in their order. `now` becomes the time of creation.
///
/// # Errors
/// All faults of all files; then nothing is to be applied.
pub fn load(files: &[PathBuf], now: Timestamp) -> Result<Provisioned, ProvisionError> {
    let mut faults = Vec::new();
    let read: Vec<_> =
        files.iter().filter_map(|name| File::read(name).map_err(|fault| faults.push(fault)).ok()).collect();
    let mut assembly = Assembly::new(now, faults);
    read.iter().for_each(|(file, content)| assembly.file(file, content));
    assembly.finish()
}

/// [`load()`] of one text instead of files.
///
/// # Errors
/// All faults.
pub fn parse(name: &Path, text: &str, now: Timestamp) -> Result<Provisioned, ProvisionError> {
    let file = File::parse(name, text.to_owned()).map_err(|fault| ProvisionError(vec![fault]))?;
    let mut assembly = Assembly::new(now, Vec::new());
    assembly.file(&file.0, &file.1);
    assembly.finish()
}

/// The resources so far.
struct Assembly<'a> {
    now: Timestamp,
    result: Provisioned,
    faults: Vec<Fault>,
    /// What may well be meant so: only `flowswitch check` tells of it.
    hints: Vec<Fault>,
    /// Where each flow (by id) and number (by itself) stands, to name both places of a double.
    places: BTreeMap<String, (&'a File, String)>,
    /// References to flows, checked when all flows are known.
    links: Vec<Link<'a>>,
    /// Flows that are run by other flows.
    fetches: Vec<Fetch<'a>>,
    /// Where sounds that are files are looked for; none: nowhere.
    media: Option<&'a Path>,
}

/// `path` names the flow `target`.
struct Link<'a> {
    file: &'a File,
    path: String,
    target: Uuid,
}

impl<'a> Assembly<'a> {
    fn new(now: Timestamp, faults: Vec<Fault>) -> Assembly<'a> {
        Assembly {
            now,
            result: Provisioned::default(),
            faults,
            hints: Vec::new(),
            places: BTreeMap::new(),
            links: Vec::new(),
            fetches: Vec::new(),
            media: None,
        }
    }

    fn finish(mut self) -> Result<Provisioned, ProvisionError> {
        self.check_links();
        self.check_rounds();
        if self.faults.is_empty() { Ok(self.result) } else { Err(ProvisionError(self.faults)) }
    }

    fn file(&mut self, file: &'a File, content: &Value) {
        let Value::Object(collections) = content else {
            let what = format!("found {}, allowed: an object of arrays such as `flows`", file::found(content));
            return self.faults.push(file.fault("", what));
        };
        for (collection, entries) in collections {
            self.collection(file, collection, entries);
        }
    }

    fn collection(&mut self, file: &'a File, collection: &str, entries: &Value) {
        let read: fn(&mut Self, &'a File, &str, &Value) = match collection {
            "flows" => Self::flow,
            "numbers" => Self::number,
            "extensions" => Self::extension,
            "conferences" => Self::conference,
            "accesskeys" => Self::accesskey,
            "agents" => Self::agent,
            "customers" => Self::customer,
            _ if NOT_YET.contains(&collection) => {
                let what = format!("not yet supported: {collection}; allowed: {SUPPORTED}");
                return self.faults.push(file.fault(collection, what));
            }
            _ => {
                let what = format!("found the unknown collection {collection:?}, allowed: {SUPPORTED}");
                return self.faults.push(file.fault(collection, what));
            }
        };
        let Value::Array(entries) = entries else {
            let what = format!("found {}, allowed: an array of objects", file::found(entries));
            return self.faults.push(file.fault(collection, what));
        };
        for (index, entry) in entries.iter().enumerate() {
            read(self, file, &format!("{collection}[{index}]"), entry);
        }
    }

    /// Notes where `key` stands. False, with a fault, if it stands somewhere else already.
    fn claim(&mut self, file: &'a File, path: &str, key: String, what: &str) -> bool {
        if let Some((first, at)) = self.places.get(&key) {
            let first = first.place(at);
            let what = format!("found {what} a second time, allowed: once; the first is in {first}");
            self.faults.push(file.fault(path, what));
            return false;
        }
        self.places.insert(key, (file, path.to_owned()));
        true
    }

    /// Keys that have no meaning are probably misspelt.
    fn warn_of_unknown(&mut self, file: &File, path: &str, entry: &Value, known: &[&str]) {
        for key in entry.as_object().into_iter().flatten().map(|(key, _)| key) {
            if !known.contains(&key.as_str()) {
                let warning = file.fault(&format!("{path}.{key}"), "has no meaning and is ignored");
                self.result.warnings.push(warning);
            }
        }
    }

    fn check_links(&mut self) {
        for Link { file, path, target } in std::mem::take(&mut self.links) {
            if !target.is_nil() && !self.result.flows.contains_key(&target) {
                let known = self.result.flows.iter().take(10).map(|(id, flow)| format!("{id} ({})", flow.name));
                let known = known.collect::<Vec<_>>().join(", ");
                let what = format!("found {target}, allowed: the id of a provisioned flow; there are: {known}");
                self.faults.push(file.fault(&path, what));
            }
        }
    }
}

#[cfg(test)]
mod tests;
