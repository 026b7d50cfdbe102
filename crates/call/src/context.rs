//! What a cell's handler gets and gives back: an input, a context to look at, and acts that count only when it returns.

use base::{Now, Random};
use flow::{HttpOutcome, NewActiveflow, Variables};
use media_core::{Command, Event, PortLease, RecordingFact};
use model::{Confbridge, LogBody, LogEntry, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sip_core::{Hop, Message, MessageBuilder, ServerTransactionId};
use uuid::Uuid;

use crate::message::{Address, CellMessage, Envelope};
use crate::request::ConferenceRecording;
use crate::will::Will;
use crate::{Effect, Note, NoteKind, Settings, Snapshot, SoundOutcome};

/// What happens to a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum CellInput {
    /// The cell was created: run.
    Start,
    /// A request inside the dialog, with a server transaction that wants a response.
    Request { transaction: ServerTransactionId, request: Message, hop: Hop },
    /// The ACK of a 2xx.
    Ack { request: Message, hop: Hop },
    /// The caller cancels the INVITE; the CANCEL itself is answered already.
    Cancel,
    /// A response to a request of ours.
    Response { response: Message },
    /// No response to a request of ours came in time, or it could not be sent.
    RequestFailed,
    /// A fact about the call's stream.
    Media(Event),
    /// An answer to [`Effect::PrepareSound`] or [`Effect::PrepareSpeech`].
    Sound { step: u64, outcome: SoundOutcome },
    /// An answer to [`Effect::Http`].
    Http { step: u64, outcome: HttpOutcome },
    /// A request of [`Effect::Http`] that is not waited for has failed.
    WebhookFailed { activeflow_id: Uuid, step: u64, action_id: String, reason: String },
    /// What became of a recording.
    Recording { recording: base::RecordingId, fact: RecordingFact },
    /// Another cell has something to say.
    Message(CellMessage),
    /// A timer of the cell has expired.
    Timeout,
    /// Somebody ends the call.
    HangUp,
    /// Somebody ends the activeflow.
    StopFlow,
    /// The operator ends the call and whatever would run after it.
    HangUpNow,
    /// Somebody sends a participant out of the conference.
    KickMember(Uuid),
    /// Somebody sends a call out of the bridge.
    KickCall(Uuid),
    /// Somebody ends the conference, or changed it.
    Conference(Box<model::Conference>),
    /// Somebody ends the bridge.
    CloseBridge,
    /// Somebody has the bridge recorded.
    StartRecording(ConferenceRecording),
    /// Somebody ends its recording.
    StopRecording,
}

/// What a handler wants done, in order.
pub(crate) enum Act {
    /// Answer a server transaction.
    Respond(ServerTransactionId, Message),
    /// Send a request; its response comes back as [`CellInput::Response`].
    Request(MessageBuilder, Hop),
    /// Tell the media worker.
    Media(Command),
    /// Give ports back that never were in service.
    ReturnPorts(PortLease),
    /// Ask the driver for something.
    Effect(Effect),
    /// Count an answer that came for an earlier step.
    CountStale,
    /// Counts a 2xx to an INVITE that was never acknowledged.
    CountAckMissing,
    /// Write to another cell.
    Send(Envelope),
    /// Users know of this bridge, as it is without its calls.
    BridgeOpened(Box<Confbridge>),
    /// Users know that this bridge is over.
    BridgeEnded(Uuid),
    /// An activeflow has ended and left these variables.
    FlowEnded(Uuid, Box<Variables>),
    /// Start an activeflow that runs for no call.
    StartRun(Box<NewActiveflow>),
    /// Replace the cell's will.
    Will(Box<Will>),
}

/// What a handler may look at and write to, beside its own cell.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) random: &'a mut Random,
    pub(crate) acts: &'a mut Vec<Act>,
    /// What the handler is for, so that notes and events carry it.
    pub(crate) subject: Subject,
}

/// What notes and events are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) customer_id: Uuid,
    /// Nil if it is no call.
    pub(crate) call_id: Uuid,
    /// Nil if there is none.
    pub(crate) activeflow_id: Uuid,
}

impl Subject {
    /// An event about it, for the log.
    pub(crate) fn event(self, now: Now, name: &'static str, resource: Resource) -> LogEntry {
        let Subject { customer_id, call_id, activeflow_id } = self;
        let body = LogBody::Event { name: name.into(), resource, extra: Map::new() };
        LogEntry { at_us: now.wall_us, customer_id, call_id, activeflow_id, body }
    }
}

impl Context<'_> {
    pub(crate) fn settings(&self) -> &Settings {
        &self.snapshot.settings
    }

    pub(crate) fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    pub(crate) fn note(&mut self, kind: NoteKind) {
        let Subject { customer_id, call_id, activeflow_id } = self.subject;
        let note = Note { at_us: self.now.wall_us, customer_id, call_id, activeflow_id, kind };
        self.acts.push(Act::Effect(Effect::Note(note)));
    }

    /// Tells users that a resource has changed.
    pub(crate) fn event(&mut self, name: &'static str, resource: Resource) {
        self.event_with(name, resource, Map::new());
    }

    /// Keeps what whoever asks sees of a resource true, where no event says that it has changed.
    pub(crate) fn changed(&mut self, resource: Resource) {
        let Subject { customer_id, call_id, activeflow_id } = self.subject;
        let body = LogBody::Change { resource };
        let entry = LogEntry { at_us: self.now.wall_us, customer_id, call_id, activeflow_id, body };
        self.acts.push(Act::Effect(Effect::Log(Box::new(entry))));
    }

    /// The same as [`Context::event`] with further keys in the event's data.
    pub(crate) fn event_with(&mut self, name: &'static str, resource: Resource, extra: Map<String, Value>) {
        let Subject { customer_id, call_id, activeflow_id } = self.subject;
        let body = LogBody::Event { name: name.into(), resource, extra };
        let entry = LogEntry { at_us: self.now.wall_us, customer_id, call_id, activeflow_id, body };
        self.acts.push(Act::Effect(Effect::Log(Box::new(entry))));
    }

    pub(crate) fn send(&mut self, to: Address, message: CellMessage) {
        self.acts.push(Act::Send(Envelope { to, message }));
    }
}

impl CellInput {
    /// Octets that it keeps alive, as far as others decide how many.
    pub(crate) fn octets(&self) -> usize {
        match self {
            CellInput::Request { request: message, .. }
            | CellInput::Ack { request: message, .. }
            | CellInput::Response { response: message } => message.as_bytes().len(),
            CellInput::Http { outcome, .. } => outcome.body.len() + outcome.error.len(),
            _ => 0,
        }
    }

    /// A copy for the crash report: of an answer from the web, which may be very long, only the beginning.
    pub(crate) fn in_short(&self) -> CellInput {
        match self {
            CellInput::Http { step, outcome } => {
                let body = outcome.body[..outcome.body.len().min(WEB_ANSWER_SHOWN)].to_vec();
                let outcome = HttpOutcome { status: outcome.status, body, error: outcome.error.clone() };
                CellInput::Http { step: *step, outcome }
            }
            other => other.clone(),
        }
    }
}

/// Octets of an answer from the web that a crash report shows.
const WEB_ANSWER_SHOWN: usize = 4 * 1_024;
