//! `condition_call_digits`: enough digits, or a certain one among them.

use super::about::{self, About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};
use crate::variables::DIGITS;

pub(super) const ABOUT: About = About {
    does: "Goes on when enough digits were pressed, or a certain one is among them. One of the two tests is enough; with neither it is false. The digits are left as they are.",
    waits: "Nothing: the flow goes on at once.",
    fails: about::TARGET_ENDS,
    options: &[
        Field::new("length", Type::Whole, "True when at least this many digits were pressed; 0 is no test.")
            .default("0")
            .allowed(Allowed::FromZero("0, which is no test")),
        Field::new("key", Type::Text, "True when the digits contain this; empty is no test.").default("empty"),
        about::FALSE_TARGET,
    ],
    example: r##"[
  { "type": "answer" },
  { "id": "pin", "type": "digits_receive", "option": { "duration": 8000, "length": 4, "key": "#" } },
  { "type": "condition_call_digits", "option": { "length": 4, "false_target_id": "again" } },
  { "type": "talk", "option": { "text": "Thank you." } },
  { "type": "hangup" },
  { "id": "again", "type": "goto", "option": { "target_id": "pin", "loop_count": 2 } }
]"##,
};

/// Options of `condition_call_digits`.
pub(super) struct Options<'a> {
    length: i64,
    key: &'a str,
    false_target_id: Option<&'a str>,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options {
            length: option.integer("length")?.unwrap_or(0),
            key: option.text("key")?.unwrap_or_default(),
            false_target_id: option.id("false_target_id")?,
        })
    }

    /// Either test is enough; both unset is false.
    fn is_true(&self, digits: &str) -> bool {
        let long_enough = self.length > 0 && digits.chars().count() as i64 >= self.length;
        long_enough || (!self.key.is_empty() && digits.contains(self.key))
    }
}

/// Reads the digits and leaves them (spec/actions.md `condition_call_digits`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let is_true = options.is_true(run.variables.get(DIGITS).unwrap_or_default());
    Ok(run.decide(is_true, options.false_target_id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn either_test_is_enough() {
        for (option, digits, expected) in [
            (json!({}), "123", false),
            (json!({"length": 0, "key": ""}), "123", false),
            (json!({"length": 3}), "12", false),
            (json!({"length": 3}), "123", true),
            (json!({"length": "3"}), "1234", true),
            (json!({"length": -1}), "1234", false),
            (json!({"key": "#"}), "12#", true),
            (json!({"key": "#"}), "12", false),
            (json!({"key": "23"}), "1234", true),
            (json!({"key": "32"}), "1234", false),
            (json!({"length": 9, "key": "*"}), "*", true),
            (json!({"length": 1, "key": "*"}), "5", true),
            (json!({"length": 1, "key": "*"}), "", false),
        ] {
            let options = Options::read(&OptionReader::new(Some(&option)).unwrap()).unwrap();
            assert_eq!(options.is_true(digits), expected, "{option} {digits}");
        }
    }
}
