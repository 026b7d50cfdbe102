//! `sleep`: waits, with or without a call.

use super::about::{self, About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};

pub(super) const ABOUT: About = About {
    does: "Waits. The call stays as it is, digits are stored. It also waits where there is no call.",
    waits: "The time; 0 goes on at once.",
    fails: about::PASSED_OVER,
    options: &[Field::new("duration", Type::Ms, "How long.").default("0").allowed(Allowed::FromZero("0"))],
    example: r#"[
  { "type": "answer" },
  { "type": "sleep", "option": { "duration": 2000 } },
  { "type": "hangup" }
]"#,
};

/// Options of `sleep`.
pub(super) struct Options {
    duration_ms: u64,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        let duration = option.integer("duration")?.unwrap_or(0);
        Ok(Options { duration_ms: u64::try_from(duration).unwrap_or(0) })
    }
}

/// 0 goes on at once (spec/actions.md `sleep`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    if options.duration_ms == 0 {
        return Ok(Outcome::Continue);
    }
    run.arm_timer(options.duration_ms);
    Ok(Outcome::Wait(Wait::Timer))
}
