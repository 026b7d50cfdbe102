//! `recording_stop`: ends the recording of the call.

use super::{Fault, Outcome, Run};
use crate::Effect;

/// None running is fine (spec/actions.md `recording_stop`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    run.emit(Effect::StopRecording);
    Ok(Outcome::Continue)
}
