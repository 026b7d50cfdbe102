//! The frame around a cell's handler: what it gets, what it gives back, and what happens when it panics.
//!
//! A handler gets `&mut` to its own cell and a [`Context`]. Its acts count only when it returns: they are collected and
//! carried out by the loop afterwards. A handler that panics loses its cell; the loop then executes the cell's will.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{CellId, Now, Random};
use media_core::{Command, Event, PortLease};
use serde::{Deserialize, Serialize};
use sip_core::{ClientTransactionId, Hop, Message, MessageBuilder, ServerTransactionId};

use crate::call::Call;
use crate::control::Will;
use crate::{Effect, Note, NoteKind, Settings, Snapshot, SoundOutcome};

/// What happens to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum CellInput {
    /// The call was created for the INVITE that it holds: run.
    Start,
    /// A request inside the dialog, with a server transaction that wants a response.
    Request { transaction: ServerTransactionId, request: Message },
    /// The ACK of a 2xx.
    Ack { request: Message },
    /// The caller cancels the INVITE; the CANCEL itself is answered already.
    Cancel,
    /// A response to a request of ours.
    Response { transaction: ClientTransactionId, response: Message },
    /// No response to a request of ours came in time, or it could not be sent.
    RequestFailed { transaction: ClientTransactionId },
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

/// One call with what the loop keeps about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) id: CellId,
    pub(crate) call: Call,
    pub(crate) will: Will,
    /// The last inputs, for the crash report.
    pub(crate) recent: VecDeque<CellInput>,
    /// Tests only: panic at the next input.
    pub(crate) panic_next: bool,
}

/// A handler's panic, in its own words.
pub(crate) struct Panicked(pub(crate) String);

impl Cell {
    /// Inputs kept for a crash report.
    const RECENT_MAX: usize = 16;

    pub(crate) fn new(id: CellId, call: Call, will: Will) -> Cell {
        Cell { id, call, will, recent: VecDeque::new(), panic_next: false }
    }

    /// Runs the handler. On a panic nothing of what it did counts; the cell must then be dropped.
    pub(crate) fn handle(&mut self, context: Context<'_>, input: CellInput) -> Result<(), Panicked> {
        if self.recent.len() == Self::RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(input.clone());
        let (call, panic_next) = (&mut self.call, self.panic_next);
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            let mut context = context;
            call.handle(&mut context, input);
            assert!(!panic_next, "a panic was injected into this cell");
        }));
        outcome.map_err(|payload| {
            let words = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
            Panicked(words.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default())
        })
    }
}
