//! One move of the cursor (spec/flow.md §5.4).

use std::borrow::Cow;
use std::sync::Arc;

use base::Now;
use model::{Action, Timestamp};

use crate::action::kind::{Class, Engine};
use crate::action::{self, Fault, Kind, Known, Outcome, Run};
use crate::cursor::Position;
use crate::machine::{Machine, Phase};
use crate::substitute::{Lookup, MAX_BYTES, TooLong, substitute};
use crate::substitute_json::substitute_request;
use crate::substitute_spoken::substitute_spoken;
use crate::variables::Variables;
use crate::{CallView, EndReason, ReferenceType, What};

/// Actions stepped over without waiting, then the activeflow is ended (spec/flow.md §5.6).
pub(crate) const MAX_BURST: u32 = 1_000;

impl Machine {
    /// Moves on by one action and carries it out as far as it goes without waiting.
    pub(crate) fn step(&mut self, now: Now, view: &CallView<'_>) {
        if self.execute_count >= self.settings.max_execute_count {
            let why = format!("{} actions were executed, no more are allowed", self.execute_count);
            return self.end(now, EndReason::Limit(why), view);
        }
        if self.burst >= MAX_BURST {
            return self.end(now, EndReason::Limit(format!("{MAX_BURST} actions in a row did not wait")), view);
        }
        self.burst += 1;
        let Some(to) = self.cursor.next() else {
            self.make_current(now, Action::finish());
            return self.end(now, EndReason::Finished, view);
        };
        self.cursor.move_to(to);
        let mut action = self.cursor.action(to).clone();
        let substituted = match &mut action.option {
            Some(option) => {
                let names = Names { variables: &self.variables, view, current: &self.current };
                if self.settings.webhook_escape_json && action::is_webhook(&action.kind) {
                    substitute_request(option, &names)
                } else if action::known(&action.kind) == Known::Supported(Kind::Talk) {
                    substitute_spoken(option, &names)
                } else {
                    substitute(option, &names)
                }
            }
            None => Ok(()),
        };
        self.make_current(now, action);
        match action::known(&self.current.kind) {
            Known::Unknown => self.timeline(What::Skipped, "this type of action does not exist".into()),
            Known::NotYet => {
                let why = format!("not yet supported: {}", self.current.kind);
                self.end(now, EndReason::Failed(why), view);
            }
            Known::Supported(kind) => match self.gate(kind, view) {
                Some(why) => self.timeline(What::Skipped, why.into()),
                None => {
                    self.timeline(What::Started, String::new());
                    self.execute(now, kind, to, substituted, view);
                }
            },
        }
    }

    fn make_current(&mut self, now: Now, mut action: Action) {
        let now = Timestamp::from_us(now.wall_us);
        action.tm_execute = Some(now);
        self.executed.push(std::mem::replace(&mut self.current, Arc::new(action)));
        self.execute_count += 1;
        self.updated = true;
        self.tm_update = Some(now);
    }

    /// The media gate (spec/flow.md §5.5, §6): why this action is skipped, if it is.
    fn gate(&self, kind: Kind, view: &CallView<'_>) -> Option<&'static str> {
        let is_call = self.reference.kind == ReferenceType::Call;
        match (kind.class(), kind.engine()) {
            (Class::Rtc, _) if !is_call => Some("needs a call"),
            (Class::Rtc, Engine::Call) if !view.alive => Some("the call is over"),
            // The runtime carries it out, but what it leads into is the call's.
            _ if kind == Kind::ConferenceJoin && !view.alive => Some("the call is over"),
            _ => None,
        }
    }

    fn execute(
        &mut self,
        now: Now,
        kind: Kind,
        place: Position,
        substituted: Result<(), TooLong>,
        view: &CallView<'_>,
    ) {
        let mut run = Run {
            now,
            view,
            settings: self.settings,
            activeflow_id: self.id,
            reference: self.reference,
            step: self.execute_count,
            action: &self.current,
            cursor: &self.cursor,
            place,
            variables: &mut self.variables,
            digits: &mut self.digits,
            outbox: &mut self.outbox,
        };
        let outcome = match substituted {
            Ok(()) => action::run(kind, &mut run),
            Err(TooLong) => Err(Fault(format!("the option has more than {MAX_BYTES} bytes after substitution"))),
        };
        match outcome {
            Ok(Outcome::Continue) => {}
            Ok(Outcome::Wait(wait)) => self.phase = Phase::Waiting(wait),
            Ok(Outcome::Jump { to, goto_left }) => {
                if let Some(left) = goto_left {
                    self.cursor.set_goto_left(place, left);
                }
                self.cursor.set_forward(to);
                let target = self.cursor.action(to).id.clone();
                self.timeline(What::Jumped, format!("to {target}"));
            }
            Ok(Outcome::End(reason)) => self.end(now, reason, view),
            Err(Fault(why)) if kind.failure_ends() => self.end(now, EndReason::Failed(why), view),
            Err(Fault(why)) => self.timeline(What::Failed, why),
        }
    }
}

/// The names that substitution knows: the variables, and those computed at that moment (spec/flow.md §7.3).
pub(crate) struct Names<'a> {
    pub(crate) variables: &'a Variables,
    pub(crate) view: &'a CallView<'a>,
    pub(crate) current: &'a Action,
}

impl Lookup for Names<'_> {
    /// What a user has written under a computed name wins.
    fn value(&self, name: &str) -> Cow<'_, str> {
        if let Some(value) = self.variables.get(name) {
            return Cow::Borrowed(value);
        }
        match (name, self.view.call) {
            ("voipbin.call.status", Some(call)) => Cow::Borrowed(call.status.as_str()),
            ("voipbin.call.caller_id", Some(_)) => self.value("voipbin.call.source.target"),
            ("voipbin.flow.reference_data", Some(call)) => Cow::Owned(call.to_public(Some(self.current)).to_string()),
            _ => Cow::Borrowed(""),
        }
    }
}
