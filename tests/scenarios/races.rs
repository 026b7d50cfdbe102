//! Messages that cross, are lost, are repeated or never come: RFC 3261 sections 9 and 13 to 17.

use support::{json, scenario};

use crate::quiet;

fn slow_answer() -> support::Value {
    json!([
        {"type": "sleep", "option": {"duration": 1_000}},
        {"type": "answer"},
        {"type": "sleep", "option": {"duration": 600_000}},
    ])
}

/// §9.2
#[test]
fn cancel_while_ringing_gets_200_and_the_invite_487() {
    scenario("cancel_while_ringing", |world| {
        world.number("slow", slow_answer());
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        alice.cancels();
        alice.gets_for(200, "CANCEL");
        alice.gets(487);
        world.is_empty_after_40_s();
    });
}

/// §9.1: the CANCEL arrives when the 200 is on its way: it has no effect, the caller must say BYE.
#[test]
fn cancel_that_crosses_200_is_answered_but_has_no_effect() {
    scenario("cancel_crosses_200", |world| {
        world.number("slow", slow_answer());
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        // The 200 leaves the server 1,005 ms after the INVITE did; 1,003 ms after it the phone knows nothing of it.
        alice.waits_ms(993);
        alice.cancels();
        alice.gets(200);
        alice.gets_for(200, "CANCEL");
        assert_eq!(alice.count(487, "INVITE"), 0);
        alice.waits_ms(100);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §9.2
#[test]
fn cancel_of_nothing_gets_481() {
    scenario("cancel_of_nothing", |world| {
        let alice = world.phone("alice");
        alice.sends_raw(
            "CANCEL sip:x@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-none;rport\r\nMax-Forwards: 70\r\n\
             From: <sip:a@example.com>;tag=c\r\nTo: <sip:x@{server}>\r\nCall-ID: none\r\nCSeq: 1 CANCEL\r\n\
             Content-Length: 0\r\n\r\n",
        );
        alice.waits_ms(50);
        assert_eq!(alice.count(481, "CANCEL"), 1);
        world.is_empty_after_40_s();
    });
}

/// §13.3.1.4: the 200 is lost twice; it is repeated until the ACK, and only until then.
#[test]
fn a_lost_200_is_repeated_until_the_ack() {
    scenario("lost_200", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.calls("quiet");
        alice.gets(200);
        alice.waits_ms(5);
        let bob = world.phone("bob");
        bob.link(|link| link.drop_next_to_peer = 3);
        bob.calls("quiet");
        bob.gets(200);
        bob.waits_ms(10_000);
        assert_eq!(bob.count(200, "INVITE"), 1, "no repetition after the ACK");
        bob.hangs_up();
        bob.gets_for(200, "BYE");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §13.3.1.4: the ACK is lost; the 200 comes again and is acknowledged again.
#[test]
fn a_lost_ack_is_asked_for_again() {
    scenario("lost_ack", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("quiet");
        alice.gets(200);
        alice.link(|link| link.drop_next_to_server = 1);
        alice.acks();
        alice.behaves(|manners| manners.acks_success = true);
        alice.waits_ms(5_000);
        assert_eq!(alice.count(200, "INVITE"), 2);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §13.3.1.4: no ACK within 64*T1: BYE.
#[test]
fn no_ack_ends_the_session_with_bye_after_32_s() {
    scenario("no_ack", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("quiet");
        alice.gets(200);
        alice.is_asked("BYE");
        // T1 doubling to T2: 0.5 1 2 4 4 4 4 4 4 4 s after the first.
        assert_eq!(alice.count(200, "INVITE"), 11);
        world.is_empty_after_40_s();
    });
}

/// §15: our BYE waits for the ACK.
#[test]
fn our_bye_waits_for_the_ack() {
    scenario("bye_waits_for_ack", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("short");
        alice.gets(200);
        alice.waits_ms(3_000);
        assert_eq!(alice.count_requests("BYE"), 0, "no BYE before the ACK");
        alice.acks();
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// §15: both hang up at the same time; both BYEs are answered.
#[test]
fn byes_that_cross_are_both_answered() {
    scenario("byes_cross", |world| {
        world.number(
            "short",
            json!([
                {"type": "answer"}, {"type": "sleep", "option": {"duration": 1_000}}, {"type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("short");
        alice.gets(200);
        // The server's BYE leaves 1,000 ms after its 200, and so does this one, 5 ms away.
        alice.waits_ms(994);
        alice.hangs_up();
        alice.is_asked("BYE");
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §17.1.4 and §12.2.1.2: the far end is gone; our BYE is repeated and given up.
#[test]
fn a_bye_that_nobody_answers_is_given_up_after_32_s() {
    scenario("bye_unanswered", |world| {
        world.number(
            "short",
            json!([
                {"type": "answer"}, {"type": "sleep", "option": {"duration": 500}}, {"type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.answers_bye = false);
        alice.calls("short");
        alice.is_asked("BYE");
        alice.waits_ms(33_000);
        assert_eq!(alice.count_requests("BYE"), 11, "Timer E doubles to T2 until Timer F");
        world.is_empty_after_40_s();
    });
}

/// §15.1.2: a BYE in an early dialog ends the INVITE with 487.
#[test]
fn bye_before_the_answer_gets_200_and_the_invite_487() {
    scenario("early_bye", |world| {
        world.number("slow", slow_answer());
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(100);
        assert_eq!(alice.count(487, "INVITE"), 1);
        world.is_empty_after_40_s();
    });
}

/// §17.2.1: repetitions of the INVITE get the last provisional response again and start nothing.
#[test]
fn a_repeated_invite_gets_the_last_response_again() {
    scenario("repeated_invite", |world| {
        world.number("slow", slow_answer());
        let alice = world.phone("alice");
        // The 180 is lost, so the phone repeats its INVITE.
        alice.link(|link| link.drop_next_to_peer = 1);
        alice.calls("slow");
        alice.gets(180);
        alice.gets(200);
        alice.waits_ms(50);
        assert_eq!(world.gauges().iter().map(|gauges| gauges.calls).sum::<usize>(), 1);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §17.2.1, Timer G and H: a final response whose ACK is lost is repeated.
#[test]
fn a_lost_404_is_repeated_until_the_ack() {
    scenario("lost_404", |world| {
        let alice = world.phone("alice");
        alice.link(|link| link.drop_next_to_peer = 2);
        alice.calls("nobody");
        alice.gets(404);
        world.is_empty_after_40_s();
    });
}

/// §8.2.2.2: the same request by two ways.
#[test]
fn the_second_copy_of_a_forked_invite_gets_482() {
    scenario("merged_request", |world| {
        world.number("slow", slow_answer());
        let alice = world.phone("alice");
        let copy = |branch: &str| {
            format!(
                "INVITE sip:slow@{{server}} SIP/2.0\r\nVia: SIP/2.0/UDP {{me}};branch=z9hG4bK-{branch};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=fork\r\nTo: <sip:slow@{{server}}>\r\n\
                 Call-ID: forked\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{{me}}>\r\nContent-Length: 0\r\n\r\n"
            )
        };
        alice.sends_raw(&copy("one"));
        alice.waits_ms(50);
        alice.sends_raw(&copy("two"));
        alice.waits_ms(50);
        assert_eq!(alice.count(482, "INVITE"), 1);
        assert_eq!(alice.count(180, "INVITE"), 1);
        world.passes_ms(80_000);
        world.is_empty_after_40_s();
    });
}

/// §12.2.2
#[test]
fn a_request_with_a_lower_cseq_gets_500() {
    scenario("cseq_out_of_order", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.asks("OPTIONS");
        alice.gets_for(200, "OPTIONS");
        alice.asks("OPTIONS");
        alice.waits_ms(50);
        alice.asks_out_of_order("OPTIONS");
        alice.gets_for(500, "OPTIONS");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// One message in five is lost, some come twice or late: the call still comes and goes.
#[test]
fn a_call_survives_a_bad_link() {
    scenario("bad_link", |world| {
        world.number("quiet", quiet());
        let phones: Vec<_> = (0..8).map(|number| world.phone(&format!("p{number}"))).collect();
        for phone in &phones {
            phone.link(|link| {
                link.loss_permille = 200;
                link.duplicate_permille = 100;
                link.jitter_ms = 80;
            });
            phone.calls("quiet");
        }
        for phone in &phones {
            phone.gets(200);
        }
        world.passes_ms(5_000);
        for phone in &phones {
            phone.hangs_up();
        }
        for phone in &phones {
            phone.gets_for(200, "BYE");
        }
        world.is_empty_after_40_s();
    });
}
