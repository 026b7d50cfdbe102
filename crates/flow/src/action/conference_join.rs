//! `conference_join`: makes the call a participant of a conference.

use uuid::Uuid;

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Makes the call a participant of a conference. The conference's pre flow runs first, then the call hears and is heard, and when it has left the conference its post flow runs. A call that is not answered yet is answered when it enters. It sets `voipbin.conference.id`.",
    waits: "The call leaving the conference, its post flow included.",
    fails: "A conference that does not exist, or takes nobody any more, ends the flow, and the call is hung up; so does an option that cannot be read.",
    options: &[Field::new("conference_id", Type::Uuid, "The conference.").required()],
    example: r#"[
  { "type": "answer" },
  { "type": "conference_join", "option": { "conference_id": "0d2f4b1c-7a7e-4f0e-8d2b-55f1a7e0c9d4" } },
  { "type": "hangup" }
]"#,
};

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
