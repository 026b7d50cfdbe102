//! What control wants people to be able to read about a call. Drivers turn notes into log lines; later into events and
//! timeline entries.

use std::net::SocketAddr;

use compact_str::CompactString;
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
        source: CompactString,
        /// The user part that was dialled.
        destination: CompactString,
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
    /// Our BYE was not answered, or could not be sent: the far end may not know that the call is over.
    ByeUnanswered,
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
    /// The caller spoke, and that ended what was spoken to it.
    BargeIn,
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
    /// A phone can be reached at a new place.
    Registered {
        /// The extension.
        extension: String,
        /// What it wants to be called at.
        contact: String,
        /// Where its REGISTER came from, `ip:port`.
        remote: String,
        /// What it calls itself; empty if it does not say.
        user_agent: String,
        /// When that ends unless it says so again, microseconds since the Unix epoch.
        until_us: u64,
    },
    /// A phone cannot be reached at a place any more.
    Unregistered {
        /// The extension.
        extension: String,
        /// What it wanted to be called at.
        contact: String,
        /// Where its last REGISTER came from, `ip:port`.
        remote: String,
        /// What it calls itself; empty if it does not say.
        user_agent: String,
        /// Why.
        why: WhyUnregistered,
    },
    /// A REGISTER was refused for another reason than its password.
    RegisterRefused {
        /// The user of its To.
        extension: String,
        /// Where it came from.
        remote: SocketAddr,
        /// The SIP status it got.
        status: u16,
        /// In plain words.
        why: String,
    },
    /// Somebody does not have the password of whom it says it is.
    WrongPassword {
        /// Who it says it is: text of a stranger.
        user: String,
        /// Where it came from.
        remote: SocketAddr,
        /// What it wanted: `REGISTER`, `INVITE`.
        method: String,
        /// In plain words; the sender is not told.
        why: String,
    },
    /// The handler of the call's cell panicked. The call was ended; others are not touched.
    CellPanicked {
        /// The panic's own words.
        message: String,
    },
}

/// Why a phone cannot be reached at a place any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhyUnregistered {
    /// It said so.
    Asked,
    /// It did not say again that it is there.
    Expired,
    /// The extension has newer places, and no more than so many are kept.
    TooMany,
    /// The extension was deleted or has another name.
    Deleted,
    /// It was reached over a connection that is closed, and only it could make another one.
    ConnectionClosed,
    /// The same phone is registered at another address now.
    Moved,
}

impl WhyUnregistered {
    /// In plain words.
    pub fn as_str(self) -> &'static str {
        match self {
            WhyUnregistered::Asked => "it said so",
            WhyUnregistered::Expired => "its time is up",
            WhyUnregistered::TooMany => "the extension has newer places",
            WhyUnregistered::Deleted => "the extension was deleted",
            WhyUnregistered::ConnectionClosed => "its connection is closed",
            WhyUnregistered::Moved => "it is at another address now",
        }
    }
}
