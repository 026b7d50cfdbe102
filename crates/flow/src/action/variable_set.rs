//! `variable_set`: stores a value.

use serde_json::Value;

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};
use crate::variables::DIGITS;

pub(super) const KEYS: &[&str] = &["key", "value"];

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
