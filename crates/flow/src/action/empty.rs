//! `empty`: a placeholder; with a `next_id` it makes loops.

use super::Outcome;
use super::about::About;

pub(super) const ABOUT: About = About {
    does: "Does nothing. With a `next_id` it is a sign-post.",
    waits: "Nothing: the flow goes on at once.",
    fails: "It cannot fail: the flow always goes on.",
    options: &[],
    example: r#"[
  { "type": "empty", "next_id": "greeting" },
  { "id": "greeting", "type": "talk", "option": { "text": "Hello." } }
]"#,
};

/// Goes on (spec/actions.md `empty`).
pub(super) fn run() -> Outcome {
    Outcome::Continue
}
