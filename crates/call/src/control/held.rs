//! Answers that wait: for the store, or because their source guesses passwords.

use std::collections::BTreeMap;

use base::{Now, TimerTable};
use serde::{Deserialize, Serialize};
use sip_core::{Message, ServerTransactionId};
use uuid::Uuid;

use crate::NoteKind;
use crate::registrar::Undo;

/// The longest that the store may take, ms. A phone waits 32 s for an answer (RFC 3261 §17.1.2.2).
const SAVING_MS: u64 = 10_000;

/// The answers that are kept back. Each is the final response of one server transaction, of which the endpoint has no more
/// than it is allowed to have: that is the bound.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    answers: BTreeMap<u64, HeldAnswer>,
    due: TimerTable<u64>,
    last_token: u64,
}

/// One of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeldAnswer {
    pub(super) transaction: ServerTransactionId,
    /// What is sent when it is due.
    pub(super) response: Message,
    /// Where the answer waits for the store: what is sent instead as soon as all is safe.
    pub(super) when_saved: Option<WhenSaved>,
}

/// What follows when a phone's bindings are safe.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WhenSaved {
    pub(super) response: Message,
    /// What there is to be told about it then.
    pub(super) notes: Vec<NoteKind>,
    /// What there is to be told when it fails.
    pub(super) failed: NoteKind,
    pub(super) customer_id: Uuid,
    /// Whose bindings they are.
    pub(super) user: String,
    pub(super) extension_id: Uuid,
    /// What takes the change back when it fails.
    pub(super) undo: Undo,
}

impl Held {
    /// Keeps a response back for so long.
    pub(super) fn delay(&mut self, now: Now, transaction: ServerTransactionId, response: Message, delay_ms: u64) {
        self.add(now, HeldAnswer { transaction, response, when_saved: None }, delay_ms);
    }

    /// Keeps the answer to a REGISTER until the store has spoken: then `when_saved`, else `failed`. The token of the wish.
    pub(super) fn until_saved(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        failed: Message,
        when_saved: WhenSaved,
    ) -> u64 {
        self.add(now, HeldAnswer { transaction, response: failed, when_saved: Some(when_saved) }, SAVING_MS)
    }

    fn add(&mut self, now: Now, answer: HeldAnswer, delay_ms: u64) -> u64 {
        self.last_token += 1;
        self.answers.insert(self.last_token, answer);
        self.due.set(self.last_token, now.after_ms(delay_ms));
        self.last_token
    }

    /// Takes out the answer that waits under this token.
    pub(super) fn take(&mut self, token: u64) -> Option<HeldAnswer> {
        self.due.stop(&token);
        self.answers.remove(&token)
    }

    /// Takes out one that is due.
    pub(super) fn pop_due(&mut self, now: Now) -> Option<HeldAnswer> {
        let token = self.due.pop_expired(now.mono_ns)?;
        self.answers.remove(&token)
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.due.next_deadline()
    }

    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }
}
