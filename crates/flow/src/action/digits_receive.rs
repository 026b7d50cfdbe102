//! `digits_receive`: collects digits until there are enough, one ends them, or time is up.

use super::about::{self, About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::digits::DigitRule;

pub(super) const ABOUT: About = About {
    does: "Collects digits in `voipbin.call.digits` until there are enough, one of them ends it, or time is up. Digits that were pressed ahead and not used yet count first. The digit that ends it is part of the value. Nothing is played, and the call is not answered.",
    waits: "Enough digits, a digit of `key`, or the time.",
    fails: about::PASSED_OVER,
    options: &[
        Field::new("duration", Type::Ms, "The time for the whole action; 0 is the default.")
            .default("5000")
            .allowed(Allowed::FromZero("the default, 5000")),
        Field::new("length", Type::Whole, "How many digits are enough; 0 is no limit.")
            .default("1 without `key`, no limit with it")
            .allowed(Allowed::FromZero("0, which is no limit")),
        Field::new("key", Type::Text, "Each of these digits ends it.").default("empty"),
    ],
    example: r##"[
  { "type": "talk", "option": { "text": "Please type your number, then press hash." } },
  { "type": "digits_receive", "option": { "duration": 15000, "key": "#" } },
  { "type": "talk", "option": { "text": "You typed ${voipbin.call.digits}" } }
]"##,
};

/// spec/actions.md `digits_receive`: for 0 or missing.
const DEFAULT_DURATION_MS: u64 = 5_000;

/// Options of `digits_receive`.
pub(super) struct Options {
    duration_ms: u64,
    rule: DigitRule,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        let duration = option.integer("duration")?.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
        let keys = option.text("key")?.unwrap_or_default().to_ascii_uppercase();
        let length = match option.integer("length")? {
            None if keys.is_empty() => Some(1),
            None => None,
            Some(length) => usize::try_from(length).ok().filter(|length| *length > 0),
        };
        Ok(Options { duration_ms: duration.unwrap_or(DEFAULT_DURATION_MS), rule: DigitRule { length, keys } })
    }
}

/// Digits of the type-ahead buffer count first. The time is for the whole action.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    if run.digits.start(&options.rule, run.variables) {
        return Ok(Outcome::Continue);
    }
    run.arm_timer(options.duration_ms);
    Ok(Outcome::Wait(Wait::Digits(options.rule)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_length_depends_on_what_else_is_given() {
        for (option, length, keys, duration_ms) in [
            (json!({}), Some(1), "", 5_000),
            (json!({"key": ""}), Some(1), "", 5_000),
            (json!({"key": "#"}), None, "#", 5_000),
            (json!({"length": 0, "duration": 0}), None, "", 5_000),
            (json!({"length": 0, "key": "*#"}), None, "*#", 5_000),
            (json!({"length": -3, "duration": -1}), None, "", 5_000),
            (json!({"length": 4, "key": "#", "duration": 250}), Some(4), "#", 250),
            (json!({"length": "4", "duration": "3000"}), Some(4), "", 3_000),
            (json!({"key": "a"}), None, "A", 5_000),
        ] {
            let options = Options::read(&OptionReader::new(Some(&option)).unwrap()).unwrap();
            assert_eq!(
                (options.rule.length, options.rule.keys.as_str(), options.duration_ms),
                (length, keys, duration_ms),
                "{option}"
            );
        }
    }
}
