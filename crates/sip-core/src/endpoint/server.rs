//! The server transactions of an endpoint: what each one holds and how the effects of its table are carried out.

use base::Now;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::output::{EndpointEvent, Output};
use super::{Endpoint, TimerKey};
use crate::transaction::effect::ServerEffect;
use crate::transaction::key::{Fingerprint, RequestKey};
use crate::transaction::timer::Timer;
use crate::transaction::{ServerTransactionId, invite_server, non_invite_server};
use crate::{HeaderName, Hop, Message, MessageBuilder, Method};

/// One request of theirs until nothing more can come of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ServerTransaction {
    state: State,
    pub(super) key: RequestKey,
    /// What another copy of the same request would share with it; only outside of dialogs, RFC 3261 §8.2.2.2.
    pub(super) merge_key: Option<Fingerprint>,
    /// Where responses go.
    pub(super) reply_hop: Hop,
    /// The response to repeat when the request is.
    last_response: Option<Bytes>,
    /// To tag of our responses, when the core has given one.
    pub(super) to_tag: Option<String>,
    /// How often the final response was repeated by Timer G.
    repeats: u8,
    /// The core has been told of a CANCEL.
    pub(super) cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Invite(invite_server::State),
    NonInvite(non_invite_server::State),
}

/// What can happen to a server transaction of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerInput {
    /// The request again.
    Request,
    Ack,
    /// The core gives a response with this status.
    Respond(u16),
    Timer(Timer),
    TransportError,
}

