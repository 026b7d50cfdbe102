//! `${name}` in a JSON text that is sent out (spec/actions.md `webhook_send`): inside a string literal a value is
//! escaped, so that a caller's name with a quote in it cannot break the text.

use serde_json::Value;

use crate::substitute::{Lookup, MAX_BYTES, TooLong, next_reference, substitute_within};

/// Substitutes in the option of a `webhook_send`: in its `data` with escaping if the data type is JSON, elsewhere as
/// always.
pub(crate) fn substitute_request(option: &mut Value, lookup: &dyn Lookup) -> Result<(), TooLong> {
    let mut budget = MAX_BYTES;
    let data = match option.get_mut("data") {
        Some(Value::String(data)) => Some(std::mem::take(data)),
        _ => None,
    };
    substitute_within(option, lookup, &mut budget)?;
    let Some(data) = data else { return Ok(()) };
    let data_type = option.get("data_type").and_then(Value::as_str).unwrap_or_default();
    let mut substituted = Value::String(data);
    if is_json(data_type) {
        if let Value::String(data) = &mut substituted {
            *data = substitute_json(data, lookup, budget)?;
        }
    } else {
        substitute_within(&mut substituted, lookup, &mut budget)?;
    }
    option["data"] = substituted;
    Ok(())
}

/// Whether a media type is that of JSON; an empty one is, as it stands for the default.
fn is_json(data_type: &str) -> bool {
    let essence = data_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json")
}

/// The literal text decides what is inside of a string; a value never opens or closes one.
fn substitute_json(text: &str, lookup: &dyn Lookup, budget: usize) -> Result<String, TooLong> {
    let mut result = String::with_capacity(text.len());
    let (mut rest, mut at) = (text, Literal::default());
    while let Some(reference) = next_reference(rest) {
        let before = &rest[..reference.start];
        at.pass(before);
        result.push_str(before);
        let value = lookup.value(reference.name);
        if at.in_string {
            push_escaped(&mut result, &value);
        } else {
            result.push_str(&value);
        }
        at.escaped = false;
        if result.len() > budget {
            return Err(TooLong);
        }
        rest = &rest[reference.end..];
    }
    result.push_str(rest);
    if result.len() > budget { Err(TooLong) } else { Ok(result) }
}

/// Where in JSON a text has got to.
#[derive(Default)]
struct Literal {
    in_string: bool,
    /// The last character was a backslash that escapes the next.
    escaped: bool,
}

impl Literal {
    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                _ => {}
            }
        }
    }
}

/// RFC 8259 §7: quote, backslash and control characters; the rest stays as it is.
fn push_escaped(result: &mut String, value: &str) {
    let quoted = Value::from(value).to_string();
    result.push_str(&quoted[1..quoted.len() - 1]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn known() -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("name", "A \"B\"\\\n\u{1}ü".to_owned()),
            ("object", "{\"a\": \"b\"}".to_owned()),
            ("type", "application/json".to_owned()),
        ])
    }

    #[test]
    fn values_inside_of_string_literals_are_escaped_by_the_table() {
        for (text, expected) in [
            (r#"{"n": "${name}"}"#, r#"{"n": "A \"B\"\\\n\u0001ü"}"#),
            (r#"{"n": "x${name}y", "m": ${object}}"#, r#"{"n": "xA \"B\"\\\n\u0001üy", "m": {"a": "b"}}"#),
            (r#"{"o": ${object}, "s": "${object}"}"#, r#"{"o": {"a": "b"}, "s": "{\"a\": \"b\"}"}"#),
            (
                r#"{"q": "\"${object}"}"#,
                r#"{"q": "\"{\"a\": \"b\"}"}"#.replace("{\"a\": \"b\"}", "{\\\"a\\\": \\\"b\\\"}").as_str(),
            ),
            (r#"{"q": "\\", "o": ${object}}"#, r#"{"q": "\\", "o": {"a": "b"}}"#),
            (r#"{"${name}": 1}"#, r#"{"A \"B\"\\\n\u0001ü": 1}"#),
            (r#"{"n": "${nope}"}"#, r#"{"n": ""}"#),
            ("${object}", r#"{"a": "b"}"#),
            ("plain ${", "plain ${"),
        ] {
            assert_eq!(substitute_json(text, &known(), MAX_BYTES).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn the_data_type_decides_after_its_own_substitution() {
        for (data_type, escaped) in [
            (json!("application/json"), true),
            (json!("Application/JSON; charset=utf-8"), true),
            (json!("application/vnd.x+json"), true),
            (json!("${type}"), true),
            (json!(""), true),
            (Value::Null, true),
            (json!("text/plain"), false),
            (json!("application/jsonp"), false),
        ] {
            let mut option = json!({"uri": "${type}", "data": "\"${name}\"", "data_type": data_type});
            substitute_request(&mut option, &known()).unwrap();
            let expected = if escaped { r#""A \"B\"\\\n\u0001ü""# } else { "\"A \"B\"\\\n\u{1}ü\"" };
            assert_eq!(
                (&option["data"], &option["uri"]),
                (&json!(expected), &json!("application/json")),
                "{data_type}"
            );
        }
    }

    #[test]
    fn data_cannot_grow_without_bound_and_may_be_something_else() {
        let lookup = BTreeMap::from([("v", "\"".repeat(32 * 1024))]);
        let mut fits = json!({"data": "\"${v}\"".repeat(15)});
        assert_eq!(substitute_request(&mut fits, &lookup), Ok(()));
        let mut too_long = json!({"data": "\"${v}\"".repeat(17)});
        assert_eq!(substitute_request(&mut too_long, &lookup), Err(TooLong));
        for mut other in [json!({"data": {"x": "${nope}"}}), json!({}), json!(5), json!(null), json!(["${nope}"])] {
            assert_eq!(substitute_request(&mut other, &lookup), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn json_stays_json_whatever_the_value_is(value in ".{0,40}") {
            let lookup = BTreeMap::from([("v", value.clone())]);
            let text = substitute_json(r#"{"a": "\\x\"${v}", "b": ["${v}"]}"#, &lookup, MAX_BYTES).unwrap();
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, json!({"a": format!("\\x\"{value}"), "b": [value]}));
        }
    }
}
