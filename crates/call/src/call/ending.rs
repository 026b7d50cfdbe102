//! How a call ends, from either side, and what is said about it (spec/media.md §3, spec/resources.md §4.4).

use flow::Event as FlowEvent;
use media_core::StreamStats;
use model::{CallStatus, Ending, HangupReason, SipAnswer, hangup_by, hangup_reason, response_to_unanswered};
use serde::{Deserialize, Serialize};

use super::{Call, CallTimer};
use crate::NoteKind;
use crate::cell::Context;

/// Longest time for BYE and stream to come to their end, ms: 64*T1 and some.
const FAREWELL_MS: u64 = 35_000;

/// That a call is over and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Over {
    /// The last line about the call has been written.
    noted: bool,
}

impl Call {
    /// The flow hangs up, or something else of ours does.
    pub(super) fn hang_up(&mut self, context: &mut Context<'_>, reason: HangupReason, answer: SipAnswer) {
        if self.over.is_some() {
            return;
        }
        self.end(context, Ending::Local(reason), |call, context| {
            call.set_status(context, CallStatus::Terminating);
            if call.leg.unanswered_invite().is_some() {
                call.leg.refuse(context, response_to_unanswered(reason, answer));
            } else {
                call.leg.hang_up(context, reason.q850_cause());
            }
        });
    }

    /// The flow came to its end while the call was up.
    pub(super) fn flow_ended(&mut self, context: &mut Context<'_>) {
        let status = context.settings().unanswered_status;
        self.hang_up(context, HangupReason::Normal, SipAnswer::FlowEnded { status });
    }

    /// The operator ends it.
    pub(super) fn hang_up_now(&mut self, context: &mut Context<'_>) {
        let status = context.settings().unanswered_status;
        self.hang_up(context, HangupReason::Normal, SipAnswer::FlowEnded { status });
    }

    /// The longest duration is reached.
    pub(super) fn duration_reached(&mut self, context: &mut Context<'_>) {
        if self.over.is_some() {
            return;
        }
        let answer = SipAnswer::FlowEnded { status: context.settings().unanswered_status };
        self.end(context, Ending::DurationLimit, |call, context| {
            call.set_status(context, CallStatus::Terminating);
            if call.leg.unanswered_invite().is_some() {
                call.leg.refuse(context, response_to_unanswered(HangupReason::Timeout, answer));
            } else {
                call.leg.hang_up(context, HangupReason::Timeout.q850_cause());
            }
        });
    }

    /// The caller sent BYE. The leg has answered it.
    pub(super) fn hung_up_by_caller(&mut self, context: &mut Context<'_>) {
        let ending = match self.record.tm_progressing {
            Some(_) => Ending::Cause(CAUSE_NORMAL),
            None => Ending::CallerCancelled,
        };
        self.end(context, ending, |_, _| {});
    }

    /// The caller cancelled its INVITE. The CANCEL is answered already.
    pub(super) fn cancelled(&mut self, context: &mut Context<'_>) {
        if self.leg.unanswered_invite().is_none() {
            return;
        }
        self.leg.refuse(context, 487);
        self.end(context, Ending::CallerCancelled, |_, _| {});
    }

    /// The session never came to be; the leg has sent BYE.
    pub(super) fn session_failed(&mut self, context: &mut Context<'_>) {
        self.end(context, Ending::Local(HangupReason::Failed), |call, context| {
            call.set_status(context, CallStatus::Terminating);
        });
    }

    /// Everything that every ending has in common. `farewell` says good-bye on the wire.
    fn end(&mut self, context: &mut Context<'_>, ending: Ending, farewell: impl FnOnce(&mut Call, &mut Context<'_>)) {
        if self.over.is_some() {
            return;
        }
        self.over = Some(Over { noted: false });
        self.timers.stop(&CallTimer::Duration);
        self.timers.set(CallTimer::Farewell, context.now.after_ms(FAREWELL_MS));
        farewell(self, context);
        let before = self.record.status;
        let answered = self.record.tm_progressing.is_some();
        self.record.hangup_by = hangup_by(before, ending);
        self.record.hangup_reason = hangup_reason(self.record.direction, before, answered, ending);
        self.set_status(context, CallStatus::Hangup);
        self.waiting.sound = None;
        self.media.close(context);
        if self.media.is_over() {
            self.note_ended(context, None);
        }
        self.step_flow(context, FlowEvent::CallGone);
    }

    /// The last line about the call.
    pub(super) fn note_ended(&mut self, context: &mut Context<'_>, stats: Option<StreamStats>) {
        let Some(over) = &mut self.over else { return };
        if std::mem::replace(&mut over.noted, true) {
            return;
        }
        let talked_us = match (self.record.tm_progressing, self.record.tm_hangup) {
            (Some(from), Some(to)) => to.as_us().saturating_sub(from.as_us()),
            _ => 0,
        };
        context.note(NoteKind::CallEnded {
            by: self.record.hangup_by,
            reason: self.record.hangup_reason,
            talked_ms: talked_us / 1_000,
            stats,
        });
    }

    /// Something never came to its end: a worker that is silent. The call must not stay for ever.
    pub(super) fn give_up(&mut self, context: &mut Context<'_>) {
        self.leg.abandon();
        self.media.closed();
        self.note_ended(context, None);
    }
}

/// Q.850 cause 16: normal call clearing.
const CAUSE_NORMAL: u16 = 16;
