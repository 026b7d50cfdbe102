//! `empty`: a placeholder; with a `next_id` it makes loops.

use super::Outcome;

/// Goes on (spec/actions.md `empty`).
pub(super) fn run() -> Outcome {
    Outcome::Continue
}
