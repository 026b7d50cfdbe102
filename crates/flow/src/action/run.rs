//! What an action gets and what it gives back.

use std::collections::VecDeque;

use base::Now;
use model::Action;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::option::{OptionError, OptionReader};
use crate::cursor::{Cursor, Position};
use crate::digits::{DigitRule, Digits};
use crate::effect::TimelineEntry;
use crate::substitute::Lookup;
use crate::variables::{VariableRefused, Variables};
use crate::{CallView, Effect, EndReason, HttpPurpose, Reference, Settings, What};

/// The surroundings of the action that has just become current.
pub(crate) struct Run<'a> {
    pub(crate) now: Now,
    pub(crate) view: &'a CallView<'a>,
    pub(crate) settings: Settings,
    /// Of the activeflow.
    pub(crate) activeflow_id: Uuid,
    pub(crate) reference: Reference,
    /// `execute_count`; answers to effects repeat it.
    pub(crate) step: u64,
    /// The action with its option substituted.
    pub(crate) action: &'a Action,
    pub(crate) cursor: &'a Cursor,
    pub(crate) place: Position,
    pub(crate) variables: &'a mut Variables,
    pub(crate) digits: &'a mut Digits,
    pub(crate) outbox: &'a mut VecDeque<Effect>,
}

impl<'a> Run<'a> {
    /// The option, substituted.
    pub(crate) fn option(&self) -> Result<OptionReader<'a>, OptionError> {
        OptionReader::new(self.action.option.as_ref())
    }

    /// A text field of the option as it was sent.
    pub(crate) fn original_text(&self, key: &str) -> Option<&'a str> {
        self.cursor.action(self.place).option.as_ref()?.get(key)?.as_str()
    }

    pub(crate) fn emit(&mut self, effect: Effect) {
        self.outbox.push_back(effect);
    }

    /// Asks for a `Timer` of this step.
    pub(crate) fn arm_timer(&mut self, after_ms: u64) {
        self.emit(Effect::Timer { step: self.step, after_ms });
    }

    /// Writes a variable, or tells the timeline why not.
    pub(crate) fn set_variable(&mut self, key: &str, value: String) {
        if let Err(why) = self.variables.set(key, value) {
            self.refused(key, why);
        }
    }

    /// Tells the timeline that a variable was not written.
    pub(crate) fn refused(&mut self, key: &str, why: VariableRefused) {
        let shown: String = key.chars().take(80).collect();
        self.emit(Effect::Timeline(TimelineEntry {
            step: self.step,
            action_id: self.action.id.clone(),
            action_type: self.action.kind.clone(),
            what: What::VariableRefused,
            reason: format!("{shown}: {why}"),
        }));
    }

    /// The value of a variable, computed ones included.
    pub(crate) fn value(&self, name: &str) -> String {
        let lookup = crate::step::Names { variables: self.variables, view: self.view, current: self.action };
        lookup.value(name).into_owned()
    }

    /// Goes on at the action with this id. One that is not there ends the activeflow (spec/flow.md §9).
    pub(crate) fn jump(&self, target_id: &str) -> Outcome {
        match self.cursor.find(target_id) {
            Some(to) => Outcome::Jump { to, goto_left: None },
            None => Outcome::no_target(target_id),
        }
    }

    /// What a condition does: true goes on, false jumps if there is a target.
    pub(crate) fn decide(&self, is_true: bool, false_target_id: Option<&str>) -> Outcome {
        match false_target_id {
            Some(target_id) if !is_true => self.jump(target_id),
            _ => Outcome::Continue,
        }
    }
}

/// How the cursor goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// With the next action, in the same burst.
    Continue,
    /// Not before something happens.
    Wait(Wait),
    /// There. A `goto` also writes down how many jumps it has left.
    Jump { to: Position, goto_left: Option<i64> },
    /// Nowhere.
    End(EndReason),
}

impl Outcome {
    pub(crate) fn no_target(target_id: &str) -> Outcome {
        Outcome::End(EndReason::Failed(if model::action_id::is_unset(target_id) {
            "no target is given".to_owned()
        } else {
            let shown: String = target_id.chars().take(80).collect();
            format!("there is no action {shown}")
        }))
    }
}

/// What the cursor waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Wait {
    /// The end of a playback; with `stop_on_digit` also a digit.
    Playback { stop_on_digit: bool },
    /// Digits, or the timer.
    Digits(DigitRule),
    /// Leaving the confbridge.
    Bridge,
    /// The beginning of a service; `id` is the resource's, such as a conference.
    Service { id: Uuid },
    /// The actions of a flow.
    Fetch,
    /// A response.
    Http(HttpPurpose),
    /// The timer; then the echo is switched off.
    Echo,
    /// The timer.
    Timer,
    /// The end of the call.
    Hangup,
}

/// Why an action could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) String);

impl From<OptionError> for Fault {
    fn from(error: OptionError) -> Fault {
        Fault(format!("the option cannot be read: {error}"))
    }
}
