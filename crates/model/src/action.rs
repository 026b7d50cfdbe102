//! One action of a flow: id, next id, type and its option exactly as it was sent (spec/flow.md §1, §3).

use std::fmt;

use base::Random;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Timestamp, optional_timestamp, random_id};

/// The ids of actions: free names or UUIDs, compared byte for byte.
pub mod action_id {
    /// "Not set".
    pub const NIL: &str = "00000000-0000-0000-0000-000000000000";
    /// The pseudo action that an activeflow is at before it has run.
    pub const START: &str = "00000000-0000-0000-0000-000000000001";
    /// The pseudo action after the last one.
    pub const FINISH: &str = "00000000-0000-0000-0000-000000000002";
    /// "Move to the next action".
    pub const NEXT: &str = "00000000-0000-0000-0000-000000000003";
    /// Longest id, bytes.
    pub const MAX_BYTES: usize = 255;

    /// Whether this text stands for no id at all.
    pub fn is_unset(id: &str) -> bool {
        id.is_empty() || id == NIL
    }

    /// Whether this id has a meaning of its own, so that no user's action may have it.
    pub fn is_reserved(id: &str) -> bool {
        matches!(id, START | FINISH | NEXT)
    }
}

/// One step of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Action {
    /// Never empty.
    pub id: String,
    /// The action that follows instead of the next one of the array; empty when unset.
    pub next_id: String,
    /// The type, lower case.
    pub kind: String,
    /// What was sent under `option`; none when nothing was.
    pub option: Option<Value>,
    /// When it became current; set on the copies that an activeflow shows.
    pub tm_execute: Option<Timestamp>,
}

impl Action {
    /// The pseudo action at which every activeflow starts.
    pub fn start() -> Action {
        Action { id: action_id::START.into(), ..Action::default() }
    }

    /// The pseudo action behind the last one.
    pub fn finish() -> Action {
        Action { id: action_id::FINISH.into(), ..Action::default() }
    }

    /// Reads one action of a request, a provisioning file or a fetched array. A missing or nil id is replaced by a new
    /// one, the type is turned to lower case, unknown keys are dropped. Whether the type exists is not asked here.
    ///
    /// # Errors
    /// Everything that is wrong with it: not an object; an id that is no string, reserved, or longer than 255 bytes.
    pub fn from_value(value: Value, random: &mut Random) -> Result<Action, Vec<ActionError>> {
        let Value::Object(mut object) = value else {
            return Err(vec![ActionError::new("", format!("it is {}", kind_of(&value)), "an object with `type`")]);
        };
        let mut errors = Vec::new();
        let mut id = read_id("id", object.shift_remove("id"), &mut errors);
        if id.is_empty() {
            id = random_id(random).to_string();
        }
        let next_id = read_id("next_id", object.shift_remove("next_id"), &mut errors);
        let kind = match object.shift_remove("type") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.to_ascii_lowercase(),
            Some(other) => {
                errors.push(ActionError::new("type", format!("it is {}", kind_of(&other)), "the name of an action"));
                String::new()
            }
        };
        let option = object.shift_remove("option").filter(|option| !option.is_null());
        if errors.is_empty() { Ok(Action { id, next_id, kind, option, tm_execute: None }) } else { Err(errors) }
    }
}

/// One thing that is wrong with an action as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionError {
    /// The key inside the action; empty for the action as a whole.
    pub key: &'static str,
    /// What was found.
    pub what: String,
    /// What would be right.
    pub expected: &'static str,
}

impl ActionError {
    fn new(key: &'static str, what: String, expected: &'static str) -> ActionError {
        ActionError { key, what, expected }
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; expected: {}", self.key, self.what, self.expected)
    }
}

