//! Dialogs: what they are made of, where their requests go, and the order of requests. RFC 3261 §12.
#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing has failed")]

use bytes::Bytes;
use sip_core::{Dialog, DialogError, DialogId, DialogState, HeaderName, Message, MessageBuilder, Method, ends_dialog};

const CALLEE: &str = "<sip:bob@example.net>";

fn parse(lines: &str) -> Message {
    let text: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    Message::parse_datagram(Bytes::from(format!("{text}\r\n"))).unwrap()
}

/// An INVITE with these extra lines.
fn invite(extra: &str) -> Message {
    parse(&format!(
        "INVITE sip:bob@example.net SIP/2.0
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
         From: \"Alice\" <sip:alice@example.com>;tag=a1
         To: {CALLEE}
         Call-ID: c1
         CSeq: 100 INVITE
         {extra}"
    ))
}

fn called() -> Dialog {
    let invite = invite(
        "Contact: <sip:alice@192.0.2.1:5070>
         Record-Route: <sip:p2.example.net;lr>, <sip:p1.example.com;lr>",
    );
    Dialog::of_uas(&invite, "b1").unwrap()
}

fn in_dialog(method: &str, cseq: u32) -> Message {
    parse(&format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}
         From: \"Alice\" <sip:alice@example.com>;tag=a1
         To: {CALLEE};tag=b1
         Call-ID: c1
         CSeq: {cseq} {method}
         Contact: <sip:alice@198.51.100.7>"
    ))
}

