//! `echo`: returns the caller's audio for a while. `stream_echo` shares its option.

use super::about::{self, About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::{EchoMode, Effect};

/// `stream_echo` has the same.
pub(super) const OPTIONS: &[Field] = &[Field::new("duration", Type::Ms, "How long; 0 is the default.")
    .default("180000")
    .allowed(Allowed::FromZero("the default, 180000"))];

pub(super) const ABOUT: About = About {
    does: "Plays the caller's own audio back. Digits are stored, not played back. It does not answer the call by itself.",
    waits: "The time.",
    fails: about::PASSED_OVER,
    options: OPTIONS,
    example: r#"[
  { "type": "answer" },
  { "type": "echo", "option": { "duration": 60000 } },
  { "type": "hangup" }
]"#,
};

/// spec/actions.md `echo`: also for 0 or negative.
const DEFAULT_DURATION_MS: u64 = 180_000;

/// Options of `echo` and `stream_echo`.
pub(super) struct Options {
    duration_ms: u64,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        let duration_ms = option.integer("duration")?.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
        Ok(Options { duration_ms: duration_ms.unwrap_or(DEFAULT_DURATION_MS) })
    }
}

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    run_mode(run, EchoMode::Audio)
}

pub(super) fn run_mode(run: &mut Run<'_>, mode: EchoMode) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    run.emit(Effect::Echo { mode });
    run.arm_timer(options.duration_ms);
    Ok(Outcome::Wait(Wait::Echo))
}
