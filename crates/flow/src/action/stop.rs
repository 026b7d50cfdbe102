//! `stop`: ends the activeflow; a call is hung up by that.

use super::Outcome;
use super::about::About;
use crate::EndReason;

pub(super) const ABOUT: About = About {
    does: "Ends the flow at once, and the call is hung up.",
    waits: "Nothing comes after it.",
    fails: "It cannot fail.",
    options: &[],
    example: r#"[
  { "type": "talk", "option": { "text": "Good bye." } },
  { "type": "stop" }
]"#,
};

/// Ends at once (spec/actions.md `stop`).
pub(super) fn run() -> Outcome {
    Outcome::End(EndReason::StopAction)
}