fn text(message: &Message, name: HeaderName) -> Vec<String> {
    message.values(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn the_called_side_swaps_the_parties_and_keeps_the_order_of_routes() {
    let mut dialog = called();
    assert_eq!(dialog.state(), DialogState::Early);
    let id = DialogId { call_id: "c1".into(), local_tag: "b1".into(), remote_tag: "a1".into() };
    assert_eq!(dialog.id(), &id);
    let bye = dialog.request(Method::Bye).build();
    assert_eq!(bye.request_uri(), Some("sip:alice@192.0.2.1:5070"));
    assert_eq!(text(&bye, HeaderName::Route), ["<sip:p2.example.net;lr>", "<sip:p1.example.com;lr>"]);
    assert_eq!(text(&bye, HeaderName::From), ["<sip:bob@example.net>;tag=b1"]);
    assert_eq!(text(&bye, HeaderName::To), ["\"Alice\" <sip:alice@example.com>;tag=a1"]);
    assert_eq!(bye.call_id(), "c1");
    assert_eq!(bye.cseq().unwrap().to_string(), "1 BYE");
    assert_eq!(dialog.request(Method::Info).build().cseq().unwrap().number, 2);
    assert_eq!(dialog.next_hop().as_str(), "sip:p2.example.net;lr");
}

fn answer(status: u16, extra: &str) -> Message {
    parse(&format!(
        "SIP/2.0 {status} OK
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
         From: <sip:alice@example.com>;tag=a1
         To: {CALLEE};tag=b1
         Call-ID: c1
         CSeq: 100 INVITE
         {extra}"
    ))
}

#[test]
fn the_calling_side_reverses_the_routes_and_acknowledges_with_the_number_of_the_invite() {
    let ringing = answer(180, "Contact: <sip:bob@192.0.2.2>\nRecord-Route: <sip:old;lr>");
    let mut dialog = Dialog::of_uac(&ringing).unwrap();
    assert_eq!((dialog.state(), dialog.next_hop().as_str()), (DialogState::Early, "sip:old;lr"));
    let ok = answer(200, "Contact: <sip:bob@192.0.2.9>\nRecord-Route: <sip:p2;lr>\nRecord-Route: <sip:p1;lr>");
    dialog.confirm_by(&ok).unwrap();
    assert_eq!(dialog.state(), DialogState::Confirmed);
    let ack = dialog.ack(100).build();
    assert_eq!(ack.request_uri(), Some("sip:bob@192.0.2.9"));
    assert_eq!(text(&ack, HeaderName::Route), ["<sip:p1;lr>", "<sip:p2;lr>"], "the route set of the 2xx");
    assert_eq!(ack.cseq().unwrap().to_string(), "100 ACK");
    assert_eq!(text(&ack, HeaderName::To), ["<sip:bob@example.net>;tag=b1"]);
    assert_eq!(dialog.request(Method::Bye).build().cseq().unwrap().number, 101);
    let reinvited = answer(200, "Contact: <sip:bob@192.0.2.10>\nRecord-Route: <sip:other;lr>");
    dialog.confirm_by(&reinvited).unwrap();
    assert_eq!(dialog.remote_target().as_str(), "sip:bob@192.0.2.10");
    assert_eq!(dialog.next_hop().as_str(), "sip:p1;lr", "the route set of a confirmed dialog never changes");
}

#[test]
fn a_strict_router_gets_its_own_uri_and_the_target_travels_last() {
    let invite = invite(
        "Contact: <sip:alice@192.0.2.1?Subject=x>
         Record-Route: <sip:strict.example.net;method=INVITE;x=1?a=b>, <sip:p1.example.com;lr>",
    );
    let mut dialog = Dialog::of_uas(&invite, "b1").unwrap();
    let bye = dialog.request(Method::Bye).build();
    assert_eq!(bye.request_uri(), Some("sip:strict.example.net;x=1"));
    assert_eq!(text(&bye, HeaderName::Route), ["<sip:p1.example.com;lr>", "<sip:alice@192.0.2.1?Subject=x>"]);
}

#[test]
fn a_lower_cseq_gets_500_and_a_jump_ahead_is_fine() {
    let mut dialog = called();
    assert_eq!(dialog.receive(&in_dialog("INFO", 99)).unwrap_err().status, 500);
    assert_eq!(dialog.receive(&in_dialog("INFO", 5_000)), Ok(()));
    assert_eq!(dialog.receive(&in_dialog("BYE", 4_999)).unwrap_err().status, 500);
    assert_eq!(dialog.receive(&in_dialog("BYE", 5_000)), Ok(()), "equal is not lower");
    assert_eq!(dialog.receive(&in_dialog("INVITE", 5_000)).unwrap_err().status, 500);
    assert_eq!(dialog.receive(&in_dialog("ACK", 100)), Ok(()), "an ACK has the number of its INVITE");
    assert_eq!(dialog.receive(&in_dialog("INVITE", 5_001)), Ok(()));
}

#[test]
fn the_first_request_to_a_calling_side_sets_the_number() {
    let mut dialog = Dialog::of_uac(&answer(200, "Contact: <sip:bob@192.0.2.2>")).unwrap();
    assert_eq!(dialog.receive(&in_dialog("INFO", 3)), Ok(()));
    assert_eq!(dialog.receive(&in_dialog("INFO", 2)).unwrap_err().status, 500);
}

#[test]
fn an_accepted_reinvite_moves_the_target_and_one_without_contact_does_not() {
    let mut dialog = called();
    dialog.refresh_target(&in_dialog("INVITE", 101)).unwrap();
    assert_eq!(dialog.remote_target().as_str(), "sip:alice@198.51.100.7");
    let without = MessageBuilder::from_message(&in_dialog("INVITE", 102)).remove(HeaderName::Contact).build();
    dialog.refresh_target(&without).unwrap();
    assert_eq!(dialog.remote_target().as_str(), "sip:alice@198.51.100.7");
}

#[test]
fn responses_that_make_a_dialog_carry_our_tag_and_the_routes() {
    let invite = invite("Contact: <sip:alice@192.0.2.1>\nRecord-Route: <sip:p1;lr>");
    let dialog = Dialog::of_uas(&invite, "b1").unwrap();
    let ringing = dialog.response_to(&invite, 180).build();
    assert_eq!((ringing.to_tag(), text(&ringing, HeaderName::RecordRoute).len()), (Some("b1"), 1));
    assert_eq!(ringing.reason(), Some(&b"Ringing"[..]));
    let busy = dialog.response_to(&invite, 486).build();
    assert_eq!((busy.to_tag(), text(&busy, HeaderName::RecordRoute).len()), (Some("b1"), 0));
    let bye = in_dialog("BYE", 101);
    assert_eq!(dialog.response_to(&bye, 200).build().to_tag(), Some("b1"));
    assert_eq!(DialogId::of_request(&bye).as_ref(), Some(dialog.id()));
    assert_eq!(DialogId::of_request(&invite), None);
}

#[test]
fn a_response_with_the_largest_cseq_does_no_harm() {
    let text = answer(200, "Contact: <sip:b@c>").to_string().replace("CSeq: 100", "CSeq: 4294967295");
    let mut dialog = Dialog::of_uac(&Message::parse_datagram(Bytes::from(text)).unwrap()).unwrap();
    assert_eq!(dialog.request(Method::Bye).build().cseq().unwrap().number, u32::MAX);
}

#[test]
fn both_sides_name_the_same_dialog_from_their_own_end() {
    let caller = Dialog::of_uac(&answer(200, "Contact: <sip:bob@192.0.2.2>")).unwrap();
    let called = called();
    assert_eq!(caller.id().local_tag, called.id().remote_tag);
    assert_eq!(caller.id().remote_tag, called.id().local_tag);
    assert_eq!(DialogId::of_response(&answer(180, "")), Some(caller.id().clone()));
}

#[test]
fn without_a_contact_or_a_tag_there_is_no_dialog() {
    assert_eq!(Dialog::of_uas(&invite("Subject: x"), "b1").unwrap_err(), DialogError::NoContact);
    assert_eq!(Dialog::of_uac(&answer(200, "Subject: x")).unwrap_err(), DialogError::NoContact);
    let untagged = answer(200, "Contact: <sip:b@c>").to_string().replace(";tag=b1", "");
    let untagged = Message::parse_datagram(Bytes::from(untagged)).unwrap();
    assert_eq!(Dialog::of_uac(&untagged).unwrap_err(), DialogError::NoTag);
    assert!(matches!(Dialog::of_uas(&invite("Contact: <sip:"), "b1"), Err(DialogError::Header(_))));
}

#[test]
fn a_dialog_without_a_tag_of_theirs_is_that_of_an_rfc_2543_peer() {
    let text = invite("Contact: <sip:alice@192.0.2.1>").to_string().replace(";tag=a1", "");
    let dialog = Dialog::of_uas(&Message::parse_datagram(Bytes::from(text)).unwrap(), "b1").unwrap();
    assert_eq!(dialog.id().remote_tag, "");
    let bye = in_dialog("BYE", 101).to_string().replace(";tag=a1", "");
    let bye = Message::parse_datagram(Bytes::from(bye)).unwrap();
    assert_eq!(DialogId::of_request(&bye).as_ref(), Some(dialog.id()));
}

#[test]
fn a_restored_dialog_goes_on_where_it_was() {
    let mut dialog = called();
    dialog.request(Method::Info);
    dialog.confirm();
    let mut restored: Dialog = rmp_serde::from_slice(&rmp_serde::to_vec(&dialog).unwrap()).unwrap();
    assert_eq!(restored.request(Method::Bye).build(), dialog.request(Method::Bye).build());
    assert_eq!(restored.state(), DialogState::Confirmed);
    assert_eq!(restored.receive(&in_dialog("INFO", 99)).unwrap_err().status, 500);
}

#[test]
fn only_408_and_481_end_a_dialog() {
    let ending: Vec<_> = (200..700).filter(|status| ends_dialog(*status)).collect();
    assert_eq!(ending, [408, 481]);
}
