//! An activeflow that runs for no call: the on-end flow of a recording, and what follows it. Actions that need a call are
//! skipped by the flow runtime itself (spec/flow.md §5.5).

use std::sync::Arc;

use base::{CellId, TimerTable};
use flow::{ActiveflowStatus, CallView, Effect as FlowEffect, Event as FlowEvent, Machine, NewActiveflow, StopReason};
use model::Resource;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::activeflow;
use crate::context::{Act, CellInput, Context, Subject};
use crate::{Effect, NoteKind};

/// One activeflow without a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    cell: CellId,
    flow: Machine,
    /// The step of the armed flow timer.
    waiting: Option<u64>,
    timers: TimerTable<RunTimer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum RunTimer {
    /// The flow's timer.
    Flow,
    /// The longest an activeflow may last: as long as a call.
    Duration,
}

impl Run {
    pub(crate) fn new(cell: CellId, now: base::Now, new: NewActiveflow, longest_ms: u64) -> Run {
        let mut timers = TimerTable::new();
        if longest_ms > 0 {
            timers.set(RunTimer::Duration, now.after_ms(longest_ms));
        }
        Run { cell, flow: Machine::new(now, new, &CallView::none()), waiting: None, timers }
    }

    pub(crate) fn activeflow_id(&self) -> Uuid {
        self.flow.id()
    }

    pub(crate) fn flow(&self) -> &Machine {
        &self.flow
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject { customer_id: self.flow.customer_id(), call_id: Uuid::nil(), activeflow_id: self.flow.id() }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.flow.status() == ActiveflowStatus::Ended
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.timers.next_deadline()
    }

    pub(crate) fn handle(&mut self, context: &mut Context<'_>, input: CellInput) {
        match input {
            CellInput::Start => {
                self.publish(context, "activeflow_created");
                self.step(context, FlowEvent::Start);
            }
            CellInput::Http { step, outcome } => self.step(context, FlowEvent::HttpAnswered { step, outcome }),
            CellInput::WebhookFailed { activeflow_id, step, action_id, reason } => {
                self.step(context, FlowEvent::WebhookFailed { activeflow_id, step, action_id, reason });
            }
            CellInput::Timeout => self.timeout(context),
            CellInput::StopFlow | CellInput::HangUpNow => self.step(context, FlowEvent::Stop(StopReason::Request)),
            // Nothing else is ever asked for on behalf of a run.
            _ => context.act(Act::CountStale),
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        while let Some(timer) = self.timers.pop_expired(context.now.mono_ns) {
            match timer {
                RunTimer::Flow => {
                    if let Some(step) = self.waiting.take() {
                        self.step(context, FlowEvent::Timer { step });
                    }
                }
                RunTimer::Duration => self.step(context, FlowEvent::Stop(StopReason::Request)),
            }
        }
    }

    fn step(&mut self, context: &mut Context<'_>, event: FlowEvent) {
        self.flow.handle(context.now, event, &CallView::none());
        while let Some(effect) = self.flow.poll(context.now, &CallView::none()) {
            self.carry_out(context, effect);
        }
    }

    fn carry_out(&mut self, context: &mut Context<'_>, effect: FlowEffect) {
        match effect {
            FlowEffect::Timer { step, after_ms } => {
                self.waiting = Some(step);
                self.timers.set(RunTimer::Flow, context.now.after_ms(after_ms));
            }
            FlowEffect::FetchFlow { step, flow_id } => {
                let event = activeflow::find_flow(context, step, flow_id);
                self.flow.handle(context.now, event, &CallView::none());
            }
            FlowEffect::Http { step, request, wait } => {
                let (cell, subject) = (self.cell, context.subject);
                context.act(Act::Effect(Effect::Http(activeflow::http(cell, subject, step, request, wait))));
            }
            FlowEffect::Updated => self.publish(context, "activeflow_updated"),
            FlowEffect::Timeline(entry) => context.note(NoteKind::Flow(entry)),
            FlowEffect::Ended { on_complete_flow_id, .. } => {
                self.waiting = None;
                self.timers.stop(&RunTimer::Flow);
                activeflow::ended(context, &mut self.flow, on_complete_flow_id.is_some());
                if let Some(flow_id) = on_complete_flow_id {
                    self.run_on_complete(context, flow_id);
                }
            }
            // The media gate lets none of these through without a call.
            FlowEffect::Answer
            | FlowEffect::Play { .. }
            | FlowEffect::Talk { .. }
            | FlowEffect::Beep { .. }
            | FlowEffect::StopPlayback
            | FlowEffect::Echo { .. }
            | FlowEffect::SendDigits { .. }
            | FlowEffect::StartRecording { .. }
            | FlowEffect::StopRecording
            | FlowEffect::JoinConfbridge { .. }
            | FlowEffect::LeaveBridge
            | FlowEffect::JoinConference { .. }
            | FlowEffect::Hangup { .. } => context.act(Act::CountStale),
        }
    }

    /// spec/flow.md §6: the flow that follows is one more activeflow, with the variables of this one.
    fn run_on_complete(&mut self, context: &mut Context<'_>, flow_id: Uuid) {
        match activeflow::on_complete(context, &mut self.flow, flow_id) {
            Ok(new) => {
                context.act(Act::StartRun(Box::new(new)));
            }
            Err(why) => context.note(NoteKind::OnCompleteSkipped { flow_id, why }),
        }
    }

    fn publish(&self, context: &mut Context<'_>, name: &'static str) {
        context.event(name, Resource::Activeflow(Arc::new(self.flow.to_activeflow())));
    }
}
