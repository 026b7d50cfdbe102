//! `stream_echo`: returns the RTP stream as it is, telephone events included.

use super::{Fault, Outcome, Run, echo};
use crate::EchoMode;

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    echo::run_mode(run, EchoMode::Stream)
}
