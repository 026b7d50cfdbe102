//! Hostile sizes: each limit has its own error, and no message costs more than its length.

mod wire;

use bytes::Bytes;
use sip_core::message::{MAX_HEADER_LINES, MAX_MESSAGE_BYTES};
use sip_core::{HeaderName, Message, ParseReason};
use wire::{parse, request, text};

fn read(extra: &str) -> Message {
    parse(&request("INVITE sip:b@example.com SIP/2.0", extra, "")).expect("valid")
}

#[test]
fn a_message_of_64_kb_is_read_and_a_longer_one_refused() {
    let empty =
        wire::wire(&request("MESSAGE sip:b@example.com SIP/2.0", "", "").replace("Content-Length: {length}\n", ""));
    let mut bytes = empty.to_vec();
    bytes.resize(MAX_MESSAGE_BYTES, b'x');
    let message = Message::parse_datagram(bytes.clone().into()).unwrap();
    assert_eq!(message.body().len(), MAX_MESSAGE_BYTES - empty.len());
    bytes.push(b'x');
    let error = Message::parse_datagram(bytes.into()).unwrap_err();
    assert_eq!(error.reason, ParseReason::TooLong { bytes: MAX_MESSAGE_BYTES + 1 });
}

#[test]
fn the_257th_header_line_is_refused_and_answered() {
    let own = 7; // header lines of `request`, the body's length included
    let fits = "X-Many: 1\n".repeat(MAX_HEADER_LINES - own);
    assert_eq!(read(&fits).lines().count(), MAX_HEADER_LINES);
    let error = parse(&request("INVITE sip:b@example.com SIP/2.0", &(fits + "X-Many: 2\n"), "")).unwrap_err();
    assert_eq!(error.reason, ParseReason::TooManyHeaders);
    let reply = error.reply(([192, 0, 2, 1], 5060).into()).expect("its first lines are known");
    assert!(text(&reply).starts_with("SIP/2.0 400 more than 256 header lines\r\n"));
}

#[test]
fn a_header_of_commas_has_no_values() {
    let message = read(&format!("Supported: {}\nContact: {}\n", ",".repeat(30_000), " ,\t".repeat(10_000)));
    assert_eq!(message.supported().count(), 0);
    assert_eq!(message.contact(), Ok(None));
    let message = read(&format!("Supported: {}\n", "a,".repeat(30_000)));
    assert_eq!(message.supported().count(), 30_000);
}

#[test]
fn deep_folding_is_read_once() {
    let message = read(&format!("X-Deep: a{}\n b\nSupported: {}x\n", "\n ".repeat(10_000), "y,\n ".repeat(5_000)));
    assert_eq!(message.header("X-Deep").unwrap(), b"a b");
    assert_eq!(message.supported().count(), 5_001);
}

#[test]
fn unclosed_quotes_and_brackets_are_one_value() {
    for opening in ["\"", "<", "\"\\", "<\"<\""] {
        let message = read(&format!("Contact: {}\n", opening.repeat(50_000 / opening.len())));
        assert!(message.values(HeaderName::Contact).count() <= 1 + opening.len());
        assert!(message.contact().is_err(), "{opening}");
    }
}

#[test]
fn many_parameters_are_looked_through_once() {
    let message = read(&format!("Contact: <sip:a@example.com>{};last=1\n", ";p".repeat(30_000)));
    assert_eq!(message.contact().unwrap().unwrap().param("last"), Some(&b"1"[..]));
    let error = parse(&request("INVITE sip:b@example.com SIP/2.0", "", "").replace(";tag=from1", &";".repeat(60_000)));
    assert!(matches!(error.unwrap_err().reason, ParseReason::Header(_)));
}

#[test]
fn a_cut_off_datagram_is_told_from_a_broken_one() {
    let whole = wire::invite_1kb();
    let head = whole.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    for length in 1..whole.len() {
        let error = Message::parse_datagram(Bytes::copy_from_slice(&whole[..length])).expect_err("it is cut off");
        match error.reason {
            ParseReason::NotSip => assert!(length < whole.iter().position(|&byte| byte == b'\n').unwrap()),
            ParseReason::HeadersNotEnded => assert!(length < head),
            ParseReason::BareCarriageReturn => assert!(length < head && whole[length - 1] == b'\r'),
            ParseReason::BodyCutOff { .. } => assert!(length >= head),
            other => panic!("{length}: {other}"),
        }
    }
    assert!(Message::parse_datagram(whole).is_ok());
}
