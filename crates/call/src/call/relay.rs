//! `hangup` with `reference_id`: this call ends as another one has ended (spec/actions.md). That one's loop knows how.

use model::{HangupReason, SipAnswer};
use uuid::Uuid;

use super::{Call, CallTimer};
use crate::context::{Act, Context};
use crate::message::{Address, CellMessage};

/// Longest wait for the other call's loop, ms. It answers at once, unless it is lost: a call must not stay for that.
const ANSWER_MS: u64 = 1_000;

impl Call {
    /// Asks how the other call has ended. It may be unknown, or not have ended: then this one's reason is plain `normal`.
    pub(super) fn hang_up_like(&mut self, context: &mut Context<'_>, call_id: Uuid) {
        if self.over.is_some() {
            return;
        }
        self.waiting.ending_of = Some(call_id);
        self.timers.stop(&CallTimer::Ring);
        self.timers.set(CallTimer::EndingOf, context.now.after_ms(ANSWER_MS));
        let (from, customer_id) = (self.cell, self.record.customer_id);
        context.send(Address::Call(call_id), CellMessage::HowEnded { from, customer_id });
    }

    /// The answer, or that none comes. A relayed cause and the reason it stands for give an unanswered caller the same
    /// response (spec/media.md §3).
    pub(super) fn other_ended(&mut self, context: &mut Context<'_>, call_id: Uuid, reason: Option<HangupReason>) {
        match self.waiting.ending_of.take_if(|asked| *asked == call_id) {
            Some(_) => self.hang_up(context, reason.unwrap_or(HangupReason::Normal), SipAnswer::Asked),
            None => context.act(Act::CountStale),
        }
    }

    /// The other call's loop is lost.
    pub(super) fn ending_is_unknown(&mut self, context: &mut Context<'_>) {
        if let Some(call_id) = self.waiting.ending_of {
            self.other_ended(context, call_id, None);
        }
    }
}
