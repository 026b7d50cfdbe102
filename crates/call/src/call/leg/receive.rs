//! What the caller says within the dialog: BYE, re-INVITE, OPTIONS, keys by INFO, and the ACKs of our 2xx.

use sdp::Refusal;
use sip_core::{Glare, HeaderName, Hop, Message, Method, ServerTransactionId, uas};

use super::{Leg, LegEvent, Phase, is_behind_nat, server};
use crate::NoteKind;
use crate::context::{Act, Context};
use crate::{info_digits, reply};

impl Leg {
    /// A request within the dialog.
    pub(crate) fn receive(
        &mut self,
        context: &mut Context<'_>,
        transaction: ServerTransactionId,
        request: &Message,
        hop: Hop,
    ) -> LegEvent {
        // RFC 3261 §15.1.2: what comes after the end belongs to no dialog.
        let exists = if self.is_done() { Err(uas::Rejection::new(481)) } else { Ok(()) };
        let served = exists.and_then(|()| reply::check(request, true));
        let in_order = served.and_then(|()| self.dialog.receive(request));
        if let Err(rejection) = in_order {
            self.reject(context, transaction, request, &rejection);
            return LegEvent::Nothing;
        }
        self.heard_over(hop);
        match request.method() {
            Method::Bye => self.receive_bye(context, transaction, request),
            Method::Invite => self.receive_invite(context, transaction, request, hop),
            Method::Options => {
                let response = reply::options(self.dialog.response_to(request, 200), context.settings(), &self.hop);
                context.act(Act::Respond(transaction, response));
                LegEvent::Nothing
            }
            Method::Info => self.receive_info(context, transaction, request),
            _ => {
                self.reject(context, transaction, request, &uas::Rejection::new(405));
                LegEvent::Nothing
            }
        }
    }

    /// Who has lost its connection comes over another one, and is reached over that from now on.
    fn heard_over(&mut self, hop: Hop) {
        if hop.transport.is_reliable() && self.hop.transport.is_reliable() {
            self.hop = hop;
        }
    }

    /// BYE ends the dialog whatever state it is in; a pending INVITE gets 487 (RFC 3261 §15.1.2).
    fn receive_bye(&mut self, context: &mut Context<'_>, transaction: ServerTransactionId, bye: &Message) -> LegEvent {
        let response = self.dialog.response_to(bye, 200).header(HeaderName::Server, server(context)).build();
        context.act(Act::Respond(transaction, response));
        let was_up = matches!(self.phase, Phase::Early(_) | Phase::Answered);
        if self.invite.is_some() {
            self.refuse(context, 487);
        }
        self.accepted = None;
        self.held_bye = None;
        // A BYE of ours that crossed theirs still waits for its response.
        if self.phase != Phase::Leaving {
            self.phase = Phase::Done;
        }
        if was_up { LegEvent::HungUp } else { LegEvent::Nothing }
    }

    /// A key that was pressed (spec/media.md §5). Without a body it only asks whether the call is still there (RFC 2976 §2.2).
    fn receive_info(
        &mut self,
        context: &mut Context<'_>,
        transaction: ServerTransactionId,
        info: &Message,
    ) -> LegEvent {
        // After our BYE the session is over, whether or not they know (RFC 3261 §15.1.1).
        if !matches!(self.phase, Phase::Early(_) | Phase::Answered) || self.held_bye.is_some() {
            self.reject(context, transaction, info, &uas::Rejection::new(481));
            return LegEvent::Nothing;
        }
        // The type was found readable before. A body of another one is here only if it may be passed over.
        let essence = info.content_type().ok().flatten().map(|content_type| content_type.essence());
        let digit = match (info.body(), essence) {
            (body, Some(essence)) if !body.is_empty() => info_digits::parse(&essence, &body),
            _ => Ok(None),
        };
        match digit {
            Ok(digit) => {
                let response = self.dialog.response_to(info, 200).header(HeaderName::Server, server(context)).build();
                context.act(Act::Respond(transaction, response));
                digit.map_or(LegEvent::Nothing, LegEvent::Digit)
            }
            Err(malformed) => {
                self.reject(context, transaction, info, &uas::Rejection::bad_request(malformed.to_string()));
                LegEvent::Nothing
            }
        }
    }

