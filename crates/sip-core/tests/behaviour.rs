//! The cases on which SIP libraries were compared before this message layer was written: each must come out right here.

mod wire;

use bytes::Bytes;
use sip_core::{Contacts, HeaderName, Message, MessageBuilder, Method, ParseReason};
use wire::{parse, request, text, wire};

fn read(message: &str) -> Message {
    parse(message).unwrap_or_else(|error| panic!("{error}:\n{message}"))
}

#[test]
fn compact_names_are_the_long_ones() {
    let message = read(
        "INVITE sip:b@example.com SIP/2.0\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nf: <sip:a@example.com>;tag=1\n\
         t: <sip:b@example.com>\ni: compact@192.0.2.1\nCSeq: 1 INVITE\nm: <sip:a@192.0.2.1>\nk: timer\ns: hello\n\
         c: application/sdp\ne: gzip\no: presence\nr: <sip:c@example.com>\nb: <sip:d@example.com>\nu: dialog\nx: 1800\n\
         a: *\nj: *;audio\nd: fork\ny: identity\nl: 4\n\nv=0\n",
    );
    for (name, value) in [
        (HeaderName::CallId, "compact@192.0.2.1"),
        (HeaderName::Contact, "<sip:a@192.0.2.1>"),
        (HeaderName::Supported, "timer"),
        (HeaderName::Subject, "hello"),
        (HeaderName::ContentType, "application/sdp"),
        (HeaderName::ContentEncoding, "gzip"),
        (HeaderName::Event, "presence"),
        (HeaderName::ReferTo, "<sip:c@example.com>"),
        (HeaderName::ReferredBy, "<sip:d@example.com>"),
        (HeaderName::AllowEvents, "dialog"),
        (HeaderName::SessionExpires, "1800"),
        (HeaderName::AcceptContact, "*"),
        (HeaderName::RejectContact, "*;audio"),
        (HeaderName::RequestDisposition, "fork"),
        (HeaderName::Identity, "identity"),
    ] {
        assert_eq!(message.header_text(name).unwrap(), value);
        assert_eq!(message.header_text(name.as_str()).unwrap(), value);
    }
    assert_eq!((message.from_tag(), message.body()), (Some("1"), Bytes::from("v=0\r")));
    let response = MessageBuilder::response_to(&message, 200, "OK").build();
    assert!(text(response.as_bytes()).contains("\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"));
}

#[test]
fn folded_lines_are_one_value() {
    let message = read(&request(
        "OPTIONS sip:b@example.com SIP/2.0",
        "Subject: one\n two\n\t  three  \nX-Odd:\n \n start\nX-End: end\n  \n",
        "",
    ));
    assert_eq!(message.header_text("subject").unwrap(), "one two three");
    assert_eq!(message.header_text("x-odd").unwrap(), "start");
    assert_eq!(message.header_text("x-end").unwrap(), "end");
    assert_eq!(message.cseq().unwrap().number, 7);
}

