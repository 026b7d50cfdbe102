//! Which transaction a request belongs to, and where answers go: messages as strangers write them.

use base::{LoopId, Now, Random};
use bytes::Bytes;
use sip_core::{
    Endpoint, EndpointConfig, EndpointEvent, HeaderName, Hop, Message, MessageBuilder, Output, Transport, stateless,
};

use crate::world::label;

struct Server {
    endpoint: Endpoint,
    now: Now,
    hop: Hop,
    sent: Vec<(Hop, Message)>,
    events: Vec<EndpointEvent>,
}

impl Server {
    fn new(config: EndpointConfig) -> Server {
        let hop = Hop {
            transport: Transport::Udp,
            listener: 3,
            local: "127.0.0.1:5060".parse().unwrap(),
            remote: "127.0.0.2:40000".parse().unwrap(),
        };
        let endpoint = Endpoint::new(LoopId(0), Random::from_seed([5; 32]), config);
        Server { endpoint, now: Now::default(), hop, sent: Vec::new(), events: Vec::new() }
    }

    fn receive(&mut self, message: &Message) {
        self.endpoint.handle_message(self.now, message.clone(), self.hop);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { hop, message } => self.sent.push((hop, Message::parse_datagram(message).unwrap())),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn respond(&mut self, status: u16) {
        let EndpointEvent::Request { transaction, request, .. } = self.events.remove(0) else {
            panic!("expected a request first")
        };
        let response = MessageBuilder::response_to(&request, status, "").to_tag("ours").build();
        self.endpoint.respond(self.now, transaction, response);
        self.drain();
    }

    fn labels(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent).iter().map(|(_, message)| label(message)).collect()
    }

    fn event_names(&mut self) -> Vec<&'static str> {
        let name = |event| match event {
            EndpointEvent::Request { .. } => "request",
            EndpointEvent::Ack { .. } => "ack",
            EndpointEvent::Cancel { .. } => "cancel",
            EndpointEvent::AckMissing { .. } => "ack missing",
            _ => "other",
        };
        std::mem::take(&mut self.events).into_iter().map(name).collect()
    }
}

fn server() -> Server {
    Server::new(EndpointConfig::default())
}

