//! `stream_echo`: returns the RTP stream as it is, telephone events included.

use super::about::{self, About};
use super::{Fault, Outcome, Run, echo};
use crate::EchoMode;

pub(super) const ABOUT: About = About {
    does: "Returns the caller's RTP stream as it is, digits included. It does not answer the call by itself.",
    waits: "The time.",
    fails: about::PASSED_OVER,
    options: echo::OPTIONS,
    example: r#"[
  { "type": "answer" },
  { "type": "stream_echo", "option": { "duration": 60000 } },
  { "type": "hangup" }
]"#,
};

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    echo::run_mode(run, EchoMode::Stream)
}
