//! The loop as registrar (RFC 3261 §10.3, spec/media.md §4): what a REGISTER is answered, and when.
//!
//! A loop owns the addresses of record whose user leads to it ([`sip_core::loop_of_user`]); the edge sends it every REGISTER for them.
//! A change counts at once and is answered by 200 when the store has it; what the store does not take is taken back. The state lives here and not in cells: a REGISTER is one
//! step, and an extension that is not registered costs nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use base::{LoopId, Now, TimerTable};
use model::{Binding, Extension};
use serde::{Deserialize, Serialize};
use sip_core::digest::ServerKey;
use sip_core::register::{self, Register, Wish};
use sip_core::{HeaderName, Hop, Message, ServerTransactionId, Uri, new_tag, uas};
use uuid::Uuid;

use super::Control;
use super::admission::NotTaken;
use super::held::{Held, HeldAnswer, WhenSaved};
use crate::cell::{Panicked, guarded};
use crate::note::WhyUnregistered;
use crate::registrar::{AddressOfRecord, Authenticator, Registered};
use crate::{Effect, Note, NoteKind, reply};

/// What a loop knows as registrar.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Registrar {
    pub(super) authenticator: Authenticator,
    /// By extension id.
    pub(super) known: BTreeMap<Uuid, Known>,
    /// When something of which record expires.
    pub(super) expiries: TimerTable<Uuid>,
    pub(super) held: Held,
    /// REGISTERs that were answered by 200.
    pub(super) accepted: u64,
    /// REGISTERs that were answered by 500 because their bindings could not be stored.
    pub(super) not_saved: u64,
    /// Tests only: panic at the next REGISTER.
    pub(super) panic_next: bool,
    /// Who is reached over which connection.
    #[serde(default)]
    over: BTreeMap<Hop, BTreeSet<Uuid>>,
}

/// An extension with at least one binding.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    /// What it is called.
    pub(super) user: String,
    pub(super) record: AddressOfRecord,
}

impl Registrar {
    pub(super) fn new(key: ServerKey, owner: LoopId) -> Registrar {
        Registrar {
            authenticator: Authenticator::new(key, owner),
            known: BTreeMap::new(),
            expiries: TimerTable::new(),
            held: Held::default(),
            accepted: 0,
            not_saved: 0,
            panic_next: false,
            over: BTreeMap::new(),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        [self.expiries.next_deadline(), self.held.next_deadline()].into_iter().flatten().min()
    }

    /// How many bindings there are.
    pub(super) fn registrations(&self) -> usize {
        self.known.values().map(|known| known.record.len()).sum()
    }

    /// Whether a phone of this extension is registered here from exactly this address and port.
    pub(super) fn is_reached_at(&self, now: Now, extension: &Extension, remote: SocketAddr) -> bool {
        self.known.get(&extension.id).is_some_and(|known| known.record.is_reached_at(now, remote))
    }

    /// Keeps the record of this user if there is anything in it, and wakes the loop when something of it expires.
    pub(super) fn put(&mut self, now: Now, user: String, record: AddressOfRecord) {
        let id = record.extension_id();
        self.take(id);
        if let Some(deadline_ns) = record.next_deadline_ns(now) {
            self.expiries.set(id, deadline_ns);
            for hop in record.connections() {
                self.over.entry(hop).or_default().insert(id);
            }
            self.known.insert(id, Known { user, record });
        }
    }

    pub(super) fn take(&mut self, id: Uuid) -> Option<Known> {
        self.expiries.stop(&id);
        let known = self.known.remove(&id)?;
        for hop in known.record.connections() {
            if let Entry::Occupied(mut ids) = self.over.entry(hop) {
                ids.get_mut().remove(&id);
                if ids.get().is_empty() {
                    ids.remove();
                }
            }
        }
        Some(known)
    }

    /// The extensions of which a place is reached over this connection.
    pub(super) fn reached_over(&self, hop: &Hop) -> Vec<Uuid> {
        self.over.get(hop).into_iter().flatten().copied().collect()
    }
}

impl Control {
    /// Answers a REGISTER, at once or when the store has what it changes.
    pub(super) fn register(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        request: &Message,
        hop: Hop,
        effects: &mut Vec<Effect>,
    ) {
        let done = match self.identify(now, request, &hop, effects) {
            Ok(user) => self.change_bindings(now, &user, request, &hop).map(|changed| (user, changed)),
            Err(not_taken) => Err(not_taken),
        };
        let (user, (extension, register, before, registered)) = match done {
            Ok(done) => done,
            Err(NotTaken { rejection, why, delay_ms }) => {
                if !why.is_empty() {
                    let (extension, status) = (user_of_to(request), rejection.status);
                    let kind = NoteKind::RegisterRefused { extension, remote: hop.remote, status, why };
                    effects.push(note(now, Uuid::nil(), kind));
                }
                return self.reject_after(now, transaction, request, &rejection, delay_ms);
            }
        };
        let tag = new_tag(self.owner, &mut self.random);
        let server = self.snapshot.settings.server_name.clone();
        let response = register::accepted(request, &registered.contacts)
            .to_tag(&tag)
            .header(HeaderName::Date, reply::date(now.wall_us))
            .header(HeaderName::Server, &server)
            .build();
        if !registered.changed {
            self.registrar.accepted += 1;
            return self.endpoint.respond(now, transaction, response);
        }
        let failed = uas::Rejection::new(500).response_to(request).to_tag(&tag).header(HeaderName::Server, &server);
        let why = "the registration could not be stored".to_owned();
        let when_saved = WhenSaved {
            response,
            notes: news(now, &user, &register, &before, &registered),
            failed: NoteKind::RegisterRefused { extension: user.clone(), remote: hop.remote, status: 500, why },
            customer_id: extension.1,
            user,
            extension_id: extension.0,
            undo: registered.undo,
        };
        let token = self.registrar.held.until_saved(now, transaction, failed.build(), when_saved);
        let (extension_id, bindings) = (extension.0, registered.bindings);
        effects.push(Effect::SaveBindings { token, extension_id, bindings });
    }

