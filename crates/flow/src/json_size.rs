//! How large a JSON value is, for bounds on what is kept.

use serde_json::Value;

/// Octets of memory that a value takes, roughly: its texts and a fixed cost per node.
pub(crate) fn json_size(value: &Value) -> usize {
    const NODE: usize = 32;
    NODE + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json_size).sum(),
        Value::Object(entries) => entries.iter().map(|(key, item)| key.len() + json_size(item)).sum(),
    }
}
