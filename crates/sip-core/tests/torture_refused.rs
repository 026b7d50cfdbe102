//! The points of RFC 4475 (§3.1.2, §3.3) that make a message unusable, shown on messages of our own: what is refused, for
//! which reason, and with which answer.

mod wire;

use std::net::SocketAddr;

use sip_core::header::{HeaderError, HeaderProblem};
use sip_core::{HeaderName, Message, ParseReason};
use wire::{parse, request, text};

fn source() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 7], 40_000))
}

/// `message` is refused for `reason` and answered by a response that begins with `answer` (`None`: not answered).
fn check(message: &str, reason: &ParseReason, answer: Option<&str>) {
    let error = parse(message).expect_err(message);
    assert_eq!(&error.reason, reason, "{error}:\n{message}");
    let reply = error.reply(source());
    assert_eq!(reply.is_some(), error.can_reply());
    match (reply, answer) {
        (None, None) => {}
        (Some(reply), Some(answer)) => {
            assert!(reply.starts_with(answer.as_bytes()), "{}", text(&reply));
            assert!(reply.ends_with(b"Content-Length: 0\r\n\r\n"), "{}", text(&reply));
            assert_eq!(error.reply(source()), Some(reply), "the same request gets the same answer");
        }
        (reply, answer) => panic!("{:?} instead of {answer:?}", reply.map(|reply| text(&reply))),
    }
}

fn header(field: &'static str, problem: HeaderProblem, at: u32) -> ParseReason {
    ParseReason::Header(HeaderError { field, problem, at })
}

fn invite(extra: &str) -> String {
    request("INVITE sip:user@example.com SIP/2.0", extra, "")
}

#[test]
fn separators_without_values_are_refused() {
    // RFC 4475 §3.1.2.1
    let message = invite("").replace("UDP 192.0.2.9:5060;branch=z9hG4bKtest1;rport", "UDP 192.0.2.15;;,;,,");
    check(&message, &header("Via", HeaderProblem::EmptyParameter, 23), Some("SIP/2.0 400 Via has a semicolon without"));
    let message =
        parse(&invite("Contact: \"Joe\" <sip:joe@example.org>;;;;\n")).expect("Contact is read by who needs it");
    assert_eq!(message.contact().unwrap_err().problem, HeaderProblem::EmptyParameter);
}

#[test]
fn a_content_length_that_does_not_fit_is_refused() {
    // RFC 4475 §3.1.2.2, §3.1.2.3, §3.3.9
    let with = |length: &str| invite("").replace("{length}", length) + "v=0\n";
    check(
        &with("9999"),
        &ParseReason::BodyCutOff { declared: 9999, present: 5 },
        Some("SIP/2.0 400 Content-Length is 9999"),
    );
    for bad in ["-999", "", "5 5", "0x5", "5;a", "99999999999999999999999"] {
        check(&with(bad), &ParseReason::ContentLength, Some("SIP/2.0 400 "));
    }
    check(&with("5\nl: 3"), &ParseReason::ContentLengthConflict, Some("SIP/2.0 400 "));
    assert_eq!(parse(&with("3\nl: 3")).expect("twice the same is no conflict").body(), "v=0");
}

#[test]
fn numbers_that_overflow_are_refused_where_they_matter_and_told_where_they_do_not() {
    // RFC 4475 §3.1.2.4
    let overflow = invite("").replace("CSeq: 7", "CSeq: 36893488147419103232");
    check(&overflow, &header("CSeq", HeaderProblem::OutOfRange, 0), Some("SIP/2.0 400 CSeq has a number"));
    let message = invite("Expires: 10000000000000000000000000000000\n").replace("Forwards: 70", "Forwards: 300");
    let message = parse(&message).expect("these two have defaults");
    assert_eq!(message.max_forwards().unwrap_err().problem, HeaderProblem::OutOfRange);
    assert_eq!(message.expires().unwrap_err().problem, HeaderProblem::OutOfRange);
}

fn response(start: &str, cseq: &str) -> String {
    format!(
        "{start}\nVia: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129\n\
         To: <sip:user@example.com>\nFrom: <sip:other@example.net>;tag=2easdjfejw\nCSeq: {cseq}\nCall-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r\n\
         Retry-After: 949302838503028349304023988\nContent-Length: 0\n\n"
    )
}

#[test]
fn broken_responses_are_refused_and_never_answered() {
    // RFC 4475 §3.1.2.5, §3.1.2.19
    check(
        &response("SIP/2.0 503 Service Unavailable", "9292394834772304023312 OPTIONS"),
        &header("CSeq", HeaderProblem::OutOfRange, 0),
        None,
    );
    for status in ["4294967301", "99", "1000", "700", "099", "2x0", "", "+20"] {
        check(&response(&format!("SIP/2.0 {status} better not break"), "1 INVITE"), &ParseReason::BadStatus, None);
    }
    check(&response("SIP/7.0 200 OK", "1 INVITE"), &ParseReason::UnsupportedVersion, None);
}

#[test]
fn an_unclosed_quote_in_to_is_refused() {
    // RFC 4475 §3.1.2.6
    let message = invite("").replace("To: <", "To: \"Mr. J. User <");
    check(&message, &header("To", HeaderProblem::UnclosedQuote, 0), Some("SIP/2.0 400 To has a quoted string"));
}

