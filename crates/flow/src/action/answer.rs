//! `answer`: answers an incoming call that is not answered yet.

use model::{CallStatus, Direction};

use super::about::About;
use super::{Fault, Outcome, Run};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Answers an incoming call. On a call that is answered already, and on an outgoing one, it does nothing.",
    waits: "Nothing: the flow goes on at once.",
    fails: "It cannot fail: the flow always goes on.",
    options: &[],
    example: r#"[
  { "type": "answer" },
  { "type": "talk", "option": { "text": "Good morning." } }
]"#,
};

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
