//! Recording of a call: one at a time, beside the flow (spec/actions.md `recording_start`, spec/media.md §8).
//!
//! ```text
//!   asked ── beep? ──► Initiating ── files made ──► Recording ── key, stop ──► Stopping ── files complete ──► Ended
//!                           │                           └────── silence, duration, hangup, full disk ────────────▲
//!                           └────────────────────────────── stopped before it began ─────────────────────────────┘
//! ```
//! Another one may begin as soon as the one before is asked to stop; that one is set aside until its files are complete. Users are
//! told of the beginning and the end; who asks in between sees each of these (spec/resources.md §6).

use base::{RecordingId, SoundId};
use flow::RecordingOptions;
use media_core::{RecordingEnd, RecordingFact};
use model::{CallStatus, Recording, RecordingReference, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Call;
use super::sound::RECORDING_BEEP;
use crate::context::{Act, Context};
use crate::recording::{self, FORMAT, OpenRecording, variables_of, why_ended, words};

/// The recording that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Running {
    open: OpenRecording,
    /// Empty: no key ends it; `any`; or the key.
    end_key: String,
    end_of_silence_ms: u32,
    duration_ms: u64,
    /// The step of the action that started it.
    step: u64,
    /// A key has ended it.
    by_key: bool,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// The beep waits for the end of what is played already.
    BeforeBeep,
    /// The beep is being made ready or played.
    Beeping,
    /// The media side has been asked.
    Asked,
    /// It has been asked to stop.
    Stopping,
}

/// Recordings whose files are being completed, beside the one that runs: a writer needs some milliseconds, unless its disk hangs.
const STOPPING_MAX: usize = 8;

impl Running {
    pub(super) fn record(&self) -> &Recording {
        self.open.record()
    }
}

impl Call {
    /// The action `recording_start`. It never keeps the flow waiting.
    pub(super) fn start_recording(&mut self, context: &mut Context<'_>, step: u64, options: RecordingOptions) {
        let stopping = self.is_in(Phase::Stopping);
        let refused = if self.record.status != CallStatus::Progressing {
            Some("the call is not answered")
        } else if self.recording.is_some() && !stopping {
            Some("the call is being recorded already")
        } else if stopping && self.stopping.len() == STOPPING_MAX {
            Some("the recordings before it are still being completed")
        } else {
            None
        };
        if let Some(why) = refused {
            return self.flow.note_failed(step, why.to_owned());
        }
        if options.format != FORMAT {
            let format: String = options.format.chars().take(16).collect();
            self.flow.note_failed(step, format!("this server cannot write {format}: the recording is a WAV file"));
        }
        let of = Recording {
            customer_id: self.record.customer_id,
            owner_type: self.record.owner_type.clone(),
            owner_id: self.record.owner_id,
            activeflow_id: self.record.activeflow_id,
            reference_type: RecordingReference::Call,
            reference_id: self.record.id,
            on_end_flow_id: options.on_end_flow_id,
            ..Recording::default()
        };
        self.stopping.extend(self.recording.take());
        // First, so that whoever hears of it by the call can ask for it.
        let open = OpenRecording::open(context, of, &["in", "out"]);
        self.flow.set_variables(variables_of(open.record()));
        self.record.recording_id = open.record().id;
        self.record.recording_ids.push(open.record().id);
        self.record.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        self.publish(context, "call_updated");
        self.recording = Some(Running {
            open,
            end_key: options.end_of_key,
            end_of_silence_ms: options.end_of_silence_s.saturating_mul(1_000),
            duration_ms: u64::from(options.duration_s) * 1_000,
            step,
            by_key: false,
            phase: Phase::BeforeBeep,
        });
        match options.beep_start {
            true => self.begin_recording_beep(context),
            false => self.ask_for_recording(context),
        }
    }

    /// A `talk` that the flow does not wait for is heard to its end, then the beep; so the caller is told to speak after it. What the
    /// flow plays after `recording_start` takes the beep's place instead, as it would cut it. Called after every input.
    pub(super) fn begin_recording_beep(&mut self, context: &mut Context<'_>) {
        let Some(running) = self.recording.as_mut().filter(|running| running.phase == Phase::BeforeBeep) else {
            return;
        };
        match self.media.playing() {
            // That of an earlier recording does as well.
            Some(RECORDING_BEEP) => running.phase = Phase::Beeping,
            Some(step) if step > running.step => self.ask_for_recording(context),
            Some(_) => {}
            None if self.waiting.sound.is_some_and(|step| step < running.step) => {}
            None => {
                running.phase = Phase::Beeping;
                self.prepare_recording_beep(context);
            }
        }
    }

