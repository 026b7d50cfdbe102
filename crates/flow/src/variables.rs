//! The string map of an activeflow and its limits (spec/flow.md §5.6, §7.1).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The variable that holds received digits.
pub(crate) const DIGITS: &str = "voipbin.call.digits";

/// Names and values of one activeflow. Names are case-sensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variables {
    /// The server's own names are not copied for each activeflow.
    map: BTreeMap<Cow<'static, str>, CompactString>,
    /// Sum of the lengths of all names and values, bytes.
    bytes: usize,
}

impl Variables {
    /// Most variables of one activeflow (spec/flow.md §5.6).
    pub const MAX_KEYS: usize = 1_000;
    /// Most initial variables.
    pub const MAX_INITIAL_KEYS: usize = 100;
    /// Most octets of all names and values.
    pub const MAX_TOTAL_BYTES: usize = 64 * 1024;
    /// Most octets of one value.
    pub const MAX_VALUE_BYTES: usize = 32 * 1024;

    /// The value of a name, if it is set.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.map.get(key).map(CompactString::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.map.iter().map(|(key, value)| (key.as_ref(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Octets of all names and values.
    pub fn octets(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Writes a variable.
    ///
    /// # Errors
    /// A limit forbids it; nothing has changed then.
    pub fn set(&mut self, key: &str, value: impl Into<CompactString>) -> Result<(), VariableRefused> {
        self.write(key, value.into(), || Cow::Owned(key.to_owned()))
    }

    /// The same for one of the server's own names.
    ///
    /// # Errors
    /// As for [`Variables::set`].
    pub(crate) fn set_own(&mut self, key: &'static str, value: CompactString) -> Result<(), VariableRefused> {
        self.write(key, value, || Cow::Borrowed(key))
    }

    fn write(
        &mut self,
        key: &str,
        value: CompactString,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Result<(), VariableRefused> {
        if value.len() > Self::MAX_VALUE_BYTES {
            return Err(VariableRefused::Value { bytes: value.len() });
        }
        let is_full = self.map.len() >= Self::MAX_KEYS;
        let place = self.map.get_mut(key);
        if place.is_none() && is_full {
            return Err(VariableRefused::Keys);
        }
        let freed = place.as_ref().map_or(0, |old| key.len() + old.len());
        let bytes = self.bytes - freed + key.len() + value.len();
        if bytes > Self::MAX_TOTAL_BYTES {
            return Err(VariableRefused::Total);
        }
        self.bytes = bytes;
        match place {
            Some(old) => *old = value,
            None => {
                self.map.insert(name(), value);
            }
        }
        Ok(())
    }

    /// Writes the received digits, whatever else fills the map: a caller must be able to press keys. Their length is
    /// bounded by [`crate::digits::MAX_VALUE_DIGITS`].
    pub(crate) fn set_digits(&mut self, value: String) {
        self.bytes += DIGITS.len() + value.len();
        if let Some(old) = self.map.insert(Cow::Borrowed(DIGITS), value.into()) {
            self.bytes -= DIGITS.len() + old.len();
        }
    }

    /// Writes all of these, or none.
    ///
    /// # Errors
    /// A limit forbids one of them; nothing has changed then.
    pub(crate) fn set_all(&mut self, values: &BTreeMap<String, String>) -> Result<(), VariableRefused> {
        let mut with_values = self.clone();
        for (key, value) in values {
            with_values.set(key, value.clone())?;
        }
        *self = with_values;
        Ok(())
    }

    /// Adds the initial variables of a request: names trimmed, empty ones and those of the server dropped, scalars
    /// turned into text, the rest skipped. When what remains exceeds a limit, none of it is taken.
    pub(crate) fn add_initial(&mut self, sent: &Map<String, Value>) -> Result<(), VariableRefused> {
        let mut initial = BTreeMap::new();
        for (key, value) in sent {
            let key = key.trim();
            if key.is_empty() || key.to_lowercase().starts_with("voipbin.") {
                continue;
            }
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            initial.insert(key.to_owned(), text);
        }
        if initial.len() > Self::MAX_INITIAL_KEYS {
            return Err(VariableRefused::Keys);
        }
        self.set_all(&initial)
    }
}

/// Why a variable was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableRefused {
    /// There are too many.
    Keys,
    /// One response sets too many.
    Response,
    /// All of them together are too long.
    Total,
    /// The value is too long.
    Value {
        /// Its length.
        bytes: usize,
    },
}

impl fmt::Display for VariableRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VariableRefused::Keys => write!(
                f,
                "too many variables: at most {} initial ones and {} in all",
                Variables::MAX_INITIAL_KEYS,
                Variables::MAX_KEYS
            ),
            VariableRefused::Response => {
                write!(f, "too many variables: one response may set {}", Variables::MAX_INITIAL_KEYS)
            }
            VariableRefused::Total => write!(f, "all variables together exceed {} bytes", Variables::MAX_TOTAL_BYTES),
            VariableRefused::Value { bytes } => {
                write!(f, "the value has {bytes} bytes, allowed are {}", Variables::MAX_VALUE_BYTES)
            }
        }
    }
}

