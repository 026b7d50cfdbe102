//! Where an action can jump to, as far as its text says.

use model::{Action, action_id};
use serde_json::Value;

use crate::action::Kind;
use crate::action::option::integer_of;

/// One place that an option names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// An action, by id; `key` is the path inside the option.
    Id { key: String, id: &'a str },
    /// A place in the same array.
    Index { key: String, index: i64 },
    /// An id that users may not have.
    Reserved { key: String, id: &'a str },
    /// Known only when it runs: the text has a `${` in it.
    Unknown,
}

/// The targets of an action, in the order of its fields.
pub(super) fn targets(kind: Kind, action: &Action) -> Vec<Target<'_>> {
    let mut found = Vec::new();
    let Some(Value::Object(option)) = &action.option else { return found };
    let id_fields: &[&str] = match kind {
        Kind::Goto => &["target_id"],
        Kind::Branch => &["default_target_id"],
        Kind::ConditionCallDigits | Kind::ConditionCallStatus | Kind::ConditionDatetime | Kind::ConditionVariable => {
            &["false_target_id"]
        }
        _ => &[],
    };
    for field in id_fields {
        found.extend(option.get(*field).and_then(|value| id_target((*field).to_owned(), value)));
    }
    if kind != Kind::Branch {
        return found;
    }
    let ids = option.get("target_ids").and_then(Value::as_object).filter(|ids| !ids.is_empty());
    for (value, id) in ids.into_iter().flatten() {
        found.extend(id_target(format!("target_ids.{}", super::problem::shown(value)), id));
    }
    if ids.is_none() {
        let indexes = option.get("target_indexes").and_then(Value::as_object);
        found.extend(indexes.into_iter().flatten().filter_map(|(value, index)| {
            index_target(format!("target_indexes.{}", super::problem::shown(value)), index)
        }));
    }
    if !has_default_id(action) {
        found.extend(option.get("default_index").and_then(|index| index_target("default_index".to_owned(), index)));
    }
    found
}

/// Whether a branch always jumps.
pub(super) fn has_default(action: &Action) -> bool {
    let index = action.option.as_ref().and_then(|option| option.get("default_index"));
    has_default_id(action) || index.is_some_and(|index| !index.is_null())
}

fn has_default_id(action: &Action) -> bool {
    let id = action.option.as_ref().and_then(|option| option.get("default_target_id")).and_then(Value::as_str);
    // Text that is not known yet may turn out to be empty.
    id.is_some_and(|id| !action_id::is_unset(id) && !id.contains("${"))
}

fn id_target(key: String, value: &Value) -> Option<Target<'_>> {
    let id = value.as_str().filter(|id| !action_id::is_unset(id))?;
    Some(if id.contains("${") {
        Target::Unknown
    } else if action_id::is_reserved(id) {
        Target::Reserved { key, id }
    } else {
        Target::Id { key, id }
    })
}

fn index_target(key: String, value: &Value) -> Option<Target<'_>> {
    match value {
        Value::String(text) if text.contains("${") => Some(Target::Unknown),
        other => integer_of(other).map(|index| Target::Index { key, index }),
    }
}