/// The message that an input speaks of.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    None,
    Request(&'a Message, Hop),
    Response(&'a Message),
}

impl State {
    fn step(self, input: ServerInput) -> Option<(State, &'static [ServerEffect])> {
        match self {
            State::Invite(state) => {
                use invite_server::Event;
                let event = match input {
                    ServerInput::Request => Event::Invite,
                    ServerInput::Ack => Event::Ack,
                    ServerInput::Respond(100..=199) => Event::Provisional,
                    ServerInput::Respond(200..=299) => Event::Success,
                    ServerInput::Respond(_) => Event::Failure,
                    ServerInput::Timer(Timer::G) => Event::TimerG,
                    ServerInput::Timer(Timer::H) => Event::TimerH,
                    ServerInput::Timer(Timer::I) => Event::TimerI,
                    ServerInput::Timer(Timer::L) => Event::TimerL,
                    ServerInput::Timer(_) => return None,
                    ServerInput::TransportError => Event::TransportError,
                };
                let (state, effects) = invite_server::step(state, event);
                Some((State::Invite(state), effects))
            }
            State::NonInvite(state) => {
                use non_invite_server::Event;
                let event = match input {
                    ServerInput::Request => Event::Request,
                    ServerInput::Respond(100..=199) => Event::Provisional,
                    ServerInput::Respond(_) => Event::Final,
                    ServerInput::Timer(Timer::J) => Event::TimerJ,
                    ServerInput::Timer(Timer::Unanswered) => Event::TimerUnanswered,
                    ServerInput::Ack | ServerInput::Timer(_) => return None,
                    ServerInput::TransportError => Event::TransportError,
                };
                let (state, effects) = non_invite_server::step(state, event);
                Some((State::NonInvite(state), effects))
            }
        }
    }

    fn is_terminated(self) -> bool {
        matches!(
            self,
            State::Invite(invite_server::State::Terminated) | State::NonInvite(non_invite_server::State::Terminated)
        )
    }

    /// Whether the last response may have to be sent again.
    fn keeps_response(self) -> bool {
        !matches!(self, State::Invite(invite_server::State::Accepted | invite_server::State::Confirmed))
    }
}

impl ServerTransaction {
    pub(super) fn is_pending_invite(&self) -> bool {
        self.state == State::Invite(invite_server::State::Proceeding)
    }
}

impl Endpoint {
    /// Starts the transaction of a new request.
    pub(super) fn start_server(
        &mut self,
        now: Now,
        request: &Message,
        hop: Hop,
        reply_hop: Hop,
        key: RequestKey,
        merge_key: Option<Fingerprint>,
    ) -> ServerTransactionId {
        let id = ServerTransactionId(self.take_id());
        let (state, effects) = match request.method() {
            Method::Invite => (State::Invite(invite_server::START.0), invite_server::START.1),
            _ => (State::NonInvite(non_invite_server::START.0), non_invite_server::START.1),
        };
        let transaction = ServerTransaction {
            state,
            key,
            merge_key,
            reply_hop,
            last_response: None,
            to_tag: None,
            repeats: 0,
            cancelled: false,
        };
        self.servers.insert(id, transaction);
        for &effect in effects {
            self.run_server_effect(now, id, effect, Subject::Request(request, hop));
        }
        id
    }

    /// Gives `input` to the transaction `id`; `subject` is the message that `input` speaks of.
    pub(super) fn step_server(&mut self, now: Now, id: ServerTransactionId, input: ServerInput, subject: Subject<'_>) {
        let Some(transaction) = self.servers.get_mut(id) else { return };
        let Some((state, effects)) = transaction.state.step(input) else { return };
        if matches!(input, ServerInput::Respond(_)) && effects.is_empty() {
            self.counters.late_responses += 1;
        }
        transaction.state = state;
        for &effect in effects {
            self.run_server_effect(now, id, effect, subject);
        }
        if state.is_terminated() {
            self.servers.remove(id);
            self.timers.stop_all(id.into());
        }
    }

    /// Drops a transaction that has its final response, other than a 2xx to an INVITE.
    pub(super) fn forget_answered(&mut self, id: ServerTransactionId) {
        let is_completed = |state| {
            state == State::NonInvite(non_invite_server::State::Completed)
                || state == State::Invite(invite_server::State::Completed)
        };
        if self.servers.get_mut(id).is_some_and(|transaction| is_completed(transaction.state)) {
            self.servers.remove(id);
            self.timers.stop_all(id.into());
        }
    }

    /// 100 Trying for the next INVITE that is still without any response. It is asked for when the core has done what it can at
    /// once: who is answered then is spared the 100 (RFC 3261 §17.2.1), and both sides a packet.
    pub(super) fn next_trying(&mut self) -> Option<Output> {
        while let Some((id, request)) = self.trying.pop_front() {
            if let Some(transaction) = self.servers.get_mut(id)
                && transaction.is_pending_invite()
                && transaction.last_response.is_none()
            {
                let message = transaction.take_response(&trying(&request));
                return Some(Output::Transmit { hop: transaction.reply_hop, message });
            }
        }
        None
    }

    fn run_server_effect(&mut self, now: Now, id: ServerTransactionId, effect: ServerEffect, subject: Subject<'_>) {
        let Some(transaction) = self.servers.get_mut(id) else { return };
        let reliable = transaction.reply_hop.transport.is_reliable();
        let base = &self.config.timers;
        match effect {
            // A CANCEL has been dealt with when its transaction starts.
            ServerEffect::PassRequest => match subject {
                Subject::Request(request, hop) if request.method() != &Method::Cancel => {
                    self.tell(EndpointEvent::Request { transaction: id, request: request.clone(), hop });
                }
                _ => {}
            },
            ServerEffect::PassAck => {
                let Subject::Request(request, hop) = subject else { return };
                self.tell(EndpointEvent::Ack { request: request.clone(), hop });
            }
            ServerEffect::SendTrying => {
                let Subject::Request(request, _) = subject else { return };
                self.trying.push_back((id, request.clone()));
            }
            ServerEffect::SendResponse => {
                let Subject::Response(response) = subject else { return };
                let message = transaction.take_response(response);
                self.output.push_back(Output::Transmit { hop: transaction.reply_hop, message });
            }
            ServerEffect::RepeatResponse => {
                let Some(message) = transaction.last_response.clone() else { return };
                self.counters.responses_repeated += 1;
                self.output.push_back(Output::Transmit { hop: transaction.reply_hop, message });
            }
            ServerEffect::ReportAckMissing => {
                self.counters.acks_missing += 1;
                self.tell(EndpointEvent::AckMissing { transaction: id });
            }
            ServerEffect::ReportTransportError => self.tell(EndpointEvent::ResponseUnsent { transaction: id }),
            ServerEffect::CountUnanswered => self.counters.unanswered += 1,
            ServerEffect::Start(timer) => {
                let delay_ms = base.delay_ms(timer, reliable, 0);
                self.timers.start(now, TimerKey::new(id, timer), delay_ms);
            }
            ServerEffect::Backoff(timer) => {
                transaction.repeats = transaction.repeats.saturating_add(1);
                let delay_ms = base.delay_ms(timer, reliable, transaction.repeats);
                self.timers.start(now, TimerKey::new(id, timer), delay_ms);
            }
            ServerEffect::Stop(timer) => self.timers.stop(TimerKey::new(id, timer)),
        }
    }
}

impl ServerTransaction {
    /// The bytes of a response as they go out; kept where the request's repetition must be answered with them.
    fn take_response(&mut self, response: &Message) -> Bytes {
        let bytes = response.as_bytes().clone();
        self.last_response = self.state.keeps_response().then(|| bytes.clone());
        if let Some(tag) = response.to_tag()
            && self.to_tag.as_deref() != Some(tag)
        {
            self.to_tag = Some(tag.to_owned());
        }
        bytes
    }
}

/// 100 Trying. RFC 3261 §8.2.6.1: a Timestamp is copied into it; §8.2.6.2: it needs no To tag.
fn trying(request: &Message) -> Message {
    let trying = MessageBuilder::response_to(request, 100, "Trying");
    match request.header(HeaderName::Timestamp) {
        Some(timestamp) => trying.header(HeaderName::Timestamp, timestamp).build(),
        None => trying.build(),
    }
}
