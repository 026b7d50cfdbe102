//! How a call ends, from either side, and what is said about it (spec/media.md §3, spec/resources.md §4.3 and §4.4).
//!
//! Two moments: somebody ends the call ([`Call::end`]), and its leg is gone ([`Call::settle`]). Between them a call that we
//! hang up is `terminating`: our BYE waits for an ACK or for its own response.

use flow::{ActiveflowStatus, Event as FlowEvent, StopReason};
use model::{CallStatus, Ending, HangupReason, SipAnswer, hangup_by, hangup_reason, response_to_unanswered};
use serde::{Deserialize, Serialize};

use super::{Call, CallTimer};
use crate::NoteKind;
use crate::context::Context;

/// Longest time for BYE and stream to come to their end, ms: 64*T1 and some.
const FAREWELL_MS: u64 = 35_000;

/// That somebody has ended the call, and how far that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Over {
    ending: Ending,
    /// When it ended, wall clock, µs: what is still said on the wire is no talk.
    at_us: u64,
    /// Our BYE is on its way: from then on counts the time of [`CallTimer::Farewell`].
    bye_sent: bool,
    /// Nothing more is said on the wire: the call's status is `hangup`.
    leg_gone: bool,
    /// The last line about the call has been written.
    noted: bool,
    /// No further on-complete flow is to run.
    flows_stopped: bool,
}

impl Over {
    /// Whether leg and stream are gone and all is said about them.
    pub(super) fn is_complete(&self) -> bool {
        self.noted
    }

    /// Whether on-complete flows are not to run any more.
    pub(super) fn are_flows_stopped(&self) -> bool {
        self.flows_stopped
    }
}

impl Call {
    /// The flow hangs up, or something else of ours does.
    pub(super) fn hang_up(&mut self, context: &mut Context<'_>, reason: HangupReason, answer: SipAnswer) {
        self.end(context, Ending::Local(reason), |call, context| call.say_good_bye(context, reason, answer));
    }

    /// The flow came to its end while the call was up.
    pub(super) fn flow_ended(&mut self, context: &mut Context<'_>) {
        let status = context.settings().unanswered_status;
        self.hang_up(context, HangupReason::Normal, SipAnswer::FlowEnded { status });
    }

    /// The operator ends it, and the on-complete flow that runs after it.
    pub(super) fn hang_up_now(&mut self, context: &mut Context<'_>) {
        self.stop_on_complete(context);
        self.flow_ended(context);
    }

