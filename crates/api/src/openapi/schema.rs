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

/// Text of one to so many characters.
pub(crate) fn some(max: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": max})
}

/// Text of at most so many characters.
pub(crate) fn short(max: usize) -> Value {
    json!({"type": "string", "maxLength": max})
}

/// Text of at least and at most so many bytes. A schema counts characters: those of up to a quarter are always short enough, and
/// of longer ones those are described that have one byte each.
pub(crate) fn bytes(min: usize, max: usize) -> Value {
    let plain = format!("^[ -~]{{{min},{max}}}$");
    json!({"type": "string", "minLength": min, "anyOf": [{"maxLength": max / 4}, {"pattern": plain}]})
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
    object(fields, &required)
}

/// A request's object. Only those of `required` must be there; the others may be null, which is as good as not there.
pub(crate) fn body(fields: &[(&str, Value)], required: &[&str]) -> Value {
    let mut object = object(fields, required);
    for (name, field) in object["properties"].as_object_mut().into_iter().flatten() {
        if !required.contains(&name.as_str()) {
            *field = or_null(field.take());
        }
    }
    object
}

/// An object of which only some fields are always there.
pub(crate) fn object(fields: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// The same, or null.
fn or_null(mut schema: Value) -> Value {
    if let Some(kind @ Value::String(_)) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}

/// The times that every resource has.
pub(crate) fn times() -> [(&'static str, Value); 3] {
    [("tm_create", moment()), ("tm_update", moment()), ("tm_delete", moment())]
}
