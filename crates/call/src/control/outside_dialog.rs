//! Requests that belong to no dialog of ours: a new call, a question about capabilities, or something too late.

use base::{CellId, Now};
use media_core::PortLease;
use sdp::{LocalMedia, Negotiation};
use sip_core::{Dialog, HeaderName, Hop, Message, Method, ServerTransactionId, new_tag, uas};
use uuid::Uuid;

use super::{Control, Will};
use crate::call::{Call, NewCall};
use crate::cell::{Cell, CellInput};
use crate::{Effect, Note, NoteKind, reply, routing};

/// Why an INVITE does not become a call: what the caller is told, and what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotTaken {
    pub(super) rejection: uas::Rejection,
    pub(super) why: String,
}

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
                effects.push(Effect::Note(Note { at_us: now.wall_us, call_id: Uuid::nil(), kind }));
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
        self.admit(now, &hop)?;
        let dialled = routing::dialled_user(invite);
        if let Err(no_route) = routing::find(&self.snapshot, &dialled) {
            return Err(NotTaken { rejection: uas::Rejection::new(404), why: no_route.to_string() });
        }
        let offer = reply::description_of(invite).map_err(|refusal| self.refused(&refusal))?;
        let tag = new_tag(self.owner, &mut self.random);
        let dialog = Dialog::of_uas(invite, &tag).map_err(|error| {
            let why = error.to_string();
            NotTaken { rejection: uas::Rejection::bad_request(why.clone()), why }
        })?;
        let lease = self.take_ports(&hop)?;
        let local = LocalMedia::new(reply::media_address(&self.snapshot.settings, &hop), lease.rtp_port);
        let mut negotiation = Negotiation::new(self.random.next_u64());
        if let Some(offer) = offer {
            let answered = negotiation.answer(&offer, &reply::audio_capabilities(), &local);
            if let Err(refusal) = answered {
                self.ports.put_back(lease);
                return Err(self.refused(&refusal));
            }
        }
        Ok(self.make_cell(now, transaction, invite, hop, dialog, lease, local, negotiation, &dialled))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call, put together in one place")]
    fn make_cell(
        &mut self,
        now: Now,
        transaction: ServerTransactionId,
        invite: &Message,
        hop: Hop,
        dialog: Dialog,
        lease: PortLease,
        local: LocalMedia,
        negotiation: Negotiation,
        dialled: &str,
    ) -> CellId {
        let id = CellId::new(self.owner, self.next_cell);
        self.next_cell += 1;
        let (_, flow) = routing::find(&self.snapshot, dialled).expect("it was found a moment ago");
        self.by_dialog.insert(dialog.id().clone(), id);
        self.by_invite.insert(transaction, id);
        self.by_stream.insert(lease.stream, id);
        let new = NewCall {
            cell: id,
            transaction,
            invite: invite.clone(),
            hop,
            dialog,
            lease,
            local,
            negotiation,
            dialled,
            flow,
        };
        let call = Call::new(new, &self.snapshot.settings, now, &mut self.random);
        let will =
            Will { pending_invite: Some((transaction, invite.clone())), dialog: None, ports: Some((lease, false)) };
        self.cells.insert(id, Cell::new(id, call, will));
        self.counters.calls += 1;
        id
    }

    fn refused(&self, refusal: &sdp::Refusal) -> NotTaken {
        let rejection = reply::rejection(refusal, &self.snapshot.settings.server_name);
        NotTaken { rejection, why: refusal.reason.clone() }
    }
}
