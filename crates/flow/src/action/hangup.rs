//! `hangup`: hangs up this call.

use model::HangupReason;
use uuid::Uuid;

use super::about::{About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Hangs up the call. Before the answer the reason decides what the caller is told.",
    waits: "The end of the call, which ends the flow.",
    fails: "What cannot be understood is the reason `normal`: nothing keeps a call from being hung up.",
    options: &[
        Field::new("reason", Type::Text, "Why. Anything else is `normal`.")
            .default("`normal`")
            .allowed(Allowed::Of(&["", "normal", "failed", "busy", "cancel", "timeout", "noanswer", "dialout", "amd"])),
        Field::new(
            "reference_id",
            Type::Uuid,
            "A call that has ended: hang up with its cause instead of `reason`. Of one that is unknown, or has not ended, the cause is `normal`.",
        ),
    ],
    example: r#"[
  { "type": "hangup", "option": { "reason": "busy" } }
]"#,
};

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
