//! An independent parser as a witness: on messages that both it and we accept, both read the same.

mod wire;

use proptest::test_runner::{Config, TestRunner};
use rsip::prelude::{HeadersExt, UntypedHeader};
use sip_core::Message;
use wire::generate::{mutate, mutations, request};

/// `None` if either refuses the message; otherwise what each read.
fn both(bytes: &[u8]) -> Option<(Reading, Reading)> {
    let ours = Message::parse_datagram(bytes.to_vec().into()).ok()?;
    let theirs = rsip::SipMessage::try_from(bytes).ok()?;
    Some((Reading::ours(&ours)?, Reading::theirs(&theirs)?))
}

#[derive(Debug, PartialEq)]
struct Reading {
    method: String,
    /// As each prints it, in small letters: rsip takes a user with signs in it for a part of the host.
    uri: Option<String>,
    call_id: String,
    cseq: u32,
    from_tag: Option<String>,
    status: Option<u16>,
}

impl Reading {
    fn ours(message: &Message) -> Option<Reading> {
        let uri = message.uri().ok().map(|uri| uri.to_string().to_ascii_lowercase());
        Some(Reading {
            method: message.method().to_string(),
            uri,
            call_id: message.call_id().to_owned(),
            cseq: message.cseq().ok()?.number,
            from_tag: message.from_tag().map(str::to_owned),
            status: message.status(),
        })
    }

    fn theirs(message: &rsip::SipMessage) -> Option<Reading> {
        let cseq = message.cseq_header().ok()?;
        let (method, uri, status) = match message {
            rsip::SipMessage::Request(request) => {
                (request.method, Some(request.uri.to_string().to_ascii_lowercase()), None)
            }
            rsip::SipMessage::Response(response) => (cseq.method().ok()?, None, Some(response.status_code.code())),
        };
        Some(Reading {
            method: method.to_string(),
            uri,
            call_id: message.call_id_header().ok()?.value().to_owned(),
            cseq: cseq.seq().ok()?,
            from_tag: message.from_header().ok()?.tag().ok()?.map(|tag| tag.value().to_owned()),
            status,
        })
    }
}

fn check(bytes: &[u8]) -> bool {
    let Some((ours, theirs)) = both(bytes) else { return false };
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(bytes));
    true
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

#[test]
fn hand_written_messages_are_read_the_same() {
    let response = "SIP/2.0 486 Busy Here\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: <sip:a@example.com>;tag=f1\n\
                    To: <sip:b@example.com>;tag=t1\nCall-ID: c1\nCSeq: 3 INVITE\nContent-Length: 0\n\n";
    assert!(check(&wire::invite_1kb()));
    assert!(check(&wire::wire(response)));
    assert!(check(&wire::wire(&wire::request("OPTIONS sip:b@example.com:5070;lr SIP/2.0", "X-Any: thing\n", ""))));
}

#[test]
fn generated_messages_are_read_the_same() {
    let compared = std::cell::Cell::new(0);
    let outcome = runner(800).run(&request(), |request| {
        compared.set(compared.get() + u32::from(check(request.text.as_bytes())));
        Ok(())
    });
    outcome.unwrap();
    assert!(compared.get() > 150, "only {} of 800 were accepted by both", compared.get());
}

#[test]
fn mutated_messages_are_read_the_same_if_both_accept_them() {
    let compared = std::cell::Cell::new(0);
    let outcome = runner(800).run(&(request(), mutations()), |(request, mutations)| {
        let mut bytes = request.text.into_bytes();
        mutate(&mut bytes, &mutations);
        compared.set(compared.get() + u32::from(check(&bytes)));
        Ok(())
    });
    outcome.unwrap();
    assert!(compared.get() > 20, "only {} of 800 were accepted by both", compared.get());
}
