//! `stop`: ends the activeflow; a call is hung up by that.

use super::Outcome;
use crate::EndReason;

/// Ends at once (spec/actions.md `stop`).
pub(super) fn run() -> Outcome {
    Outcome::End(EndReason::StopAction)
}
