//! `confbridge_join`: brings the call into a confbridge until it leaves.

use uuid::Uuid;

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Brings the call into a confbridge, where it hears the others and they hear it. A call that is not answered yet is answered, unless the bridge is of type `connect`: there those who wait are answered when an answered call joins them. Digits that are pressed meanwhile are stored; of two calls in a bridge of type `connect` the other one gets them, too, as soon as the key is released, whether the phone sent telephone-events or SIP INFO. It sets `voipbin.confbridge.id`.",
    waits: "The call leaving the bridge: because it is taken out, or the bridge ends.",
    fails: "A confbridge that does not exist or has ended is noted in the timeline, and the flow goes on with the next action; so is an option that cannot be read.",
    options: &[Field::new("confbridge_id", Type::Uuid, "The confbridge.").required()],
    example: r#"[
  { "type": "answer" },
  { "type": "confbridge_join", "option": { "confbridge_id": "b7a2c8de-0d5b-4f2a-9f0e-3f6a5f3f1c11" } },
  { "type": "talk", "option": { "text": "Good bye." } }
]"#,
};

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
