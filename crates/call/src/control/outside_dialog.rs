//! Requests that belong to no dialog of ours: a new call, a question about capabilities, or something too late.

use base::{CellId, Now};
use sdp::{LocalMedia, Negotiation, Refusal};
use sip_core::{Dialog, DialogError, HeaderName, Hop, Message, Method, ServerTransactionId, new_tag, uas};
use uuid::Uuid;

use super::Control;
use super::admission::NotTaken;
use crate::call::{Call, NewCall};
use crate::cell::{Body, Cell, Panicked, guarded};
use crate::context::CellInput;
use crate::will::Will;
use crate::{Effect, Note, NoteKind, reply, routing};

impl Control {
    pub(super) fn outside_dialog(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        request: Message,
        hop: Hop,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(rejection) = uas::check(&request, &reply::CAPABILITIES) {
            return self.reject(now, transaction, &request, &rejection);
        }
        match request.method() {
            Method::Invite if request.to_tag().is_none() => self.invite(now, transaction, request, hop, effects),
            Method::Options if request.to_tag().is_none() => {
                let tag = new_tag(self.owner, &mut self.random);
                let response = uas::Rejection::new(200).response_to(&request).to_tag(&tag);
                let response = reply::options(response, &self.snapshot.settings, &hop);
                self.endpoint.respond(now, transaction, response);
            }
            // RFC 3261 §12.2.2: a To tag names a dialog that is not there; BYE lives only inside one.
            _ => self.reject(now, transaction, &request, &uas::Rejection::new(481)),
        }
    }

    fn reject(&mut self, now: Now, transaction: ServerTransactionId, request: &Message, rejection: &uas::Rejection) {
        let tag = new_tag(self.owner, &mut self.random);
        let server = &self.snapshot.settings.server_name;
        let response = rejection.response_to(request).to_tag(&tag).header(HeaderName::Server, server).build();
        self.endpoint.respond(now, transaction, response);
    }

    fn invite(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        invite: Message,
        hop: Hop,
        effects: &mut Vec<Effect>,
    ) {
        match self.new_call(now, transaction, &invite, hop) {
            Ok(id) => self.deliver(now, id, CellInput::Start, effects),
            Err(not_taken) => {
                match not_taken.rejection.status {
                    503 => self.counters.turned_away += 1,
                    _ => self.counters.refused += 1,
                }
                let kind = NoteKind::CallRefused {
                    destination: invite.request_uri().unwrap_or_default().to_owned(),
                    remote: hop.remote,
                    status: not_taken.rejection.status,
                    why: not_taken.why,
                };
                let nil = Uuid::nil();
                let note = Note { at_us: now.wall_us, customer_id: nil, call_id: nil, activeflow_id: nil, kind };
                effects.push(Effect::Note(note));
                self.reject(now, transaction, &invite, &not_taken.rejection);
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
    ) -> Result<CellId, NotTaken> {
        self.admit(&hop)?;
        let dialled = routing::dialled_user(invite);
        if let Err(no_route) = routing::find(&self.snapshot, &dialled) {
            return Err(NotTaken { rejection: uas::Rejection::new(404), why: no_route.to_string() });
        }
        self.keep_pace(now)?;
        let lease = self.take_ports(&hop)?;
        let local = LocalMedia::new(reply::media_address(&self.snapshot.settings, &hop), lease.rtp_port);
        let (dialog, negotiation) = self.begin_session(invite, &local).inspect_err(|_| self.ports.put_back(lease))?;
        let id = self.new_cell_id();
        let (_, flow) = routing::find(&self.snapshot, &dialled).expect("it was found a moment ago");
        self.by_dialog.insert(dialog.id().clone(), id);
        self.by_invite.insert(transaction, id);
        self.by_stream.insert(lease.stream, id);
        let will = Will {
            pending_invite: Some((transaction, invite.clone())),
            ports: Some((lease, false)),
            ..Will::default()
        };
        let invite = invite.clone();
        let new =
            NewCall { cell: id, transaction, invite, hop, dialog, lease, local, negotiation, dialled: &dialled, flow };
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
                Err(NotTaken { rejection: uas::Rejection::bad_request(why.clone()), why })
            }
            Ok(Err(Refused::Session(refusal))) => {
                let rejection = reply::rejection(&refusal, &self.snapshot.settings.server_name);
                Err(NotTaken { rejection, why: refusal.reason })
            }
            Err(Panicked(words)) => {
                self.counters.panics += 1;
                Err(NotTaken { rejection: uas::Rejection::new(500), why: format!("a panic: {words}") })
            }
        }
    }
}

/// Why an INVITE makes no session.
enum Refused {
    Dialog(DialogError),
    Session(Refusal),
}