    /// A re-INVITE: a new offer, or the wish for one of ours. What cannot be accepted changes nothing (RFC 3261 §14.2).
    fn receive_invite(
        &mut self,
        context: &mut Context<'_>,
        transaction: ServerTransactionId,
        invite: &Message,
        hop: Hop,
    ) -> LegEvent {
        if let Err(glare) = self.pending.receive(context.random) {
            self.reject(context, transaction, invite, &rejection_of(glare));
            return LegEvent::Nothing;
        }
        if self.phase != Phase::Answered || self.held_bye.is_some() {
            self.pending.answered_by_us();
            self.reject(context, transaction, invite, &uas::Rejection::new(481));
            return LegEvent::Nothing;
        }
        let capabilities = reply::audio_capabilities();
        let agreed = match reply::description_of(invite) {
            Ok(None) => self.negotiation.offer(&capabilities, &self.local).map(|offer| (offer, None)),
            Ok(Some(offer)) => {
                let answer = self.negotiation.answer(&offer, &capabilities, &self.local);
                answer.map(|(answer, audio)| (answer, Some(audio)))
            }
            Err(refusal) => Err(refusal),
        };
        match agreed {
            Ok((description, audio)) => {
                // An unusable Contact leaves the target as it is: the session is more than its refresh.
                let _ = self.dialog.refresh_target(invite);
                // A caller that has moved is behind another NAT, or none, from now on.
                self.hop = hop;
                self.behind_nat = is_behind_nat(invite, &hop);
                self.accept(context, transaction, invite, Some(description.to_text()));
                audio.map_or(LegEvent::Nothing, LegEvent::Audio)
            }
            Err(refusal) => {
                self.pending.answered_by_us();
                let why = refusal.reason.clone();
                context.note(NoteKind::SessionChangeRefused { status: refusal.status, why });
                self.reject(context, transaction, invite, &reply::rejection(&refusal, server(context)));
                LegEvent::Nothing
            }
        }
    }

    /// The ACK of a 2xx. It carries the answer when the 2xx carried our offer.
    pub(crate) fn acknowledged(&mut self, context: &mut Context<'_>, ack: &Message, hop: Hop) -> LegEvent {
        if !self.accepted.as_ref().is_some_and(|accepted| accepted.is_acknowledged_by(ack)) {
            return LegEvent::Nothing;
        }
        self.heard_over(hop);
        self.accepted = None;
        if let Some(cause) = self.held_bye {
            self.send_bye(context, cause);
            return LegEvent::Nothing;
        }
        if !self.negotiation.is_offer_pending() {
            return LegEvent::Nothing;
        }
        let answer = reply::description_of(ack).and_then(|answer| match answer {
            Some(answer) => self.negotiation.accept_answer(&answer),
            None => {
                self.negotiation.withdraw_offer();
                Err(Refusal { status: 488, warning: None, reason: "the ACK has no answer to our offer".into() })
            }
        });
        match answer {
            Ok(audio) => LegEvent::Audio(audio),
            Err(refusal) if self.negotiation.audio().is_some() => {
                // A change that failed: the call goes on with the sound it had.
                context.note(NoteKind::SessionChangeRefused { status: refusal.status, why: refusal.reason });
                LegEvent::Nothing
            }
            Err(refusal) => {
                context.note(NoteKind::SessionChangeRefused { status: refusal.status, why: refusal.reason });
                self.send_bye(context, CAUSE_INCOMPATIBLE);
                LegEvent::Failed
            }
        }
    }

    fn reject(
        &self,
        context: &mut Context<'_>,
        transaction: ServerTransactionId,
        request: &Message,
        rejection: &uas::Rejection,
    ) {
        let response = rejection.response_to(request).to_tag(&self.dialog.id().local_tag);
        let response = response.header(HeaderName::Server, server(context)).build();
        context.act(Act::Respond(transaction, response));
    }
}

/// Q.850 cause 88: incompatible destination.
const CAUSE_INCOMPATIBLE: u16 = 88;

/// The response to an INVITE that meets another one (RFC 3261 §14.2).
fn rejection_of(glare: Glare) -> uas::Rejection {
    match glare {
        Glare::TheirsPending { retry_after_s } => {
            uas::Rejection::new(500).with(HeaderName::RetryAfter, retry_after_s.to_string())
        }
        Glare::OursPending => uas::Rejection::new(491),
    }
}
