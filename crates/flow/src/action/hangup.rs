//! `hangup`: hangs up this call.

use model::HangupReason;
use uuid::Uuid;

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const KEYS: &[&str] = &["reason", "reference_id"];

/// Options of `hangup`.
pub(super) struct Options {
    reason: HangupReason,
    reference_id: Option<Uuid>,
}

impl Options {
    /// Nothing in here keeps a call from being hung up: what cannot be understood is the plain reason `normal`.
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        let reason = HangupReason::from_option(option.text("reason").ok().flatten().unwrap_or_default());
        let reference_id = option.text("reference_id").ok().flatten().and_then(|id| Uuid::parse_str(id).ok());
        Ok(Options { reason, reference_id: reference_id.filter(|id| !id.is_nil()) })
    }
}

/// The activeflow goes on to its end when the call is gone.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    run.emit(Effect::Hangup { reason: options.reason, reference_id: options.reference_id });
    Ok(Outcome::Wait(Wait::Hangup))
}
