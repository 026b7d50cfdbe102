//! Lenient reading of options (spec/flow.md §1): numbers also as decimal strings, null as absent.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

/// An option whose fields are read one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionReader<'a> {
    fields: Option<&'a Map<String, Value>>,
    /// Before the run: text with a `${…}` in it is not known yet and counts as absent.
    verifying: bool,
}

/// A field that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptionError {
    /// The field, or empty for the option as a whole.
    pub(crate) key: String,
    /// What stands there.
    pub(crate) what: String,
    pub(crate) expected: &'static str,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.key.is_empty() { "option" } else { &self.key };
        write!(f, "{field} is {}; expected: {}", self.what, self.expected)
    }
}

impl<'a> OptionReader<'a> {
    /// Reads an option whose text is substituted.
    pub(crate) fn new(option: Option<&'a Value>) -> Result<OptionReader<'a>, OptionError> {
        Self::with(option, false)
    }

    /// Reads an option as it was sent, for the verifier.
    pub(crate) fn verifying(option: Option<&'a Value>) -> Result<OptionReader<'a>, OptionError> {
        Self::with(option, true)
    }

    fn with(option: Option<&'a Value>, verifying: bool) -> Result<OptionReader<'a>, OptionError> {
        match option {
            None | Some(Value::Null) => Ok(OptionReader { fields: None, verifying }),
            Some(Value::Object(fields)) => Ok(OptionReader { fields: Some(fields), verifying }),
            Some(other) => Err(wrong("", other, "an object")),
        }
    }

    /// The names of the fields.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str))
    }

    /// The field, unless it is absent, null, or not known yet.
    fn field(&self, key: &str) -> Option<&'a Value> {
        #[cfg(test)]
        ASKED.with_borrow_mut(|asked| asked.insert(key.to_owned()));
        let value = self.fields?.get(key).filter(|value| !value.is_null())?;
        let unknown = self.verifying && value.as_str().is_some_and(|text| text.contains("${"));
        (!unknown).then_some(value)
    }

    /// The field as it stands.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a Value> {
        self.field(key)
    }

    /// A whole number.
    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, OptionError> {
        let Some(value) = self.field(key) else { return Ok(None) };
        integer_of(value).map(Some).ok_or_else(|| wrong(key, value, "a whole number"))
    }

    /// Any number.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, OptionError> {
        let Some(value) = self.field(key) else { return Ok(None) };
        number_of(value).map(Some).ok_or_else(|| wrong(key, value, "a number"))
    }

    /// Yes or no.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, OptionError> {
        let Some(value) = self.field(key) else { return Ok(None) };
        boolean_of(value).map(Some).ok_or_else(|| wrong(key, value, "true or false"))
    }

    /// The id of a resource; none when unset or nil.
    pub(crate) fn uuid(&self, key: &str) -> Result<Option<Uuid>, OptionError> {
        let Some(text) = self.text(key)?.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        match Uuid::parse_str(text) {
            Ok(id) => Ok(Some(id).filter(|id| !id.is_nil())),
            Err(_) => Err(wrong(key, &Value::from(text), "a UUID")),
        }
    }

    /// The id of a resource without which there is nothing to do. The verifier tells of a missing one by itself.
    pub(crate) fn required_uuid(&self, key: &str) -> Result<Uuid, OptionError> {
        match self.uuid(key)? {
            Some(id) => Ok(id),
            None if self.verifying => Ok(Uuid::nil()),
            None => Err(OptionError { key: key.to_owned(), what: "missing".to_owned(), expected: "a UUID" }),
        }
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, OptionError> {
        let Some(value) = self.field(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong(key, value, "a text"))
    }

    /// The id of an action; none when unset.
    pub(crate) fn id(&self, key: &str) -> Result<Option<&'a str>, OptionError> {
        Ok(self.text(key)?.filter(|id| !model::action_id::is_unset(id)))
    }

    /// Several texts, or one.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, OptionError> {
        let expected = "an array of texts";
        match self.field(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(vec![text])),
            Some(value @ Value::Array(items)) => {
                let texts: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
                texts.map(Some).ok_or_else(|| wrong(key, value, expected))
            }
            Some(other) => Err(wrong(key, other, expected)),
        }
    }

    /// Several whole numbers.
    pub(crate) fn integers(&self, key: &str) -> Result<Vec<i64>, OptionError> {
        let expected = "an array of whole numbers";
        match self.field(key) {
            None => Ok(Vec::new()),
            Some(value @ Value::Array(items)) => {
                let known = items.iter().filter(|item| !self.is_unknown(item));
                let integers: Option<Vec<_>> = known.map(integer_of).collect();
                integers.ok_or_else(|| wrong(key, value, expected))
            }
            Some(other) => Err(wrong(key, other, expected)),
        }
    }

    /// An object.
    pub(crate) fn object(&self, key: &str) -> Result<Option<&'a Map<String, Value>>, OptionError> {
        let Some(value) = self.field(key) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| wrong(key, value, "an object"))
    }

    fn is_unknown(&self, value: &Value) -> bool {
        self.verifying && value.as_str().is_some_and(|text| text.contains("${"))
    }
}

