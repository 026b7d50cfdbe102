//! `goto`: jumps back a number of times, then lets the cursor pass.

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};
use crate::cursor::Cursor;

pub(super) const ABOUT: About = About {
    does: "Jumps a number of times, then lets the flow pass. The count is kept for as long as the flow runs and never starts again, not even when the action is reached a second time, or its array is fetched anew by the same action. With `loop_count` 2 after a prompt, the prompt is heard three times.",
    waits: "Nothing: the flow goes on at once.",
    fails: "A target that does not exist ends the flow when it jumps, and the call is hung up; so does an option that cannot be read.",
    options: &[
        Field::new("target_id", Type::Id, "Where to go. It is searched in this array, then in the enclosing ones.")
            .required(),
        Field::new("loop_count", Type::Whole, "How often it jumps. 0 or less never jumps.").default("0"),
    ],
    example: r#"[
  { "id": "prompt", "type": "talk", "option": { "text": "Please hold the line." } },
  { "type": "goto", "option": { "target_id": "prompt", "loop_count": 2 } },
  { "type": "hangup" }
]"#,
};

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

/// The count is kept with the activeflow and never resets; the target is searched only when jumping (spec/actions.md `goto`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let before = run.cursor.goto_left(run.place);
    let left = before.unwrap_or(options.loop_count);
    if left <= 0 {
        return Ok(Outcome::Continue);
    }
    if before.is_none() && run.cursor.counts_are_full() {
        return Err(Fault(format!("more than {} actions goto have jumped", Cursor::MAX_GOTOS)));
    }
    Ok(match run.jump(options.target_id) {
        Outcome::Jump { to, .. } => Outcome::Jump { to, goto_left: Some(left - 1) },
        other => other,
    })
}
