//! `beep`: one short beep.

use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

/// Waits for its end; digits do not interrupt it (spec/actions.md `beep`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    run.emit(Effect::Beep { step: run.step });
    Ok(Outcome::Wait(Wait::Playback { stop_on_digit: false }))
}
