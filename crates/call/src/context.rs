//! What a cell's handler gets and gives back: an input, a context to look at, and acts that count only when it returns.

use base::{Now, Random};
use media_core::{Command, Event, PortLease};
use serde::{Deserialize, Serialize};
use sip_core::{Hop, Message, MessageBuilder, ServerTransactionId};

use crate::will::Will;
use crate::{Effect, Note, NoteKind, Settings, Snapshot, SoundOutcome};

/// What happens to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum CellInput {
    /// The call was created for the INVITE that it holds: run.
    Start,
    /// A request inside the dialog, with a server transaction that wants a response.
    Request { transaction: ServerTransactionId, request: Message, hop: Hop },
    /// The ACK of a 2xx.
    Ack { request: Message },
    /// The caller cancels the INVITE; the CANCEL itself is answered already.
    Cancel,
    /// A response to a request of ours.
    Response { response: Message },
    /// No response to a request of ours came in time, or it could not be sent.
    RequestFailed,
    /// A fact about the call's stream.
    Media(Event),
    /// An answer to [`Effect::PrepareSound`].
    Sound { step: u64, outcome: SoundOutcome },
    /// A timer of the call has expired.
    Timeout,
    /// The operator ends all calls.
    HangUp,
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
    /// Replace the cell's will.
    Will(Box<Will>),
}

/// What a handler may look at and write to, beside its own cell.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) random: &'a mut Random,
    pub(crate) acts: &'a mut Vec<Act>,
    /// The call that the handler is for, so that notes carry its id.
    pub(crate) call_id: uuid::Uuid,
}

impl Context<'_> {
    pub(crate) fn settings(&self) -> &Settings {
        &self.snapshot.settings
    }

    pub(crate) fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    pub(crate) fn note(&mut self, kind: NoteKind) {
        let note = Note { at_us: self.now.wall_us, call_id: self.call_id, kind };
        self.acts.push(Act::Effect(Effect::Note(note)));
    }
}

impl CellInput {
    /// Octets of the message that it keeps alive.
    pub(crate) fn octets(&self) -> usize {
        match self {
            CellInput::Request { request: message, .. }
            | CellInput::Ack { request: message }
            | CellInput::Response { response: message } => message.as_bytes().len(),
            _ => 0,
        }
    }
}
