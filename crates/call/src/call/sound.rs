//! Sounds of a call: asked for, made ready elsewhere, played. Until one is at hand the caller is told that it rings.

use base::SoundId;
use flow::Event as FlowEvent;
use model::Speech;

use super::{Call, CallTimer};
use crate::context::{Act, Context};
use crate::{Effect, NoteKind, SoundOutcome};

/// How long a caller may hear of nothing but 100 while a sound is being made ready, ms.
const SOUND_AT_HAND_MS: u64 = 200;
/// How long the beginning of a speech may take, ms (spec/actions.md `talk`).
const SPEECH_BEGINS_MS: u64 = 10_000;
/// Stands for a step where no action wants the sound but a recording that begins with a beep.
pub(super) const RECORDING_BEEP: u64 = u64::MAX;
/// The URL of the beep.
const BEEP: &str = "tone:beep";

impl Call {
    /// spec/media.md §2: ringing as soon as the flow waits and nothing else was said to the caller. A sound that is at hand
    /// opens early media within a moment, so it gets that moment first.
    pub(super) fn ring_or_wait_for_sound(&mut self, context: &mut Context<'_>) {
        match self.waiting.sound {
            Some(_) if self.timers.deadline(&CallTimer::Ring).is_none() => {
                self.timers.set(CallTimer::Ring, context.now.after_ms(SOUND_AT_HAND_MS));
            }
            Some(_) => {}
            None => {
                self.timers.stop(&CallTimer::Ring);
                self.leg.ring(context);
            }
        }
    }

    pub(super) fn prepare(&mut self, context: &mut Context<'_>, step: u64, urls: Vec<String>) {
        (self.waiting.sound, self.waiting.barge_in) = (Some(step), false);
        self.timers.stop(&CallTimer::Speech);
        context.act(Act::Effect(Effect::PrepareSound { cell: self.cell, step, urls }));
    }

    pub(super) fn prepare_beep(&mut self, context: &mut Context<'_>, step: u64) {
        self.prepare(context, step, vec![BEEP.to_owned()]);
    }

    pub(super) fn prepare_speech(&mut self, context: &mut Context<'_>, step: u64, speech: Speech, barge_in: bool) {
        (self.waiting.sound, self.waiting.barge_in) = (Some(step), barge_in);
        self.timers.set(CallTimer::Speech, context.now.after_ms(SPEECH_BEGINS_MS));
        context.act(Act::Effect(Effect::PrepareSpeech { cell: self.cell, step, speech }));
    }

    /// The beep before a recording: no action waits for it, and what the flow plays next takes its place.
    pub(super) fn prepare_recording_beep(&mut self, context: &mut Context<'_>) {
        let urls = vec![BEEP.to_owned()];
        context.act(Act::Effect(Effect::PrepareSound { cell: self.cell, step: RECORDING_BEEP, urls }));
    }

    /// The sound that the flow waits for is not wanted any more.
    pub(super) fn forget_sound(&mut self, context: &mut Context<'_>) {
        if let Some(step) = self.waiting.sound.take() {
            context.act(Act::Effect(Effect::ForgetSound { cell: self.cell, step }));
        }
        self.timers.stop(&CallTimer::Speech);
    }

    pub(super) fn sound_ready(&mut self, context: &mut Context<'_>, step: u64, outcome: SoundOutcome) {
        for (url, why) in outcome.skipped {
            context.note(NoteKind::SoundSkipped { url, why });
        }
        if step == RECORDING_BEEP {
            return self.recording_beep_ready(context, outcome.sound);
        }
        if self.waiting.sound.take_if(|wanted| *wanted == step).is_none() {
            return context.act(Act::CountStale);
        }
        self.timers.stop(&CallTimer::Speech);
        match outcome.sound {
            Some(sound) => self.start_playback(context, step, sound),
            None => {
                let reason = "no sound could be played".to_owned();
                self.step_flow(context, FlowEvent::PlaybackFailed { step, reason });
            }
        }
    }

    /// The beginning of a speech takes too long: the flow goes on without it.
    pub(super) fn speech_is_late(&mut self, context: &mut Context<'_>) {
        if let Some(step) = self.waiting.sound.take() {
            let reason = "no sound came within 10 s".to_owned();
            self.step_flow(context, FlowEvent::PlaybackFailed { step, reason });
        }
    }

    fn start_playback(&mut self, context: &mut Context<'_>, step: u64, sound: SoundId) {
        if self.open_early(context) {
            let barge_in = self.waiting.barge_in;
            if let Some(replaced) = self.media.play(context, step, sound, barge_in) {
                self.playback_over(context, replaced);
            }
        } else {
            let reason = "the INVITE had no offer, so nothing can be heard before the answer".to_owned();
            self.step_flow(context, FlowEvent::PlaybackFailed { step, reason });
        }
    }

    /// A playback has ended, or another took its place.
    pub(super) fn playback_over(&mut self, context: &mut Context<'_>, step: u64) {
        match step {
            RECORDING_BEEP => self.recording_beep_over(context),
            step => self.step_flow(context, FlowEvent::PlaybackEnded { step }),
        }
    }
}
