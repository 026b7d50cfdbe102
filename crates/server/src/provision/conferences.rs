//! One entry of `conferences`.

use model::{CONFERENCE_TIMEOUT_MAX_S, Conference, ConferenceBody, ConferenceType, conference_flow};
use serde_json::Value;
use uuid::Uuid;

use super::file::File;
use super::ids::{default_customer, derived_id};
use super::{Assembly, Link};

/// All keys of a conference (spec/resources.md §7); those that only an answer has are ignored without a word.
const KEYS: [&str; 23] = [
    "id",
    "type",
    "name",
    "detail",
    "data",
    "timeout",
    "pre_flow_id",
    "post_flow_id",
    "pre_actions",
    "post_actions",
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
        let mut body: ConferenceBody = match file.typed(path, entry) {
            Ok(body) => body,
            Err(fault) => return self.faults.push(fault),
        };
        if body.kind == ConferenceType::Queue {
            let what = "found \"queue\", which is for the server itself, allowed: conference, connect";
            return self.faults.push(file.fault(&format!("{path}.type"), what));
        }
        if body.timeout > CONFERENCE_TIMEOUT_MAX_S {
            let what = format!("found {}, allowed: seconds up to {CONFERENCE_TIMEOUT_MAX_S}; 0: never", body.timeout);
            return self.faults.push(file.fault(&format!("{path}.timeout"), what));
        }
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
        let (pre, post) = (body.pre_actions.take(), body.post_actions.take());
        let mut conference = body.into_conference(id, bridge, default_customer(), self.now);
        conference.pre_flow_id = self.flow_of(file, path, "pre_actions", &pre, &conference, conference.pre_flow_id);
        conference.post_flow_id = self.flow_of(file, path, "post_actions", &post, &conference, conference.post_flow_id);
        self.result.conferences.insert(id, conference);
    }

    /// The id of the flow that is made of actions of the older form; `flow_id` if there are none, or if it names one.
    fn flow_of(
        &mut self,
        file: &'a File,
        path: &str,
        key: &str,
        actions: &Value,
        conference: &Conference,
        flow_id: Uuid,
    ) -> Uuid {
        if actions.is_null() || actions.as_array().is_some_and(Vec::is_empty) {
            return flow_id;
        }
        let id = derived_id("conferences", &format!("{}/{key}", conference.id));
        let Some(actions) = self.actions(file, &format!("{path}.{key}"), actions, id, flow::verify_in_call) else {
            return flow_id;
        };
        if !flow_id.is_nil() {
            return flow_id;
        }
        self.result.flows.insert(id, conference_flow(id, conference, actions, String::new()));
        id
    }
}