/// An id as it was sent; empty when unset.
fn read_id(key: &'static str, value: Option<Value>, errors: &mut Vec<ActionError>) -> String {
    let expected = "a text of at most 255 bytes, not one of the reserved ids …0001 to …0003";
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(id)) if action_id::is_unset(&id) => String::new(),
        Some(Value::String(id)) if action_id::is_reserved(&id) => {
            errors.push(ActionError::new(key, format!("{id} is reserved"), expected));
            String::new()
        }
        Some(Value::String(id)) if id.len() > action_id::MAX_BYTES => {
            errors.push(ActionError::new(key, format!("it is {} bytes long", id.len()), expected));
            String::new()
        }
        Some(Value::String(id)) => id,
        Some(other) => {
            errors.push(ActionError::new(key, format!("it is {}", kind_of(&other)), expected));
            String::new()
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl Serialize for Action {
    /// JSON is the public form (spec/flow.md §3): `option` and `tm_execute` only when there are any.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let public = serializer.is_human_readable();
        let (option, time) = (!public || self.option.is_some(), !public || self.tm_execute.is_some());
        let mut map = serializer.serialize_map(Some(3 + usize::from(option) + usize::from(time)))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("next_id", if self.next_id.is_empty() { action_id::NIL } else { &self.next_id })?;
        map.serialize_entry("type", &self.kind)?;
        if option {
            map.serialize_entry("option", &self.option)?;
        }
        if time {
            map.serialize_entry("tm_execute", &self.tm_execute)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Action {
    /// Reads what `Serialize` wrote. Requests go through [`Action::from_value`], which knows the lenient forms.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            id: String,
            next_id: String,
            #[serde(rename = "type")]
            kind: String,
            #[serde(default)]
            option: Option<Value>,
            #[serde(default, deserialize_with = "optional_timestamp")]
            tm_execute: Option<Timestamp>,
        }
        let Written { id, mut next_id, kind, option, tm_execute } = Written::deserialize(deserializer)?;
        if action_id::is_unset(&next_id) {
            next_id.clear();
        }
        Ok(Action { id, next_id, kind, option, tm_execute })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Action, Vec<ActionError>> {
        Action::from_value(value, &mut Random::from_seed([3; 32]))
    }

    #[test]
    fn a_missing_or_nil_id_is_replaced_by_a_new_one() {
        for value in [
            json!({"type":"answer"}),
            json!({"id":"","type":"answer"}),
            json!({"id":action_id::NIL}),
            json!({"id":null}),
        ] {
            let action = read(value).unwrap();
            assert_eq!(action.id.len(), 36);
            assert!(!action_id::is_unset(&action.id));
            assert_eq!(action.next_id, "");
        }
    }

    #[test]
    fn any_text_up_to_255_bytes_is_an_id_and_reserved_ids_are_not() {
        for id in ["welcome-greeting", "1", "ümläut", &"x".repeat(255)] {
            assert_eq!(read(json!({"id": id, "next_id": id, "type": "answer"})).unwrap().next_id, id);
        }
        for id in [
            json!(action_id::START),
            json!(action_id::FINISH),
            json!(action_id::NEXT),
            json!("x".repeat(256)),
            json!(7),
            json!([]),
        ] {
            let errors = read(json!({"id": id, "next_id": id})).unwrap_err();
            assert_eq!(errors.iter().map(|e| e.key).collect::<Vec<_>>(), ["id", "next_id"], "{id}");
        }
    }

    #[test]
    fn types_are_lower_case_and_unknown_keys_are_dropped_but_options_are_kept() {
        let action = read(
            json!({"id":"a","type":"Hangup_relay","nonsense":1,"tm_execute":"x","option":{"z":1,"a":{"b":[null]}}}),
        )
        .unwrap();
        assert_eq!(action.kind, "hangup_relay");
        assert_eq!(
            serde_json::to_string(&action).unwrap(),
            format!(
                r#"{{"id":"a","next_id":"{}","type":"hangup_relay","option":{{"z":1,"a":{{"b":[null]}}}}}}"#,
                action_id::NIL
            )
        );
        assert!(read(json!("answer")).is_err());
        assert!(read(json!({"type": 5})).is_err());
    }

    #[test]
    fn an_absent_option_is_left_out_and_the_time_is_shown_once_set() {
        let mut action = read(json!({"id":"a","type":"answer","option":null})).unwrap();
        let nil = action_id::NIL;
        assert_eq!(serde_json::to_value(&action).unwrap(), json!({"id":"a","next_id":nil,"type":"answer"}));
        action.tm_execute = Some(Timestamp::from_us(1));
        assert_eq!(serde_json::to_value(&action).unwrap()["tm_execute"], "1970-01-01T00:00:00.000001Z");
    }

    #[test]
    fn an_action_is_restored_from_json_and_from_both_forms_of_messagepack() {
        let mut action = read(json!({"id":"a","type":"play","option":{"n":-1,"f":1.5,"s":["x",true,null]}})).unwrap();
        for time in [None, Some(Timestamp::from_us(99))] {
            action.tm_execute = time;
            let json = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<Action>(&json).unwrap(), action);
            for octets in [rmp_serde::to_vec(&action).unwrap(), rmp_serde::to_vec_named(&action).unwrap()] {
                assert_eq!(rmp_serde::from_slice::<Action>(&octets).unwrap(), action);
            }
        }
    }
}
