//! `recording_stop`: ends the recording of the call.

use super::about::About;
use super::{Fault, Outcome, Run};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Ends the recording of the call. None running is fine.",
    waits: "Nothing: the flow goes on at once.",
    fails: "It cannot fail: the flow always goes on.",
    options: &[],
    example: r#"[
  { "type": "answer" },
  { "type": "recording_start" },
  { "type": "sleep", "option": { "duration": 10000 } },
  { "type": "recording_stop" },
  { "type": "talk", "option": { "text": "Thank you." } }
]"#,
};

/// None running is fine (spec/actions.md `recording_stop`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    run.emit(Effect::StopRecording);
    Ok(Outcome::Continue)
}