    /// What the store says about an [`Effect::SaveBindings`].
    pub(super) fn saved(&mut self, now: Now, token: u64, saved: bool, effects: &mut Vec<Effect>) {
        match self.registrar.held.take(token) {
            Some(HeldAnswer { transaction, when_saved: Some(when_saved), .. }) if saved => {
                self.registrar.accepted += 1;
                let WhenSaved { response, notes, customer_id, .. } = when_saved;
                effects.extend(notes.into_iter().map(|kind| note(now, customer_id, kind)));
                self.endpoint.respond(now, transaction, response);
            }
            Some(answer) => self.let_go(now, answer, effects),
            // 0: nobody waits for it.
            None => self.counters.stale_inputs += u64::from(token != 0),
        }
    }

    /// Does what the REGISTER of this user wants. It is done to a copy, so that a panic changes nothing.
    fn change_bindings(&mut self, now: Now, user: &str, request: &Message, hop: &Hop) -> Result<Changed, NotTaken> {
        let Some(Extension { id, customer_id, .. }) = self.snapshot.extensions.get(user) else {
            return Err(NotTaken::new(uas::Rejection::new(404), format!("there is no extension \"{user}\"")));
        };
        let (id, customer_id) = (*id, *customer_id);
        let known = self.registrar.known.get(&id).map(|known| known.record.clone());
        let mut record = known.unwrap_or_else(|| AddressOfRecord::new(id, customer_id));
        let settings = &self.snapshot.settings.registrar.bindings;
        let panic_next = std::mem::take(&mut self.registrar.panic_next);
        let done = guarded(|| {
            let before = record.to_store();
            let register = Register::read(request)?;
            let registered = record.register(now, &register, hop, settings)?;
            assert!(!panic_next, "a panic was injected into the registrar");
            Ok((record, register, before, registered))
        });
        match done {
            Ok(Ok((record, register, before, registered))) => {
                self.registrar.put(now, user.to_owned(), record);
                Ok(((id, customer_id), register, before, registered))
            }
            Ok(Err(rejection)) => {
                let rejection: uas::Rejection = rejection;
                let why = rejection.reason().to_owned();
                Err(NotTaken::new(rejection, why))
            }
            Err(Panicked(words)) => {
                self.counters.panics += 1;
                Err(NotTaken::new(uas::Rejection::new(500), format!("a panic: {words}")))
            }
        }
    }

