//! What the builder writes.

use bytes::Bytes;

use super::{Message, MessageBuilder, reason_phrase};
use crate::{HeaderName, Method, NameAddr, Uri, Via};

const INVITE: &str = "INVITE sip:b@example.com SIP/2.0\r\n\
    v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport, SIP/2.0/TCP\r\n 192.0.2.2;branch=z9hG4bK2\r\n\
    Via: SIP/2.0/TLS c.example.com;branch=z9hG4bK3\r\n\
    Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n\
    FROM:   Alice <sip:a@example.com>;tag=88sja8x\r\n\
    t: sip:b@example.com\r\n\
    Call-ID: 987asjd97y7atg\r\n\
    X-Custom:  some thing \r\n\
    CSeq: 986759 INVITE\r\n\
    Max-Forwards: 70\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 5\r\n\r\nv=0\r\n";

fn invite() -> Message {
    Message::parse_datagram(Bytes::from_static(INVITE.as_bytes())).unwrap()
}

fn check(builder: MessageBuilder, expected: &str) {
    let message = builder.build();
    assert_eq!(String::from_utf8_lossy(message.as_bytes()), expected);
    let read = Message::restore(message.as_bytes().clone()).unwrap();
    assert!(message.lines().eq(read.lines()), "offsets of a built message are those of a read one");
    assert_eq!((message.method(), message.status(), message.body()), (read.method(), read.status(), read.body()));
    assert_eq!((message.request_uri(), message.reason()), (read.request_uri(), read.reason()));
}

#[test]
fn a_response_copies_what_rfc_3261_8_2_6_2_names_byte_for_byte() {
    let builder = MessageBuilder::response_to(&invite(), 486, reason_phrase(486)).to_tag("00b7;x\r\n");
    check(
        builder,
        "SIP/2.0 486 Busy Here\r\n\
         v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport, SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK2\r\n\
         Via: SIP/2.0/TLS c.example.com;branch=z9hG4bK3\r\n\
         FROM: Alice <sip:a@example.com>;tag=88sja8x\r\n\
         t: sip:b@example.com;tag=00b7x\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 INVITE\r\n\
         Content-Length: 0\r\n\r\n",
    );
}

#[test]
fn a_response_takes_more_headers_a_body_and_the_source() {
    let request = invite().with_source(([203, 0, 113, 5], 6000).into());
    let builder = MessageBuilder::response_to(&request, 200, "OK")
        .copy(&request, HeaderName::RecordRoute)
        .copy(&request, "x-custom")
        .to_tag("1")
        .to_tag("2")
        .header(HeaderName::Contact, "<sip:192.0.2.9>")
        .body("application/sdp", "v=0\r\ns=-\r\n");
    check(
        builder,
        "SIP/2.0 200 OK\r\n\
         v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=203.0.113.5;rport=6000, SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK2\r\n\
         Via: SIP/2.0/TLS c.example.com;branch=z9hG4bK3\r\n\
         FROM: Alice <sip:a@example.com>;tag=88sja8x\r\n\
         t: sip:b@example.com;tag=1\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 INVITE\r\n\
         Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n\
         X-Custom: some thing\r\n\
         Contact: <sip:192.0.2.9>\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: 10\r\n\r\nv=0\r\ns=-\r\n",
    );
}

#[test]
fn a_request_is_written_in_the_order_it_was_put_together() {
    let uri: Uri = "sip:b@example.com".parse().unwrap();
    let to = NameAddr::new(Some("Bob"), &uri);
    let builder = MessageBuilder::request(Method::Bye, &uri)
        .header(HeaderName::MaxForwards, "70")
        .append(HeaderName::Route, "<sip:p1;lr>")
        .append(HeaderName::Route, "<sip:p2;lr>")
        .header(HeaderName::To, &to)
        .header("cseq", "2 BYE")
        .header("X-Mark", "1")
        .header("x-mark", "2")
        .via(&Via::new("UDP", ([192, 0, 2, 9], 5060).into(), "z9hG4bKold"))
        .via(&Via::new("UDP", ([192, 0, 2, 9], 5060).into(), "z9hG4bKnew"));
    assert_eq!(builder.method(), &Method::Bye);
    assert!(builder.has("v") && !builder.has(HeaderName::Contact));
    check(
        builder,
        "BYE sip:b@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKnew\r\n\
         Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKold\r\n\
         Max-Forwards: 70\r\n\
         Route: <sip:p1;lr>\r\n\
         Route: <sip:p2;lr>\r\n\
         To: \"Bob\" <sip:b@example.com>\r\n\
         CSeq: 2 BYE\r\n\
         X-Mark: 2\r\n\
         Content-Length: 0\r\n\r\n",
    );
}

#[test]
fn a_changed_copy_keeps_everything_else() {
    let message = invite();
    check(
        MessageBuilder::from_message(&message),
        &INVITE
            .replace("TCP\r\n 192", "TCP 192")
            .replace(":   Alice", ": Alice")
            .replace(":  some thing ", ": some thing"),
    );
    let changed = MessageBuilder::from_message(&message)
        .remove_top_via()
        .remove_top_via()
        .remove("x-custom")
        .header(HeaderName::RecordRoute, "<sip:p3>")
        .without_body()
        .build();
    assert_eq!(changed.vias().count(), 1);
    assert_eq!(changed.top_via().unwrap().host().to_string(), "c.example.com");
    assert_eq!(changed.headers(HeaderName::RecordRoute).collect::<Vec<_>>(), [b"<sip:p3>"]);
    assert_eq!((changed.header("X-Custom"), changed.header("c"), changed.body().len()), (None, None, 0));
}

#[test]
fn no_value_can_add_a_line() {
    let message = MessageBuilder::request(Method::Info, "sip:a@b SIP/2.0\r\nX-Evil: 1\r\n\r\n")
        .header(HeaderName::Subject, "a\r\nX-Evil: 2\r\n\r\n\0body")
        .header("X-Evil: 3\r\nX-Evil", "x")
        .header("", "x")
        .append("X Evil", "x")
        .append(HeaderName::ContentLength, "99")
        .body("text/plain\nX-Evil: 4", "x\r\n")
        .build();
    assert_eq!(
        String::from_utf8_lossy(message.as_bytes()),
        "INFO sip:a@b%20SIP/2.0%0D%0AX-Evil:%201%0D%0A%0D%0A SIP/2.0\r\n\
         Subject: a X-Evil: 2 body\r\n\
         Content-Type: text/plain X-Evil: 4\r\n\
         Content-Length: 3\r\n\r\nx\r\n"
    );
    let response = MessageBuilder::response_to(&invite(), 9999, "a\r\nb").build();
    assert!(response.as_bytes().starts_with(b"SIP/2.0 699 a b\r\n"));
}

#[test]
fn a_message_is_written_down_as_its_bytes() {
    for message in [invite(), MessageBuilder::request(Method::Options, "sip:a").build()] {
        let written = rmp_serde::to_vec(&message).unwrap();
        assert!(written.len() <= message.as_bytes().len() + 3, "binary, not a list of numbers");
        let read: Message = rmp_serde::from_slice(&written).unwrap();
        assert_eq!(read, message);
        assert!(read.lines().eq(message.lines()));
        let json: Message = serde_json::from_slice(&serde_json::to_vec(&message).unwrap()).unwrap();
        assert_eq!(json, message);
    }
    assert!(rmp_serde::from_slice::<Message>(&rmp_serde::to_vec(b"no message".as_slice()).unwrap()).is_err());
}
