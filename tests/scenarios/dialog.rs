//! Requests within a dialog that come early, late, twice or not at all: RFC 3261 sections 12, 14, 15 and 17.2.

use support::{json, scenario};

use crate::{echo, quiet};

/// §14.2: a second INVITE before the first has its final response.
#[test]
fn a_reinvite_before_the_answer_gets_500_and_may_try_again() {
    scenario("reinvite_while_ringing", |world| {
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 60_000}}]));
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.gets(500);
        assert!(alice.last_response(500).contains("Retry-After: "));
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §14.2 with RFC 5407 §3.1.4: the ACK of the first 200 is lost, and the caller's next word is a re-INVITE. It shows that the
/// 200 has arrived.
#[test]
fn a_reinvite_after_a_lost_ack_is_served_and_the_call_goes_on() {
    scenario("reinvite_after_lost_ack", |world| {
        world.number("echo", echo());
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("echo");
        alice.gets(200);
        alice.behaves(|manners| manners.acks_success = true);
        let mut offer = alice.offer();
        (offer.formats, offer.version) = (vec![8, 101], 2);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        world.passes_ms(40_000);
        assert_eq!(alice.count_requests("BYE"), 0, "the first 200 is not missed");
        assert_eq!(alice.count(200, "INVITE"), 2, "neither of them is repeated");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §14.2: a re-INVITE's 200 waits for its ACK like the first one.
#[test]
fn a_reinvite_that_is_never_acknowledged_ends_the_call() {
    scenario("reinvite_no_ack", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.behaves(|manners| manners.acks_success = false);
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.gets(200);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// §9.2: a re-INVITE is answered at once, so its CANCEL is always too late; the call goes on.
#[test]
fn a_cancelled_reinvite_stays_accepted() {
    scenario("cancelled_reinvite", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.cancels();
        alice.gets_for(200, "CANCEL");
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears_silence();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §9.1: the CANCEL is lost and repeated.
#[test]
fn a_lost_cancel_comes_again() {
    scenario("lost_cancel", |world| {
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 60_000}}]));
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        alice.link(|link| link.drop_next_to_server = 1);
        alice.cancels();
        alice.gets_for(200, "CANCEL");
        alice.gets(487);
        assert_eq!(alice.count(487, "INVITE"), 1);
        world.is_empty_after_40_s();
    });
}

/// §17.2.2: the 200 of a BYE is lost; the repeated BYE gets it again although the call is gone.
#[test]
fn a_repeated_bye_gets_its_200_again() {
    scenario("lost_bye_200", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.link(|link| link.drop_next_to_peer = 1);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        assert_eq!(alice.count(481, "BYE"), 0);
        world.is_empty_after_40_s();
    });
}

/// §15.1.2
#[test]
fn a_second_bye_gets_481() {
    scenario("second_bye", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        alice.hangs_up();
        alice.gets_for(481, "BYE");
        world.is_empty_after_40_s();
    });
}

/// §17.2.1, Timers G and H: a final response that is never acknowledged is repeated for 32 s and then forgotten.
#[test]
fn a_404_that_is_never_acknowledged_is_given_up() {
    scenario("unacknowledged_404", |world| {
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_failure = false);
        alice.calls("nobody");
        alice.gets(404);
        world.passes_ms(33_000);
        assert_eq!(alice.count(404, "INVITE"), 11, "Timer G doubles to T2 until Timer H");
        world.is_empty_after_40_s();
    });
}

/// §8.2.1 within a dialog: what is not served changes nothing.
#[test]
fn an_unknown_request_within_a_call_leaves_it_alone() {
    scenario("unknown_in_dialog", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.asks("SUBSCRIBE");
        alice.gets_for(405, "SUBSCRIBE");
        assert!(alice.last_response(405).contains("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO\r\n"));
        alice.asks("FROBNICATE");
        alice.gets_for(501, "FROBNICATE");
        alice.hears_silence();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}
