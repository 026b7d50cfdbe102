//! What the machine wants done, one at a time and in order.

use model::HangupReason;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::EndReason;

/// One result of [`crate::Machine::poll`]. Those that are answered later carry `step`, which the answer repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Answer the incoming call. Given only while the view shows it unanswered.
    Answer,
    /// Play these, in order, as one unit; answered by `PlaybackEnded` or `PlaybackFailed`. What cannot be had is left
    /// out. Does not answer the call.
    Play {
        /// Comes back in the answer.
        step: u64,
        /// At least one.
        urls: Vec<String>,
    },
    /// Play one short beep; answered like `Play`.
    Beep {
        /// Comes back in the answer.
        step: u64,
    },
    /// Stop the playback that runs; its `PlaybackEnded` is stale by then.
    StopPlayback,
    /// Return what arrives, or stop doing so.
    Echo {
        /// What is returned.
        mode: EchoMode,
    },
    /// Send digits. A `Timer` for the time they take follows; nothing else is awaited.
    SendDigits {
        /// The step that sends them.
        step: u64,
        /// `0-9A-D*#`, 1 to 100.
        digits: String,
        /// Length of each, 100–1000 ms.
        duration_ms: u16,
        /// Pause between two, 0–5000 ms.
        interval_ms: u16,
    },
    /// Wake the machine with `Timer { step }` after this time. There is never more than one live timer: a new one
    /// replaces the one before.
    Timer {
        /// Comes back in the event.
        step: u64,
        /// ms from now.
        after_ms: u64,
    },
    /// Hang up the call. The machine then waits for `CallGone`.
    Hangup {
        /// Why; decides the response of an unanswered incoming call (spec/media.md §3).
        reason: HangupReason,
        /// Hang up with the cause of this ended call instead.
        reference_id: Option<Uuid>,
    },
    /// The activeflow changed: publish `activeflow_updated` with [`crate::Machine::to_activeflow`]. All moves of one
    /// burst share one.
    Updated,
    /// Something for the timeline and the log.
    Timeline(TimelineEntry),
    /// The activeflow is over; the last effect of a machine.
    Ended {
        /// Why.
        reason: EndReason,
        /// Whether the reference call is still up and must be hung up with reason `normal`.
        hang_up: bool,
        /// The flow to run next, if any: see [`crate::NewActiveflow::on_complete`]. Comes before the hang-up.
        on_complete_flow_id: Option<Uuid>,
    },
}

/// What an echo returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EchoMode {
    /// Nothing more.
    Off,
    /// Audio without telephone events (action `echo`).
    Audio,
    /// The RTP stream as it is (action `stream_echo`).
    Stream,
}

/// One line of an activeflow's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// `execute_count` at that moment.
    pub step: u64,
    /// The current action.
    pub action_id: String,
    /// Its type.
    pub action_type: String,
    /// What happened.
    pub what: What,
    /// Why, in plain words; empty when there is nothing to say.
    pub reason: String,
}

/// The kinds of timeline entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The action became current and runs.
    Started,
    /// The action became current but does not apply to this reference, or has no known type.
    Skipped,
    /// A condition or branch chose, or a jump was made.
    Jumped,
    /// The action could not be carried out; the cursor goes on.
    Failed,
    /// A variable was not written because of a limit.
    VariableRefused,
    /// The activeflow ended.
    Ended,
}

impl What {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Started => "started",
            What::Skipped => "skipped",
            What::Jumped => "jumped",
            What::Failed => "failed",
            What::VariableRefused => "variable_refused",
            What::Ended => "ended",
        }
    }
}
