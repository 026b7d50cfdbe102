//! `branch`: jumps by the value of a variable.

use serde_json::{Map, Value};

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader, integer_of, wrong};
use super::{Fault, Outcome, Run};
use crate::substitute::sole_reference;
use crate::variables::DIGITS;

pub(super) const ABOUT: About = About {
    does: "Jumps by the value of a variable, most often the digits that were pressed. The value must be equal to a key of `target_ids`, upper and lower case being different; the key `\"\"` stands for an empty value. Branching on `voipbin.call.digits` empties it, and with it all digits that were pressed ahead.",
    waits: "Nothing: the flow goes on at once.",
    fails: "A target that does not exist ends the flow, and the call is hung up; so does an option that cannot be read. When no entry fits and there is no default, the flow goes on with the next action.",
    options: &[
        Field::new(
            "variable",
            Type::Text,
            "The *name* of the variable. `${name}` alone is understood as the name, too.",
        )
        .default("`voipbin.call.digits`"),
        Field::new("target_ids", Type::Ids, "Where to go, by value.").default("`{}`"),
        Field::new("default_target_id", Type::Id, "Where to go when no entry fits."),
        Field::new("target_indexes", Type::Indexes, "Where to go, by value, where `target_ids` is absent or empty."),
        Field::new(
            "default_index",
            Type::Whole,
            "Where to go when no entry fits, where `default_target_id` is absent.",
        ),
    ],
    example: r#"[
  { "id": "menu", "type": "talk", "option": { "text": "Press 1 for sales.", "digits_handle": "next" } },
  { "type": "digits_receive", "option": { "duration": 5000, "length": 1 } },
  { "type": "branch", "option": { "target_ids": { "1": "sales" }, "default_target_id": "again" } },
  { "id": "again", "type": "goto", "option": { "target_id": "menu", "loop_count": 2 } },
  { "type": "hangup" },
  { "id": "sales", "type": "talk", "option": { "text": "Welcome to sales." } }
]"#,
};

/// Options of `branch`.
pub(super) struct Options<'a> {
    variable: &'a str,
    target_ids: Option<&'a Map<String, Value>>,
    default_target_id: Option<&'a str>,
    /// Used where ids are absent.
    target_indexes: Option<&'a Map<String, Value>>,
    default_index: Option<i64>,
}

/// Where a branch goes.
enum Target<'a> {
    Id(&'a str),
    Index(i64),
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        let target_ids = option.object("target_ids")?;
        for (value, id) in target_ids.into_iter().flatten() {
            if !id.is_string() && !id.is_null() {
                return Err(wrong(&format!("target_ids.{value}"), id, "the id of an action"));
            }
        }
        let target_indexes = option.object("target_indexes")?;
        for (value, index) in target_indexes.into_iter().flatten() {
            if integer_of(index).is_none() {
                return Err(wrong(&format!("target_indexes.{value}"), index, "the index of an action, from 0"));
            }
        }
        Ok(Options {
            variable: option.text("variable")?.unwrap_or_default(),
            target_ids: target_ids.filter(|ids| !ids.is_empty()),
            default_target_id: option.id("default_target_id")?,
            target_indexes,
            default_index: option.integer("default_index")?,
        })
    }

    fn target(&self, value: &str) -> Option<Target<'a>> {
        let chosen = match (self.target_ids, self.target_indexes) {
            (Some(ids), _) => {
                let id = ids.get(value).and_then(Value::as_str);
                id.filter(|id| !model::action_id::is_unset(id)).map(Target::Id)
            }
            (None, Some(indexes)) => indexes.get(value).and_then(integer_of).map(Target::Index),
            (None, None) => None,
        };
        let default = || self.default_target_id.map(Target::Id).or(self.default_index.map(Target::Index));
        chosen.or_else(default)
    }
}

/// Reads the value, empties the digits if it were those, and jumps; without any target the cursor goes on.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    // A user who wrote `${name}` meant the name, not the value that has replaced it.
    let wrapped = run.original_text("variable").and_then(sole_reference);
    let name = match wrapped.unwrap_or(options.variable) {
        "" => DIGITS,
        name => name,
    };
    let value = run.value(name);
    if name == DIGITS {
        run.variables.set_digits(String::new());
        run.digits.clear();
    }
    Ok(match options.target(&value) {
        None => Outcome::Continue,
        Some(Target::Id(id)) => run.jump(id),
        Some(Target::Index(index)) => match run.cursor.at_index(index) {
            Some(to) => Outcome::Jump { to, goto_left: None },
            None => Outcome::no_target(&format!("at index {index}")),
        },
    })
}
