//! `fetch_flow`: runs the actions of another flow, then returns.

use uuid::Uuid;

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const KEYS: &[&str] = &["flow_id"];

/// Options of `fetch_flow`.
pub(super) struct Options {
    flow_id: Uuid,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        Ok(Options { flow_id: option.required_uuid("flow_id")? })
    }
}

/// The flow as it is at this moment (spec/actions.md `fetch_flow`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let Options { flow_id } = Options::read(&run.option()?)?;
    run.emit(Effect::FetchFlow { step: run.step, flow_id });
    Ok(Outcome::Wait(Wait::Fetch))
}
