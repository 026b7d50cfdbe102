//! One entry of `extensions`: a phone's account.

use model::ExtensionBody;
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
            let what = format!("found {was}, allowed: 1 to 64 letters, digits and . - _ + * #");
            return self.faults.push(file.fault(&at, what));
        }
        let name = format!("the extension {}", body.extension);
        if !self.claim(file, path, format!("extension {}", body.extension), &name) {
            return;
        }
        self.warn_of_unknown(file, path, entry, &KEYS);
        if body.id.is_nil() {
            body.id = derived_id("extensions", &body.extension);
        }
        self.result.extensions.insert(body.extension.clone(), body);
    }
}

/// What a phone can register as and others can dial.
pub(super) fn is_extension(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_+*#".contains(c))
}
