//! The SIP side of an incoming leg: the INVITE until its final response, the 2xx until its ACK, the dialog, re-INVITEs, BYE.

mod receive;

use std::net::{IpAddr, SocketAddr};

use base::Random;
use sdp::{AudioSession, Negotiation, Session};
use serde::{Deserialize, Serialize};
use sip_core::{
    AcceptedInvite, AcceptedStep, Dialog, HeaderName, Hop, Message, Method, PendingInvites, ServerTransactionId, uas,
};

use crate::context::{Act, Context};
use crate::info_digits::InfoDigit;
use crate::reply;

/// One dialog with the caller and what is going on in it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leg {
    /// Where the caller is, and which address of ours it talks to.
    hop: Hop,
    /// The caller writes another address into its messages than the one they come from.
    behind_nat: bool,
    dialog: Dialog,
    /// Our Contact is a sips address.
    sips: bool,
    /// The transaction of the first INVITE.
    transaction: ServerTransactionId,
    /// The first INVITE, until its final response.
    invite: Option<Message>,
    /// Our RTP address and port.
    local: sdp::LocalMedia,
    negotiation: Negotiation,
    pending: PendingInvites,
    /// The last 2xx, until its ACK.
    accepted: Option<AcceptedInvite>,
    /// A BYE that waits for the ACK (RFC 3261 §15), with its Q.850 cause.
    held_bye: Option<u16>,
    /// When the last provisional response is to be repeated, monotonic ns (RFC 3261 §13.3.1.1).
    remind_at_ns: Option<u64>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// No final response yet; the last provisional status.
    Early(u16),
    /// 2xx sent.
    Answered,
    /// BYE sent, its response not seen.
    Leaving,
    /// Nothing more to say.
    Done,
}

/// What the caller is owed if the call is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// A final response to its INVITE.
    Unanswered,
    /// BYE.
    Answered {
        /// The number before the one that the BYE has.
        local_cseq: u32,
    },
    /// Nothing.
    Gone,
}

/// What a message meant for the call.
#[derive(Debug, PartialEq)]
pub(crate) enum LegEvent {
    /// Nothing that concerns it.
    Nothing,
    /// The sound is agreed, first or anew.
    Audio(AudioSession),
    /// A key was pressed.
    Digit(InfoDigit),
    /// The caller has hung up; it was answered.
    HungUp,
    /// The session never came to be: no ACK, or one without a usable answer to our offer. A BYE is on its way.
    Failed,
}

impl Leg {
    /// The leg of an INVITE whose offer, if it had one, is in `negotiation` already.
    pub(crate) fn new(
        hop: Hop,
        dialog: Dialog,
        transaction: ServerTransactionId,
        invite: Message,
        local: sdp::LocalMedia,
        negotiation: Negotiation,
        random: &mut Random,
    ) -> Leg {
        let mut pending = PendingInvites::default();
        pending.receive(random).expect("the first INVITE of a dialog meets no other");
        Leg {
            hop,
            behind_nat: is_behind_nat(&invite, &hop),
            sips: reply::wants_sips(&invite),
            dialog,
            transaction,
            invite: Some(invite),
            local,
            negotiation,
            pending,
            accepted: None,
            held_bye: None,
            remind_at_ns: None,
            phase: Phase::Early(100),
        }
    }

    pub(crate) fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    pub(crate) fn hop(&self) -> Hop {
        self.hop
    }

    pub(crate) fn transaction(&self) -> ServerTransactionId {
        self.transaction
    }

    /// The INVITE, while it has no final response.
    pub(crate) fn unanswered_invite(&self) -> Option<&Message> {
        self.invite.as_ref()
    }

    /// What is agreed about the sound.
    pub(crate) fn audio(&self) -> Option<&AudioSession> {
        self.negotiation.audio()
    }

