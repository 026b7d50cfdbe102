//! One entry of `conferences`.

use model::ConferenceBody;
use serde_json::Value;

use super::file::File;
use super::ids::{default_customer, derived_id};
use super::{Assembly, Link};

/// All keys of a conference (spec/resources.md §7); those that only an answer has are ignored without a word.
const KEYS: [&str; 21] = [
    "id",
    "type",
    "name",
    "detail",
    "data",
    "timeout",
    "pre_flow_id",
    "post_flow_id",
    "customer_id",
    "status",
    "confbridge_id",
    "conferencecall_ids",
    "recording_id",
    "recording_ids",
    "transcribe_id",
    "transcribe_ids",
    "direct_hash",
    "tm_end",
    "tm_create",
    "tm_update",
    "tm_delete",
];

impl<'a> Assembly<'a> {
    pub(super) fn conference(&mut self, file: &'a File, path: &str, entry: &Value) {
        let body: ConferenceBody = match file.typed(path, entry) {
            Ok(body) => body,
            Err(fault) => return self.faults.push(fault),
        };
        if body.id.is_nil() && body.name.is_empty() {
            let what = "found neither, allowed: an `id`, or a `name` from which the id follows";
            return self.faults.push(file.fault(path, what));
        }
        let id = if body.id.is_nil() { derived_id("conferences", &body.name) } else { body.id };
        if !self.claim(file, path, format!("conference {id}"), &format!("the conference {id}")) {
            return;
        }
        self.warn_of_unknown(file, path, entry, &KEYS);
        for (key, target) in [("pre_flow_id", body.pre_flow_id), ("post_flow_id", body.post_flow_id)] {
            self.links.push(Link { file, path: format!("{path}.{key}"), target });
        }
        let bridge = derived_id("confbridges", &id.to_string());
        let conference = body.into_conference(id, bridge, default_customer(), self.now);
        self.result.conferences.insert(id, conference);
    }
}
