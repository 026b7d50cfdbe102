//! Whatever strangers, the core and the clock do, nothing panics, the table keeps its bound, and silence ends everything.

use base::{LoopId, MS, Now, Random};
use bytes::Bytes;
use proptest::prelude::*;
use sip_core::{
    ClientTransactionId, Endpoint, EndpointConfig, EndpointEvent, Hop, Message, MessageBuilder, Method, Output,
    ServerTransactionId, Transport,
};

use crate::world::request;

const MAX_TRANSACTIONS: usize = 12;

#[derive(Clone, Debug)]
enum Step {
    /// A request of theirs: method, branch (some without the cookie), To tag, CSeq number.
    Receive {
        method: &'static str,
        branch: u8,
        to_tag: bool,
        cseq: u32,
    },
    /// A response to something we sent.
    Answer {
        sent: usize,
        status: u16,
    },
    /// Our core answers one of their requests.
    Respond {
        request: usize,
        status: u16,
    },
    Send {
        invite: bool,
    },
    Cancel {
        client: usize,
    },
    Unreachable,
    /// The clock goes on, to the next deadline or past several at once.
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let method = prop::sample::select(vec!["INVITE", "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "FOO"]);
    let status = prop::sample::select(vec![100u16, 180, 183, 200, 202, 302, 404, 487, 503, 603]);
    prop_oneof![
        6 => (method, 0..4u8, any::<bool>(), 1..3u32)
            .prop_map(|(method, branch, to_tag, cseq)| Step::Receive { method, branch, to_tag, cseq }),
        4 => (any::<usize>(), status.clone()).prop_map(|(sent, status)| Step::Answer { sent, status }),
        4 => (any::<usize>(), status).prop_map(|(request, status)| Step::Respond { request, status }),
        2 => any::<bool>().prop_map(|invite| Step::Send { invite }),
        2 => any::<usize>().prop_map(|client| Step::Cancel { client }),
        1 => Just(Step::Unreachable),
        3 => (0..40_000u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

struct Run {
    endpoint: Endpoint,
    now: Now,
    hop: Hop,
    sent: Vec<Message>,
    requests: Vec<(ServerTransactionId, Message)>,
    clients: Vec<ClientTransactionId>,
}

impl Run {
    fn new() -> Run {
        let config = EndpointConfig { max_transactions: MAX_TRANSACTIONS, ..EndpointConfig::default() };
        Run {
            endpoint: Endpoint::new(LoopId(0), Random::from_seed([9; 32]), config),
            now: Now::default(),
            hop: Hop {
                transport: Transport::Udp,
                listener: 0,
                local: "127.0.0.1:5060".parse().unwrap(),
                remote: "127.0.0.2:5060".parse().unwrap(),
            },
            sent: Vec::new(),
            requests: Vec::new(),
            clients: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Receive { method, branch, to_tag, cseq } => {
                let cookie = if branch % 2 == 0 { "z9hG4bK" } else { "" };
                let to_tag = if to_tag { ";tag=ours" } else { "" };
                let text = format!(
                    "{method} sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch={cookie}{branch}\r\n\
                     From: <sip:b@c>;tag=theirs\r\nTo: <sip:a@127.0.0.1>{to_tag}\r\nCall-ID: c\r\n\
                     CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
                );
                let message = Message::parse_datagram(Bytes::from(text)).unwrap();
                self.endpoint.handle_message(self.now, message, self.hop);
            }
            Step::Answer { sent, status } => {
                let requests: Vec<_> = self.sent.iter().filter(|message| message.is_request()).collect();
                if !requests.is_empty() {
                    let response = MessageBuilder::response_to(requests[sent % requests.len()], status, "").to_tag("t");
                    self.endpoint.handle_message(self.now, response.build(), self.hop);
                }
            }
            Step::Respond { request, status } => {
                if !self.requests.is_empty() {
                    let (transaction, request) = &self.requests[request % self.requests.len()];
                    let response = MessageBuilder::response_to(request, status, "").to_tag("ours").build();
                    self.endpoint.respond(self.now, *transaction, response);
                }
            }
            Step::Send { invite } => {
                let method = if invite { Method::Invite } else { Method::Options };
                let client = self.endpoint.request(self.now, request(method), self.hop, 1);
                self.clients.push(client);
            }
            Step::Cancel { client } => {
                if !self.clients.is_empty() {
                    self.endpoint.cancel(self.now, self.clients[client % self.clients.len()]);
                }
            }
            Step::Unreachable => self.endpoint.handle_transport_error(self.now, self.hop),
            Step::Wait { ms } => {
                self.now = self.now.plus_ns(ms * MS);
                self.endpoint.handle_timeout(self.now);
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { message, .. } => self.sent.push(Message::parse_datagram(message).unwrap()),
                Output::Event(EndpointEvent::Request { transaction, request, .. }) => {
                    self.requests.push((transaction, request));
                }
                Output::Event(_) => {}
            }
        }
    }

    /// The core does what it owes: INVITEs of theirs get a final response, ours that ring are cancelled.
    fn settle(&mut self) {
        for (transaction, request) in std::mem::take(&mut self.requests) {
            if request.method() == &Method::Invite {
                let response = MessageBuilder::response_to(&request, 500, "").to_tag("ours").build();
                self.endpoint.respond(self.now, transaction, response);
            }
        }
        for client in std::mem::take(&mut self.clients) {
            self.endpoint.cancel(self.now, client);
        }
        self.drain();
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_silence_ends_everything(steps in prop::collection::vec(step(), 0..60)) {
        let mut run = Run::new();
        for step in steps {
            run.take(step);
            let own = run.endpoint.client_len();
            prop_assert!(run.endpoint.len() <= own + MAX_TRANSACTIONS + MAX_TRANSACTIONS / 4);
            prop_assert!(run.endpoint.timer_len() == 0 || !run.endpoint.is_empty());
            if let Some(deadline_ns) = run.endpoint.next_deadline() {
                prop_assert!(deadline_ns >= run.now.mono_ns);
            }
            let saved = rmp_serde::to_vec(&run.endpoint).unwrap();
            run.endpoint = rmp_serde::from_slice(&saved).unwrap();
            prop_assert_eq!(rmp_serde::to_vec(&run.endpoint).unwrap(), saved);
        }
        run.settle();
        let timers = run.endpoint.config().timers;
        let end_ns = run.now.after_ms(timers.transaction_ms() + timers.t4_ms);
        while let Some(next_ns) = run.endpoint.next_deadline().filter(|next_ns| *next_ns <= end_ns) {
            run.now.mono_ns = next_ns;
            run.endpoint.handle_timeout(run.now);
            run.drain();
        }
        prop_assert_eq!((run.endpoint.len(), run.endpoint.timer_len()), (0, 0));
    }
}
