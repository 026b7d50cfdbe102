//! The pieces that schemas are built of.

use serde_json::{Map, Value, json};

/// A schema by its name.
pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A UUID; nil when unset.
pub(crate) fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

/// Any text.
pub(crate) fn text() -> Value {
    json!({"type": "string"})
}

/// Text of at most so many characters.
pub(crate) fn short(max: usize) -> Value {
    json!({"type": "string", "maxLength": max})
}

/// One of these words.
pub(crate) fn word(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// A count.
pub(crate) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// Yes or no.
pub(crate) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// A moment, or null when it has not come.
pub(crate) fn moment() -> Value {
    json!({"type": ["string", "null"], "description": "RFC 3339, UTC, six digits of fraction; null when unset"})
}

/// Many of one kind.
pub(crate) fn many(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// The user's own data.
pub(crate) fn free() -> Value {
    json!({"type": "object"})
}

/// Who is called or calls.
pub(crate) fn address() -> Value {
    answer(&[("type", text()), ("target", text()), ("target_name", text()), ("name", text()), ("detail", text())])
}

/// An answer's object: every field is always there.
pub(crate) fn answer(fields: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let mut object = body(fields);
    object["required"] = required.into();
    object
}

/// A request's object: no field must be there.
pub(crate) fn body(fields: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties})
}

/// Names the fields that must be there.
pub(crate) fn required(mut object: Value, names: &[&str]) -> Value {
    object["required"] = names.into();
    object
}

/// The times that every resource has.
pub(crate) fn times() -> [(&'static str, Value); 3] {
    [("tm_create", moment()), ("tm_update", moment()), ("tm_delete", moment())]
}