    /// Sends an answer that has waited long enough, or whose bindings could not be stored.
    pub(super) fn let_go(&mut self, now: Now, answer: HeldAnswer, effects: &mut Vec<Effect>) {
        if let Some(when_saved) = answer.when_saved {
            self.registrar.not_saved += 1;
            self.take_back(now, &when_saved, effects);
            effects.push(note(now, when_saved.customer_id, when_saved.failed));
        }
        self.endpoint.respond(now, answer.transaction, answer.response);
    }

    /// What could not be stored does not count (RFC 3261 §10.3 step 7). The store is told, too: it may be late and not have failed.
    fn take_back(&mut self, now: Now, when_saved: &WhenSaved, effects: &mut Vec<Effect>) {
        let WhenSaved { user, extension_id: id, customer_id, undo, .. } = when_saved;
        if self.snapshot.extensions.get(user).is_none_or(|extension| extension.id != *id) {
            return;
        }
        let known = self.registrar.take(*id).map(|known| known.record);
        let mut record = known.unwrap_or_else(|| AddressOfRecord::new(*id, *customer_id));
        record.undo(now, undo);
        effects.push(Effect::SaveBindings { token: 0, extension_id: *id, bindings: record.to_store() });
        self.registrar.put(now, user.clone(), record);
    }
}

/// Extension id and customer, what was wished, what stood before, and what came of it.
type Changed = ((Uuid, Uuid), Register, Vec<Binding>, Registered);

/// The user of To, as it is to be read.
fn user_of_to(request: &Message) -> String {
    let to = request.to().ok().and_then(|to| to.uri().ok());
    to.and_then(|uri| Some(uri.user_unescaped()?.into_owned())).unwrap_or_default()
}

/// Which places are new, and which are no more.
fn news(now: Now, user: &str, wanted: &Register, before: &[Binding], done: &Registered) -> Vec<NoteKind> {
    let is_new = |binding: &&Binding| {
        !before.iter().any(|old| old.contact == binding.contact && old.received == binding.received)
    };
    let is_asked_for = |binding: &Binding| match &wanted.wish {
        Wish::Query => false,
        Wish::RemoveAll => true,
        Wish::Update(wishes) => wishes.iter().any(|wish| {
            let same = |uri: Uri| uri.matches(&wish.uri);
            wish.expires_s == Some(0) && binding.contact.parse().is_ok_and(same)
        }),
    };
    let is_elsewhere = |binding: &Binding| {
        let instance = register::instance(&binding.params);
        instance.is_some() && done.bindings.iter().any(|new| register::instance(&new.params) == instance)
    };
    let why = |binding: &Binding| match binding {
        expired if expired.expires_us <= now.wall_us => WhyUnregistered::Expired,
        asked if is_asked_for(asked) => WhyUnregistered::Asked,
        moved if is_elsewhere(moved) => WhyUnregistered::Moved,
        _ => WhyUnregistered::TooMany,
    };
    let gone = done.removed.iter().map(|binding| unregistered(user, binding, why(binding)));
    let new = done.bindings.iter().filter(is_new).map(|binding| NoteKind::Registered {
        extension: user.to_owned(),
        contact: binding.contact.clone(),
        remote: binding.received.clone(),
        user_agent: binding.user_agent.clone(),
        until_us: binding.expires_us,
    });
    gone.chain(new).collect()
}

/// A note that belongs to no call.
pub(super) fn note(now: Now, customer_id: Uuid, kind: NoteKind) -> Effect {
    Effect::Note(Note { at_us: now.wall_us, customer_id, call_id: Uuid::nil(), activeflow_id: Uuid::nil(), kind })
}

/// A note of a binding that is no more.
pub(super) fn unregistered(extension: &str, binding: &Binding, why: WhyUnregistered) -> NoteKind {
    NoteKind::Unregistered {
        extension: extension.to_owned(),
        contact: binding.contact.clone(),
        remote: binding.received.clone(),
        user_agent: binding.user_agent.clone(),
        why,
    }
}