#[test]
fn a_request_uri_in_brackets_or_with_white_space_is_refused() {
    // RFC 4475 §3.1.2.7, §3.1.2.8
    let bad = |start: &str, at| {
        check(
            &request(start, "", ""),
            &header("Request-URI", HeaderProblem::BadUriByte, at),
            Some("SIP/2.0 400 Request-URI has a URI with a byte"),
        );
    };
    bad("INVITE <sip:user@example.com> SIP/2.0", 0);
    bad("INVITE sip:user@example.com; lr SIP/2.0", 21);
}

#[test]
fn a_question_mark_outside_of_brackets_is_refused_in_an_address() {
    // RFC 4475 §3.1.2.13
    let message = parse(&request(
        "REGISTER sip:example.com SIP/2.0",
        "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\n",
        "",
    ));
    assert_eq!(message.unwrap().contact().unwrap_err().problem, HeaderProblem::NeedsAngles);
}

#[test]
fn another_sip_version_gets_505() {
    // RFC 4475 §3.1.2.16
    for version in ["SIP/7.0", "SIP/2.00", "SIP/", "SIP/2.0/x"] {
        let message = request(&format!("OPTIONS sip:t.watson@example.org {version}"), "", "");
        let error = parse(&message).expect_err(version);
        match version {
            "SIP/" => assert_eq!(error.reason, ParseReason::NotSip),
            _ => check(&message, &ParseReason::UnsupportedVersion, Some("SIP/2.0 505 Version Not Supported\r\n")),
        }
    }
}

#[test]
fn a_cseq_of_another_method_is_refused() {
    // RFC 4475 §3.1.2.17, §3.1.2.18
    for start in ["OPTIONS sip:user@example.com SIP/2.0", "NEWMETHOD sip:user@example.com SIP/2.0"] {
        let message = request(start, "", "").replace("CSeq: 7 ", "CSeq: 8 INVITE\nX: ");
        check(&message, &ParseReason::MethodMismatch, Some("SIP/2.0 400 CSeq names another method\r\n"));
    }
}

#[test]
fn a_request_without_call_id_from_and_to_is_answered_with_what_is_there() {
    // RFC 4475 §3.3.1
    let message = "INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\n\
                   Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf;rport\nContent-Length: 0\n\n";
    check(message, &header("From", HeaderProblem::Missing, 0), Some("SIP/2.0 400 From is missing\r\n"));
    let reply = text(&parse(message).unwrap_err().reply(source()).unwrap());
    assert!(reply.contains("branch=z9hG4bKkdj.insuf;received=203.0.113.7;rport=40000\r\n"), "{reply}");
    assert!(reply.contains("CSeq: 193942 INVITE\r\n"));
}

#[test]
fn headers_that_may_stand_only_once_are_refused_twice() {
    // RFC 4475 §3.3.8
    for (line, name) in [
        ("From: <sip:other@example.com>;tag=3413415\n", HeaderName::From),
        ("f: <sip:other@example.com>;tag=3413415\n", HeaderName::From),
        ("To: <sip:third@example.net>\n", HeaderName::To),
        ("i: another@192.0.2.9\n", HeaderName::CallId),
        ("CSeq: 59 INVITE\n", HeaderName::CSeq),
        ("Max-Forwards: 5\n", HeaderName::MaxForwards),
    ] {
        check(&invite(line), &ParseReason::Repeated(name), Some("SIP/2.0 400 "));
    }
}

#[test]
fn what_cannot_form_a_transaction_is_refused() {
    let message = invite("");
    let check_without = |line: &str, name: &'static str, answered: bool| {
        let message: String =
            message.lines().filter(|text| !text.starts_with(line)).map(|l| l.to_owned() + "\n").collect();
        check(&message, &header(name, HeaderProblem::Missing, 0), answered.then_some("SIP/2.0 400 "));
    };
    check_without("Via:", "Via", false);
    check_without("CSeq:", "CSeq", false);
    check_without("To:", "To", true);
    check_without("Call-ID:", "Call-ID", true);
    let replace = |from: &str, to: &str| message.replace(from, to);
    check(&replace("CSeq: 7", "CSeq: x"), &header("CSeq", HeaderProblem::NotANumber, 0), Some("SIP/2.0 400 "));
    check(&replace("<sip:caller@example.net>", "<>"), &header("From", HeaderProblem::Empty, 1), Some("SIP/2.0 400 "));
    check(
        &replace("call-1@192.0.2.9", "a b"),
        &header("Call-ID", HeaderProblem::TrailingText, 0),
        Some("SIP/2.0 400 "),
    );
    check(&replace("call-1@192.0.2.9", ""), &header("Call-ID", HeaderProblem::Empty, 0), Some("SIP/2.0 400 "));
}

#[test]
fn a_broken_ack_is_never_answered() {
    let ack = request("ACK sip:user@example.com SIP/2.0", "To: <sip:again@example.com>\n", "");
    check(&ack, &ParseReason::Repeated(HeaderName::To), None);
}

#[test]
fn datagrams_that_are_not_sip_are_told_apart_from_keep_alives() {
    let reason = |bytes: &'static [u8]| Message::parse_datagram(bytes.into()).unwrap_err().reason;
    for keep_alive in [&b""[..], b"\r\n\r\n", b"\r\n", b"\n\n\n", b"\0", b"\0\0\0\0"] {
        assert_eq!(reason(keep_alive), ParseReason::KeepAlive);
    }
    for other in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"jaK\0",
        b"\0\x01\0\x08",
        b"INVITE\r\n\r\n",
        b"INVITE sip:a\r\n\r\n",
        b" \r\n",
    ] {
        assert_eq!(reason(other), ParseReason::NotSip, "{}", text(other));
    }
}
