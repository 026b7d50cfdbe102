//! The flow drives the call: what the machine wants done is carried out here, one effect at a time.

use flow::{CallView, EchoMode as FlowEcho, Effect as FlowEffect, Event as FlowEvent, Machine};
use media_core::EchoMode;
use model::{CallStatus, RecordingStatus, SipAnswer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::leg::Stage;
use super::sound::RECORDING_BEEP;
use super::{Call, CallTimer};
use crate::context::{Act, Context};
use crate::{Effect, NoteKind, activeflow};

/// What the flow waits for, and what is remembered between two inputs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// The step whose sound is being made ready.
    pub(super) sound: Option<u64>,
    /// The caller may speak over that sound.
    pub(super) barge_in: bool,
    /// The step of the armed flow timer.
    pub(super) timer: Option<u64>,
    /// The call whose ending decides how this one is hung up.
    pub(super) ending_of: Option<Uuid>,
    /// For which stage of leg and stream the will was written.
    pub(super) will_written: Option<WillStage>,
}

/// What a will depends on: leg, stream, the bridges that know of the call, the recording that runs and whether the media
/// side knows of it, and how many are being completed.
pub(super) type WillStage = (Stage, Option<bool>, Vec<Uuid>, Option<(Uuid, RecordingStatus, bool)>, usize);

impl Call {
    /// Gives an event to the flow and carries out what follows from it.
    pub(super) fn step_flow(&mut self, context: &mut Context<'_>, event: FlowEvent) {
        self.flow.handle(context.now, event, &CallView::of(&self.record));
        self.drain_flow(context);
    }

    fn drain_flow(&mut self, context: &mut Context<'_>) {
        while let Some(effect) = self.flow.poll(context.now, &CallView::of(&self.record)) {
            self.carry_out(context, effect);
        }
        self.leave_abandoned(context);
        let goes_on = self.over.is_none() && self.waiting.ending_of.is_none();
        if goes_on && self.leg.unanswered_invite().is_some() {
            self.ring_or_wait_for_sound(context);
        }
    }

    fn carry_out(&mut self, context: &mut Context<'_>, effect: FlowEffect) {
        match effect {
            FlowEffect::Answer => self.answer(context),
            FlowEffect::Play { step, urls } => self.prepare(context, step, urls),
            FlowEffect::Beep { step } => self.prepare_beep(context, step),
            FlowEffect::Talk { step, speech, barge_in, .. } => self.prepare_speech(context, step, speech, barge_in),
            FlowEffect::StopPlayback => {
                self.forget_sound(context);
                // The beep before a recording is nothing that the flow waits for, but the recording does.
                if self.media.stop_playback(context) == Some(RECORDING_BEEP) {
                    self.recording_beep_over(context);
                }
            }
            FlowEffect::Echo { mode } => self.echo(context, mode),
            FlowEffect::SendDigits { digits, duration_ms, interval_ms, .. } => {
                self.open_early(context);
                self.media.send_digits(context, digits, duration_ms, interval_ms);
            }
            FlowEffect::Timer { step, after_ms } => {
                self.waiting.timer = Some(step);
                self.timers.set(CallTimer::Flow, context.now.after_ms(after_ms));
            }
            FlowEffect::StartRecording { step, options } => self.start_recording(context, step, options),
            FlowEffect::StopRecording => self.stop_recording(context),
            FlowEffect::JoinConference { step, conference_id } => self.join_conference(context, step, conference_id),
            FlowEffect::JoinConfbridge { step, confbridge_id } => self.join_confbridge(context, step, confbridge_id),
            FlowEffect::LeaveBridge => {
                self.leave_mix(context);
            }
            FlowEffect::FetchFlow { step, flow_id } => {
                let event = activeflow::find_flow(context, step, flow_id);
                self.flow.handle(context.now, event, &CallView::of(&self.record));
            }
            FlowEffect::Http { step, request, wait } => {
                let (cell, subject) = (self.cell, context.subject);
                context.act(Act::Effect(Effect::Http(activeflow::http(cell, subject, step, request, wait))));
            }
            FlowEffect::Hangup { reference_id: Some(call_id), .. } => self.hang_up_like(context, call_id),
            FlowEffect::Hangup { reason, reference_id: None } => self.hang_up(context, reason, SipAnswer::Asked),
            FlowEffect::Updated => self.publish_activeflow(context, "activeflow_updated"),
            FlowEffect::Timeline(entry) => context.note(NoteKind::Flow(entry)),
            FlowEffect::Ended { hang_up, on_complete_flow_id, .. } => {
                self.waiting.timer = None;
                self.timers.stop(&CallTimer::Flow);
                activeflow::ended(context, &mut self.flow, on_complete_flow_id.is_some());
                let stopped = self.over.is_some_and(|over| over.are_flows_stopped());
                if let Some(flow_id) = on_complete_flow_id.filter(|_| !stopped) {
                    self.run_on_complete(context, flow_id);
                }
                if hang_up {
                    self.flow_ended(context);
                }
            }
        }
    }

