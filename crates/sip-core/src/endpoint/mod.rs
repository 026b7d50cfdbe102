//! The transaction layer of one control loop: messages, timeouts and the core's wishes go in; bytes to send and events come
//! out. The endpoint routes: it finds the transaction a message belongs to; the tables in [`crate::transaction`] decide.
//!
//! Sections: RFC 3261 §9 (CANCEL), §17 (transactions), §18.2 (where responses go); RFC 3581 (rport); RFC 6026.

mod client;
mod client_request;
mod config;
mod counters;
mod output;
mod receive;
mod reply_hop;
mod server;
mod server_table;
mod timers;

use std::collections::VecDeque;

use base::{LoopId, Now, Random};
use serde::{Deserialize, Serialize};

use crate::loop_of::{new_branch, new_call_id, new_tag};
use crate::transaction::key::{KeySecret, client_key};
use crate::transaction::{ClientTransactionId, ServerTransactionId};
use crate::{Hop, Message, MessageBuilder};
use client::{ClientInput, ClientTable};
pub use config::EndpointConfig;
pub use counters::EndpointCounters;
pub use output::{EndpointEvent, Output};
pub(crate) use reply_hop::reply_hop;
use server::{ServerInput, Subject};
use server_table::ServerTable;
use timers::{TimerKey, Timers, TransactionId};

/// All transactions of one control loop. After each call drain [`Endpoint::poll_output`] until it gives None.
#[derive(Debug, Serialize, Deserialize)]
pub struct Endpoint {
    owner: LoopId,
    random: Random,
    key_secret: KeySecret,
    config: EndpointConfig,
    next_id: u64,
    clients: ClientTable,
    servers: ServerTable,
    timers: Timers,
    counters: EndpointCounters,
    output: VecDeque<Output>,
    /// INVITEs that the core has just been told of. Those that it does not answer at once get their 100.
    trying: VecDeque<(ServerTransactionId, Message)>,
}

impl Endpoint {
    /// An endpoint without transactions. Its branches, tags and Call-IDs carry the number of the loop `owner`.
    pub fn new(owner: LoopId, mut random: Random, config: EndpointConfig) -> Endpoint {
        Endpoint {
            owner,
            key_secret: KeySecret::new(&mut random),
            random,
            config,
            next_id: 0,
            clients: ClientTable::default(),
            servers: ServerTable::default(),
            timers: Timers::default(),
            counters: EndpointCounters::default(),
            output: VecDeque::new(),
            trying: VecDeque::new(),
        }
    }

    /// A message arrived over `hop`.
    pub fn handle_message(&mut self, now: Now, message: Message, hop: Hop) {
        if message.is_request() {
            self.counters.requests_received += 1;
            self.receive_request(now, message, hop);
        } else {
            self.counters.responses_received += 1;
            self.receive_response(now, message, hop);
        }
    }

