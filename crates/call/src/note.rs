//! What control wants people to be able to read about a call. Drivers turn notes into log lines; later into events and
//! timeline entries.

use std::net::SocketAddr;

use media_core::StreamStats;
use model::{CallStatus, HangupBy, HangupReason};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One thing that happened, with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// Whose call it is; nil when it was refused before it became one.
    pub customer_id: Uuid,
    /// The call; nil when it was refused before it became one, or when there is none.
    pub call_id: Uuid,
    /// The activeflow; nil if there is none.
    pub activeflow_id: Uuid,
    /// What happened.
    pub kind: NoteKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NoteKind {
    /// A call came in and was given a flow.
    CallCreated {
        /// From header's user and host.
        source: String,
        /// The user part that was dialled.
        destination: String,
        /// Where the INVITE came from.
        remote: SocketAddr,
        /// The SIP Call-ID, to find it in a trace.
        sip_call_id: String,
        /// The flow that it runs.
        flow_id: Uuid,
    },
    /// An INVITE was answered with a failure before it became a call.
    CallRefused {
        /// Request URI.
        destination: String,
        /// Where it came from.
        remote: SocketAddr,
        /// The SIP status it got.
        status: u16,
        /// In plain words.
        why: String,
    },
    /// The call's status changed.
    Status(CallStatus),
    /// A change of the session was refused with this status; the call goes on as it was.
    SessionChangeRefused {
        /// The SIP status.
        status: u16,
        /// In plain words.
        why: String,
    },
    /// A key was pressed.
    Digit {
        /// `0-9A-D*#`
        digit: char,
        /// How long, ms.
        duration_ms: u32,
    },
    /// The flow did, skipped or failed something.
    Flow(flow::TimelineEntry),
    /// A sound was left out.
    SoundSkipped {
        /// Its URL.
        url: String,
        /// In plain words.
        why: String,
    },
    /// A recording could not go on.
    RecordingFailed {
        /// In plain words.
        why: String,
    },
    /// The flow that was to run after this one could not.
    OnCompleteSkipped {
        /// That flow.
        flow_id: Uuid,
        /// In plain words.
        why: String,
    },
    /// The call is over.
    CallEnded {
        /// Which side.
        by: HangupBy,
        /// Why.
        reason: HangupReason,
        /// From the answer to the end, ms; 0 when it was never answered.
        talked_ms: u64,
        /// Totals of its stream; none when it never had one.
        stats: Option<StreamStats>,
    },
    /// The handler of the call's cell panicked. The call was ended; others are not touched.
    CellPanicked {
        /// The panic's own words.
        message: String,
    },
}
