//! What a control loop wants done. It never does anything itself: drivers carry these out, in order.

use base::CellId;
use bytes::Bytes;
use model::{Binding, CallStatus, LogEntry, Speech};
use serde::Serialize;
use sip_core::Hop;
use uuid::Uuid;

use crate::message::Envelope;
use crate::{HttpJob, Note, NoteKind, Reply};

/// One thing to do in the world.
#[derive(Clone, Debug, Serialize)]
pub enum Effect {
    /// Send these octets.
    Transmit {
        /// From which address of ours to which of theirs.
        hop: Hop,
        /// One SIP message.
        message: Bytes,
    },
    /// Tell a media worker.
    Media(media_core::Command),
    /// The inventory of leased ports runs low: bring this many, by [`crate::Input::Ports`].
    WantPorts {
        /// Of which address family.
        ipv6: bool,
        /// How many.
        count: u32,
    },
    /// Make these sounds ready as one, and answer with [`crate::Input::Sound`].
    PrepareSound {
        /// Who asks.
        cell: CellId,
        /// For which step; comes back.
        step: u64,
        /// In playing order: `http:`, `https:`, `file:` or `tone:` URLs.
        urls: Vec<String>,
    },
    /// Make this speech ready, at least its beginning, and answer with [`crate::Input::Sound`].
    PrepareSpeech {
        /// Who asks.
        cell: CellId,
        /// For which step; comes back.
        step: u64,
        /// What is to be said.
        speech: Speech,
    },
    /// The sound that was asked for at this step is not wanted any more: [`crate::Input::Sound`] need not come, and what is fetched for
    /// nobody else may be given up.
    ForgetSound {
        /// Who asked.
        cell: CellId,
        /// For which step.
        step: u64,
    },
    /// Send an HTTP request; answer with [`crate::Input::Http`] where it is waited for, else with
    /// [`crate::Input::WebhookFailed`] if it fails.
    Http(HttpJob),
    /// A resource has changed: write it to the event log, from where webhooks and subscribers learn of it.
    Log(Box<LogEntry>),
    /// Something that an operator or developer may want to read: log line and timeline entry.
    Note(Note),
    /// Bring this to the loop that owns the addressee, as [`crate::Input::Message`].
    Send(Envelope),
    /// The answer to [`crate::Input::Request`].
    Reply {
        /// As in the request.
        token: u64,
        /// What came of it.
        reply: Reply,
    },
    /// Write a phone's bindings down, and say so by [`crate::Input::Saved`] when they cannot be lost any more.
    SaveBindings {
        /// Comes back; 0: nobody waits for it.
        token: u64,
        /// Whose they are.
        extension_id: Uuid,
        /// All that are valid now; none: the phone is not registered any more.
        bindings: Vec<Binding>,
    },
    /// A cell's handler panicked. The call was ended from its will; this is for the bug report.
    KeepCrash(Box<CrashReport>),
}

impl Effect {
    /// Whether this says that a call was answered.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Effect::Note(Note { kind: NoteKind::Status(CallStatus::Progressing), .. }))
    }
}

/// What is kept of a panic in a cell.
#[derive(Clone, Debug, Serialize)]
pub struct CrashReport {
    /// The cell.
    pub cell: CellId,
    /// Its call.
    pub call_id: uuid::Uuid,
    /// The panic's own words.
    pub message: String,
    /// The cell's last inputs, oldest first; the last one is the one that did it (MessagePack of `CellInput`s).
    pub inputs: Bytes,
}
