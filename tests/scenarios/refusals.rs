//! Calls and requests that are refused, each with its status and without a trace afterwards.

use support::{json, scenario, scenario_of_one_loop};

use crate::quiet;

#[test]
fn an_unknown_number_gets_404() {
    scenario("unknown_number", |world| {
        let alice = world.phone("alice");
        alice.calls("nobody");
        alice.gets(404);
        world.is_empty_after_40_s();
    });
}

#[test]
fn an_offer_without_a_codec_in_common_gets_488() {
    scenario("no_common_codec", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        let mut offer = alice.offer();
        offer.formats = vec![9];
        alice.calls_with("quiet", Some(&offer.text()));
        alice.gets(488);
        assert!(alice.last_response(488).contains("Warning: 305 "), "{}", alice.last_response(488));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_body_that_is_no_session_description_gets_400() {
    scenario("broken_sdp", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.calls_with("quiet", Some("m=nonsense"));
        alice.gets(400);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_stranger_s_network_gets_403() {
    scenario("stranger", |world| {
        world.settings(|settings| settings.open_networks = vec!["10.0.0.0/8".parse().expect("a network")]);
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.calls("quiet");
        alice.gets(403);
        world.is_empty_after_40_s();
    });
}

/// Outside of a dialog.
const OPTIONS: &str = "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-o;rport\r\nMax-Forwards: 70\r\n\
    From: <sip:bob@example.com>;tag=o\r\nTo: <sip:{server}>\r\nCall-ID: options\r\nCSeq: 1 OPTIONS\r\n\
    Content-Length: 0\r\n\r\n";

#[test]
fn draining_turns_new_calls_away_and_leaves_the_others_alone() {
    scenario("draining", |world| {
        world.number("quiet", quiet());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.is_connected_to("quiet");
        world.admission(support::Admission::Draining);
        bob.calls("quiet");
        bob.gets(503);
        assert!(bob.last_response(503).contains("Retry-After: 5"));
        world.says("who asks by OPTIONS whether to send calls here is told the same");
        bob.sends_raw(OPTIONS);
        bob.gets_for(503, "OPTIONS");
        assert!(bob.last_response(503).contains("Retry-After: 5"));
        alice.hears_silence();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// Design, section 3: before quality suffers, new calls get 503 with Retry-After and existing calls are left alone.
#[test]
fn late_workers_turn_new_calls_away_until_they_are_in_time_again() {
    scenario("overloaded", |world| {
        world.number("quiet", quiet());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.is_connected_to("quiet");
        world.admission(support::Admission::Overloaded);
        bob.calls("quiet");
        bob.gets(503);
        assert!(bob.last_response(503).contains("Retry-After: 5"));
        alice.hears_silence();
        world.admission(support::Admission::Open);
        bob.is_connected_to("quiet");
        for phone in [alice, bob] {
            phone.hangs_up();
            phone.gets_for(200, "BYE");
        }
        world.is_empty_after_40_s();
    });
}

#[test]
fn more_calls_in_a_second_than_allowed_get_503() {
    scenario_of_one_loop("too_many_in_a_second", |world| {
        world.settings(|settings| settings.max_new_calls_per_second = 2);
        world.number("busy", json!([{"type": "hangup", "option": {"reason": "busy"}}]));
        let alice = world.phone("alice");
        // What becomes no call does not count.
        for (number, status) in [("busy", 486), ("nobody", 404), ("busy", 486), ("nobody", 404), ("busy", 503)] {
            alice.calls(number);
            alice.gets(status);
        }
        world.passes_ms(1_000);
        alice.calls("busy");
        alice.gets(486);
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_call_beyond_the_limit_gets_503() {
    scenario("too_many_calls", |world| {
        world.settings(|settings| settings.max_calls = 0);
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.calls("quiet");
        alice.gets(503);
        world.settings(|settings| settings.max_calls = 10);
        alice.calls("quiet");
        alice.gets(200);
        alice.waits_ms(20);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn without_a_free_port_a_call_gets_503() {
    scenario_of_one_loop("no_port", |world| {
        world.settings(|settings| settings.port_stock = 0);
        world.number("quiet", quiet());
        let phones: Vec<_> = (0..65).map(|number| world.phone(&format!("p{number}"))).collect();
        for phone in &phones {
            phone.calls("quiet");
        }
        world.passes_ms(100);
        let turned_away: usize = phones.iter().map(|phone| phone.count(503, "INVITE")).sum();
        assert_eq!(turned_away, 1, "the loop has the 64 that it was given at the start");
        for phone in phones.iter().filter(|phone| phone.count(200, "INVITE") > 0) {
            phone.hangs_up();
        }
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_operator_hangs_up_all() {
    scenario("hang_up_all", |world| {
        world.number("quiet", quiet());
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 60_000}}]));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.is_connected_to("quiet");
        bob.calls("slow");
        bob.gets(180);
        world.hangs_up_all();
        alice.is_asked("BYE");
        bob.gets(480);
        world.is_empty_after_40_s();
    });
}

#[test]
fn requests_are_checked_in_the_order_of_the_rfc() {
    scenario("request_checks", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        let request = |method: &str, extra: &str| {
            format!(
                "{method} sip:quiet@{{server}} SIP/2.0\r\nVia: SIP/2.0/UDP {{me}};branch=z9hG4bK-{method}-{};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=check\r\nTo: <sip:quiet@{{server}}>\r\n\
                 Call-ID: check-{method}-{}\r\nCSeq: 1 {method}\r\nContact: <sip:a@{{me}}>\r\n{extra}Content-Length: 0\r\n\r\n",
                extra.len(),
                extra.len()
            )
        };
        for (method, extra, status) in [
            ("SUBSCRIBE", "", 405),
            ("FROBNICATE", "", 501),
            ("INVITE", "Require: hovercraft\r\n", 420),
            ("BYE", "", 481),
            ("INFO", "", 481),
        ] {
            alice.sends_raw(&request(method, extra));
            alice.waits_ms(50);
            assert_eq!(alice.count(status, method), 1, "{method} {extra}");
            // The ACK of the INVITE, so that its transaction comes to an end.
        }
        assert!(alice.last_response(405).contains("Allow: "));
        assert!(alice.last_response(420).contains("Unsupported: hovercraft"));
        world.passes_ms(5_000);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_body_of_another_type_gets_415() {
    scenario("other_body", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.sends_raw(
            "INVITE sip:quiet@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-415;rport\r\nMax-Forwards: 70\r\n\
             From: <sip:a@example.com>;tag=t\r\nTo: <sip:quiet@{server}>\r\nCall-ID: other-body\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:a@{me}>\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        );
        alice.waits_ms(50);
        assert_eq!(alice.count(415, "INVITE"), 1);
        assert!(alice.last_response(415).contains("Accept: application/sdp"));
        world.is_empty_after_40_s();
    });
}

#[test]
fn what_is_no_sip_message_disturbs_nobody() {
    scenario("garbage", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.sends_raw("\u{1}\u{2}\u{3} garbage");
        alice.sends_raw("BYE sip:x SIP/2.0\r\n\r\n");
        alice.hears_silence();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §2, RFC 3966: a telephone number in each of its spellings is the same number. RFC 4475 §3.3.8: a request
/// that ends here may have used up its Max-Forwards.
#[test]
fn a_telephone_number_is_found_in_each_of_its_spellings() {
    scenario("spellings_of_a_number", |world| {
        world.number("+12025550123", json!([{"type": "hangup", "option": {"reason": "busy"}}]));
        let alice = world.phone("alice");
        let spellings = [
            "tel:+1-202-555-0123",
            "sip:+12025550123@{server}",
            "sip:%2b12025550123@{server}",
            "sip:+1.202.555.0123;npdi;rn=+12025550000@{server};user=phone",
        ];
        for (number, uri) in spellings.into_iter().enumerate() {
            alice.sends_raw(&format!(
                "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {{me}};branch=z9hG4bK-spelling-{number};rport\r\n\
                 Max-Forwards: 0\r\nFrom: <sip:{{me}}>;tag=s\r\nTo: <{uri}>\r\nCall-ID: spelling-{number}\r\n\
                 CSeq: 1 INVITE\r\nContact: <sip:{{me}}>\r\nContent-Length: 0\r\n\r\n"
            ));
            alice.waits_ms(50);
            assert!(alice.count(486, "INVITE") > number, "{uri}");
        }
        world.passes_ms(40_000);
        world.is_empty_after_40_s();
    });
}

/// As many headers as a message may have, of which the answer repeats nearly all: it is served, its state can be written down
/// (amnesia), and it leaves nothing behind.
#[test]
fn an_invite_over_very_many_proxies_is_served_and_leaves_nothing_behind() {
    scenario("many_proxies", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        let routes = "Record-Route: <sip:10.0.0.1;lr>\r\n".repeat(200);
        let vias = "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-proxy\r\n".repeat(40);
        let name = "\\\"".repeat(20_000);
        alice.sends_raw(&format!(
            "INVITE sip:quiet@{{server}} SIP/2.0\r\nVia: SIP/2.0/UDP {{me}};branch=z9hG4bK-many;rport\r\n{vias}{routes}\
             Max-Forwards: 70\r\nFrom: \"{name}\" <sip:a@example.com>;tag=t\r\nTo: <sip:quiet@{{server}}>\r\n\
             Call-ID: many\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{{me}}>\r\nContent-Length: 0\r\n\r\n"
        ));
        alice.waits_ms(50);
        assert_eq!(alice.count(200, "INVITE"), 1);
        world.passes_ms(70_000);
        world.is_empty_after_40_s();
    });
}
