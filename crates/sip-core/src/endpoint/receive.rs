//! Which transaction a received message belongs to, and what becomes of one that belongs to none.

use base::Now;
use bytes::Bytes;

use super::Endpoint;
use super::client::ClientInput;
use super::output::{EndpointEvent, Output};
use super::reply_hop::reply_hop;
use super::server::{ServerInput, Subject};
use crate::transaction::key::{Identity, RequestKey, client_key, merge_key};
use crate::uas::Rejection;
use crate::{Hop, Message, Method, stateless};

impl Endpoint {
    pub(super) fn receive_response(&mut self, now: Now, response: Message, hop: Hop) {
        let found = matching_key(&response).and_then(|key| self.clients.find(&key));
        let (Some(id), Some(status)) = (found, response.status()) else {
            self.counters.stray_responses += 1;
            return;
        };
        self.step_client(now, id, ClientInput::Response(status), Some((&response, hop)));
    }

    pub(super) fn receive_request(&mut self, now: Now, request: Message, hop: Hop) {
        let Some(identity) = Identity::of(&request) else {
            self.counters.unanswerable += 1;
            return;
        };
        if identity.method == &Method::Ack {
            let invite = RequestKey::of_acknowledged(&identity, self.key_secret);
            let acknowledged = self.servers.find_acknowledged(&invite, identity.to_tag);
            return match acknowledged {
                Some(id) => self.step_server(now, id, ServerInput::Ack, Subject::Request(&request, hop)),
                // The ACK of a 2xx is a transaction of its own: RFC 3261 §17.
                None => self.tell(EndpointEvent::Ack { request, hop }),
            };
        }
        let key = RequestKey::of(&identity, self.key_secret);
        if let Some(id) = self.servers.find_repeated(&key) {
            self.counters.requests_repeated_by_peer += 1;
            return self.step_server(now, id, ServerInput::Request, Subject::Request(&request, hop));
        }
        if identity.method == &Method::Cancel {
            let reply_hop = reply_hop(&identity.via, &hop);
            return self.receive_cancel(now, request, hop, reply_hop, key);
        }
        let merge_key = merge_key(&identity, self.key_secret);
        if merge_key.is_some_and(|key| self.servers.has_merged(key)) {
            self.counters.merged += 1;
            return self.reply_statelessly(&request, &hop, &Rejection::new(482));
        }
        if self.is_full_for(&identity) {
            self.counters.refused_full += 1;
            return self.reply_statelessly(&request, &hop, &Rejection::unavailable(self.config.retry_after_s));
        }
        let reply_hop = reply_hop(&identity.via, &hop);
        // RFC 3261 §18.2.1: from here on the request says where it came from, and so do the responses made from it.
        let via = identity.via;
        let request = request.with_source_noted(&via, hop.remote);
        self.start_server(now, &request, hop, reply_hop, key, merge_key);
    }

    /// Whether this CANCEL finds what it cancels, or is one that was answered before.
    pub fn finds_cancelled(&self, cancel: &Message) -> bool {
        Identity::of(cancel).is_some_and(|identity| {
            let key = RequestKey::of(&identity, self.key_secret);
            self.servers.find_cancelled(&key).or_else(|| self.servers.find_repeated(&key)).is_some()
        })
    }

    /// RFC 3261 §9.2: 481 when it matches nothing, else 200; the core is told when an INVITE still lacks its final response.
    fn receive_cancel(&mut self, now: Now, cancel: Message, hop: Hop, reply_hop: Hop, key: RequestKey) {
        let Some(target) = self.servers.find_cancelled(&key) else {
            self.counters.cancels_unmatched += 1;
            return self.reply_statelessly(&cancel, &hop, &Rejection::new(481));
        };
        let cancel = cancel.with_source(hop.remote);
        // §9.2: the same To tag as in the responses to what is cancelled.
        let ok = stateless::response(&cancel, &Rejection::new(200), self.servers.to_tag(target).as_deref());
        if self.len() < self.config.max_within_dialogs() {
            let id = self.start_server(now, &cancel, hop, reply_hop, key, None);
            self.step_server(now, id, ServerInput::Respond(200), Subject::Response(&ok));
        } else {
            self.send_again(&ok, reply_hop);
        }
        if self.servers.cancel_pending_invite(target) {
            self.tell(EndpointEvent::Cancel { invite: target, cancel });
        }
    }

    fn is_full_for(&self, request: &Identity<'_>) -> bool {
        let bound = match request.to_tag {
            Some(_) => self.config.max_within_dialogs(),
            None => self.config.max_transactions,
        };
        self.len() >= bound
    }

    /// Without a transaction: a repetition of the request gets the same answer again, RFC 3261 §8.2.7.
    fn reply_statelessly(&mut self, request: &Message, hop: &Hop, rejection: &Rejection) {
        match stateless::reply(request, hop, rejection) {
            Some((hop, message)) => self.output.push_back(Output::Transmit { hop, message }),
            None => self.counters.unanswerable += 1,
        }
    }
}

/// RFC 3261 §17.1.3: the branch of the top Via and the method of CSeq.
fn matching_key(response: &Message) -> Option<Bytes> {
    let via = response.top_via().ok()?;
    Some(client_key(via.branch()?, response.method()))
}
