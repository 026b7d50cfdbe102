//! One activeflow. This file holds the state and routes events; `step.rs` moves the cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use base::Now;
use compact_str::{CompactString, ToCompactString};
use model::{Action, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::action::Wait;
use crate::cursor::Cursor;
use crate::digits::{Digits, digit_of};
use crate::effect::TimelineEntry;
use crate::executed::Executed;
use crate::variables::VariableRefused;
use crate::{
    ActiveflowStatus, CallView, EchoMode, Effect, EndReason, Event, NewActiveflow, Reference, ReferenceType, Settings,
    Variables, Webhook, What,
};

/// The state machine of one activeflow.
///
/// After [`Machine::new`] and after every [`Machine::handle`], call [`Machine::poll`] until it gives none. It is plain
/// data: written down and restored between any two calls it goes on the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub(crate) id: Uuid,
    pub(crate) customer_id: Uuid,
    pub(crate) flow_id: Uuid,
    pub(crate) on_complete_flow_id: Uuid,
    pub(crate) reference: Reference,
    pub(crate) reference_activeflow_id: Uuid,
    pub(crate) webhook: Webhook,
    pub(crate) complete_count: u32,
    pub(crate) settings: Settings,
    pub(crate) phase: Phase,
    pub(crate) cursor: Cursor,
    /// A copy of the action at the cursor, its option substituted; at the start and the end a pseudo action.
    pub(crate) current: Arc<Action>,
    pub(crate) executed: Executed,
    /// Cursor moves so far; the step number of effects.
    pub(crate) execute_count: u64,
    /// Moves since the cursor last waited.
    pub(crate) burst: u32,
    pub(crate) variables: Variables,
    pub(crate) digits: Digits,
    pub(crate) outbox: VecDeque<Effect>,
    /// An `Updated` is owed when the burst is over.
    pub(crate) updated: bool,
    /// The `Ended` that is owed after it.
    pub(crate) farewell: Option<Effect>,
    stale_events: u64,
    pub(crate) tm_create: Timestamp,
    pub(crate) tm_update: Option<Timestamp>,
}

/// What the machine is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Created; waits for `Start`.
    Created,
    /// The next step is due.
    Ready,
    /// The current action waits.
    Waiting(Wait),
    /// Over.
    Ended,
}

impl Machine {
    /// A new activeflow, not started. Its variables are made here (spec/flow.md §7.1, §7.3).
    pub fn new(now: Now, new: NewActiveflow, view: &CallView<'_>) -> Machine {
        let mut machine = Machine {
            id: new.id,
            customer_id: new.customer_id,
            flow_id: new.flow_id,
            on_complete_flow_id: new.on_complete_flow_id,
            reference: new.reference,
            reference_activeflow_id: new.reference_activeflow_id,
            webhook: new.webhook,
            complete_count: new.complete_count,
            settings: new.settings,
            phase: Phase::Created,
            cursor: Cursor::new(new.actions),
            current: Arc::new(Action::start()),
            executed: Executed::default(),
            execute_count: 0,
            burst: 0,
            variables: Variables::default(),
            digits: Digits::default(),
            outbox: VecDeque::new(),
            updated: false,
            farewell: None,
            stale_events: 0,
            tm_create: Timestamp::from_us(now.wall_us),
            tm_update: None,
        };
        let derived = new.inherited.is_some();
        machine.variables = new.inherited.unwrap_or_default();
        if let Err(why) = machine.variables.add_initial(&new.variables) {
            machine.variable_refused("initial variables", why);
        }
        machine.set_activeflow_variables();
        // A derived activeflow has the call's variables as they were left.
        if !derived {
            machine.set_call_variables(view);
        }
        machine
    }

    fn set_activeflow_variables(&mut self) {
        for (key, value) in [
            ("voipbin.activeflow.id", text_of(self.id)),
            ("voipbin.activeflow.flow_id", text_of(self.flow_id)),
            ("voipbin.activeflow.reference_type", self.reference.kind.as_str().into()),
            ("voipbin.activeflow.reference_id", text_of(self.reference.id)),
            ("voipbin.activeflow.reference_activeflow_id", text_of(self.reference_activeflow_id)),
            ("voipbin.activeflow.complete_count", self.complete_count.to_compact_string()),
        ] {
            self.set_own_variable(key, value);
        }
    }

    fn set_call_variables(&mut self, view: &CallView<'_>) {
        let Some(call) = view.call else { return };
        let (source, destination) = (&call.source, &call.destination);
        for (key, value) in [
            ("voipbin.call.id", text_of(call.id)),
            ("voipbin.call.direction", call.direction.as_str().into()),
            ("voipbin.call.master_call_id", text_of(call.master_call_id)),
            ("voipbin.call.source.type", source.kind.as_str().into()),
            ("voipbin.call.source.target", source.target.clone()),
            ("voipbin.call.source.target_name", source.target_name.clone()),
            ("voipbin.call.source.name", source.name.clone()),
            ("voipbin.call.source.detail", source.detail.clone()),
            ("voipbin.call.destination.type", destination.kind.as_str().into()),
            ("voipbin.call.destination.target", destination.target.clone()),
            ("voipbin.call.destination.target_name", destination.target_name.clone()),
            ("voipbin.call.destination.name", destination.name.clone()),
            ("voipbin.call.destination.detail", destination.detail.clone()),
        ] {
            self.set_own_variable(key, value);
        }
        self.variables.set_digits(String::new());
    }

