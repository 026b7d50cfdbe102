//! `echo`: returns the caller's audio for a while. `stream_echo` shares its option.

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::{EchoMode, Effect};

pub(super) const KEYS: &[&str] = &["duration"];

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
