//! A recording of a call or conference (spec/resources.md §6, spec/media.md §8).

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Timestamp, optional_timestamp};

/// One recording with its files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// `agent` when the call is an agent's, else empty.
    pub owner_type: String,
    /// That agent; nil if none.
    pub owner_id: Uuid,
    /// The activeflow that started it; nil when the API did.
    pub activeflow_id: Uuid,
    /// What is recorded.
    pub reference_type: RecordingReference,
    /// The id of that.
    pub reference_id: Uuid,
    /// Where it is in its life.
    pub status: RecordingStatus,
    /// Format of the files: `wav`.
    pub format: String,
    /// The flow that runs when the files are there; nil = none.
    pub on_end_flow_id: Uuid,
    /// The files' common stem.
    pub recording_name: String,
    /// The files, each below the folder of recordings.
    pub filenames: Vec<String>,
    /// Length of the files, ms; 0 until it has ended.
    pub duration_ms: u64,
    /// Why it ended, in plain words; empty until then.
    pub end_reason: String,
    /// When the first sample was recorded.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_start: Option<Timestamp>,
    /// When the files were complete.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_end: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

impl Recording {
    /// The call that is recorded; nil if it is none.
    pub fn call_id(&self) -> Uuid {
        match self.reference_type {
            RecordingReference::Call => self.reference_id,
            RecordingReference::Confbridge => Uuid::nil(),
        }
    }

    /// The paths of its files below the folder of recordings. Names that would lead out of it are left out.
    pub fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let stays_inside = |name: &&String| {
            !name.is_empty() && Path::new(name.as_str()).components().all(|part| matches!(part, Component::Normal(_)))
        };
        self.filenames.iter().filter(stays_inside).map(|name| folder.join(name)).collect()
    }
}

/// Where a recording is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingStatus {
    /// The files are being made.
    #[default]
    Initiating,
    /// Sound is written.
    Recording,
    /// Somebody asked for its end.
    Stopping,
    /// The files are complete.
    Ended,
}

/// What can be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingReference {
    /// A call: what the party says and what it hears.
    #[default]
    Call,
    /// A confbridge: the mix.
    Confbridge,
}

impl RecordingReference {
    /// The name in JSON and in variables.
    pub fn as_str(self) -> &'static str {
        match self {
            RecordingReference::Call => "call",
            RecordingReference::Confbridge => "confbridge",
        }
    }
}

/// The bare stem of a recording's files (spec/media.md §8): `call_<call id>_<RFC 3339 start time>`, or `confbridge_<id>_…`.
pub fn recording_name(reference: RecordingReference, id: Uuid, started: Timestamp) -> String {
    format!("{}_{id}_{started}", reference.as_str())
}
