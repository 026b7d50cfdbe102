//! `confbridge_join`: brings the call into a confbridge until it leaves.

use uuid::Uuid;

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const KEYS: &[&str] = &["confbridge_id"];

/// Options of `confbridge_join`.
pub(super) struct Options {
    confbridge_id: Uuid,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        Ok(Options { confbridge_id: option.required_uuid("confbridge_id")? })
    }
}

/// Digits are stored meanwhile (spec/actions.md `confbridge_join`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let Options { confbridge_id } = Options::read(&run.option()?)?;
    run.set_variable("voipbin.confbridge.id", confbridge_id.to_string());
    run.emit(Effect::JoinConfbridge { step: run.step, confbridge_id });
    Ok(Outcome::Wait(Wait::Bridge))
}
