//! `conference_join`: makes the call a participant of a conference.

use uuid::Uuid;

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const KEYS: &[&str] = &["conference_id"];

/// Options of `conference_join`.
pub(super) struct Options {
    conference_id: Uuid,
}

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        Ok(Options { conference_id: option.required_uuid("conference_id")? })
    }
}

/// The service gives the actions that bring the call in: its pre flow, the join, its post flow (spec/actions.md
/// `conference_join`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let Options { conference_id } = Options::read(&run.option()?)?;
    run.emit(Effect::JoinConference { step: run.step, conference_id });
    Ok(Outcome::Wait(Wait::Service { id: conference_id }))
}
