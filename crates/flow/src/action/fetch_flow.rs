//! `fetch_flow`: runs the actions of another flow, then returns.

use uuid::Uuid;

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Runs the actions of another flow, as they are at this moment, and then goes on behind this action. The actions may jump to ids of this flow, which leaves them behind. The other flow's `on_complete_flow_id` is not used.",
    waits: "The actions of that flow.",
    fails: "A flow that does not exist, was deleted or belongs to somebody else ends this one, and the call is hung up; so does an option that cannot be read.",
    options: &[Field::new("flow_id", Type::Uuid, "The flow.").required()],
    example: r#"[
  { "type": "fetch_flow", "option": { "flow_id": "5a1c6f0e-0d8f-4b5e-9a57-3c1f0c6f1a01" } },
  { "type": "hangup" }
]"#,
};

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
