//! The client transactions of an endpoint: their table and how the effects of their tables are carried out.

use std::collections::BTreeMap;

use base::Now;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::output::{EndpointEvent, Output};
use super::{Endpoint, TimerKey, client_request};
use crate::transaction::effect::ClientEffect;
use crate::transaction::key::client_key;
use crate::transaction::timer::Timer;
use crate::transaction::{ClientTransactionId, invite_client, non_invite_client};
use crate::{Hop, Message, Method};

/// One request of ours until nothing more can come of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ClientTransaction {
    state: State,
    request: Message,
    key: Bytes,
    hop: Hop,
    /// None: a CANCEL, whose fate interests nobody; the INVITE has its own timer.
    owner: Option<u64>,
    /// The ACK of the non-2xx final response, to be sent again when that is repeated.
    ack: Option<Bytes>,
    /// How often the request was repeated.
    repeats: u8,
    /// The core wants a CANCEL, which waits for a provisional response.
    cancel_held: bool,
    /// A CANCEL has been sent.
    cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Invite(invite_client::State),
    NonInvite(non_invite_client::State),
}

/// What can happen to a client transaction of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientInput {
    Response(u16),
    Cancel,
    Timer(Timer),
    TransportError,
}

impl State {
    fn step(self, input: ClientInput) -> Option<(State, &'static [ClientEffect])> {
        match self {
            State::Invite(state) => {
                use invite_client::Event;
                let event = match input {
                    ClientInput::Response(100..=199) => Event::Provisional,
                    ClientInput::Response(200..=299) => Event::Success,
                    ClientInput::Response(_) => Event::Failure,
                    ClientInput::Cancel => Event::Cancel,
                    ClientInput::Timer(Timer::A) => Event::TimerA,
                    ClientInput::Timer(Timer::B) => Event::TimerB,
                    ClientInput::Timer(Timer::D) => Event::TimerD,
                    ClientInput::Timer(Timer::M) => Event::TimerM,
                    ClientInput::Timer(Timer::Cancelled) => Event::TimerCancelled,
                    ClientInput::Timer(_) => return None,
                    ClientInput::TransportError => Event::TransportError,
                };
                let (state, effects) = invite_client::step(state, event);
                Some((State::Invite(state), effects))
            }
            State::NonInvite(state) => {
                use non_invite_client::Event;
                let event = match input {
                    ClientInput::Response(100..=199) => Event::Provisional,
                    ClientInput::Response(_) => Event::Final,
                    ClientInput::Timer(Timer::E) => Event::TimerE,
                    ClientInput::Timer(Timer::F) => Event::TimerF,
                    ClientInput::Timer(Timer::K) => Event::TimerK,
                    ClientInput::Cancel | ClientInput::Timer(_) => return None,
                    ClientInput::TransportError => Event::TransportError,
                };
                let (state, effects) = non_invite_client::step(state, event);
                Some((State::NonInvite(state), effects))
            }
        }
    }

    fn is_terminated(self) -> bool {
        matches!(
            self,
            State::Invite(invite_client::State::Terminated) | State::NonInvite(non_invite_client::State::Terminated)
        )
    }
}

/// All client transactions, by id and by what a response is matched with (RFC 3261 §17.1.3).
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ClientTable {
    transactions: BTreeMap<ClientTransactionId, ClientTransaction>,
    by_key: BTreeMap<Bytes, ClientTransactionId>,
}

impl ClientTable {
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<ClientTransactionId> {
        self.by_key.get(key).copied()
    }

    /// Whether `id` is alive and has not been asked to cancel before.
    pub(super) fn may_cancel(&self, id: ClientTransactionId) -> bool {
        self.transactions.get(&id).is_some_and(|transaction| !transaction.cancelled && !transaction.cancel_held)
    }

    /// Those that send over `hop`.
    pub(super) fn over(&self, hop: &Hop) -> Vec<ClientTransactionId> {
        self.transactions.iter().filter(|(_, transaction)| transaction.hop == *hop).map(|(id, _)| *id).collect()
    }

    fn remove(&mut self, id: ClientTransactionId) {
        if let Some(transaction) = self.transactions.remove(&id) {
            self.by_key.remove(&transaction.key);
        }
    }
}

