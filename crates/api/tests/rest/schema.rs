//! As much of JSON Schema as the document uses.

use serde_json::Value;

/// What does not fit, by path.
pub(crate) fn misfits(document: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}"));
        return misfits(document, target, value, path);
    }
    let mut found = Vec::new();
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path}: {value} is none of {allowed:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.is_empty() && !types.contains(&kind) {
        found.push(format!("{path}: {value} is {kind}, allowed {types:?}"));
    }
    if schema["format"] == "uuid" && value.as_str().is_none_or(|text| uuid::Uuid::parse_str(text).is_err()) {
        found.push(format!("{path}: {value} is no UUID"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{path}.{name} is missing"));
        }
    }
    let known = schema["properties"].as_object();
    for (name, inner) in known.into_iter().flatten() {
        if let Some(field) = value.get(name) {
            found.extend(misfits(document, inner, field, &format!("{path}.{name}")));
        }
    }
    // An answer's field that the document does not know is a gap in the document.
    if let (Some(known), Some(object)) = (known, value.as_object()) {
        let unknown = object.keys().filter(|name| !known.contains_key(*name));
        found.extend(unknown.map(|name| format!("{path}.{name} is not in the document")));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema.get("items").is_some() {
            found.extend(misfits(document, &schema["items"], item, &format!("{path}[{n}]")));
        }
    }
    found
}
