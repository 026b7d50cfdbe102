//! Requests that belong to no dialog of ours: a new call, a question about capabilities, or something too late.

use base::{CellId, Now};
use sdp::{LocalMedia, Negotiation, Refusal};
use sip_core::{Dialog, DialogError, HeaderName, Hop, Message, Method, ServerTransactionId, new_tag, uas};
use uuid::Uuid;

use super::Control;
use super::admission::NotTaken;
use super::registrar::note;
use crate::call::{Call, NewCall};
use crate::cell::{Body, Cell, Panicked, guarded};
use crate::context::CellInput;
use crate::routing::{Caller, Route, Target};
use crate::will::Will;
use crate::{Effect, NoteKind, reply, routing};

impl Control {
    pub(super) fn outside_dialog(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        request: Message,
        hop: Hop,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(rejection) = reply::check(&request, false) {
            return self.reject(now, transaction, &request, &rejection);
        }
        match request.method() {
            Method::Invite if request.to_tag().is_none() => self.invite(now, transaction, request, hop, effects),
            // RFC 3261 §11.2: with the status that an INVITE would get. Who asks so whether to send calls here is told.
            Method::Options if request.to_tag().is_none() => {
                if let Err(NotTaken { rejection, .. }) = self.admit() {
                    return self.reject(now, transaction, &request, &rejection);
                }
                let tag = new_tag(self.owner, &mut self.random);
                let response = uas::Rejection::new(200).response_to(&request).to_tag(&tag);
                let response = reply::options(response, &self.snapshot.settings, &hop);
                self.endpoint.respond(now, transaction, response);
            }
            Method::Register if request.to_tag().is_none() => {
                self.register(now, transaction, &request, hop, effects);
            }
            // RFC 3261 §12.2.2: a To tag names a dialog that is not there; BYE and INFO live only inside one.
            _ => self.reject(now, transaction, &request, &uas::Rejection::new(481)),
        }
    }

    fn reject(&mut self, now: Now, transaction: ServerTransactionId, request: &Message, rejection: &uas::Rejection) {
        self.reject_after(now, transaction, request, rejection, 0);
    }

    /// The same after a while. An INVITE that is cancelled meanwhile is not answered any sooner.
    pub(super) fn reject_after(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        request: &Message,
        rejection: &uas::Rejection,
        delay_ms: u64,
    ) {
        let tag = new_tag(self.owner, &mut self.random);
        let server = &self.snapshot.settings.server_name;
        let response = rejection.response_to(request).to_tag(&tag).header(HeaderName::Server, server).build();
        match delay_ms {
            // Who is merely asked for a password, or told that there is none, is not remembered, and not told again: a forged
            // source would be (RFC 3261 §26.3.2.4).
            0 if matches!(rejection.status, 401 | 403 | 407) => {
                self.endpoint.respond_and_forget(now, transaction, response)
            }
            0 => self.endpoint.respond(now, transaction, response),
            _ => self.registrar.held.delay(now, transaction, response, delay_ms),
        }
    }

    fn invite(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        invite: Message,
        hop: Hop,
        effects: &mut Vec<Effect>,
    ) {
        match self.new_call(now, transaction, &invite, hop, effects) {
            Ok(id) => self.deliver(now, id, CellInput::Start, effects),
            Err(NotTaken { rejection, why, delay_ms }) => {
                match rejection.status {
                    503 => self.counters.turned_away += 1,
                    // Who is asked for a password is about to call.
                    407 => {}
                    _ => self.counters.refused += 1,
                }
                if !why.is_empty() {
                    let destination = invite.request_uri().unwrap_or_default().to_owned();
                    let (remote, status) = (hop.remote, rejection.status);
                    let kind = NoteKind::CallRefused { destination, remote, status, why };
                    effects.push(note(now, Uuid::nil(), kind));
                }
                self.reject_after(now, transaction, &invite, &rejection, delay_ms);
            }
        }
        self.ask_for_ports(effects);
    }

    /// Makes the cell of a new call; nothing of it has run yet.
    fn new_call(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        invite: &Message,
        hop: Hop,
        effects: &mut Vec<Effect>,
    ) -> Result<CellId, NotTaken> {
        let caller = self.caller(now, invite, &hop, effects)?;
        self.admit()?;
        let Route { mut target, source, destination } = match routing::find(&self.snapshot, &caller, invite) {
            Ok(route) => route,
            Err(no_route) => {
                if caller == Caller::Anyone && no_route.may_be_private() && self.may_be_a_phone(invite) {
                    // Without credentials it is asked for them.
                    self.identify(now, invite, &hop, effects)?;
                }
                return Err(NotTaken::new(no_route.rejection(), no_route.to_string()));
            }
        };
        self.keep_pace(now)?;
        let lease = self.take_ports(&hop)?;
        let local = LocalMedia::new(reply::media_address(&self.snapshot.settings, &hop), lease.rtp_port);
        let (dialog, negotiation) = self.begin_session(invite, &local).inspect_err(|_| self.ports.put_back(lease))?;
        let id = self.new_cell_id();
        target.give_ids(&mut self.random);
        let flow = match &target {
            Target::Flow(id) => &self.snapshot.flows[id],
            Target::Generated(flow) => flow,
        };
        self.by_dialog.insert(dialog.id().clone(), id);
        self.by_invite.insert(transaction, id);
        self.by_stream.insert(lease.stream, id);
        let will = Will {
            pending_invite: Some((transaction, invite.clone())),
            ports: Some((lease, false)),
            ..Will::default()
        };
        let invite = invite.clone();
        let new = NewCall {
            cell: id,
            transaction,
            invite,
            hop,
            dialog,
            lease,
            local,
            negotiation,
            source,
            destination,
            flow,
        };
        let call = Call::new(new, &self.snapshot.settings, now, &mut self.random);
        self.by_call.insert(call.id(), id);
        self.by_activeflow.insert(call.subject().activeflow_id, id);
        self.cells.insert(id, Cell::new(id, Body::Call(Box::new(call)), will));
        self.calls += 1;
        self.counters.calls += 1;
        Ok(id)
    }

    /// The dialog that an INVITE makes, and the answer to its offer if it has one. There is no cell yet that a panic could
    /// be kept to, so it is caught here.
    fn begin_session(&mut self, invite: &Message, local: &LocalMedia) -> Result<(Dialog, Negotiation), NotTaken> {
        let tag = new_tag(self.owner, &mut self.random);
        let session_id = self.random.next_u64();
        let begun = guarded(|| -> Result<_, Refused> {
            let dialog = Dialog::of_uas(invite, &tag).map_err(Refused::Dialog)?;
            let mut negotiation = Negotiation::new(session_id);
            if let Some(offer) = reply::description_of(invite).map_err(Refused::Session)? {
                let answered = negotiation.answer(&offer, &reply::audio_capabilities(), local);
                answered.map_err(Refused::Session)?;
            }
            Ok((dialog, negotiation))
        });
        match begun {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(Refused::Dialog(error))) => {
                let why = error.to_string();
                Err(NotTaken::new(uas::Rejection::bad_request(why.clone()), why))
            }
            Ok(Err(Refused::Session(refusal))) => {
                let rejection = reply::rejection(&refusal, &self.snapshot.settings.server_name);
                Err(NotTaken::new(rejection, refusal.reason))
            }
            Err(Panicked(words)) => {
                self.counters.panics += 1;
                Err(NotTaken::new(uas::Rejection::new(500), format!("a panic: {words}")))
            }
        }
    }
}

/// Why an INVITE makes no session.
enum Refused {
    Dialog(DialogError),
    Session(Refusal),
}