#[test]
fn comma_lists_and_repeated_lines_are_the_same() {
    let message = read(&request(
        "REGISTER sip:example.com SIP/2.0",
        "v: SIP/2.0/TCP a.example.com;branch=z9hG4bKa , SIP/2.0/UDP b.example.com;branch=z9hG4bKb\n\
         Contact: \"One, two\" <sip:a,b@example.com>;q=0.7, <sip:c@example.com>\nm: sip:d@example.com\n\
         Allow: INVITE,ACK\nAllow: BYE\nRequire: a,b\n",
        "",
    ));
    let hosts: Vec<_> = message.vias().map(|via| via.unwrap().host().to_string()).collect();
    assert_eq!(hosts, ["192.0.2.9", "a.example.com", "b.example.com"]);
    let Ok(Contacts::List(contacts)) = message.contacts() else { panic!("three Contacts") };
    let users: Vec<_> = contacts.iter().map(|contact| text(contact.uri_bytes())).collect();
    assert_eq!(users, ["sip:a,b@example.com", "sip:c@example.com", "sip:d@example.com"]);
    assert_eq!(message.allow().unwrap(), [Method::Invite, Method::Ack, Method::Bye]);
    assert_eq!(message.require().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn tel_uris_are_read() {
    let message = read(&request("INVITE tel:+1-201-555-0123;phone-context=example.com SIP/2.0", "", ""));
    let uri = message.uri().unwrap();
    assert_eq!((uri.user(), uri.param("phone-context")), (Some("+1-201-555-0123"), Some("example.com")));
    assert_eq!(message.request_uri(), Some("tel:+1-201-555-0123;phone-context=example.com"));
}

#[test]
fn bytes_that_are_not_utf_8_are_kept_and_hide_nothing_behind_them() {
    let source = request("INVITE sip:b@example.com SIP/2.0", "Subject: caf?\nX-Later: still here\n", "");
    let mut bytes = wire(&source).to_vec();
    let at = bytes.windows(4).position(|window| window == b"caf?").unwrap();
    bytes[at + 3] = 0xe9;
    let message = Message::parse_datagram(bytes.clone().into()).unwrap();
    assert_eq!(message.header("subject").unwrap(), b"caf\xe9");
    assert_eq!(message.header_text("X-LATER").unwrap(), "still here");
    assert_eq!(message.as_bytes(), &bytes);
    let copy = MessageBuilder::from_message(&message).build();
    assert_eq!(copy.header("subject").unwrap(), b"caf\xe9");
}

#[test]
fn without_content_length_the_rest_of_the_datagram_is_the_body() {
    let message =
        read(&request("INVITE sip:b@example.com SIP/2.0", "", "v=0\n").replace("Content-Length: {length}\n", ""));
    assert_eq!(message.body(), "v=0\r\n");
    assert_eq!(message.content_length(), Ok(None));
}

#[test]
fn escapes_are_never_undone_or_doubled() {
    let message = read(
        &request("INVITE sip:a%20b%2520@example.com;x=%61 SIP/2.0", "Contact: <sip:c%40d+e@example.com>\n", "")
            .replace("z9hG4bKtest1", "z9hG4bK%66"),
    );
    let copy = MessageBuilder::from_message(&message).build();
    for message in [&message, &copy] {
        assert_eq!(message.request_uri(), Some("sip:a%20b%2520@example.com;x=%61"));
        assert_eq!(message.uri().unwrap().to_string(), "sip:a%20b%2520@example.com;x=%61");
        assert_eq!(message.top_via().unwrap().branch(), Some("z9hG4bK%66"));
        assert_eq!(message.contact().unwrap().unwrap().to_string(), "<sip:c%40d+e@example.com>");
    }
    let built = MessageBuilder::request(Method::Invite, message.uri().unwrap()).build();
    assert!(built.as_bytes().starts_with(b"INVITE sip:a%20b%2520@example.com;x=%61 SIP/2.0\r\n"));
}

#[test]
fn escaped_quotes_in_a_display_name_are_kept_and_can_be_undone() {
    let message =
        read(&request("INVITE sip:b@example.com SIP/2.0", "", "").replace("From: <", r#"From: "A \"B\" \\ C" <"#));
    let from = message.from().unwrap();
    assert_eq!(from.display_text().unwrap(), r#"A "B" \ C"#);
    assert_eq!(from.to_string(), r#""A \"B\" \\ C" <sip:caller@example.net>;tag=from1"#);
}

#[test]
fn a_tag_is_found_behind_an_address_without_brackets() {
    let message = read(
        &request("INVITE sip:b@example.com SIP/2.0", "", "")
            .replace("<sip:caller@example.net>;tag=from1", "sip:caller@example.net ; tag=bare1"),
    );
    assert_eq!(message.from_tag(), Some("bare1"));
    assert_eq!(message.from().unwrap().uri().unwrap().as_str(), "sip:caller@example.net");
}

#[test]
fn odd_method_tokens_are_methods() {
    let message = read(&request("!strange.Method~1 sip:b@example.com SIP/2.0", "", ""));
    assert_eq!(message.method().as_str(), "!strange.Method~1");
    let bad = parse(&request("IN@VITE sip:b@example.com SIP/2.0", "", "")).unwrap_err();
    assert_eq!(bad.reason, ParseReason::BadMethod);
}

#[test]
fn a_content_length_that_is_negative_or_above_the_body_is_refused() {
    let reason = |length: &str| {
        parse(&request("INVITE sip:b@example.com SIP/2.0", "", "v=0\n").replace("{length}", length)).unwrap_err().reason
    };
    assert_eq!(reason("-999"), ParseReason::ContentLength);
    assert_eq!(reason("6"), ParseReason::BodyCutOff { declared: 6, present: 5 });
}

#[test]
fn lines_may_end_in_lf_and_empty_lines_may_come_first() {
    let source = request("invite sip:b@example.com sip/2.0", "Subject: x\n y\n", "v=0\n").replace("{length}", "4");
    for leading in ["", "\n", "\r\n\r\n"] {
        let message = Message::parse_datagram(Bytes::from(format!("{leading}{source}"))).unwrap();
        assert_eq!(message.method().as_str(), "invite");
        assert_ne!(message.method(), &Method::Invite, "methods are case-sensitive");
        assert_eq!(message.header_text("Subject").unwrap(), "x y");
        assert_eq!(message.body(), "v=0\n");
        assert_eq!(message.as_bytes(), &source, "nothing of the message itself is changed");
    }
}

#[test]
fn a_carriage_return_alone_ends_no_line_and_is_refused() {
    let mut bytes = wire(&request("INVITE sip:b@example.com SIP/2.0", "Subject: a?X: b\n", "")).to_vec();
    let at = bytes.iter().position(|&byte| byte == b'?').unwrap();
    bytes[at] = b'\r';
    let error = Message::parse_datagram(bytes.into()).unwrap_err();
    assert_eq!((error.reason, error.at as usize), (ParseReason::BareCarriageReturn, at));
}

#[test]
fn a_star_contact_stands_alone() {
    let contacts = |extra: &str| read(&request("REGISTER sip:example.com SIP/2.0", extra, "")).contacts();
    assert_eq!(contacts("Contact: *\n"), Ok(Contacts::All));
    assert_eq!(contacts(""), Ok(Contacts::List(Vec::new())));
    assert!(contacts("Contact: *\nContact: <sip:a@example.com>\n").is_err());
    assert!(contacts("Contact: <sip:a@example.com>, *\n").is_err());
}

#[test]
fn the_source_is_noted_only_where_it_says_something_new() {
    let text = request("INVITE sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.77\n", "v=0\n");
    let plain = read(&text.replace(";rport", ""));
    let noted = plain.clone().with_source(([192, 0, 2, 9], 5060).into());
    assert_eq!(noted.as_bytes().as_ptr(), plain.as_bytes().as_ptr(), "the same bytes are shared");
    let noted = read(&text).with_source(([203, 0, 113, 7], 1024).into());
    let vias: Vec<_> = noted.vias().map(|via| via.unwrap().to_string()).collect();
    let first = "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKtest1;received=203.0.113.7;rport=1024";
    assert_eq!(vias, [first, "SIP/2.0/UDP 192.0.2.77"]);
    assert_eq!(noted.body(), "v=0\r\n");
}

/// Found by fuzzing: it went into our BYE as a space, and no such message can be read.
#[test]
fn a_call_id_with_a_control_character_is_refused() {
    let text = wire::invite_1kb();
    let text = String::from_utf8_lossy(&text).replace("5f0d6a71-93b2", "5f0d6a71\0-93b2");
    let error = Message::parse_datagram(text.into_bytes().into()).unwrap_err();
    assert!(error.to_string().contains("Call-ID has bytes that are not text"), "{error}");
}
