//! `condition_call_status`: whether the call has a certain status at this moment.

use super::about::{self, About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};

pub(super) const ABOUT: About = About {
    does: "Goes on when the call has this status at this moment. It looks at the call that runs the flow, not at one it is connected to.",
    waits: "Nothing: the flow goes on at once.",
    fails: about::TARGET_ENDS,
    options: &[
        Field::new("status", Type::Text, "The status that is tested for. Any other text is never equal.")
            .required()
            .allowed(Allowed::Of(&["dialing", "ringing", "progressing", "terminating", "canceling", "hangup"])),
        about::FALSE_TARGET,
    ],
    example: r#"[
  { "type": "condition_call_status", "option": { "status": "progressing", "false_target_id": "answer" } },
  { "id": "talk", "type": "talk", "option": { "text": "You are through." } },
  { "type": "hangup" },
  { "id": "answer", "type": "answer", "next_id": "talk" }
]"#,
};

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