    fn set_own_variable(&mut self, key: &'static str, value: CompactString) {
        if let Err(why) = self.variables.set_own(key, value) {
            self.variable_refused(key, why);
        }
    }

    pub(crate) fn set_variable(&mut self, key: &str, value: String) {
        if let Err(why) = self.variables.set(key, value) {
            self.variable_refused(key, why);
        }
    }

    pub(crate) fn variable_refused(&mut self, key: &str, why: VariableRefused) {
        self.timeline(What::VariableRefused, format!("{key}: {why}"));
    }

    /// Takes in what has happened. Never steps: that is [`Machine::poll`].
    pub fn handle(&mut self, now: Now, event: Event, view: &CallView<'_>) {
        match (&self.phase, event) {
            (Phase::Ended, _) => self.stale_events += 1,
            (Phase::Created, Event::Start) => self.phase = Phase::Ready,
            (_, Event::Start) => self.stale_events += 1,
            (_, Event::Digit { digit, .. }) => self.digit(digit),
            (_, Event::WebhookFailed { activeflow_id, step, action_id, reason }) => {
                self.webhook_failed(activeflow_id, step, action_id, reason);
            }
            (_, Event::CallGone) => self.end(now, EndReason::CallGone, view),
            (_, Event::Stop(reason)) => self.end(now, EndReason::Stopped(reason), view),
            (_, Event::Forward { stack_id, action_id }) => self.forward(stack_id, &action_id, view),
            (_, Event::ServiceEnded { stack_id }) => self.service_ended(stack_id, view),
            (Phase::Waiting(wait), Event::Timer { step }) if step == self.execute_count => match wait {
                Wait::Echo => {
                    self.leave_action(view);
                    self.wake();
                }
                Wait::Timer | Wait::Digits(_) => self.wake(),
                Wait::Playback { .. }
                | Wait::Bridge
                | Wait::Service { .. }
                | Wait::Fetch
                | Wait::Http(_)
                | Wait::Hangup => self.stale_events += 1,
            },
            (Phase::Waiting(Wait::Playback { .. }), Event::PlaybackEnded { step }) if step == self.execute_count => {
                self.wake();
            }
            (Phase::Waiting(Wait::Playback { .. }), Event::PlaybackFailed { step, reason })
                if step == self.execute_count =>
            {
                self.timeline(What::Failed, reason);
                self.wake();
            }
            (_, Event::Timer { .. } | Event::PlaybackEnded { .. } | Event::PlaybackFailed { .. }) => {
                self.stale_events += 1;
            }
            (_, event) => self.answered(now, event, view),
        }
    }

    /// The next thing to do, if there is one. `view` must be as fresh as the last effect has made it.
    pub fn poll(&mut self, now: Now, view: &CallView<'_>) -> Option<Effect> {
        loop {
            if let Some(effect) = self.outbox.pop_front() {
                return Some(effect);
            }
            if self.phase != Phase::Ready {
                break;
            }
            self.step(now, view);
        }
        if std::mem::take(&mut self.updated) {
            return Some(Effect::Updated);
        }
        self.farewell.take()
    }

    fn digit(&mut self, key: char) {
        let Some(digit) = digit_of(key) else { return };
        match &self.phase {
            Phase::Waiting(Wait::Digits(rule)) => {
                if Digits::collect(digit, rule, &mut self.variables) {
                    self.wake();
                }
            }
            Phase::Waiting(Wait::Playback { stop_on_digit: true }) => {
                self.digits.keep(digit, &mut self.variables);
                self.outbox.push_back(Effect::StopPlayback);
                self.wake();
            }
            _ => self.digits.keep(digit, &mut self.variables),
        }
    }

    /// spec/flow.md §5.8: a hang-up that is under way is not undone.
    fn forward(&mut self, stack_id: Uuid, action_id: &str, view: &CallView<'_>) {
        match self.cursor.find_in_frame(stack_id, action_id) {
            Some(to) if self.may_be_moved() => {
                self.cursor.set_forward(to);
                self.leave_action(view);
                self.wake();
            }
            _ => self.stale_events += 1,
        }
    }

    fn service_ended(&mut self, stack_id: Uuid, view: &CallView<'_>) {
        if self.may_be_moved() && self.cursor.end_service(stack_id) {
            self.leave_action(view);
            self.wake();
        } else {
            self.stale_events += 1;
        }
    }

    fn may_be_moved(&self) -> bool {
        !matches!(self.phase, Phase::Created | Phase::Waiting(Wait::Hangup))
    }

