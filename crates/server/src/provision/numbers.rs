//! One entry of `numbers`.

use model::{NUMBER_FORM, NumberBody, VIRTUAL_PREFIX, is_number};
use serde_json::Value;

use super::file::{File, found};
use super::ids::{default_customer, derived_id};
use super::{Assembly, Link};

/// All keys of a number (spec/resources.md §9); those that only an answer has are ignored without a word.
const KEYS: [&str; 17] = [
    "id",
    "number",
    "type",
    "call_flow_id",
    "message_flow_id",
    "name",
    "detail",
    "customer_id",
    "status",
    "t38_enabled",
    "emergency_enabled",
    "metadata",
    "tm_purchase",
    "tm_renew",
    "tm_create",
    "tm_update",
    "tm_delete",
];

impl<'a> Assembly<'a> {
    pub(super) fn number(&mut self, file: &'a File, path: &str, entry: &Value) {
        let body: NumberBody = match file.typed(path, entry) {
            Ok(body) => body,
            Err(fault) => return self.faults.push(fault),
        };
        let at = format!("{path}.number");
        let was = || entry.get("number").map_or("nothing".to_owned(), found);
        if !is_number(&body.number) {
            return self.faults.push(file.fault(&at, format!("found {}, allowed: {NUMBER_FORM}", was())));
        }
        if !body.kind.allows(&body.number) {
            let what = format!("found the virtual number {}, allowed: one that begins with {VIRTUAL_PREFIX}", was());
            return self.faults.push(file.fault(&at, what));
        }
        if !self.claim(file, path, format!("number {}", body.number), &format!("the number {}", body.number)) {
            return;
        }
        self.warn_of_unknown(file, path, entry, &KEYS);
        if body.call_flow_id.is_nil() {
            self.result.warnings.push(file.fault(path, "has no call_flow_id, calls to it will get 404"));
        }
        for (key, target) in [("call_flow_id", body.call_flow_id), ("message_flow_id", body.message_flow_id)] {
            self.links.push(Link { file, path: format!("{path}.{key}"), target });
        }
        let id = derived_id("numbers", &body.number);
        let number = body.into_number(id, default_customer(), self.now);
        self.result.numbers.insert(number.number.clone(), number);
    }
}
