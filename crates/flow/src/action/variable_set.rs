//! `variable_set`: stores a value.

use serde_json::Value;

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};
use crate::variables::DIGITS;

pub(super) const ABOUT: About = About {
    does: "Stores a value under a name. Values that are no text are stored as JSON text. A name that begins with `voipbin.` may be overwritten; setting `voipbin.call.digits` also forgets digits that were pressed ahead.",
    waits: "Nothing: the flow goes on at once.",
    fails: "A value that exceeds the limits is not stored; that, and an option that cannot be read, stands in the timeline, and the flow goes on.",
    options: &[
        Field::new("key", Type::Text, "The name. An empty one is ignored.").required(),
        Field::new("value", Type::Any, "The value.").default("empty"),
    ],
    example: r#"[
  { "type": "variable_set", "option": { "key": "greeting", "value": "Hello ${voipbin.call.source.target_name}" } },
  { "type": "talk", "option": { "text": "${greeting}" } }
]"#,
};

/// Options of `variable_set`.
pub(super) struct Options<'a> {
    key: &'a str,
    value: Option<&'a Value>,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options { key: option.text("key")?.unwrap_or_default(), value: option.raw("value") })
    }
}

/// An empty key is ignored; what is no text is stored as JSON text. Setting the digits forgets unused ones
/// (spec/actions.md `digits_receive`, `variable_set`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let Options { key, value } = Options::read(&run.option()?)?;
    if key.is_empty() {
        return Ok(Outcome::Continue);
    }
    let text = match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match run.variables.set(key, text) {
        Ok(()) if key == DIGITS => run.digits.clear(),
        Ok(()) => {}
        Err(why) => run.refused(key, why),
    }
    Ok(Outcome::Continue)
}