    /// Takes back what the waiting action has going on in the call.
    pub(crate) fn leave_action(&mut self, view: &CallView<'_>) {
        let undo = match self.phase {
            Phase::Waiting(Wait::Playback { .. }) => Effect::StopPlayback,
            Phase::Waiting(Wait::Echo) => Effect::Echo { mode: EchoMode::Off },
            Phase::Waiting(Wait::Bridge) => Effect::LeaveBridge,
            _ => return,
        };
        if view.alive {
            self.outbox.push_back(undo);
        }
    }

    pub(crate) fn stale(&mut self) {
        self.stale_events += 1;
    }

    pub(crate) fn wake(&mut self) {
        self.phase = Phase::Ready;
        self.burst = 0;
    }

    pub(crate) fn timeline(&mut self, what: What, reason: String) {
        self.outbox.push_back(Effect::Timeline(TimelineEntry {
            step: self.execute_count,
            action_id: self.current.id.clone(),
            action_type: self.current.kind.clone(),
            what,
            reason,
        }));
    }

    /// spec/flow.md §6.
    pub(crate) fn end(&mut self, now: Now, reason: EndReason, view: &CallView<'_>) {
        self.leave_action(view);
        let what = match &reason {
            EndReason::Failed(_) | EndReason::Limit(_) => What::EndedByFailure,
            _ => What::Ended,
        };
        self.timeline(what, reason.to_string());
        self.phase = Phase::Ended;
        self.updated = true;
        self.tm_update = Some(Timestamp::from_us(now.wall_us));
        let hang_up = self.reference.kind == ReferenceType::Call && view.alive && reason != EndReason::CallGone;
        let on_complete_flow_id = (!self.on_complete_flow_id.is_nil()).then_some(self.on_complete_flow_id);
        self.farewell = Some(Effect::Ended { reason, hang_up, on_complete_flow_id });
    }

    /// Puts an array of actions on top of the current action, as forking actions do; it runs next, then the cursor
    /// returns. An empty array changes nothing. `stack_id` is the id of the service that owns it, or a new one.
    ///
    /// # Errors
    /// No action has run yet, or the stack is full; in words for the timeline.
    pub fn push_frame(&mut self, stack_id: Uuid, actions: impl Into<Arc<[Action]>>) -> Result<(), String> {
        self.cursor.push_frame(stack_id, actions).map_err(|error| error.to_string())
    }

    /// Whether the frame of this service is still there: it is gone when the cursor has passed its end, or has jumped out
    /// of it.
    pub fn has_frame(&self, stack_id: Uuid) -> bool {
        self.cursor.has_frame(stack_id)
    }

    /// Sets variables that follow from what an action has started, such as those of a recording. The next action sees
    /// them. Those that a limit forbids are told to the timeline.
    pub fn set_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (key, value) in variables {
            self.set_variable(&key, value);
        }
    }

    /// Tells the timeline why what the action of this step wanted could not be done; the cursor is not moved. Once the
    /// activeflow is over the note is dropped and counted.
    pub fn note_failed(&mut self, step: u64, reason: String) {
        if self.phase == Phase::Ended {
            return self.stale();
        }
        if step == self.execute_count {
            return self.timeline(What::Failed, reason);
        }
        // The action is not the current one any more; the timeline knows it by its step.
        let (action_id, action_type) = (String::new(), String::new());
        let what = What::Failed;
        self.outbox.push_back(Effect::Timeline(TimelineEntry { step, action_id, action_type, what, reason }));
    }

    /// The activeflow's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Its owner.
    pub fn customer_id(&self) -> Uuid {
        self.customer_id
    }

    /// What it runs for.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// The settings it began with.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Whether it is over.
    pub fn status(&self) -> ActiveflowStatus {
        if self.phase == Phase::Ended { ActiveflowStatus::Ended } else { ActiveflowStatus::Running }
    }

    /// The current action, its option substituted; a pseudo action at the start and at the end.
    pub fn current_action(&self) -> &Arc<Action> {
        &self.current
    }

    /// Cursor moves so far: the step that effects carry.
    pub fn execute_count(&self) -> u64 {
        self.execute_count
    }

    /// Position in a chain of on-complete flows, from 0.
    pub fn complete_count(&self) -> u32 {
        self.complete_count
    }

    /// Its variables, without those that are computed.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Takes the variables out, for inheritance; they stay readable until then, also after the end.
    pub fn take_variables(&mut self) -> Variables {
        std::mem::take(&mut self.variables)
    }

    /// Events that were dropped because they answered an earlier step or came too late.
    pub fn stale_events(&self) -> u64 {
        self.stale_events
    }

    /// Digits that found the type-ahead buffer full.
    pub fn digits_turned_away(&self) -> u64 {
        self.digits.turned_away()
    }

    /// Whether the current action waits for something, a hang-up excepted. An unanswered call is then sent 180
    /// (spec/media.md §2).
    pub fn is_waiting(&self) -> bool {
        matches!(&self.phase, Phase::Waiting(wait) if *wait != Wait::Hangup)
    }
}

/// An id as the value of a variable. The one that means "none" takes no memory.
fn text_of(id: Uuid) -> CompactString {
    const NIL: CompactString = CompactString::const_new("00000000-0000-0000-0000-000000000000");
    if id.is_nil() { NIL } else { CompactString::new(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())) }
}
