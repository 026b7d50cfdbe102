//! What every recording has in common, of a call or of a bridge: its record through its life, what users are told of it, and the
//! flow that runs at its end (spec/resources.md §6, spec/media.md §8).

use std::sync::Arc;

use base::RecordingId;
use flow::{NewActiveflow, Reference, Variables};
use media_core::RecordingEnd;
use model::{Recording, RecordingStatus, ReferenceType, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::NoteKind;
use crate::context::{Act, Context};

/// A recording that has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OpenRecording(Recording);

impl OpenRecording {
    /// Makes the record: what it is of stands in `of`; a file for each of `tracks`. Whoever asks for it finds it from now on.
    pub(crate) fn open(context: &mut Context<'_>, of: Recording, tracks: &[&str]) -> OpenRecording {
        let now = Timestamp::from_us(context.now.wall_us);
        let id = model::random_id(context.random);
        let name = model::recording_name(of.reference_type, of.reference_id, now);
        let record = Recording {
            id,
            status: RecordingStatus::Initiating,
            format: FORMAT.into(),
            filenames: tracks.iter().map(|track| format!("{name}_{track}.wav")).collect(),
            recording_name: name,
            tm_create: Some(now),
            ..of
        };
        context.changed(Resource::Recording(Arc::new(record.clone())));
        OpenRecording(record)
    }

    pub(crate) fn record(&self) -> &Recording {
        &self.0
    }

    /// Its name on the media side.
    pub(crate) fn media_id(&self) -> RecordingId {
        RecordingId(self.0.id.as_u128())
    }

    /// The files exist, and sound goes in.
    pub(crate) fn started(&mut self, context: &mut Context<'_>) {
        let now = Timestamp::from_us(context.now.wall_us);
        if self.0.status == RecordingStatus::Initiating {
            self.0.status = RecordingStatus::Recording;
        }
        (self.0.tm_start, self.0.tm_update) = (Some(now), Some(now));
        context.event("recording_started", Resource::Recording(Arc::new(self.0.clone())));
    }

    /// The media side is told to stop. Only its end is an event.
    pub(crate) fn stopping(&mut self, context: &mut Context<'_>) {
        self.0.status = RecordingStatus::Stopping;
        self.0.tm_update = Some(Timestamp::from_us(context.now.wall_us));
        context.changed(Resource::Recording(Arc::new(self.0.clone())));
    }

    /// The media side was never asked: there are no files.
    pub(crate) fn has_no_files(&mut self) {
        self.0.filenames.clear();
    }

    /// It is over, in words why.
    pub(crate) fn ended(self, context: &mut Context<'_>, samples: u64, why: String) -> Recording {
        let OpenRecording(mut record) = self;
        let now = Timestamp::from_us(context.now.wall_us);
        record.status = RecordingStatus::Ended;
        record.duration_ms = samples / SAMPLES_PER_MS;
        record.end_reason = why;
        (record.tm_end, record.tm_update) = (Some(now), Some(now));
        context.event("recording_finished", Resource::Recording(Arc::new(record.clone())));
        record
    }
}

/// spec/actions.md: the on-end flow runs for no call, with the recording's variables.
pub(crate) fn run_on_end(context: &mut Context<'_>, record: &Recording, settings: flow::Settings) {
    let flow_id = record.on_end_flow_id;
    if flow_id.is_nil() {
        return;
    }
    let flow = context.snapshot.flows.get(&flow_id).filter(|flow| flow.customer_id == record.customer_id);
    let Some(flow) = flow else {
        return context.note(NoteKind::OnCompleteSkipped { flow_id, why: "there is no such flow".into() });
    };
    let mut variables = Variables::default();
    for (key, value) in variables_of(record) {
        // Few and short: no limit can forbid them.
        let _ = variables.set(&key, value);
    }
    let new = NewActiveflow {
        id: model::random_id(context.random),
        customer_id: flow.customer_id,
        flow_id,
        actions: flow.actions.clone(),
        on_complete_flow_id: flow.on_complete_flow_id,
        reference: Reference { kind: ReferenceType::None, id: Uuid::nil() },
        reference_activeflow_id: record.activeflow_id,
        inherited: Some(variables),
        settings,
        ..NewActiveflow::default()
    };
    context.act(Act::StartRun(Box::new(new)));
}

const SAMPLES_PER_MS: u64 = 8;
/// The only format that is written (spec/media.md §8).
pub(crate) const FORMAT: &str = "wav";

/// Why it ended, in words; of one that could not go on the log says so, too.
pub(crate) fn why_ended(context: &mut Context<'_>, end: &RecordingEnd) -> String {
    if let RecordingEnd::Failed(why) = end {
        context.note(NoteKind::RecordingFailed { why: why.clone() });
    }
    words(end)
}

pub(crate) fn words(end: &RecordingEnd) -> String {
    match end {
        RecordingEnd::Stopped => "stopped".into(),
        RecordingEnd::Silence => "silence".into(),
        RecordingEnd::Duration => "duration".into(),
        RecordingEnd::StreamClosed => "hangup".into(),
        RecordingEnd::Failed(why) => format!("failed: {why}"),
    }
}

/// spec/flow.md §7.3.
pub(crate) fn variables_of(record: &Recording) -> [(String, String); 6] {
    [
        ("id", record.id.to_string()),
        ("reference_type", record.reference_type.as_str().to_owned()),
        ("reference_id", record.reference_id.to_string()),
        ("format", record.format.clone()),
        ("recording_name", record.recording_name.clone()),
        ("filenames", record.filenames.join(",")),
    ]
    .map(|(key, value)| (format!("voipbin.recording.{key}"), value))
}
