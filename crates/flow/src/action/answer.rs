//! `answer`: answers an incoming call that is not answered yet.

use model::{CallStatus, Direction};

use super::{Fault, Outcome, Run};
use crate::Effect;

/// Never waits; does nothing on an outgoing or answered call (spec/actions.md `answer`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    answer_if_unanswered(run);
    Ok(Outcome::Continue)
}

/// For actions that answer by themselves.
pub(super) fn answer_if_unanswered(run: &mut Run<'_>) {
    let unanswered = matches!(run.view.status(), Some(CallStatus::Dialing | CallStatus::Ringing));
    if unanswered && run.view.call.is_some_and(|call| call.direction == Direction::Incoming) {
        run.emit(Effect::Answer);
    }
}
