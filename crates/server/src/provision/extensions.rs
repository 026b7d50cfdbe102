//! One entry of `extensions`: a phone's account.

use model::{EXTENSION_FORM, ExtensionBody, PASSWORD_MAX, is_extension};
use serde_json::Value;

use super::Assembly;
use super::file::{File, found};
use super::ids::derived_id;

/// All keys of an extension (spec/resources.md §9); those that only an answer has are ignored without a word.
const KEYS: [&str; 12] = [
    "id",
    "extension",
    "password",
    "name",
    "detail",
    "customer_id",
    "domain_name",
    "username",
    "direct_hash",
    "tm_create",
    "tm_update",
    "tm_delete",
];

impl<'a> Assembly<'a> {
    pub(super) fn extension(&mut self, file: &'a File, path: &str, entry: &Value) {
        let mut body: ExtensionBody = match file.typed(path, entry) {
            Ok(body) => body,
            Err(fault) => return self.faults.push(fault),
        };
        if !is_extension(&body.extension) {
            let at = format!("{path}.extension");
            let was = entry.get("extension").map_or("nothing".to_owned(), found);
            return self.faults.push(file.fault(&at, format!("found {was}, allowed: {EXTENSION_FORM}")));
        }
        if body.password.len() > PASSWORD_MAX {
            let what = format!("found {} bytes, allowed: at most {PASSWORD_MAX}", body.password.len());
            return self.faults.push(file.fault(&format!("{path}.password"), what));
        }
        let name = format!("the extension {}", body.extension);
        if !self.claim(file, path, format!("extension {}", body.extension), &name) {
            return;
        }
        self.warn_of_unknown(file, path, entry, &KEYS);
        if body.id.is_nil() {
            body.id = derived_id("extensions", &body.extension);
        }
        if !self.claim(file, path, format!("extension's id {}", body.id), &format!("the id {}", body.id)) {
            return;
        }
        self.result.extensions.insert(body.extension.clone(), body);
    }
}
