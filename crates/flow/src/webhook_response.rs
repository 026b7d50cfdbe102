//! The variables that the response to a `webhook_send` sets (spec/flow.md §10.1).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::parse;
use crate::variables::{VariableRefused, Variables};

/// The status as a decimal number, `0` without an answer.
pub(crate) const STATUS_CODE: &str = "voipbin.webhook.status_code";
/// The beginning of the body.
pub(crate) const BODY: &str = "voipbin.webhook.body";

/// The leaves of a JSON object by their paths; none when the body is something else. Those of the server are dropped.
///
/// # Errors
/// One response may set as much as the initial variables of a request (spec/flow.md §5.6).
pub(crate) fn leaves(body: &[u8]) -> Result<BTreeMap<String, String>, VariableRefused> {
    let mut leaves = Leaves::default();
    if let Ok(Value::Object(object)) = parse(body) {
        for (key, value) in &object {
            leaves.walk(key.clone(), value)?;
        }
    }
    Ok(leaves.found)
}

#[derive(Default)]
struct Leaves {
    found: BTreeMap<String, String>,
    bytes: usize,
}

impl Leaves {
    fn walk(&mut self, path: String, value: &Value) -> Result<(), VariableRefused> {
        // All that is below is the server's, too.
        if path.to_lowercase().starts_with("voipbin.") {
            return Ok(());
        }
        match value {
            Value::String(text) => self.add(path, text.clone()),
            Value::Bool(_) | Value::Number(_) => self.add(path, value.to_string()),
            Value::Null => self.add(path, String::new()),
            Value::Object(entries) => {
                entries.iter().try_for_each(|(key, inner)| self.walk(format!("{path}.{key}"), inner))
            }
            Value::Array(items) => {
                self.add(path.clone(), value.to_string())?;
                items.iter().enumerate().try_for_each(|(i, inner)| self.walk(format!("{path}.{i}"), inner))
            }
        }
    }

    fn add(&mut self, path: String, value: String) -> Result<(), VariableRefused> {
        if path.is_empty() {
            return Ok(());
        }
        if value.len() > Variables::MAX_VALUE_BYTES {
            return Err(VariableRefused::Value { bytes: value.len() });
        }
        self.bytes += path.len() + value.len();
        if self.bytes > Variables::MAX_TOTAL_BYTES {
            return Err(VariableRefused::Total);
        }
        self.found.insert(path, value);
        if self.found.len() > Variables::MAX_INITIAL_KEYS {
            return Err(VariableRefused::Response);
        }
        Ok(())
    }
}

/// As much of the body as fits into a variable; what is no UTF-8 is replaced.
pub(crate) fn shown(body: &[u8]) -> String {
    let beginning = &body[..body.len().min(Variables::MAX_VALUE_BYTES)];
    let mut text = String::from_utf8_lossy(beginning).into_owned();
    // A replacement is longer than what it replaces.
    let mut end = text.len().min(Variables::MAX_VALUE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Vec<(String, String)> {
        leaves(value.to_string().as_bytes()).unwrap().into_iter().collect()
    }

    #[test]
    fn leaves_are_named_by_their_paths() {
        let body = json!({
            "customer": {"name": "Ann", "tier": "vip"}, "n": 1.5, "ok": true, "none": null, "empty": {},
            "list": ["a", {"b": 2}], "": "x", "VoipBin.call.id": "me", "voipbin": {"call": {"digits": "1"}}, "voipbins": 1,
        });
        let found = of(&body);
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            found,
            [
                ("customer.name", "Ann"),
                ("customer.tier", "vip"),
                ("list", r#"["a",{"b":2}]"#),
                ("list.0", "a"),
                ("list.1.b", "2"),
                ("n", "1.5"),
                ("none", ""),
                ("ok", "true"),
                ("voipbins", "1"),
            ]
        );
    }

    #[test]
    fn what_is_no_object_sets_nothing() {
        for body in ["", "[1]", "\"x\"", "{", "null", "<html>"] {
            assert_eq!(leaves(body.as_bytes()), Ok(BTreeMap::new()), "{body}");
        }
    }

    #[test]
    fn a_response_has_the_limits_of_initial_variables() {
        let many = |n: usize| (0..n).map(|i| (format!("k{i}"), json!("v"))).collect::<serde_json::Map<_, _>>();
        assert_eq!(of(&Value::Object(many(100))).len(), 100);
        let refused = |value: Value| leaves(value.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused(Value::Object(many(101))), VariableRefused::Response);
        assert_eq!(refused(json!({"a": "x".repeat(40_000)})), VariableRefused::Value { bytes: 40_000 });
        let big = "x".repeat(30_000);
        assert_eq!(refused(json!({"a": big, "b": big, "c": big})), VariableRefused::Total);
        assert_eq!(refused(json!({"a": [big, big]})), VariableRefused::Value { bytes: 60_007 });
    }

    #[test]
    fn the_body_is_shortened_between_characters() {
        assert_eq!(shown(b"ok"), "ok");
        assert_eq!(shown("ü".repeat(20_000).as_bytes()), "ü".repeat(16_384));
        let odd = shown(format!("x{}", "ü".repeat(20_000)).as_bytes());
        assert!(odd.len() <= Variables::MAX_VALUE_BYTES && odd.ends_with('ü'), "{}", odd.len());
        assert!(shown(&[0xff; 40_000]).len() <= Variables::MAX_VALUE_BYTES);
    }
}
