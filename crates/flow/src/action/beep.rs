//! `beep`: one short beep.

use super::about::About;
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Plays one short beep of 1000 Hz. It does not answer the call: before the answer the beep is heard as early media. Digits do not interrupt it.",
    waits: "The end of the beep.",
    fails: "When it cannot be played the reason stands in the timeline, and the flow goes on with the next action.",
    options: &[],
    example: r#"[
  { "type": "talk", "option": { "text": "Please leave a message after the tone." } },
  { "type": "beep" },
  { "type": "recording_start", "option": { "duration": 60 } },
  { "type": "sleep", "option": { "duration": 60000 } }
]"#,
};

/// Waits for its end; digits do not interrupt it (spec/actions.md `beep`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    run.emit(Effect::Beep { step: run.step });
    Ok(Outcome::Wait(Wait::Playback { stop_on_digit: false }))
}
