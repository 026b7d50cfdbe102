//! Everything that can happen to a control loop: one closed enum. What is not here cannot influence a call.

use base::{CellId, RecordingId, SoundId, StreamId};
use flow::HttpOutcome;
use media_core::{PortLease, RecordingFact, RecordingSource};
use model::{Binding, Resource};
use serde::{Deserialize, Serialize};
use sip_core::{Hop, Message};
use uuid::Uuid;

use crate::message::Envelope;
use crate::{Request, Snapshot};

/// One input of one control loop. It is plain data: written down in order, it replays the loop exactly.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input {
    /// Configuration and resources from now on. Calls that are up keep what they began with.
    Snapshot(Box<Snapshot>),
    /// A SIP message arrived and was found well-formed.
    Sip {
        /// The message.
        message: Message,
        /// Where it came from and which address of ours it came to.
        hop: Hop,
    },
    /// A request of ours could not be sent: its connection is gone and there is no other way.
    Undelivered(Message),
    /// A media worker reports a fact.
    Media(media_core::Event),
    /// The port pool hands over leases, in answer to [`crate::Effect::WantPorts`].
    Ports {
        /// Of which address family.
        ipv6: bool,
        /// As many as there were; none when the range is exhausted.
        leases: Vec<PortLease>,
    },
    /// A sound that a cell asked for is ready, or cannot be had.
    Sound {
        /// The cell that asked.
        cell: CellId,
        /// The step for which it asked.
        step: u64,
        /// What came of it.
        outcome: SoundOutcome,
    },
    /// The answer to an HTTP request that a cell waits for.
    Http {
        /// The cell that asked.
        cell: CellId,
        /// The step for which it asked.
        step: u64,
        /// What came of it.
        outcome: HttpOutcome,
    },
    /// An HTTP request that no cell waits for has failed.
    WebhookFailed {
        /// The cell that asked.
        cell: CellId,
        /// As in [`crate::HttpJob`].
        activeflow_id: Uuid,
        /// The step that asked.
        step: u64,
        /// The action that asked.
        action_id: String,
        /// Why, for the timeline.
        reason: String,
    },
    /// What became of a recording.
    Recording {
        /// What is recorded.
        source: RecordingSource,
        /// Which recording.
        recording: RecordingId,
        /// What.
        fact: RecordingFact,
    },
    /// Another loop's cell has written to one of ours.
    Message(Envelope),
    /// Somebody wishes something of a call, activeflow, conference or bridge; answered by [`crate::Effect::Reply`].
    Request {
        /// Comes back in the answer.
        token: u64,
        /// What is wished.
        request: Request,
    },
    /// One of the snapshot's resources has changed, or is deleted when its `tm_delete` is set. A confbridge was
    /// made by hand: each one that stands comes so after the first snapshot, and later each new one.
    Changed(Box<Resource>),
    /// The places of all phones that were registered before the process began, after the first snapshot. Each loop takes
    /// those of the extensions that it owns ([`sip_core::loop_of_user`]).
    Bindings(Vec<Binding>),
    /// What [`crate::Effect::SaveBindings`] asked for is done.
    Saved {
        /// As in the effect.
        token: u64,
        /// Whether it worked.
        saved: bool,
    },
    /// A connection is closed: the page that registered over it (RFC 7118) and over no other one since is not there any more, and a
    /// phone over TCP or TLS makes room before others do.
    ConnectionClosed(Hop),
    /// New calls are welcome, or not and why.
    Admission(Admission),
    /// End every call of this loop with BYE or a final response (second SIGTERM).
    HangUpAll,
    /// Time has passed; whatever has expired is due.
    Timeout,
    /// Tests only: the next input of the cell that owns this stream makes its handler panic.
    InjectPanic(StreamId),
    /// Tests only: the handling of the next REGISTER panics.
    InjectPanicIntoRegistrar,
    /// Tests only: the next input of the bridge of this confbridge id panics.
    InjectPanicIntoBridge(Uuid),
}

/// What came of the preparation of a list of sounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoundOutcome {
    /// The sound made of all that could be had; none if nothing could.
    pub sound: Option<SoundId>,
    /// What was left out and why: URL and reason.
    pub skipped: Vec<(String, String)>,
}

/// Whether new calls are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// They are.
    #[default]
    Open,
    /// The process is being drained (SIGTERM): 503.
    Draining,
    /// A media worker is late or silent: 503 with Retry-After, calls that are up are left alone.
    Overloaded,
}