    /// The beep is at hand: it is played unless the flow plays something by now.
    pub(super) fn recording_beep_ready(&mut self, context: &mut Context<'_>, sound: Option<SoundId>) {
        match (self.media.playing(), sound) {
            // The beep that an earlier recording had asked for does as well.
            (Some(RECORDING_BEEP), _) => {}
            (None, Some(sound)) if self.is_in(Phase::Beeping) => {
                self.media.play(context, RECORDING_BEEP, sound, false);
            }
            _ => self.recording_beep_over(context),
        }
    }

    pub(super) fn recording_beep_over(&mut self, context: &mut Context<'_>) {
        if self.is_in(Phase::Beeping) {
            self.ask_for_recording(context);
        }
    }

    /// Whether the media side has been asked, so that it will report the end.
    pub(super) fn recording_reports(&self) -> bool {
        let asked = self.recording.is_some() && !self.is_in(Phase::BeforeBeep) && !self.is_in(Phase::Beeping);
        asked && self.media.in_service() == Some(true)
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.recording.as_ref().is_some_and(|running| running.phase == phase)
    }

    fn ask_for_recording(&mut self, context: &mut Context<'_>) {
        let Some(running) = &mut self.recording else { return };
        running.phase = Phase::Asked;
        let stem = running.open.record().recording_name.clone();
        self.media.start_recording(
            context,
            running.open.media_id(),
            stem,
            running.end_of_silence_ms,
            running.duration_ms,
        );
    }

    /// The action `recording_stop`, or the key that ends it.
    pub(super) fn stop_recording(&mut self, context: &mut Context<'_>) {
        if !self.recording_reports() {
            // Nothing was recorded yet: it waits for its beep, or for the stream to be open.
            self.media.forget_recording();
            return self.recording_never_began(context, "stopped before it began".into());
        }
        if let Some(running) = self.recording.as_mut().filter(|running| running.phase == Phase::Asked) {
            running.phase = Phase::Stopping;
            running.open.stopping(context);
            self.media.stop_recording(context, running.open.media_id());
        }
    }

    /// A key of the caller's may end it. The key counts as a digit all the same.
    pub(super) fn recording_key(&mut self, context: &mut Context<'_>, digit: char) {
        let ends = |key: &str| key == "any" || key.chars().eq([digit]);
        let running = self.recording.as_mut().filter(|running| running.phase != Phase::Stopping);
        if let Some(running) = running.filter(|running| ends(&running.end_key)) {
            running.by_key = true;
            self.stop_recording(context);
        }
    }

    /// What the media side reports.
    pub(super) fn recording_fact(&mut self, context: &mut Context<'_>, recording: RecordingId, fact: RecordingFact) {
        let mut open = self.stopping.iter_mut().chain(&mut self.recording);
        let Some(running) = open.find(|running| running.open.media_id() == recording) else {
            return context.act(Act::CountStale);
        };
        match fact {
            RecordingFact::Started => running.open.started(context),
            RecordingFact::Ended { end, samples, .. } => {
                let why = why_ended(context, &end);
                let is_it = |running: &mut Running| running.open.media_id() == recording;
                let ended = self.stopping.extract_if(.., is_it).next().or_else(|| self.recording.take());
                if let Some(ended) = ended {
                    let by_key = ended.by_key && end == RecordingEnd::Stopped;
                    self.recording_over(context, ended, samples, if by_key { "key".into() } else { why });
                }
            }
        }
    }

    /// The media side was never asked: there are no files.
    fn recording_never_began(&mut self, context: &mut Context<'_>, why: String) {
        if let Some(mut running) = self.recording.take() {
            running.open.has_no_files();
            self.recording_over(context, running, 0, why);
        }
    }

    fn recording_over(&mut self, context: &mut Context<'_>, ended: Running, samples: u64, why: String) {
        let record = ended.open.ended(context, samples, why);
        if self.record.recording_id == record.id {
            self.record.recording_id = Uuid::nil();
        }
        self.record.tm_update = record.tm_update;
        self.publish(context, "call_updated");
        recording::run_on_end(context, &record, self.flow.settings());
    }

    /// The call is over. The stream's end is the recording's, if the media side knows of it.
    pub(super) fn end_recording_with_call(&mut self, context: &mut Context<'_>) {
        if !self.recording_reports() {
            self.recording_never_began(context, words(&RecordingEnd::StreamClosed));
        }
    }

    /// The media side is not waited for any longer.
    pub(super) fn give_up_recording(&mut self, context: &mut Context<'_>) {
        for running in std::mem::take(&mut self.stopping).into_iter().chain(self.recording.take()) {
            self.recording_over(context, running, 0, "the media side did not report its end".into());
        }
    }

    /// Those that have not ended.
    pub(super) fn open_recordings(&self) -> impl Iterator<Item = &Recording> {
        self.stopping.iter().chain(&self.recording).map(Running::record)
    }
}
