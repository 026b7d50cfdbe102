//! Messages out of a stream: how it is split does not matter, and what cannot be cut ends it.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod wire;

use proptest::prelude::*;
use sip_core::message::MAX_MESSAGE_BYTES;
use sip_core::{Message, MessageStream, ParseReason, StreamPart};
use wire::generate::{mutate, mutations, request};

/// All parts of a stream that comes in pieces that end at `ends`, and what ended it.
fn parts(bytes: &[u8], ends: &[usize]) -> (Vec<StreamPart>, Option<ParseReason>) {
    let (mut stream, mut parts, mut from) = (MessageStream::default(), Vec::new(), 0);
    for &end in ends.iter().chain([&bytes.len()]) {
        stream.feed(&bytes[from..end]);
        from = end;
        loop {
            match stream.next_part() {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => break,
                Err(error) => return (parts, Some(error.reason)),
            }
        }
    }
    (parts, None)
}

fn text(length: &str, body: &str) -> String {
    format!(
        "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\
         Call-ID: c\r\nCSeq: 1 OPTIONS\r\n{length}\r\n{body}"
    )
}

fn message(text: &str) -> StreamPart {
    StreamPart::Message(text.to_owned().into())
}

#[test]
fn messages_and_pings_come_in_order_and_line_ends_before_a_message_are_nothing() {
    let (first, second) = (text("Content-Length: 5\r\n", "hello"), text("l: 0\r\n", ""));
    let stream = format!("\r\n{first}{second}\r\n\r\n\r\n{first}\r\n\r\n\r\n\r\n");
    let expected =
        [message(&first), message(&second), StreamPart::Ping, message(&first), StreamPart::Ping, StreamPart::Ping];
    assert_eq!(parts(stream.as_bytes(), &[]), (expected.to_vec(), None));
}

#[test]
fn a_message_is_cut_off_where_content_length_says_and_lines_may_end_by_lf_alone() {
    let lf = text("Content-Length: 3\r\n", "abc").replace("\r\n", "\n");
    assert_eq!(parts(format!("{lf}{lf}").as_bytes(), &[]).0, [message(&lf), message(&lf)]);
}

#[track_caller]
fn ends(stream: &str, reason: ParseReason, status: Option<u16>) {
    let mut parser = MessageStream::default();
    parser.feed(stream.as_bytes());
    let error = parser.next_part().unwrap_err();
    assert_eq!(error.reason, reason);
    let answer = error.reply("192.0.2.1:5060".parse().unwrap());
    let answer = answer.map(|answer| Message::parse_datagram(answer).unwrap().status().unwrap());
    assert_eq!(answer, status);
    parser.feed(text("Content-Length: 0\r\n", "").as_bytes());
    assert_eq!(parser.next_part().unwrap(), None, "nothing comes after it");
    assert!(!parser.is_amid_message());
}

#[test]
fn what_does_not_say_how_long_it_is_is_answered_and_ends_the_stream() {
    ends(&text("", ""), ParseReason::LengthMissing, Some(400));
    ends(&text("Content-Length: x\r\n", ""), ParseReason::ContentLength, Some(400));
    ends(&text("Content-Length: 1\r\nl: 2\r\n", ""), ParseReason::ContentLengthConflict, Some(400));
    let declared = "Content-Length: 9999999999\r\n";
    let bytes = 9_999_999_999 + text(declared, "").len();
    ends(&text(declared, ""), ParseReason::TooLong { bytes }, Some(513));
}

#[test]
fn what_is_not_sip_ends_the_stream_at_its_first_line() {
    for garbage in ["GET / HTTP/1.1\r\n", "\x16\x03\x01\x02", "\0", " INVITE", "SSH-2.0-x\r\n"] {
        ends(garbage, ParseReason::NotSip, None);
    }
    ends("SIP/3.0 200 OK\r\n", ParseReason::UnsupportedVersion, None);
}

#[test]
fn a_line_without_end_is_bounded() {
    let mut stream = MessageStream::default();
    let mut fed = 0;
    let error = loop {
        stream.feed(&[b'x'; 1_000]);
        fed += 1_000;
        match stream.next_part() {
            Ok(part) => assert_eq!(part, None),
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason, ParseReason::TooLong { bytes: MAX_MESSAGE_BYTES + 1 });
    assert!((MAX_MESSAGE_BYTES..MAX_MESSAGE_BYTES + 1_001).contains(&fed));
}

#[test]
fn the_longest_message_is_read_and_one_octet_more_is_not() {
    let head = text("Content-Length: 60000\r\n", "").len();
    for (length, is_read) in [(MAX_MESSAGE_BYTES - head, true), (MAX_MESSAGE_BYTES - head + 1, false)] {
        let text = text(&format!("Content-Length: {length}\r\n"), &"x".repeat(length));
        let (parts, error) = parts(text.as_bytes(), &[1_000]);
        assert_eq!((parts.len(), error.is_none()), (usize::from(is_read), is_read));
    }
}

#[test]
fn a_message_is_under_way_from_its_first_octet_to_its_last() {
    let text = text("Content-Length: 5\r\n", "hello");
    let mut stream = MessageStream::default();
    for (at, byte) in text.bytes().enumerate() {
        assert_eq!(stream.is_amid_message(), at > 0);
        stream.feed(&[byte]);
        assert_eq!(stream.next_part().unwrap().is_some(), at + 1 == text.len());
    }
    stream.feed(b"\r\n");
    assert_eq!(stream.next_part().unwrap(), None);
    assert!(!stream.is_amid_message(), "a line end begins nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_splitting_of_a_stream_gives_the_same_parts(
        requests in prop::collection::vec((request(), 0usize..6), 1..5),
        mutations in prop::option::of(mutations()),
        splits in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut bytes = Vec::new();
        for (request, line_ends) in &requests {
            bytes.extend_from_slice(request.text.as_bytes());
            bytes.extend_from_slice("\r\n".repeat(*line_ends).as_bytes());
        }
        if let Some(mutations) = &mutations {
            mutate(&mut bytes, mutations);
        }
        let whole = parts(&bytes, &[]);
        if mutations.is_none() {
            let messages = whole.0.iter().filter(|part| **part != StreamPart::Ping).count();
            prop_assert_eq!((messages, &whole.1), (requests.len(), &None));
        }
        let mut ends: Vec<usize> = splits.iter().map(|at| at.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        prop_assert_eq!(&parts(&bytes, &ends), &whole);
        prop_assert_eq!(&parts(&bytes, &(0..bytes.len()).collect::<Vec<_>>()), &whole);
    }
}