impl Endpoint {
    /// Starts the transaction of `request`, whose top Via has our `branch`.
    pub(super) fn start_client(
        &mut self,
        now: Now,
        request: Message,
        branch: &str,
        hop: Hop,
        owner: Option<u64>,
    ) -> ClientTransactionId {
        let id = ClientTransactionId(self.take_id());
        let (state, effects) = match request.method() {
            Method::Invite => (State::Invite(invite_client::START.0), invite_client::START.1),
            _ => (State::NonInvite(non_invite_client::START.0), non_invite_client::START.1),
        };
        let key = client_key(branch, request.method());
        self.clients.by_key.insert(key.clone(), id);
        let transaction = ClientTransaction {
            state,
            request,
            key,
            hop,
            owner,
            ack: None,
            repeats: 0,
            cancel_held: false,
            cancelled: false,
        };
        self.clients.transactions.insert(id, transaction);
        for &effect in effects {
            self.run_client_effect(now, id, effect, None);
        }
        id
    }

    /// Gives `input` to the transaction `id`; `received` is the response that `input` speaks of.
    pub(super) fn step_client(
        &mut self,
        now: Now,
        id: ClientTransactionId,
        input: ClientInput,
        received: Option<(&Message, Hop)>,
    ) {
        let Some(transaction) = self.clients.transactions.get_mut(&id) else { return };
        let Some((state, effects)) = transaction.state.step(input) else { return };
        transaction.state = state;
        for &effect in effects {
            self.run_client_effect(now, id, effect, received);
        }
        if state.is_terminated() {
            self.clients.remove(id);
            self.timers.stop_all(id.into());
        } else if state == State::Invite(invite_client::State::Proceeding) {
            self.release_held_cancel(now, id);
        }
    }

    fn run_client_effect(
        &mut self,
        now: Now,
        id: ClientTransactionId,
        effect: ClientEffect,
        received: Option<(&Message, Hop)>,
    ) {
        let Some(transaction) = self.clients.transactions.get_mut(&id) else { return };
        let reliable = transaction.hop.transport.is_reliable();
        let base = &self.config.timers;
        match effect {
            ClientEffect::SendRequest => {
                let message = transaction.request.as_bytes().clone();
                self.output.push_back(Output::Transmit { hop: transaction.hop, message });
            }
            ClientEffect::SendAck => {
                let Some((response, _)) = received else { return };
                let request = &transaction.request;
                let ack =
                    transaction.ack.get_or_insert_with(|| client_request::ack(request, response).as_bytes().clone());
                self.output.push_back(Output::Transmit { hop: transaction.hop, message: ack.clone() });
            }
            ClientEffect::SendCancel => {
                transaction.cancelled = true;
                let cancel = client_request::cancel(&transaction.request);
                let hop = transaction.hop;
                // RFC 3261 §9.1: the CANCEL has the Via of what it cancels.
                let Some(via) = cancel.top_via().ok() else { return };
                self.start_client(now, cancel, via.branch().unwrap_or_default(), hop, None);
            }
            ClientEffect::HoldCancel => transaction.cancel_held = true,
            ClientEffect::PassResponse => {
                let (Some((response, hop)), Some(owner)) = (received, transaction.owner) else { return };
                let response = response.clone();
                self.tell(EndpointEvent::Response { transaction: id, owner, response, hop });
            }
            ClientEffect::ReportTimeout => {
                let Some(owner) = transaction.owner else { return };
                self.counters.request_timeouts += 1;
                self.tell(EndpointEvent::RequestTimeout { transaction: id, owner });
            }
            ClientEffect::ReportTransportError => {
                let Some(owner) = transaction.owner else { return };
                self.tell(EndpointEvent::RequestUnsent { transaction: id, owner });
            }
            ClientEffect::Start(timer) => {
                let delay_ms = base.delay_ms(timer, reliable, 0);
                self.timers.start(now, TimerKey::new(id, timer), delay_ms);
            }
            ClientEffect::Backoff(timer) => {
                self.counters.requests_repeated += 1;
                transaction.repeats = transaction.repeats.saturating_add(1);
                let delay_ms = base.delay_ms(timer, reliable, transaction.repeats);
                self.timers.start(now, TimerKey::new(id, timer), delay_ms);
            }
            ClientEffect::StartSlow(timer) => {
                self.counters.requests_repeated += 1;
                let delay_ms = base.delay_ms(timer, reliable, u8::MAX);
                self.timers.start(now, TimerKey::new(id, timer), delay_ms);
            }
            ClientEffect::Stop(timer) => self.timers.stop(TimerKey::new(id, timer)),
        }
    }

    fn release_held_cancel(&mut self, now: Now, id: ClientTransactionId) {
        let held =
            self.clients.transactions.get_mut(&id).map(|transaction| std::mem::take(&mut transaction.cancel_held));
        if held == Some(true) {
            self.step_client(now, id, ClientInput::Cancel, None);
        }
    }
}
