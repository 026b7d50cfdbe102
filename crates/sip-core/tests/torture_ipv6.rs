//! The points of RFC 5118 (IPv6 in SIP), shown on messages of our own.

mod wire;

use std::net::IpAddr;

use sip_core::header::HeaderProblem;
use sip_core::{HeaderName, ParseReason};
use wire::{parse, request, text};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("a literal of this file")
}

#[test]
fn an_address_in_brackets_is_the_host_and_what_follows_it_the_port() {
    // RFC 5118 §4.1, §4.3, §4.4, §4.9, §4.10
    let check = |uri: &str, host: &str, port: Option<u16>| {
        let message = parse(&request(&format!("REGISTER {uri} SIP/2.0"), "", "")).expect(uri);
        let parsed = message.uri().unwrap();
        assert_eq!((parsed.host().unwrap().ip(), parsed.port()), (Some(ip(host)), port), "{uri}");
        assert_eq!(parsed.as_str(), uri, "printed as it came");
    };
    check("sip:[2001:db8::10]", "2001:db8::10", None);
    check("sip:bob@[2001:DB8::10]", "2001:db8::10", None);
    check("sip:[2001:db8::10:5070]", "2001:db8::10:5070", None);
    check("sip:[2001:db8::10]:5070", "2001:db8::10", Some(5070));
    check("sip:bob@[::ffff:192.0.2.10]:19823;transport=udp", "::ffff:192.0.2.10", Some(19823));
    check("sip:bob@[2001:db8:::192.0.2.1]", "2001:db8::192.0.2.1", None);
    check("sip:bob@192.0.2.10", "192.0.2.10", None);
}

#[test]
fn an_address_without_brackets_is_refused_in_a_uri_and_in_via() {
    // RFC 5118 §4.2
    let refused = |message: &str, problem: HeaderProblem| match parse(message).expect_err(message).reason {
        ParseReason::Header(error) => assert_eq!(error.problem, problem, "{message}"),
        other => panic!("{other}"),
    };
    refused(&request("REGISTER sip:2001:db8::10 SIP/2.0", "", ""), HeaderProblem::BadPort);
    refused(&request("REGISTER sip:[2001:db8::10 SIP/2.0", "", ""), HeaderProblem::BadIpv6);
    refused(&request("REGISTER sip:[2001:db8::zz] SIP/2.0", "", ""), HeaderProblem::BadIpv6);
    refused(&request("REGISTER sip:[] SIP/2.0", "", ""), HeaderProblem::BadIpv6);
    let good = request("REGISTER sip:example.com SIP/2.0", "", "");
    refused(&good.replace("192.0.2.9:5060", "2001:db8::9"), HeaderProblem::BadPort);
}

#[test]
fn received_may_have_brackets_or_not() {
    // RFC 5118 §4.5
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let message = request("BYE sip:[2001:db8::10] SIP/2.0", "", "")
            .replace("192.0.2.9:5060", &format!("[2001:db8::9:1]:5061;received={received}"));
        let via = parse(&message).expect(received).top_via().unwrap();
        assert_eq!(via.host().ip(), Some(ip("2001:db8::9:1")));
        assert_eq!((via.port(), via.received()), (Some(5061), Some(ip("2001:db8::9:255"))));
    }
}

#[test]
fn addresses_of_both_families_stand_side_by_side() {
    // RFC 5118 §4.6, §4.7, §4.8
    let message = request(
        "INVITE sip:user@[2001:db8::10] SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1:6001;received=192.0.2.254;branch=z9hG4bKas3-111\n\
         Contact: <sip:user@[2001:db8::1]>, <sip:user@192.0.2.1>\n\
         Record-Route: <sip:[2001:db8::20]:5060;lr>,<sip:192.0.2.20;lr>\nContent-Type: application/sdp\n",
        "v=0\nc=IN IP6 2001:db8::20\nm=audio 6000 RTP/AVP 0\nc=IN IP4 192.0.2.1\n",
    );
    let message = parse(&message).expect("valid");
    let hosts = |name: HeaderName| -> Vec<String> {
        message.addresses(name).map(|address| address.unwrap().uri().unwrap().host().unwrap().to_string()).collect()
    };
    assert_eq!(hosts(HeaderName::Contact), ["[2001:db8::1]", "192.0.2.1"]);
    assert_eq!(hosts(HeaderName::RecordRoute), ["[2001:db8::20]", "192.0.2.20"]);
    assert_eq!(message.vias().nth(1).unwrap().unwrap().received(), Some(ip("192.0.2.254")));
    assert!(text(&message.body()).contains("c=IN IP6 2001:db8::20\r\n"));
}