    /// Runs every timer that has expired at `now`.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(TimerKey { transaction, timer }) = self.timers.pop_expired(now) {
            match transaction {
                TransactionId::Client(id) => self.step_client(now, id, ClientInput::Timer(timer), None),
                TransactionId::Server(id) => self.step_server(now, id, ServerInput::Timer(timer), Subject::None),
            }
        }
    }

    /// What was sent over `hop` did not get through, as the operating system or a connection says (RFC 3261 §18.4).
    /// Looks at every transaction.
    pub fn handle_transport_error(&mut self, now: Now, hop: Hop) {
        for id in self.clients.over(&hop) {
            self.counters.transport_errors += 1;
            self.step_client(now, id, ClientInput::TransportError, None);
        }
        for id in self.servers.over(&hop) {
            self.counters.transport_errors += 1;
            self.step_server(now, id, ServerInput::TransportError, Subject::None);
        }
    }

    /// `request` of ours could not be handed to any connection: its transaction ends as RFC 3261 §17.1.4 says.
    pub fn handle_unsent(&mut self, now: Now, request: &Message) {
        let key = request.top_via().ok().and_then(|via| Some(client_key(via.branch()?, request.method())));
        if let Some(id) = key.and_then(|key| self.clients.find(&key)) {
            self.counters.transport_errors += 1;
            self.step_client(now, id, ClientInput::TransportError, None);
        }
    }

    /// When [`Endpoint::handle_timeout`] is due, monotonic nanoseconds.
    pub fn next_deadline(&self) -> Option<u64> {
        self.timers.next_deadline()
    }

    /// Answers the request of `transaction`. Also for a 2xx that is repeated until its ACK. A response that comes too late (the
    /// transaction is gone or has its final response) is dropped and counted.
    pub fn respond(&mut self, now: Now, transaction: ServerTransactionId, response: Message) {
        match response.status() {
            Some(status) if self.servers.get_mut(transaction).is_some() => {
                self.step_server(now, transaction, ServerInput::Respond(status), Subject::Response(&response));
            }
            _ => self.counters.late_responses += 1,
        }
    }

    /// Answers the request of `transaction` and forgets it (a stateless answer, RFC 3261 §8.2.7): a repetition is a new request to
    /// the core, and a refused INVITE's response is not repeated (its ACK then belongs to nothing, which harms nobody). For
    /// challenges: who gives no password takes up no memory, and a forged source is sent one packet for one (§26.3.2.4).
    pub fn respond_and_forget(&mut self, now: Now, transaction: ServerTransactionId, response: Message) {
        self.respond(now, transaction, response);
        self.forget_answered(transaction);
    }

    /// Sends a request, neither ACK nor CANCEL, in a new transaction. Adds our Via (with rport, RFC 3581) and Max-Forwards
    /// where missing. `owner` comes back in the events.
    pub fn request(&mut self, now: Now, request: MessageBuilder, hop: Hop, owner: u64) -> ClientTransactionId {
        let branch = new_branch(self.owner, &mut self.random);
        let request = client_request::with_via(request, &hop, &branch);
        self.start_client(now, request, &branch, hop, Some(owner))
    }

    /// Cancels our INVITE: at once when a provisional response has come, else as soon as one comes (RFC 3261 §9.1). Without
    /// effect after the final response. The INVITE then ends by its final response (487, or a 2xx that was faster: end that
    /// dialog by BYE) or, 64*T1 after the CANCEL, by [`EndpointEvent::RequestTimeout`].
    pub fn cancel(&mut self, now: Now, invite: ClientTransactionId) {
        if self.clients.may_cancel(invite) {
            self.step_client(now, invite, ClientInput::Cancel, None);
        }
    }

    /// Sends a request outside of transactions: the ACK of a 2xx, each with a Via of its own (RFC 3261 §13.2.2.4). Returns what
    /// was sent, for [`Endpoint::send_again`] when the 2xx is repeated.
    pub fn send(&mut self, request: MessageBuilder, hop: Hop) -> Message {
        let branch = new_branch(self.owner, &mut self.random);
        let message = client_request::with_via(request, &hop, &branch);
        self.send_again(&message, hop);
        message
    }

    /// Sends the bytes of `message` as they are.
    pub fn send_again(&mut self, message: &Message, hop: Hop) {
        self.output.push_back(Output::Transmit { hop, message: message.as_bytes().clone() });
    }

    /// The next thing to do. What the core wants to answer at once is to be given between two of these calls, by
    /// [`Endpoint::respond`]: else an INVITE gets its 100 with the last of them.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front().or_else(|| self.next_trying())
    }

    /// A new tag that leads back to this loop.
    pub fn new_tag(&mut self) -> String {
        new_tag(self.owner, &mut self.random)
    }

    /// A new Call-ID.
    pub fn new_call_id(&mut self) -> String {
        new_call_id(self.owner, &mut self.random)
    }

    /// Client transactions that exist.
    pub fn client_len(&self) -> usize {
        self.clients.len()
    }

    /// Server transactions that exist.
    pub fn server_len(&self) -> usize {
        self.servers.len()
    }

    /// Timers that run.
    pub fn timer_len(&self) -> usize {
        self.timers.len()
    }

    /// Transactions of both sides.
    pub fn len(&self) -> usize {
        self.client_len() + self.server_len()
    }

    /// Whether there is no transaction.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &EndpointCounters {
        &self.counters
    }

    /// The bounds and base timers.
    pub fn config(&self) -> &EndpointConfig {
        &self.config
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn tell(&mut self, event: EndpointEvent) {
        self.output.push_back(Output::Event(event));
    }
}