    /// The call is ending: what the flow waits for will not come. It stays where it is until the leg is gone.
    pub(super) fn suspend_flow(&mut self, context: &mut Context<'_>) {
        self.forget_sound(context);
        self.waiting.timer = None;
        self.waiting.ending_of = None;
        self.timers.stop(&CallTimer::Flow);
        self.timers.stop(&CallTimer::EndingOf);
    }

    pub(super) fn answer(&mut self, context: &mut Context<'_>) {
        if !self.leg.answer(context) {
            return;
        }
        self.timers.stop(&CallTimer::Expires);
        self.timers.stop(&CallTimer::Ring);
        self.set_status(context, CallStatus::Progressing);
        if let Some(audio) = self.leg.audio().cloned() {
            self.open_stream(context, &audio);
        }
    }

    fn open_stream(&mut self, context: &mut Context<'_>, audio: &sdp::AudioSession) {
        if !self.media.is_open() {
            self.media.open(context, audio);
        }
    }

    /// Before the answer, sound needs 183 and an open stream (spec/media.md §5). False: there is no way for it.
    pub(super) fn open_early(&mut self, context: &mut Context<'_>) -> bool {
        if self.leg.unanswered_invite().is_none() {
            return true;
        }
        match self.leg.early_media(context) {
            Some(audio) => {
                self.open_stream(context, &audio);
                true
            }
            None => false,
        }
    }

    fn echo(&mut self, context: &mut Context<'_>, mode: FlowEcho) {
        let mode = match mode {
            FlowEcho::Off => EchoMode::Off,
            FlowEcho::Audio => EchoMode::Audio,
            FlowEcho::Stream => EchoMode::Stream,
        };
        if mode != EchoMode::Off {
            self.open_early(context);
        }
        self.media.echo(context, mode);
    }

    /// spec/flow.md §6: the on-complete flow runs with the variables of the ended one, and its first actions do before the call is
    /// hung up. But nothing comes between the call and its hang-up: actions that need the call are skipped. It may last as
    /// long as a call may.
    fn run_on_complete(&mut self, context: &mut Context<'_>, flow_id: Uuid) {
        match activeflow::on_complete(context, &mut self.flow, flow_id) {
            Ok(new) => {
                context.subject.activeflow_id = new.id;
                self.flow = Machine::new(context.now, new, &CallView::of(&self.record));
                self.publish_activeflow(context, "activeflow_created");
                let longest_ms = context.settings().max_call_duration_ms;
                if longest_ms > 0 {
                    self.timers.set(CallTimer::Duration, context.now.after_ms(longest_ms));
                }
                self.flow.handle(context.now, FlowEvent::Start, &out_of_reach(&self.record));
                while let Some(effect) = self.flow.poll(context.now, &out_of_reach(&self.record)) {
                    self.carry_out(context, effect);
                }
            }
            Err(why) => context.note(NoteKind::OnCompleteSkipped { flow_id, why }),
        }
    }
}

/// The call as its on-complete flow sees it, be it still up or not: it can be looked at and no more.
fn out_of_reach(record: &model::Call) -> CallView<'_> {
    CallView { alive: false, ..CallView::of(record) }
}
