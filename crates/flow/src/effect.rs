//! What the machine wants done, one at a time and in order.

use model::{HangupReason, Speech};
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
    /// Speak a text; answered like `Play` if `wait`. A call that was not answered is by then: `Answer` comes before. With
    /// `wait` false the cursor goes on at once, and the end of the speech is stale.
    Talk {
        /// Comes back in the answer.
        step: u64,
        /// What is spoken; its text is not empty.
        speech: Speech,
        /// Whether the caller ends it by speaking, like any other end of a playback.
        barge_in: bool,
        /// Whether the machine waits for the end.
        wait: bool,
    },
    /// Start to record this call. Nothing is awaited: whoever carries it out sets the variables of the recording with
    /// [`crate::Machine::set_variables`], or tells with [`crate::Machine::note_failed`] why there is none, before the
    /// next poll.
    StartRecording {
        /// The step that records.
        step: u64,
        /// How it is recorded and what ends it.
        options: RecordingOptions,
    },
    /// End the recording of this call; none running is fine.
    StopRecording,
    /// Bring the call into a confbridge; answered by `BridgeLeft` when it has left it, or by `BridgeRefused`. In a
    /// bridge of type `conference` this answers the call.
    JoinConfbridge {
        /// Comes back in the answer.
        step: u64,
        /// Which one; not nil.
        confbridge_id: Uuid,
    },
    /// Take the call out of the confbridge; its `BridgeLeft` is stale by then.
    LeaveBridge,
    /// Make the call a participant of a conference; answered by `ServiceStarted` with what it is to run, or by
    /// `ServiceRefused`.
    JoinConference {
        /// Comes back in the answer.
        step: u64,
        /// Which one; not nil.
        conference_id: Uuid,
    },
    /// Look up the actions of a flow; answered by `FlowFound` or `FlowMissing`.
    FetchFlow {
        /// Comes back in the answer.
        step: u64,
        /// Which one; not nil.
        flow_id: Uuid,
    },
    /// Send an HTTP request; answered by `HttpAnswered` if `wait`, else by `WebhookFailed` if it fails.
    Http {
        /// Comes back in the answer.
        step: u64,
        /// What is sent.
        request: HttpRequest,
        /// Whether the machine waits for the response.
        wait: bool,
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

/// How a call is recorded (spec/actions.md `recording_start`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingOptions {
    /// `wav`, or as the user wrote it in lower case.
    pub format: String,
    /// Seconds of silence of the party that end it; 0 = off.
    pub end_of_silence_s: u32,
    /// The key that ends it: one of `0-9A-D*#`, `any`, or empty for none.
    pub end_of_key: String,
    /// Longest length in seconds; 0 = no limit.
    pub duration_s: u32,
    /// Whether the party hears a beep first.
    pub beep_start: bool,
    /// The flow that runs afterwards; nil = none.
    pub on_end_flow_id: Uuid,
}

/// A request of an action (spec/flow.md §10). How often and how long it is tried is for the driver to rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// What it is for.
    pub purpose: HttpPurpose,
    /// The id of the action that asks.
    pub action_id: String,
    /// An HTTP token, such as `POST`.
    pub method: String,
    /// Begins with `http://` or `https://`.
    pub url: String,
    /// The `Content-Type`.
    pub content_type: String,
    /// The body, also of a GET.
    pub body: String,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpPurpose {
    /// Actions are wanted (`fetch`): 15 s, 3 redirects.
    Fetch,
    /// Something is told (`webhook_send`): signed and retried like other webhooks, 30 s in all if awaited.
    Webhook,
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
    /// The activeflow ended because of what this action did or failed to do (spec/flow.md §9).
    EndedByFailure,
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
            What::Ended | What::EndedByFailure => "ended",
        }
    }
}
