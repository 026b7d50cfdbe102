//! `goto`: jumps back a number of times, then lets the cursor pass.

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};

pub(super) const KEYS: &[&str] = &["target_id", "loop_count"];

/// Options of `goto`.
pub(super) struct Options<'a> {
    target_id: &'a str,
    loop_count: i64,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options {
            target_id: option.text("target_id")?.unwrap_or_default(),
            loop_count: option.integer("loop_count")?.unwrap_or(0),
        })
    }
}

/// The count is kept with the frame and never resets; the target is searched only when jumping (spec/actions.md `goto`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let left = run.cursor.goto_left(run.place).unwrap_or(options.loop_count);
    if left <= 0 {
        return Ok(Outcome::Continue);
    }
    Ok(match run.jump(options.target_id) {
        Outcome::Jump { to, .. } => Outcome::Jump { to, goto_left: Some(left - 1) },
        other => other,
    })
}