    /// Which of its duties the leg has: changes when the will must.
    pub(crate) fn stage(&self) -> Stage {
        match self.phase {
            Phase::Early(_) => Stage::Unanswered,
            Phase::Answered => Stage::Answered { local_cseq: self.dialog.local_cseq() },
            Phase::Leaving | Phase::Done => Stage::Gone,
        }
    }

    /// The far end does not answer our BYE; there is nothing more to be had.
    pub(crate) fn abandon(&mut self) {
        self.accepted = None;
        self.phase = Phase::Done;
    }

    /// Whether our BYE waits for its response.
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// Whether there is nothing more to say.
    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Tells the caller that the flow is waiting: 180, unless something was said already.
    pub(crate) fn ring(&mut self, context: &mut Context<'_>) {
        if self.phase == Phase::Early(100) {
            self.provisional(context, 180);
        }
    }

    /// Opens the way for sound before the answer: 183 with our description. None when the INVITE had no offer: RFC 3261
    /// §13.2.1 lets our offer go out reliably only.
    pub(crate) fn early_media(&mut self, context: &mut Context<'_>) -> Option<AudioSession> {
        let audio = self.negotiation.audio()?.clone();
        if matches!(self.phase, Phase::Early(status) if status != 183) {
            self.provisional(context, 183);
        }
        Some(audio)
    }

    /// 180, or 183 with our description.
    fn provisional(&mut self, context: &mut Context<'_>, status: u16) {
        let Some(invite) = &self.invite else { return };
        let description = self.negotiation.local().filter(|_| status == 183).map(Session::to_text);
        let response = self.session_response(context, invite, status, description);
        context.act(Act::Respond(self.transaction, response));
        self.phase = Phase::Early(status);
        self.remind_at_ns = Some(context.now.after_ms(REMINDER_MS));
    }

    /// Answers the call: 200 with our description, repeated until the ACK. False when it cannot be answered any more.
    pub(crate) fn answer(&mut self, context: &mut Context<'_>) -> bool {
        let Some(invite) = self.invite.take() else { return false };
        let description = match self.negotiation.local() {
            Some(answer) => Some(answer.to_text()),
            None => self.negotiation.offer(&reply::audio_capabilities(), &self.local).ok().map(|offer| offer.to_text()),
        };
        self.accept(context, self.transaction, &invite, description);
        self.phase = Phase::Answered;
        self.remind_at_ns = None;
        self.dialog.confirm();
        true
    }

    fn accept(
        &mut self,
        context: &mut Context<'_>,
        transaction: ServerTransactionId,
        invite: &Message,
        description: Option<String>,
    ) {
        let response = self.session_response(context, invite, 200, description);
        self.accepted = AcceptedInvite::new(context.now, transaction, response.clone(), &context.settings().timers);
        self.pending.answered_by_us();
        context.act(Act::Respond(transaction, response));
    }

    /// Refuses the call with a final response.
    pub(crate) fn refuse(&mut self, context: &mut Context<'_>, status: u16) {
        let Some(invite) = self.invite.take() else { return };
        let response = self.dialog.response_to(&invite, status).header(HeaderName::Server, server(context)).build();
        context.act(Act::Respond(self.transaction, response));
        self.pending.answered_by_us();
        self.remind_at_ns = None;
        self.phase = Phase::Done;
    }

    /// Hangs up an answered call: BYE, after the ACK of our 2xx or when none comes (RFC 3261 §15).
    pub(crate) fn hang_up(&mut self, context: &mut Context<'_>, cause: u16) {
        if self.phase != Phase::Answered {
            return;
        }
        if self.accepted.is_some() {
            self.held_bye = Some(cause);
        } else {
            self.send_bye(context, cause);
        }
    }

    fn send_bye(&mut self, context: &mut Context<'_>, cause: u16) {
        let bye = self.dialog.request(Method::Bye).header(HeaderName::Reason, format!("Q.850;cause={cause}"));
        context.act(Act::Request(bye, self.next_hop()));
        self.phase = Phase::Leaving;
        self.accepted = None;
        self.held_bye = None;
    }

