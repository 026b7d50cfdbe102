//! Why JSON does not fit a type, in words of JSON: serde's messages speak of the types of Rust.

/// What was found and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// As it would be written; empty where the message does not say it.
    pub found: String,
    /// Such as `a whole number from 0 to 255`.
    pub allowed: String,
}

impl Mismatch {
    /// Reads a message of serde; none if it is of another form, such as one that was written for users in the first place.
    pub fn read(message: &str) -> Option<Mismatch> {
        if message.starts_with("UUID parsing failed") {
            return Some(Mismatch { found: String::new(), allowed: UUID.to_owned() });
        }
        let (found, expected) = message.rsplit_once(", expected ")?;
        let found = if let Some(word) = found.strip_prefix("unknown variant ") {
            format!("\"{}\"", word.trim_matches('`'))
        } else {
            let unexpected = found.strip_prefix("invalid type: ").or_else(|| found.strip_prefix("invalid value: "))?;
            json(unexpected)
        };
        Some(Mismatch { found, allowed: allowed(expected) })
    }
}

const UUID: &str = "a UUID such as 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0";

/// A value as serde names it, as JSON has it.
fn json(unexpected: &str) -> String {
    match unexpected {
        "map" => "an object".to_owned(),
        "sequence" => "an array".to_owned(),
        "unit value" | "null" => "null".to_owned(),
        other => {
            let value = ["string ", "integer ", "floating point ", "boolean "];
            let value = value.iter().find_map(|kind| other.strip_prefix(kind)).unwrap_or(other);
            value.trim_matches('`').to_owned()
        }
    }
}

fn allowed(expected: &str) -> String {
    let words = match expected {
        "a string" | "string" | "str" | "string or map" | "map with a single key" => "text",
        "a boolean" => "true or false",
        "a map" | "map" => "an object",
        "a sequence" | "sequence" => "an array",
        "f32" | "f64" => "a number",
        "u64" | "usize" => "a whole number that is not negative",
        "i64" | "isize" => "a whole number",
        "a formatted UUID string" => UUID,
        _ => return whole_number(expected).unwrap_or_else(|| others(expected)),
    };
    words.to_owned()
}

fn whole_number(name: &str) -> Option<String> {
    let (low, high) = match name {
        "u8" => (0, i64::from(u8::MAX)),
        "u16" => (0, i64::from(u16::MAX)),
        "u32" => (0, i64::from(u32::MAX)),
        "i8" => (i64::from(i8::MIN), i64::from(i8::MAX)),
        "i16" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "i32" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => return None,
    };
    Some(format!("a whole number from {low} to {high}"))
}

/// Objects, words of a list, and what was written for users.
fn others(expected: &str) -> String {
    if expected.starts_with("struct ") {
        return "an object".to_owned();
    }
    if !expected.contains('`') {
        return expected.to_owned();
    }
    let mut words: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let with_empty = words.contains(&"");
    words.retain(|word| !word.is_empty());
    let listed = words.join(", ");
    match (words.len(), with_empty) {
        (0, _) => "empty".to_owned(),
        (1, false) => listed,
        (1, true) => format!("{listed}, or empty"),
        (_, false) => format!("one of {listed}"),
        (_, true) => format!("one of {listed}, or empty"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::{ConferenceType, NumberType};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Wide {
        small: u8,
        number: u32,
        large: u64,
        id: Uuid,
        text: String,
        is: bool,
        list: Vec<u8>,
        conference: ConferenceType,
        kind: NumberType,
        inner: Option<Box<Wide>>,
    }

    #[test]
    fn what_does_not_fit_is_told_in_words_of_json() {
        let told = |value: Value| {
            let message = serde_json::from_value::<Wide>(value).unwrap_err().to_string();
            let Mismatch { found, allowed } = Mismatch::read(&message).expect(&message);
            (found, allowed)
        };
        for (value, found, allowed) in [
            (json!({"small": 256}), "256", "a whole number from 0 to 255"),
            (json!({"number": -1}), "-1", "a whole number from 0 to 4294967295"),
            (json!({"number": 1.5}), "1.5", "a whole number from 0 to 4294967295"),
            (json!({"large": "a, expected b"}), "\"a, expected b\"", "a whole number that is not negative"),
            (json!({"id": 5}), "5", UUID),
            (json!({"id": "x"}), "", UUID),
            (json!({"text": []}), "an array", "text"),
            (json!({"is": null}), "null", "true or false"),
            (json!({"list": {}}), "an object", "an array"),
            (json!({"conference": "x"}), "\"x\"", "one of conference, connect, queue, or empty"),
            (json!({"conference": 5}), "5", "text"),
            (json!({"kind": "x"}), "\"x\"", "one of normal, virtual"),
            (json!({"inner": true}), "true", "an object"),
        ] {
            assert_eq!(told(value.clone()), (found.to_owned(), allowed.to_owned()), "{value}");
        }
    }

    #[test]
    fn other_messages_are_left_alone() {
        for message in ["the field a is there twice", "missing field `a`", "nothing, expected u8"] {
            assert_eq!(Mismatch::read(message), None);
        }
    }
}