impl std::error::Error for VariableRefused {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn initial(value: Value) -> Result<Variables, VariableRefused> {
        let mut variables = Variables::default();
        variables.add_initial(value.as_object().unwrap())?;
        Ok(variables)
    }

    #[test]
    fn initial_variables_are_trimmed_turned_into_text_and_cannot_pose_as_the_servers() {
        let variables = initial(json!({" a ": "x", "": 1, "  ": 1, "VoipBin.call.id": "me", "n": 1.5, "b": true, "o": {}, "l": [1], "z": null, "voipbin": "ok"})).unwrap();
        let all: Vec<_> = variables.iter().collect();
        assert_eq!(all, [("a", "x"), ("b", "true"), ("n", "1.5"), ("voipbin", "ok")]);
    }

    #[test]
    fn initial_variables_over_a_limit_are_dropped_as_a_whole() {
        let many: Map<String, Value> = (0..101).map(|i| (format!("k{i}"), json!("v"))).collect();
        assert_eq!(initial(Value::Object(many.clone())), Err(VariableRefused::Keys));
        let fits: Map<String, Value> = many.into_iter().take(100).collect();
        assert_eq!(initial(Value::Object(fits)).unwrap().len(), 100);
        assert_eq!(
            initial(json!({"a": "x".repeat(32 * 1024 + 1)})),
            Err(VariableRefused::Value { bytes: 32 * 1024 + 1 })
        );
        let big = "x".repeat(32 * 1024);
        assert_eq!(initial(json!({"a": big, "b": big})), Err(VariableRefused::Total));
        assert!(initial(json!({"a": big})).is_ok());
    }

    #[test]
    fn a_write_over_a_limit_changes_nothing_and_an_overwrite_frees_what_it_replaces() {
        let mut variables = Variables::default();
        let big = "x".repeat(32 * 1024);
        variables.set("a", big.clone()).unwrap();
        assert_eq!(variables.set("b", big.clone()), Err(VariableRefused::Total));
        assert_eq!(variables.get("b"), None);
        variables.set("a", big).unwrap();
        variables.set("a", String::new()).unwrap();
        for i in 1..Variables::MAX_KEYS {
            variables.set(&format!("k{i}"), "v").unwrap();
        }
        assert_eq!(variables.set("one more", "v"), Err(VariableRefused::Keys));
        assert_eq!(variables.set("k1", "w"), Ok(()));
        let counted: usize = variables.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert_eq!(counted, variables.bytes);
    }

    #[test]
    fn digits_are_written_even_into_a_full_map() {
        let mut variables = Variables::default();
        variables.set("a", "x".repeat(32 * 1024)).unwrap();
        variables.set("b", "x".repeat(32 * 1024 - 2)).unwrap();
        assert_eq!(variables.set(DIGITS, "1"), Err(VariableRefused::Total));
        variables.set_digits("1".into());
        variables.set_digits("12".into());
        assert_eq!(variables.get(DIGITS), Some("12"));
    }
}