    /// Our BYE, the only request that we send, has its final response or will get none. Says whether it was waited for.
    pub(crate) fn bye_is_over(&mut self) -> bool {
        let waited = self.phase == Phase::Leaving;
        if waited {
            self.phase = Phase::Done;
        }
        waited
    }

    /// When [`Leg::timeout`] is due.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.accepted.as_ref().map(AcceptedInvite::next_deadline).or(self.remind_at_ns)
    }

    /// Repeats the 2xx, or ends a session that was never acknowledged by BYE (RFC 3261 §13.3.1.4). Before the answer: tells
    /// the caller and the proxies in between once more that it goes on (§13.3.1.1).
    pub(crate) fn timeout(&mut self, context: &mut Context<'_>) -> LegEvent {
        if let Phase::Early(status) = self.phase {
            if self.remind_at_ns.is_some_and(|due_ns| due_ns <= context.now.mono_ns) {
                self.provisional(context, status);
            }
            return LegEvent::Nothing;
        }
        let Some(accepted) = &mut self.accepted else { return LegEvent::Nothing };
        match accepted.handle_timeout(context.now) {
            None => LegEvent::Nothing,
            Some(AcceptedStep::Repeat) => {
                context.act(Act::Respond(accepted.transaction(), accepted.response().clone()));
                LegEvent::Nothing
            }
            Some(AcceptedStep::NoAck) => {
                context.act(Act::CountAckMissing);
                let cause = self.held_bye.unwrap_or(CAUSE_NO_ANSWER);
                self.send_bye(context, cause);
                LegEvent::Failed
            }
        }
    }

    /// Where our requests go: to the address in the first Route or the Contact; back to where the INVITE came from when
    /// the caller is behind a NAT, when what stands there is a name, or when it came over a connection, which serves both
    /// ways (RFC 5923 §6). If that is gone, the sender makes another one ([`sip_core::second_way`]).
    pub(crate) fn next_hop(&self) -> Hop {
        if self.hop.transport.is_reliable() {
            return self.hop;
        }
        let uri = self.dialog.next_hop();
        let port = uri.port().unwrap_or(self.hop.transport.default_port());
        let usable = |ip: &IpAddr| {
            port != 0 && !ip.is_unspecified() && ip.is_ipv4() == self.hop.local.ip().to_canonical().is_ipv4()
        };
        match uri.host().and_then(|host| host.ip()).filter(usable) {
            Some(ip) if !self.behind_nat => self.hop.towards(SocketAddr::new(ip, port)),
            _ => self.hop,
        }
    }

    /// A response that creates or changes the session: with Contact, what we understand, and a description.
    fn session_response(
        &self,
        context: &Context<'_>,
        invite: &Message,
        status: u16,
        description: Option<String>,
    ) -> Message {
        let response = self
            .dialog
            .response_to(invite, status)
            .header(HeaderName::Contact, reply::contact(context.settings(), &self.hop, self.sips))
            .header(HeaderName::Allow, uas::allow(reply::CAPABILITIES.methods))
            .header(HeaderName::Supported, "")
            .header(HeaderName::Server, server(context));
        match description {
            Some(text) => response.body(reply::SDP, text).build(),
            None => response.build(),
        }
    }
}

/// RFC 3261 §13.3.1.1: how often a caller that waits is told so again, ms.
const REMINDER_MS: u64 = 60_000;
/// Q.850 cause 102: recovery on timer expiry.
const CAUSE_NO_ANSWER: u16 = 102;

fn server<'a>(context: &'a Context<'_>) -> &'a str {
    &context.settings().server_name
}

/// Whether the only Via names another address than the source: RFC 3581's sign of a NAT in between.
fn is_behind_nat(invite: &Message, hop: &Hop) -> bool {
    let mut vias = invite.vias();
    let (Some(Ok(via)), None) = (vias.next(), vias.next()) else { return false };
    via.host().ip().is_some_and(|ip| ip != hop.remote.ip().to_canonical())
}
