//! `digits_send`: sends digits to the party and waits while they last.

use super::about::{self, About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;
use crate::digits::digit_of;

pub(super) const ABOUT: About = About {
    does: "Sends digits to the party, as telephone events. Characters that are no digits are left out. Received digits are not touched.",
    waits: "As long as the digits last.",
    fails: about::PASSED_OVER,
    options: &[
        Field::new("digits", Type::Text, "`0-9 A-D * #`, at most 100.").required(),
        Field::new("duration", Type::Ms, "The length of each; values outside of the range are taken to its ends.")
            .default("100")
            .allowed(Allowed::Range(100, 1000)),
        Field::new("interval", Type::Ms, "The pause between two.").default("0").allowed(Allowed::Range(0, 5000)),
    ],
    example: r#"[
  { "type": "answer" },
  { "type": "digits_send", "option": { "digits": "1234#", "duration": 200, "interval": 100 } }
]"#,
};

/// spec/actions.md `digits_send`.
pub(crate) const MAX_DIGITS: usize = 100;

/// Options of `digits_send`, within their ranges.
pub(super) struct Options {
    digits: String,
    duration_ms: u16,
    interval_ms: u16,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        let digits = option.text("digits")?.unwrap_or_default();
        Ok(Options {
            digits: digits.chars().filter_map(digit_of).take(MAX_DIGITS).collect(),
            duration_ms: option.integer("duration")?.unwrap_or(100).clamp(100, 1_000) as u16,
            interval_ms: option.integer("interval")?.unwrap_or(0).clamp(0, 5_000) as u16,
        })
    }

    /// How long the digits last.
    fn play_out_ms(&self) -> u64 {
        let n = self.digits.len() as u64;
        u64::from(self.duration_ms) * n + u64::from(self.interval_ms) * n.saturating_sub(1)
    }
}

/// No digits: goes on at once. Received digits are not touched.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    if options.digits.is_empty() {
        return Ok(Outcome::Continue);
    }
    let after_ms = options.play_out_ms();
    let Options { digits, duration_ms, interval_ms } = options;
    run.emit(Effect::SendDigits { step: run.step, digits, duration_ms, interval_ms });
    run.arm_timer(after_ms);
    Ok(Outcome::Wait(Wait::Timer))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_clamped_and_what_is_no_digit_is_dropped() {
        let long = "1".repeat(150);
        for (option, digits, duration_ms, interval_ms, play_out_ms) in [
            (json!({}), "", 100, 0, 0),
            (json!({"digits": "1"}), "1", 100, 0, 100),
            (json!({"digits": "1234", "duration": 500, "interval": 250}), "1234", 500, 250, 2_750),
            (json!({"digits": "1 2-3abcdeABCD*#", "duration": "200"}), "123ABCDABCD*#", 200, 0, 2_600),
            (json!({"digits": "12", "duration": 5, "interval": -5}), "12", 100, 0, 200),
            (json!({"digits": "12", "duration": 5_000, "interval": 9_000}), "12", 1_000, 5_000, 7_000),
            (json!({"digits": long}), &long[..100], 100, 0, 10_000),
        ] {
            let options = Options::read(&OptionReader::new(Some(&option)).unwrap()).unwrap();
            assert_eq!(options.digits, digits, "{option}");
            assert_eq!(
                (options.duration_ms, options.interval_ms, options.play_out_ms()),
                (duration_ms, interval_ms, play_out_ms),
                "{option}"
            );
        }
    }
}