#[cfg(test)]
thread_local! {
    /// The fields that were asked for, to be compared with those that people are told of.
    pub(crate) static ASKED: std::cell::RefCell<std::collections::BTreeSet<String>> = Default::default();
}

/// A field that is wrong in a way that only its action knows.
pub(super) fn wrong(key: &str, value: &Value, expected: &'static str) -> OptionError {
    const SHOWN: usize = 60;
    let what = match value {
        Value::Array(_) => "an array of something else".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > SHOWN => {
            format!("\"{}…\"", text.chars().take(SHOWN).collect::<String>())
        }
        scalar => scalar.to_string(),
    };
    OptionError { key: key.to_owned(), what, expected }
}

/// A JSON number without fraction, or a decimal string.
pub(crate) fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // 5000.0 is what some clients make of 5000; beyond 2^53 a float is no exact number.
            number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A JSON boolean, or its name: substitution makes texts only (spec/flow.md §1).
fn boolean_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(known) => Some(*known),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A JSON number or a decimal string.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => decimal(text),
        _ => None,
    }
}

/// Text as a number: sign, digits, point, exponent; not the words that Rust would also take (`inf`, `nan`).
pub(super) fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok().filter(|n: &f64| n.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_read_from_numbers_and_decimal_strings() {
        for (value, expected) in [
            (json!(5), Some(5)),
            (json!(-5), Some(-5)),
            (json!("5"), Some(5)),
            (json!(" -5 "), Some(-5)),
            (json!(5.0), Some(5)),
            (json!("+5"), Some(5)),
            (json!(5.5), None),
            (json!("5.5"), None),
            (json!(""), None),
            (json!("x"), None),
            (json!(true), None),
            (json!([]), None),
            (json!(u64::MAX), None),
            (json!(1e300), None),
            (json!("99999999999999999999"), None),
        ] {
            assert_eq!(integer_of(&value), expected, "{value}");
        }
    }

    #[test]
    fn decimals_are_read_and_words_are_not_numbers() {
        for (text, expected) in [
            ("1.5", Some(1.5)),
            ("-2", Some(-2.0)),
            (" 1e3 ", Some(1000.0)),
            ("inf", None),
            ("nan", None),
            ("", None),
            ("1e999", None),
            ("0x10", None),
            ("1,5", None),
            ("1 2", None),
            ("e", None),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }

    #[test]
    fn yes_and_no_are_read_from_booleans_and_their_names() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!("true"), Some(true)),
            (json!(" FALSE "), Some(false)),
            (json!(""), None),
            (json!("yes"), None),
            (json!(1), None),
        ] {
            assert_eq!(boolean_of(&value), expected, "{value}");
        }
    }

    #[test]
    fn ids_of_resources_are_uuids_and_nil_is_none() {
        let id = Uuid::from_u128(5);
        let option = json!({"a": id, "nil": Uuid::nil(), "empty": "", "x": "x", "n": 5});
        let reader = OptionReader::new(Some(&option)).unwrap();
        assert_eq!(reader.uuid("a"), Ok(Some(id)));
        assert_eq!((reader.uuid("nil"), reader.uuid("empty"), reader.uuid("none")), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(reader.uuid("x").unwrap_err().to_string(), "x is \"x\"; expected: a UUID");
        assert!(reader.uuid("n").is_err());
        assert_eq!(reader.required_uuid("nil").unwrap_err().to_string(), "nil is missing; expected: a UUID");
        assert_eq!(OptionReader::verifying(Some(&option)).unwrap().required_uuid("nil"), Ok(Uuid::nil()));
    }

    #[test]
    fn null_is_absent_and_a_wrong_type_is_told() {
        let option = json!({"a": null, "n": {"x": 1}, "s": 5, "l": ["x", 1]});
        let reader = OptionReader::new(Some(&option)).unwrap();
        assert_eq!(reader.integer("a"), Ok(None));
        assert_eq!(reader.text("missing"), Ok(None));
        assert_eq!(reader.integer("n").unwrap_err().to_string(), "n is an object; expected: a whole number");
        assert_eq!(reader.text("s").unwrap_err().to_string(), "s is 5; expected: a text");
        assert!(reader.texts("l").is_err());
        let text = json!("x");
        assert_eq!(OptionReader::new(Some(&text)).unwrap_err().to_string(), "option is \"x\"; expected: an object");
        assert!(OptionReader::new(None).is_ok());
        assert!(OptionReader::new(Some(&Value::Null)).is_ok());
    }

    #[test]
    fn the_verifier_does_not_judge_what_is_not_known_yet() {
        let option = json!({"duration": "${d}", "weekdays": ["${w}", 1]});
        let reader = OptionReader::verifying(Some(&option)).unwrap();
        assert_eq!(reader.integer("duration"), Ok(None));
        assert_eq!(reader.integers("weekdays"), Ok(vec![1]));
        assert!(OptionReader::new(Some(&option)).unwrap().integer("duration").is_err());
    }
}
