//! The points of RFC 4475 that a message must be understood for (§3.1.1, §3.3, §3.4) and those of §3.1.2 where being
//! liberal is allowed, shown on messages of our own.

mod wire;

use sip_core::uri::{Scheme, unescape};
use sip_core::{Contacts, HeaderName, Message, Method};
use wire::{parse, request, text};

fn accepted(message: &str) -> Message {
    let message = parse(message).unwrap_or_else(|error| panic!("{error}:\n{message:.2000}"));
    let again = Message::parse_datagram(message.as_bytes().clone()).expect("what was read can be read again");
    assert_eq!(again.as_bytes(), message.as_bytes());
    message
}

fn header(message: &Message, name: &str) -> String {
    text(message.header(name).unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn a_tortuously_spaced_and_folded_invite_is_read_in_full() {
    // RFC 4475 §3.1.1.1
    let message = accepted(
        "INVITE sip:vera@lift.example.com;unknownparam SIP/2.0\n\
         TO :\n sip:vera@lift.example.com ;   tag    = 1918181833n\n\
         from   : \"V Rosen \\\\\\\"\"       <sip:vros@example.com>\n  ;\n  tag = 98asjd8\n\
         MaX-fOrWaRdS: 0068\n\
         Call-ID: spaces.ndaksdj@192.0.2.1\n\
         Content-Length   : {length}\n\
         cseq: 0009\n  INVITE\n\
         Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\n\
         s :\n\
         NewFangledHeader:   newfangled value\n continued newfangled value\n\
         UnknownHeaderWithUnusualValue: ;;,,;;,;\n\
         Content-Type: application/sdp\n\
         Route:\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\n\
         v:  SIP  / 2.0  / TCP     spindle.example.com   ;\n  branch  =   z9hG4bK9ikj8  ,\n \
         SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bK30239\n\
         m:\"Quoted string \\\"\\\"\" <sip:jd@example.com> ; newparam =\n      newvalue ;\n  secondparam ; q = 0.33\n\
         \n\
         v=0\n",
    );
    assert_eq!(message.method(), &Method::Invite);
    assert_eq!(message.to_tag(), Some("1918181833n"));
    assert_eq!(message.to().unwrap().uri().unwrap().as_str(), "sip:vera@lift.example.com");
    assert_eq!(message.from().unwrap().display_text().unwrap(), "V Rosen \\\"");
    assert_eq!(message.from_tag(), Some("98asjd8"));
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!(message.cseq().unwrap().number, 9);
    assert_eq!(header(&message, "Subject"), "");
    assert_eq!(header(&message, "newfangledheader"), "newfangled value continued newfangled value");
    assert_eq!(header(&message, "UnknownHeaderWithUnusualValue"), ";;,,;;,;");
    let vias: Vec<_> = message.vias().map(|via| via.unwrap()).collect();
    let shown: Vec<_> =
        vias.iter().map(|via| (via.transport(), via.host().to_string(), via.branch().unwrap())).collect();
    assert_eq!(
        shown,
        [
            ("UDP", "192.0.2.2".to_owned(), "390skdjuw"),
            ("TCP", "spindle.example.com".to_owned(), "z9hG4bK9ikj8"),
            ("UDP", "192.168.255.111".to_owned(), "z9hG4bK30239"),
        ]
    );
    let contact = message.contact().unwrap().unwrap();
    assert_eq!(contact.display_text().unwrap(), "Quoted string \"\"");
    assert_eq!(contact.param("newparam"), Some(&b"newvalue"[..]));
    assert_eq!(contact.param("secondparam"), Some(&b""[..]));
    assert_eq!(contact.param("Q"), Some(&b"0.33"[..]));
    assert!(message.routes().next().unwrap().unwrap().is_loose_route());
    assert_eq!(message.body(), "v=0\r\n");
}

#[test]
fn a_wide_range_of_characters_is_kept() {
    // RFC 4475 §3.1.1.2
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    let user = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*";
    let password = "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)";
    let message = accepted(&format!(
        "{method} sip:{user}:{password}@example.com SIP/2.0\n\
         Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\n\
         To: \"BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7f}\" <sip:{user}:{password}@example.com>\n\
         From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\u{440}\u{430}\u{431}\";tag=_token~1'+`*%!-.\n\
         Call-ID: word%ZK-!.*_+'@word`~)(><:\\/\"][?}}{{\n\
         CSeq: 139122385 {method}\n\
         Max-Forwards: 255\n\
         extensionHeader-!.%*+_`'~: \u{fe}\u{2}\u{1f600}\n\
         Content-Length: 0\n\n"
    ));
    assert_eq!(message.method().as_str(), method);
    let uri = message.uri().unwrap();
    assert_eq!((uri.user(), uri.password()), (Some(user), Some(password)));
    assert_eq!(uri.host().unwrap().to_string(), "example.com");
    assert_eq!(message.top_via().unwrap().branch(), Some("z9hG4bK-.!%66*_+`'~"));
    assert_eq!(message.to().unwrap().display_name().unwrap().as_ref(), b"BEL:\x07 NUL:\0 DEL:\x7f");
    let from = message.from().unwrap();
    assert_eq!(from.display_text().unwrap(), "token1~` token2'+_ token3*%!.-");
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(from.param("fromparam''~+*_!.-%"), Some("\"\u{440}\u{430}\u{431}\"".as_bytes()));
    assert_eq!(message.call_id(), "word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    assert_eq!(header(&message, "EXTENSIONHEADER-!.%*+_`'~"), "\u{fe}\u{2}\u{1f600}");
}

#[test]
fn percent_escapes_stay_as_they_are_and_name_the_same_user() {
    // RFC 4475 §3.1.1.3, §3.1.1.4
    let message = accepted(&request(
        "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        "Contact: <sip:cal%6Cer@192.0.2.2:5060;%6C%72;n%61me=v%61lue%25%34%31>\n\
         Contact: sip:null-%00-null@192.0.2.3\n",
        "",
    ));
    let uri = message.uri().unwrap();
    assert_eq!(uri.user(), Some("sips%3Auser%40example.com"));
    assert_eq!(uri.user_unescaped().unwrap(), "sips:user@example.com");
    assert_eq!(uri.scheme(), Scheme::Sip);
    let Ok(Contacts::List(contacts)) = message.contacts() else { panic!("two Contacts") };
    let first = contacts[0].uri().unwrap();
    assert_eq!(first.user(), Some("cal%6Cer"));
    assert_eq!(first.param("n%61me"), Some("v%61lue%25%34%31"));
    assert!(!first.params().has("lr"), "an escaped parameter name is not undone");
    assert_eq!(unescape(contacts[1].uri().unwrap().user().unwrap().as_bytes()).as_ref(), b"null-\0-null");
}

#[test]
fn percent_in_a_method_or_display_name_is_no_escape() {
    // RFC 4475 §3.1.1.5
    let message = accepted(
        "RE%47IST%45R sip:registrar.example.com SIP/2.0\n\
         To: \"%Z%45\" <sip:resource@example.com>\n\
         From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23\n\
         Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf\n\
         Via: SIP/2.0/TCP host.example.com;rport;branch=z9hG4bK209%fzsnel234\n\
         CSeq: 29344 RE%47IST%45R\n\
         Max-Forwards: 70\n\
         l: 0\n\n",
    );
    assert_eq!(message.method().as_str(), "RE%47IST%45R");
    assert_ne!(message.method(), &Method::Register);
    assert_eq!(message.to().unwrap().display_text().unwrap(), "%Z%45");
}

#[test]
fn no_space_is_needed_before_an_angle_bracket() {
    // RFC 4475 §3.1.1.6
    let message = accepted(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: caller<sip:caller@example.com>;tag=323\n\
         Max-Forwards: 70\nCall-ID: lwsdisp.1234abcd@funky.example.com\nCSeq: 60 OPTIONS\n\
         Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw\nl: 0\n\n",
    );
    assert_eq!(message.from().unwrap().display_text().unwrap(), "caller");
    assert_eq!(message.from_tag(), Some("323"));
}

#[test]
fn long_values_are_read() {
    // RFC 4475 §3.1.1.7
    let long = "long".repeat(300);
    let name = format!("X-{}", "name".repeat(50));
    let message = accepted(&format!(
        "INVITE sip:user@example.com SIP/2.0\n\
         To: \"{long}\" <sip:{long}@example.com>\n\
         From: sip:{long}@{long}.example.net;tag={long}\n\
         Call-ID: {long}@example.net\n\
         CSeq: 3882340 INVITE\n\
         {name}: {long}\n\
         {}l: 0\n\n",
        format!("Via: SIP/2.0/TCP sip{long}.example.com;branch={long}\n").repeat(20)
    ));
    assert_eq!(message.from_tag(), Some(long.as_str()));
    assert_eq!(message.vias().filter(|via| via.as_ref().unwrap().branch() == Some(long.as_str())).count(), 20);
    assert_eq!(header(&message, &name), long);
}

#[test]
fn octets_behind_the_body_are_ignored() {
    // RFC 4475 §3.1.1.8: a second request in the same datagram
    let first = request("REGISTER sip:example.com SIP/2.0", "", "");
    let message =
        accepted(&(first.replace("{length}", "0") + "INVITE sip:joe@example.com SIP/2.0\nt: <sip:joe@x.example>\n\n"));
    assert_eq!(message.method(), &Method::Register);
    assert_eq!(message.body(), "");
    assert!(message.as_bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
}

#[test]
fn semicolons_may_stand_in_the_user_part() {
    // RFC 4475 §3.1.1.9
    let message = accepted(&request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "", ""));
    let uri = message.uri().unwrap();
    assert_eq!(uri.user(), Some("user;par=u%40example.net"));
    assert_eq!(uri.params().as_bytes(), b"");
}

#[test]
fn via_transports_of_every_kind_are_read() {
    // RFC 4475 §3.1.1.10
    let message = accepted(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: <sip:caller@example.com>;tag=323\n\
         Max-Forwards: 70\nCall-ID: transports.kijh4akdnaqjkwendsasfdj\nCSeq: 60 OPTIONS\n\
         Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf\n\
         Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\nVia: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en\n\
         Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee\nl: 0\n\n",
    );
    let transports: Vec<_> = message.vias().map(|via| via.unwrap().transport().to_owned()).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

#[test]
fn a_multipart_body_is_handed_on_as_it_is() {
    // RFC 4475 §3.1.1.11
    let body = "--7a9c\nContent-Type: text/plain\n\nHello\n--7a9c\nContent-Type: application/octet-stream\n\n\0\u{1}\u{2}\n--7a9c--\n";
    let message = accepted(&request(
        "MESSAGE sip:kumiko@example.org SIP/2.0",
        "Content-Type: multipart/mixed;boundary=\"7a9c\"\n",
        body,
    ));
    assert_eq!(message.content_type().unwrap().unwrap().param("boundary").unwrap().as_ref(), b"7a9c");
    assert_eq!(text(&message.body()), body.replace('\n', "\r\n"));
}

#[test]
fn reason_phrases_may_be_unusual_or_empty() {
    // RFC 4475 §3.1.1.12, §3.1.1.13
    let response = |start: &str| {
        accepted(&format!(
            "{start}\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\nCall-ID: noreason.asndj203\n\
             CSeq: 35 INVITE\nFrom: <sip:user@example.com>;tag=39ansfi3\nTo: <sip:user@example.edu>;tag=902jndnke3\n\
             Content-Length: 0\nContact: <sip:user@host105.example.com>\n\n"
        ))
    };
    let unusual = "= 2**3 * 5**2 \u{43d}\u{43e} \u{441}\u{442}\u{43e}";
    let message = response(&format!("SIP/2.0 200 {unusual}"));
    assert_eq!(message.status(), Some(200));
    assert_eq!(text(message.reason().unwrap()), unusual);
    assert_eq!(message.method(), &Method::Invite);
    for empty in ["SIP/2.0 100 ", "SIP/2.0 100", "sip/2.0 100"] {
        let message = response(empty);
        assert_eq!((message.status(), message.reason()), (Some(100), Some(&b""[..])));
    }
}

#[test]
fn spaces_that_should_not_be_in_the_start_line_are_tolerated() {
    // RFC 4475 §3.1.2.9, §3.1.2.10
    for start in ["INVITE  sip:user@example.com  SIP/2.0", "INVITE sip:user@example.com SIP/2.0  "] {
        let message = accepted(&request(start, "", ""));
        assert_eq!(message.request_uri(), Some("sip:user@example.com"));
    }
}

#[test]
fn headers_in_the_request_uri_are_seen_and_can_be_left_out() {
    // RFC 4475 §3.1.2.11
    let message = accepted(&request("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", "", ""));
    let uri = message.uri().unwrap();
    assert_eq!(uri.headers().collect::<Vec<_>>(), [("Route", "%3Csip:example.com%3E")]);
    assert_eq!(uri.without_headers().as_str(), "sip:user@example.com");
}

#[test]
fn what_only_its_reader_cares_for_does_not_spoil_the_message() {
    // RFC 4475 §3.1.2.12 (date with a wrong time zone), §3.1.2.14 (spaces in <>), §3.1.2.15 (unquoted display name)
    let message = accepted(&request(
        "INVITE sip:user@example.com SIP/2.0",
        "Date: Fri, 01 Jan 2010 16:00:00 EST\nReply-To: Bell, Alexander <sip:a.g.bell@example.com>\n\
         Referred-By: \"Watson, Thomas\" < sip:t.watson@example.org >\n",
        "",
    ));
    assert_eq!(header(&message, "Date"), "Fri, 01 Jan 2010 16:00:00 EST");
    let bell = message.address(HeaderName::ReplyTo).unwrap().unwrap();
    assert_eq!(bell.display_text().unwrap(), "Bell, Alexander");
    let watson = message.address(HeaderName::ReferredBy).unwrap().unwrap();
    assert_eq!(watson.uri().unwrap().as_str(), "sip:t.watson@example.org");
}

#[test]
fn a_branch_of_only_the_cookie_is_shown_as_it_is() {
    // RFC 4475 §3.2.1
    let message = accepted(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:caller@example.org;tag=33242\n\
         Max-Forwards: 3\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nCall-ID: badbranch\nCSeq: 8 OPTIONS\nl: 0\n\n",
    );
    assert_eq!(message.top_via().unwrap().branch(), Some("z9hG4bK"));
}

#[test]
fn unknown_schemes_are_read_in_the_request_line_and_in_addresses() {
    // RFC 4475 §3.3.2, §3.3.3, §3.3.4
    for uri in ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002", "urn:service:sos"] {
        let message = accepted(&request(&format!("OPTIONS {uri} SIP/2.0"), "", ""));
        assert_eq!(message.uri().unwrap().scheme(), Scheme::Other);
        assert_eq!(message.uri().unwrap().as_str(), uri);
    }
    let message = accepted(
        "REGISTER sip:example.com SIP/2.0\nTo: isbn:2983792873\nFrom: <http://www.example.com>;tag=3234233\n\
         Call-ID: unksm2.daksdj@hyphenated-host.example.com\nCSeq: 234902 REGISTER\nMax-Forwards: 70\n\
         Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw\nContact: <name:John_Smith>\nl: 0\n\n",
    );
    assert_eq!(message.to().unwrap().uri().unwrap().scheme_text(), "isbn");
    assert_eq!(message.contact().unwrap().unwrap().uri().unwrap().opaque(), "John_Smith");
}

#[test]
fn extensions_that_nobody_knows_are_told_by_name() {
    // RFC 4475 §3.3.5, §3.3.6, §3.3.7
    let message = accepted(&request(
        "OPTIONS sip:user@example.com SIP/2.0",
        "Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: noProxiesSupportThis\n\
         Content-Type: application/unknownformat\nAuthorization: NoOneKnowsThisScheme opaque-data=here\n",
        "<unknown/>",
    ));
    assert_eq!(message.require().collect::<Vec<_>>(), ["nothingSupportsThis", "nothingSupportsThisEither"]);
    assert_eq!(message.content_type().unwrap().unwrap().essence(), "application/unknownformat");
    assert_eq!(header(&message, "Authorization"), "NoOneKnowsThisScheme opaque-data=here");
}

#[test]
fn a_broadcast_address_in_a_response_via_is_read_and_left_to_the_transaction() {
    // RFC 4475 §3.3.10
    let message = accepted(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\n\
         Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\nCall-ID: bcast.0384840201234ksdfak3j2erwedfsASdf\n\
         CSeq: 35 INVITE\nFrom: sip:user@example.com;tag=11141343\nTo: sip:user@example.edu;tag=2229\nl: 0\n\n",
    );
    let hosts: Vec<_> = message.vias().map(|via| via.unwrap().host().to_string()).collect();
    assert_eq!(hosts, ["192.0.2.198", "255.255.255.255"]);
}

#[test]
fn max_forwards_of_zero_is_zero() {
    // RFC 4475 §3.3.11
    let message =
        request("OPTIONS sip:user@example.com SIP/2.0", "", "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(accepted(&message).max_forwards(), Ok(Some(0)));
}

#[test]
fn parameters_without_angle_brackets_belong_to_the_header() {
    // RFC 4475 §3.3.12, §3.3.13, §3.3.14
    let message = accepted(&request(
        "REGISTER sip:example.com SIP/2.0",
        "Contact: sip:+19725552222@gw1.example.net;unknownparam\n\
         Contact: <sip:+19725552222@gw1.example.net;unknownparam>\n\
         Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\n",
        "",
    ));
    let Ok(Contacts::List(contacts)) = message.contacts() else { panic!("three Contacts") };
    assert!(contacts[0].params().has("unknownparam") && !contacts[0].uri().unwrap().params().has("unknownparam"));
    assert!(!contacts[1].params().has("unknownparam") && contacts[1].uri().unwrap().params().has("unknownparam"));
    assert_eq!(contacts[2].uri().unwrap().headers().next(), Some(("Route", "%3Csip:sip.example.com%3E")));
}

#[test]
fn an_rfc_2543_invite_without_branch_tags_and_max_forwards_is_read() {
    // RFC 4475 §3.4.1
    let message = accepted(
        "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\nFrom: <sip:+13035551111@ift.client.example.net;user=phone>\n\
         Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\nTo: sip:+16505552222@ss1.example.net;user=phone\n\
         Call-ID: inv2543.1717@ift.client.example.com\nCSeq: 56 INVITE\nContent-Type: application/sdp\n\nv=0\n",
    );
    let via = message.top_via().unwrap();
    assert_eq!((via.branch(), via.port()), (None, None));
    assert_eq!((message.from_tag(), message.to_tag(), message.max_forwards()), (None, None, Ok(None)));
    assert_eq!(message.to().unwrap().param("user"), Some(&b"phone"[..]));
    assert_eq!(message.body(), "v=0\r\n");
}
