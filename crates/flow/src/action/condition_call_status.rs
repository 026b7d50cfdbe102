//! `condition_call_status`: whether the call has a certain status at this moment.

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};

pub(super) const KEYS: &[&str] = &["status", "false_target_id"];

/// Options of `condition_call_status`.
pub(super) struct Options<'a> {
    status: &'a str,
    false_target_id: Option<&'a str>,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options {
            status: option.text("status")?.unwrap_or_default(),
            false_target_id: option.id("false_target_id")?,
        })
    }
}

/// The reference call's own status, not that of a connected leg. A status outside the list is never equal.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let is_true = run.view.status().is_some_and(|status| status.as_str() == options.status);
    Ok(run.decide(is_true, options.false_target_id))
}