fn message(method: &str, via: &str, to_tag: &str, cseq: u32) -> Message {
    let text = format!(
        "{method} sip:echo@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@b>;tag=theirs\r\n\
         To: <sip:echo@127.0.0.1>{to_tag}\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\nContact: <sip:a@b>\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse_datagram(Bytes::from(text)).unwrap()
}

#[test]
fn an_rfc_2543_invite_is_matched_without_a_branch() {
    let mut server = server();
    let via = "127.0.0.2:5060";
    let invite = message("INVITE", via, "", 1);
    server.receive(&invite);
    server.receive(&invite);
    assert_eq!(server.labels(), ["100 INVITE", "100 INVITE"]);
    server.respond(486);
    assert_eq!(server.labels(), ["486 INVITE"]);
    server.receive(&message("ACK", via, ";tag=another", 1));
    assert_eq!(server.event_names(), ["ack"], "RFC 3261 §17.2.3: the To tag must be that of our response");
    server.receive(&message("ACK", via, ";tag=ours", 1));
    assert_eq!(server.event_names(), [""; 0]);
    server.receive(&invite);
    assert_eq!(server.labels(), [""; 0], "Confirmed");
}

#[test]
fn a_request_that_is_answered_and_forgotten_leaves_nothing_behind() {
    let mut server = server();
    let register = message("REGISTER", "127.0.0.2;branch=z9hG4bK1", "", 1);
    for _ in 0..2 {
        server.receive(&register);
        let EndpointEvent::Request { transaction, request, .. } = server.events.remove(0) else { panic!("a request") };
        let challenge = MessageBuilder::response_to(&request, 401, "").to_tag("ours").build();
        server.endpoint.respond_and_forget(server.now, transaction, challenge);
        server.drain();
        assert_eq!((server.endpoint.server_len(), server.endpoint.next_deadline()), (0, None));
    }
    assert_eq!(server.labels(), ["401 REGISTER", "401 REGISTER"]);
    // Nor does an INVITE: it is not told again, and its ACK is nobody's.
    server.receive(&message("INVITE", "127.0.0.2;branch=z9hG4bK2", "", 2));
    let EndpointEvent::Request { transaction, request, .. } = server.events.remove(0) else { panic!("a request") };
    let refusal = MessageBuilder::response_to(&request, 407, "").to_tag("ours").build();
    server.endpoint.respond_and_forget(server.now, transaction, refusal);
    server.drain();
    assert_eq!(server.labels(), ["100 INVITE", "407 INVITE"]);
    assert_eq!((server.endpoint.server_len(), server.endpoint.next_deadline()), (0, None));
    server.receive(&message("ACK", "127.0.0.2;branch=z9hG4bK2", ";tag=ours", 2));
    assert_eq!((server.event_names(), server.labels()), (vec!["ack"], vec![]));
}

#[test]
fn an_rfc_2543_cancel_matches_its_invite() {
    let mut server = server();
    server.receive(&message("INVITE", "127.0.0.2;branch=1", "", 1));
    server.receive(&message("CANCEL", "127.0.0.2;branch=1", "", 1));
    assert_eq!(server.event_names(), ["request", "cancel"]);
    server.receive(&message("CANCEL", "127.0.0.2;branch=1", "", 2));
    assert_eq!(server.event_names(), [""; 0]);
    assert_eq!(server.labels(), ["100 INVITE", "200 CANCEL", "481 CANCEL"]);
}

#[test]
fn a_cancel_does_not_match_another_cancel() {
    let mut server = server();
    server.receive(&message("INVITE", "127.0.0.2;branch=1", "", 1));
    server.respond(486);
    server.receive(&message("ACK", "127.0.0.2;branch=1", ";tag=ours", 1));
    server.receive(&message("CANCEL", "127.0.0.2;branch=1", "", 1));
    server.now = server.now.plus_ns(5 * base::SECOND);
    server.endpoint.handle_timeout(server.now);
    // The INVITE is gone, its CANCEL is still remembered.
    assert_eq!(server.endpoint.server_len(), 1);
    server.receive(&message("CANCEL", "127.0.0.2;branch=1", ";tag=ours", 1));
    assert_eq!(server.labels(), ["100 INVITE", "486 INVITE", "200 CANCEL", "481 CANCEL"]);
}

#[test]
fn a_branch_of_nothing_but_the_cookie_is_taken_for_rfc_2543() {
    let mut server = server();
    server.receive(&message("OPTIONS", "127.0.0.2;branch=z9hG4bK", "", 1));
    server.receive(&message("OPTIONS", "127.0.0.2;branch=z9hG4bK", "", 2));
    assert_eq!(server.event_names(), ["request", "request"]);
}

#[test]
fn many_methods_on_one_branch_are_transactions_of_their_own() {
    let mut server = server();
    let methods: Vec<String> = (0..200).map(|number| format!("METHOD{number}")).collect();
    for told in [200, 0] {
        for (number, method) in (1..).zip(&methods) {
            server.receive(&message(method, "127.0.0.2;branch=z9hG4bKx", ";tag=t", number));
        }
        assert_eq!(server.event_names().len(), told, "the core is told of each once");
    }
    assert_eq!(server.endpoint.server_len(), 200);
}

#[test]
fn branch_sent_by_and_method_make_the_transaction() {
    let mut server = server();
    server.receive(&message("OPTIONS", "127.0.0.2:5060;branch=z9hG4bKx", ";tag=t", 1));
    server.receive(&message("OPTIONS", "127.0.0.2;branch=z9hG4bKx", ";tag=t", 1));
    assert_eq!(server.event_names(), ["request"], "5060 is the default port of sent-by");
    server.receive(&message("OPTIONS", "127.0.0.2:5061;branch=z9hG4bKx", ";tag=t", 1));
    server.receive(&message("INFO", "127.0.0.2:5060;branch=z9hG4bKx", ";tag=t", 2));
    server.receive(&message("OPTIONS", "127.0.0.2:5060;branch=z9hG4bKX", ";tag=t", 3));
    assert_eq!(server.event_names(), ["request"; 3]);
    assert_eq!(server.endpoint.server_len(), 4);
}

#[test]
fn an_ack_with_the_branch_of_the_accepted_invite_goes_to_the_core() {
    let mut server = server();
    server.receive(&message("INVITE", "127.0.0.2;branch=z9hG4bK1", "", 1));
    server.respond(200);
    server.receive(&message("ACK", "127.0.0.2;branch=z9hG4bK1", ";tag=ours", 1));
    server.receive(&message("ACK", "127.0.0.2;branch=z9hG4bK2", ";tag=ours", 1));
    assert_eq!(server.event_names(), ["ack", "ack"]);
}

#[test]
fn a_second_copy_of_a_request_by_another_way_gets_482() {
    let mut server = server();
    server.receive(&message("INVITE", "127.0.0.2;branch=z9hG4bK1", "", 1));
    server.receive(&message("INVITE", "127.0.0.3;branch=z9hG4bK2", "", 1));
    assert_eq!(server.labels(), ["100 INVITE", "482 INVITE"]);
    assert_eq!(server.endpoint.counters().merged, 1);
    server.receive(&message("INVITE", "127.0.0.3;branch=z9hG4bK3", ";tag=ours", 1));
    assert_eq!(server.event_names(), ["request", "request"], "within a dialog copies are not looked for");
}

#[test]
fn a_full_table_turns_new_work_away_and_lets_calls_end() {
    let mut server = Server::new(EndpointConfig { max_transactions: 4, ..EndpointConfig::default() });
    for number in 1..=5 {
        server.receive(&message("INVITE", &format!("127.0.0.2;branch=z9hG4bK{number}"), "", number));
    }
    assert_eq!(server.event_names().len(), 4);
    let (_, refusal) = server.sent.pop().unwrap();
    assert_eq!((refusal.status(), refusal.header(HeaderName::RetryAfter)), (Some(503), Some(&b"5"[..])));
    assert!(refusal.to_tag().is_some());
    server.receive(&message("BYE", "127.0.0.2;branch=z9hG4bK6", ";tag=ours", 6));
    assert_eq!(server.event_names(), ["request"]);
    server.receive(&message("BYE", "127.0.0.2;branch=z9hG4bK7", ";tag=ours", 7));
    assert_eq!(server.event_names(), [""; 0], "but not without bound");
    server.receive(&message("CANCEL", "127.0.0.2;branch=z9hG4bK1", "", 1));
    assert_eq!(server.event_names(), ["cancel"]);
    assert_eq!(server.sent.pop().map(|(_, ok)| label(&ok)), Some("200 CANCEL".into()));
    server.receive(&message("CANCEL", "127.0.0.2;branch=z9hG4bK1", "", 1));
    assert_eq!(server.event_names(), [""; 0], "told once, although there was no room to remember the CANCEL");
    assert_eq!(server.endpoint.counters().refused_full, 2);
    assert_eq!(server.endpoint.len(), 5);
}

#[test]
fn responses_say_where_the_request_came_from_and_go_back_by_the_same_way() {
    let mut server = server();
    server.receive(&message("OPTIONS", "10.9.9.9:5070;rport;branch=z9hG4bK1", "", 1));
    server.respond(200);
    let (hop, ok) = server.sent.pop().unwrap();
    assert_eq!(hop, server.hop);
    let via = ok.top_via().unwrap();
    assert_eq!((via.rport(), via.received()), (Some(40_000), Some("127.0.0.2".parse().unwrap())));
    assert_eq!(via.branch(), Some("z9hG4bK1"));

    server.receive(&message("OPTIONS", "client.invalid:5070;branch=z9hG4bK2", "", 2));
    server.respond(200);
    let (hop, ok) = server.sent.pop().unwrap();
    assert_eq!((hop.local, hop.remote), (server.hop.local, "127.0.0.2:5070".parse().unwrap()));
    assert_eq!(ok.top_via().unwrap().received(), Some("127.0.0.2".parse().unwrap()));
    assert!(!ok.top_via().unwrap().wants_rport());
}

#[test]
fn the_100_echoes_the_timestamp() {
    let mut server = server();
    let invite = message("INVITE", "127.0.0.2;branch=z9hG4bK1", "", 1);
    server.receive(&MessageBuilder::from_message(&invite).header(HeaderName::Timestamp, "54").build());
    let (_, trying) = server.sent.pop().unwrap();
    assert_eq!(trying.header(HeaderName::Timestamp), Some(&b"54"[..]));
    assert_eq!(trying.to_tag(), None);
}

#[test]
fn a_response_to_another_method_or_branch_is_a_stray() {
    let mut server = server();
    let options = MessageBuilder::from_message(&message("OPTIONS", "x;branch=z9hG4bK1", "", 1)).remove(HeaderName::Via);
    server.endpoint.request(server.now, options, server.hop, 0);
    server.drain();
    let (_, sent) = server.sent.pop().unwrap();
    let ok = MessageBuilder::response_to(&sent, 200, "OK").build();
    let to_info = ok.to_string().replace("CSeq: 1 OPTIONS", "CSeq: 1 INFO");
    server.receive(&Message::parse_datagram(Bytes::from(to_info)).unwrap());
    let other_branch = sent.top_via().unwrap().branch().unwrap().replace("z9hG4bK00", "z9hG4bK01");
    let via = format!("SIP/2.0/UDP 127.0.0.1;branch={other_branch}");
    server.receive(&MessageBuilder::from_message(&ok).header(HeaderName::Via, via).build());
    assert_eq!(server.endpoint.counters().stray_responses, 2);
    assert!(server.events.is_empty());
    server.receive(&ok);
    assert!(matches!(server.events[..], [EndpointEvent::Response { owner: 0, .. }]));
}

#[test]
fn our_requests_have_a_via_with_rport_and_max_forwards() {
    let mut server = server();
    let options = MessageBuilder::from_message(&message("OPTIONS", "x;branch=z9hG4bK1", "", 1))
        .remove(HeaderName::Via)
        .remove(HeaderName::MaxForwards);
    server.endpoint.request(server.now, options, server.hop, 0);
    server.drain();
    let (hop, sent) = server.sent.pop().unwrap();
    assert_eq!(hop, server.hop);
    let via = sent.top_via().unwrap();
    assert!(via.wants_rport() && via.has_magic_cookie());
    assert_eq!((via.transport(), via.port()), ("UDP", Some(5060)));
    assert_eq!(sent.max_forwards(), Ok(Some(70)));
}

#[test]
fn a_stateless_503_is_the_same_for_each_repetition_and_never_answers_an_ack_or_a_response() {
    let server = server();
    let invite = message("INVITE", "127.0.0.2:5070;branch=z9hG4bK1", "", 1);
    let (hop, first) = stateless::service_unavailable(&invite, &server.hop, 7).unwrap();
    assert_eq!(stateless::service_unavailable(&invite, &server.hop, 7), Some((hop, first.clone())));
    assert_eq!(hop.remote, "127.0.0.2:5070".parse().unwrap());
    let refusal = Message::parse_datagram(first).unwrap();
    assert_eq!(refusal.status(), Some(503));
    assert_eq!(refusal.header(HeaderName::RetryAfter), Some(&b"7"[..]));
    let other = message("INVITE", "127.0.0.2:5070;branch=z9hG4bK2", "", 1);
    let (_, other) = stateless::service_unavailable(&other, &server.hop, 7).unwrap();
    assert_ne!(Message::parse_datagram(other).unwrap().to_tag(), refusal.to_tag());
    let ack = message("ACK", "127.0.0.2:5070;branch=z9hG4bK1", "", 1);
    assert_eq!(stateless::service_unavailable(&ack, &server.hop, 7), None);
    assert_eq!(stateless::service_unavailable(&refusal, &server.hop, 7), None);
}

#[test]
fn a_malformed_request_gets_400_where_it_came_from() {
    let server = server();
    let text = message("OPTIONS", "127.0.0.2:5070;branch=z9hG4bK1", "", 1).to_string();
    let broken = |from: &str, to: &str| Message::parse_datagram(Bytes::from(text.replace(from, to))).unwrap_err();
    let (hop, reply) = stateless::bad_request(&broken("CSeq: 1 OPTIONS", "CSeq: 1 INFO"), &server.hop).unwrap();
    assert_eq!(hop, server.hop);
    assert_eq!(Message::parse_datagram(reply).unwrap().status(), Some(400));
    let ack = broken("OPTIONS sip:", "ACK sip:");
    assert_eq!(stateless::bad_request(&ack, &server.hop), None);
    assert_eq!(server.endpoint.server_len(), 0);
}

#[test]
fn requests_of_one_method_and_number_from_an_ended_transaction_are_new() {
    let mut server = server();
    let options = message("OPTIONS", "127.0.0.2;branch=z9hG4bK1", "", 1);
    server.receive(&options);
    server.respond(200);
    server.now.mono_ns = server.endpoint.next_deadline().unwrap();
    server.endpoint.handle_timeout(server.now);
    server.receive(&options);
    assert_eq!(server.event_names(), ["request"]);
    assert_eq!(server.endpoint.server_len(), 1);
}