    /// The longest duration is reached, of the call or of the on-complete flow that runs after it.
    pub(super) fn duration_reached(&mut self, context: &mut Context<'_>) {
        self.stop_on_complete(context);
        let answer = SipAnswer::FlowEnded { status: context.settings().unanswered_status };
        self.end(context, Ending::DurationLimit, |call, context| {
            call.say_good_bye(context, HangupReason::Timeout, answer);
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

    /// The caller cancelled its INVITE, or it has expired. A CANCEL is answered already.
    pub(super) fn cancelled(&mut self, context: &mut Context<'_>) {
        if self.leg.unanswered_invite().is_some() {
            self.end(context, Ending::CallerCancelled, |call, context| call.leg.refuse(context, 487));
        }
    }

    /// The session never came to be; the leg has sent BYE.
    pub(super) fn session_failed(&mut self, context: &mut Context<'_>) {
        self.end(context, Ending::Local(HangupReason::Failed), |_, _| {});
    }

    /// A final response to a call that was never answered, else BYE.
    fn say_good_bye(&mut self, context: &mut Context<'_>, reason: HangupReason, answer: SipAnswer) {
        if self.leg.unanswered_invite().is_some() {
            self.leg.refuse(context, response_to_unanswered(reason, answer));
        } else {
            self.leg.hang_up(context, reason.q850_cause());
        }
    }

    /// Everything that every ending has in common. `farewell` says good-bye on the wire. A call that is over already stays
    /// as it is.
    fn end(&mut self, context: &mut Context<'_>, ending: Ending, farewell: impl FnOnce(&mut Call, &mut Context<'_>)) {
        if self.over.is_some() {
            return;
        }
        self.over = Some(Over {
            ending,
            at_us: context.now.wall_us,
            bye_sent: false,
            leg_gone: false,
            noted: false,
            flows_stopped: false,
        });
        // An on-complete flow that runs by now has begun before its call is hung up, and goes on after it.
        let on_complete = self.runs_on_complete();
        if !on_complete {
            self.timers.stop(&CallTimer::Duration);
        }
        self.timers.stop(&CallTimer::Expires);
        self.timers.stop(&CallTimer::Ring);
        self.timers.set(CallTimer::Farewell, context.now.after_ms(FAREWELL_MS));
        if matches!(ending, Ending::Local(_) | Ending::DurationLimit) {
            self.set_status(context, CallStatus::Terminating);
        }
        farewell(self, context);
        if !on_complete {
            self.suspend_flow(context);
        }
        self.leave_all(context);
        self.media.close(context);
        self.end_recording_with_call(context);
        self.settle(context);
    }

    /// Takes the ending as far as it has come. Called after every input.
    pub(super) fn settle(&mut self, context: &mut Context<'_>) {
        let Some(over) = &mut self.over else { return };
        if self.leg.is_leaving() && !std::mem::replace(&mut over.bye_sent, true) {
            self.timers.set(CallTimer::Farewell, context.now.after_ms(FAREWELL_MS));
        }
        if self.leg.is_done() && !std::mem::replace(&mut over.leg_gone, true) {
            let ending = over.ending;
            self.leg_gone(context, ending);
        }
        self.note_ended(context);
    }

    fn leg_gone(&mut self, context: &mut Context<'_>, ending: Ending) {
        let before = self.record.status;
        let answered = self.record.tm_progressing.is_some();
        self.record.hangup_by = hangup_by(before, ending);
        self.record.hangup_reason = hangup_reason(self.record.direction, before, answered, ending);
        self.set_status(context, CallStatus::Hangup);
        // An on-complete flow runs after the call: this end is none of its business.
        if self.flow.status() == ActiveflowStatus::Running && !self.runs_on_complete() {
            self.step_flow(context, FlowEvent::CallGone);
        }
    }

    /// The last line about the call, as soon as leg and stream are gone.
    fn note_ended(&mut self, context: &mut Context<'_>) {
        let Some(over) = &mut self.over else { return };
        if !over.leg_gone || !self.media.is_over() || std::mem::replace(&mut over.noted, true) {
            return;
        }
        let ended_us = over.at_us;
        if self.open_recordings().next().is_none() {
            self.timers.stop(&CallTimer::Farewell);
        }
        let talked_us = self.record.tm_progressing.map_or(0, |from| ended_us.saturating_sub(from.as_us()));
        context.note(NoteKind::CallEnded {
            by: self.record.hangup_by,
            reason: self.record.hangup_reason,
            talked_ms: talked_us / 1_000,
            stats: self.media.totals(),
        });
    }

    /// Something never came to its end: a worker that is silent. The call must not stay for ever.
    pub(super) fn give_up(&mut self, context: &mut Context<'_>) {
        self.leg.abandon();
        self.media.give_up();
        self.give_up_recording(context);
    }

    /// Ends the on-complete flow that runs after the call; no other follows it.
    fn stop_on_complete(&mut self, context: &mut Context<'_>) {
        if let Some(over) = &mut self.over
            && self.flow.complete_count() > 0
        {
            over.flows_stopped = true;
            self.step_flow(context, FlowEvent::Stop(StopReason::Request));
        }
    }

    /// Whether the flow is not the call's own but one that runs after it.
    fn runs_on_complete(&self) -> bool {
        self.flow.complete_count() > 0
    }
}

/// Q.850 cause 16: normal call clearing.
const CAUSE_NORMAL: u16 = 16;
