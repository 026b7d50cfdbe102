//! Recording of a bridge: its whole mix, one recording at a time (spec/resources.md §7, spec/media.md §8).
//!
//! ```text
//!   asked ──► Initiating ── file made ──► Recording ── asked, nobody left, conference over ──► Stopping ── file complete ──► Ended
//!                                             └────────────────── duration, full disk ─────────────────────────────────────────▲
//! ```
//! It begins while somebody is in the mix and ends with the last one who is: the room lasts as long. The conference is over only
//! when its recording is.

use std::sync::Arc;

use base::{RecordingId, RoomId};
use media_core::{Command, RecordingEnd, RecordingFact, RecordingSource};
use model::{ConferenceStatus, Recording, RecordingReference, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Bridge, BridgeTimer};
use crate::context::{Act, Context};
use crate::recording::{self, OpenRecording};
use crate::request::{ConferenceRecording, Refusal};

/// The longest recording of a bridge, ms (spec/media.md §8).
const LONGEST_MS: u64 = 24 * 3_600_000;
/// How long the media side may take to say that it has ended, ms.
const FAREWELL_MS: u64 = 35_000;
/// Recordings that a bridge names at most; the oldest are left out then. A conference may last for years.
const NAMED_MAX: usize = 1_000;

/// The recording that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Running {
    open: OpenRecording,
    /// What is recorded: it stays so should the mix begin anew elsewhere.
    room: RoomId,
    /// Why it was told to stop; empty until then.
    why: String,
}

impl Running {
    pub(super) fn record(&self) -> &Recording {
        self.open.record()
    }

    pub(super) fn room(&self) -> RoomId {
        self.room
    }

    fn source(&self) -> RecordingSource {
        self.room.into()
    }
}

impl Bridge {
    /// Why it cannot be recorded now.
    pub(crate) fn unrecordable(&self) -> Option<Refusal> {
        if self.confbridge.status != ConferenceStatus::Progressing {
            Some(Refusal::Over)
        } else if self.recording.is_some() {
            Some(Refusal::RecordingActive)
        } else if self.room.is_none() {
            Some(Refusal::Empty)
        } else {
            None
        }
    }

    /// Why its recording cannot be ended.
    pub(crate) fn unrecorded(&self) -> Option<Refusal> {
        self.recording.is_none().then_some(Refusal::NoRecording)
    }

    /// `POST …/recording_start`
    pub(super) fn start_recording(&mut self, context: &mut Context<'_>, wish: ConferenceRecording) {
        let (None, Some(room)) = (self.unrecordable(), self.room) else { return context.act(Act::CountStale) };
        let of = Recording {
            customer_id: self.confbridge.customer_id,
            reference_type: RecordingReference::Confbridge,
            reference_id: self.confbridge.id,
            on_end_flow_id: wish.on_end_flow_id,
            ..Recording::default()
        };
        // First, so that whoever hears of it by the conference can ask for it.
        let open = OpenRecording::open(context, of, &["in"]);
        let named = &mut self.confbridge.recording_ids;
        named.drain(..named.len().saturating_sub(NAMED_MAX - 1));
        named.push(open.record().id);
        let running = Running { open, room, why: String::new() };
        let wished_ms = u64::from(wish.duration_s) * 1_000;
        context.act(Act::Media(Command::StartRecording {
            source: running.source(),
            recording: running.open.media_id(),
            file_stem: running.record().recording_name.clone(),
            end_of_silence_ms: 0,
            duration_ms: if wished_ms == 0 { LONGEST_MS } else { wished_ms.min(LONGEST_MS) },
        }));
        self.recording = Some(running);
        self.publish_recorded(context);
    }

    /// Ends it, in words why. One that is about to end is left alone.
    pub(super) fn stop_recording(&mut self, context: &mut Context<'_>, why: &str) {
        let running = self.recording.as_mut().filter(|running| running.why.is_empty());
        let Some(running) = running else { return };
        running.why = why.to_owned();
        running.open.stopping(context);
        let (source, recording) = (running.source(), running.open.media_id());
        context.act(Act::Media(Command::StopRecording { source, recording }));
        self.timers.set(BridgeTimer::Farewell, context.now.after_ms(FAREWELL_MS));
    }

    /// The last one has left the mix.
    pub(super) fn stop_recording_of_nobody(&mut self, context: &mut Context<'_>) {
        let why = match self.confbridge.status {
            ConferenceStatus::Progressing => "everybody left".to_owned(),
            _ => format!("the {} ended", self.noun()),
        };
        self.stop_recording(context, &why);
    }

    /// What the media side reports.
    pub(super) fn recording_fact(&mut self, context: &mut Context<'_>, recording: RecordingId, fact: RecordingFact) {
        let Some(running) = self.recording.as_mut().filter(|running| running.open.media_id() == recording) else {
            return context.act(Act::CountStale);
        };
        match fact {
            RecordingFact::Started => running.open.started(context),
            RecordingFact::Ended { end, samples, .. } => {
                let told = std::mem::take(&mut running.why);
                let why = match end {
                    RecordingEnd::Stopped if !told.is_empty() => told,
                    // Nobody hangs up a room: its worker has ended.
                    RecordingEnd::StreamClosed => "the server was stopped".into(),
                    end => recording::why_ended(context, &end),
                };
                self.recording_over(context, samples, why);
            }
        }
    }

    /// The media side is not waited for any longer.
    pub(super) fn give_up_recording(&mut self, context: &mut Context<'_>) {
        self.recording_over(context, 0, "the media side did not report its end".into());
    }

    fn recording_over(&mut self, context: &mut Context<'_>, samples: u64, why: String) {
        let Some(running) = self.recording.take() else { return };
        self.timers.stop(&BridgeTimer::Farewell);
        let record = running.open.ended(context, samples, why);
        self.publish_recorded(context);
        let settings = context.settings().flow();
        recording::run_on_end(context, &record, settings);
        self.end_if_empty(context);
    }

    /// What runs and what has run is shown by the bridge and its conference, and outlives this cell.
    fn publish_recorded(&mut self, context: &mut Context<'_>) {
        let running = self.recording.as_ref().map_or(Uuid::nil(), |running| running.record().id);
        self.confbridge.recording_id = running;
        self.confbridge.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        if let Some(conference) = &mut self.conference {
            conference.recording_id = running;
            conference.recording_ids.clone_from(&self.confbridge.recording_ids);
        }
        self.remember(context);
        context.changed(Resource::Confbridge(Arc::new(self.confbridge.clone())));
        self.publish_conference(context);
    }
}
