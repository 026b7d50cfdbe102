//! INVITE: provisional and final responses, lost messages, repeated and forked 2xx.

use sip_core::{EndpointEvent, HeaderName, MessageBuilder, Method};

use crate::world::{Alice, Bob, World};

#[test]
fn an_invite_is_answered_by_100_at_once() {
    let mut world = World::new();
    world.invites(Alice);
    world.run_ms(50);
    assert_eq!(world.sent(Bob, "100 INVITE"), [10]);
    assert_eq!(world.peer(Alice).statuses(), [100]);
    assert!(world.peer(Bob).request(Method::Invite).1.to_tag().is_none());
}

#[test]
fn an_unanswered_invite_is_repeated_by_timer_a_and_given_up_by_timer_b() {
    let mut world = World::new();
    world.lose(Alice, "INVITE", usize::MAX);
    let invite = world.invites(Alice);
    world.run_until_idle();
    assert_eq!(world.sent(Alice, "INVITE"), [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert!(matches!(
        world.peer(Alice).only_event(),
        EndpointEvent::RequestTimeout { transaction, owner: 7 } if transaction == invite
    ));
    world.assert_empty();
}

#[test]
fn a_provisional_response_stops_the_repetition() {
    let mut world = World::new();
    world.lose(Bob, "100 INVITE", 1);
    world.invites(Alice);
    world.run_ms(60_000);
    // The second INVITE was answered by the 100 again.
    assert_eq!(world.sent(Alice, "INVITE"), [0, 500]);
    assert_eq!(world.sent(Bob, "100 INVITE"), [10, 510]);
}

#[test]
fn retransmitted_invite_gets_the_last_provisional() {
    let mut world = World::new();
    world.lose(Bob, "100 INVITE", 1);
    world.lose(Bob, "180 INVITE", 1);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.answers(Bob, &invite, 180);
    world.run_ms(1_000);
    assert_eq!(world.peer(Alice).statuses(), [180]);
    assert_eq!(world.sent(Bob, "180 INVITE"), [100, 510]);
    assert!(world.peer(Bob).events.is_empty(), "the core hears of one INVITE once");
    assert_eq!(world.peer(Bob).endpoint.counters().requests_repeated_by_peer, 1);
}

#[test]
fn a_refusal_is_acknowledged_by_the_transaction_and_everything_ends() {
    let mut world = World::new();
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.answers(Bob, &invite, 486);
    world.run_until_idle();
    assert_eq!(world.peer(Alice).statuses(), [100, 486]);
    assert_eq!(world.sent(Bob, "486 INVITE"), [100]);
    assert_eq!(world.sent(Alice, "ACK"), [110]);
    assert!(world.peer(Bob).events.is_empty(), "the core does not see the ACK of a refusal");
    world.assert_empty();
}

#[test]
fn refusal_is_repeated_by_timer_g_until_timer_h_when_the_ack_is_lost() {
    let mut world = World::new();
    world.lose(Alice, "ACK", usize::MAX);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.answers(Bob, &invite, 486);
    world.run_until_idle();
    let since_first: Vec<_> = world.sent(Bob, "486 INVITE").iter().map(|at_ms| at_ms - 100).collect();
    assert_eq!(since_first, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!(world.sent(Alice, "ACK").len(), since_first.len(), "each repetition is acknowledged");
    assert_eq!(world.peer(Alice).statuses(), [100, 486], "and kept from the core");
    let (transaction, _) = invite;
    assert!(matches!(
        world.peer(Bob).only_event(),
        EndpointEvent::AckMissing { transaction: missing } if missing == transaction
    ));
    assert_eq!(world.peer(Bob).endpoint.counters().acks_missing, 1);
    world.assert_empty();
}

#[test]
fn a_repeated_ack_is_absorbed_for_t4() {
    let mut world = World::new();
    world.lose(Alice, "ACK", 1);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.answers(Bob, &invite, 486);
    world.run_ms(600);
    // Acknowledged by the second ACK at 620.
    assert_eq!(world.sent(Bob, "486 INVITE"), [100, 600]);
    world.run_ms(4_900);
    assert_eq!(world.peer(Bob).endpoint.len(), 1, "Confirmed until Timer I");
    assert_eq!(world.peer(Bob).endpoint.timer_len(), 1, "the ACK has stopped Timers G and H");
    world.run_ms(100);
    assert_eq!(world.peer(Bob).endpoint.len(), 0);
}

#[test]
fn ack_lost_200_repeats_until_64_t1_and_then_the_core_ends_the_call() {
    let mut world = World::new();
    world.lose(Alice, "ACK", usize::MAX);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.accepts(Bob, &invite);
    while !world.peer(Bob).no_ack {
        world.run_ms(10);
        for response in world.peer(Alice).responses() {
            if response.status() == Some(200) {
                world.acknowledges(Alice, &response);
            }
        }
    }
    let since_first: Vec<_> = world.sent(Bob, "200 INVITE").iter().map(|at_ms| at_ms - 100).collect();
    assert_eq!(since_first, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!(world.sent(Alice, "ACK").len(), since_first.len(), "each repeated 2xx is acknowledged");
    world.sends_in_dialog(Bob, Method::Bye);
    world.run_ms(100);
    let bye = world.peer(Alice).request(Method::Bye);
    world.answers(Alice, &bye, 200);
    world.run_until_idle();
    assert_eq!(world.peer(Bob).statuses(), [200]);
    world.assert_empty();
}

#[test]
fn an_ack_ends_the_repetition_of_the_200() {
    let mut world = World::new();
    world.lose(Bob, "200 INVITE", 1);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.accepts(Bob, &invite);
    world.run_ms(600);
    let ok = world.peer(Alice).responses().pop().unwrap();
    world.acknowledges(Alice, &ok);
    world.run_until_idle();
    assert_eq!(world.sent(Bob, "200 INVITE"), [100, 600]);
    assert!(matches!(world.peer(Bob).only_event(), EndpointEvent::Ack { .. }));
    assert!(!world.peer(Bob).no_ack);
    world.assert_empty();
}

#[test]
fn an_invite_repeated_after_the_200_is_absorbed() {
    let mut world = World::new();
    world.lose(Bob, "100 INVITE", usize::MAX);
    world.lose(Bob, "200 INVITE", 2);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.accepts(Bob, &invite);
    world.run_ms(450);
    assert_eq!(world.sent(Alice, "INVITE"), [0, 500]);
    assert_eq!(world.sent(Bob, "200 INVITE"), [100], "RFC 6026: only the core repeats the 2xx");
    assert!(world.peer(Bob).events.is_empty());
}

#[test]
fn forked_2xx_passes_through_in_accepted() {
    let mut world = World::new();
    world.invites(Alice);
    world.run_ms(100);
    let (transaction, invite) = world.peer(Bob).request(Method::Invite);
    for tag in ["fork1", "fork2"] {
        let ok = MessageBuilder::response_to(&invite, 200, "OK")
            .to_tag(tag)
            .header(HeaderName::Contact, "<sip:bob@127.0.0.2>")
            .build();
        world.responds(Bob, transaction, ok);
    }
    world.run_ms(100);
    let tags: Vec<_> = world.peer(Alice).responses().iter().map(|ok| ok.to_tag().map(str::to_owned)).collect();
    assert_eq!(tags, [None, Some("fork1".into()), Some("fork2".into())]);
    world.run_until_idle();
    world.assert_empty();
}

#[test]
fn a_late_2xx_after_terminated_is_dropped_and_counted() {
    let mut world = World::new();
    world.invites(Alice);
    world.run_ms(100);
    let (transaction, invite) = world.peer(Bob).request(Method::Invite);
    let ok = MessageBuilder::response_to(&invite, 200, "OK").to_tag("t").build();
    world.responds(Bob, transaction, ok.clone());
    world.run_ms(32_005);
    assert_eq!(world.peer(Alice).endpoint.len(), 1, "Accepted until Timer M");
    world.run_ms(5);
    assert_eq!(world.peer(Alice).endpoint.len(), 0);
    world.peer(Alice).events.clear();
    world.receive(Alice, ok.clone());
    assert!(world.peer(Alice).events.is_empty());
    assert_eq!(world.peer(Alice).endpoint.counters().stray_responses, 1);
    world.responds(Bob, transaction, ok);
    assert_eq!(world.peer(Bob).endpoint.counters().late_responses, 1);
    assert_eq!(world.sent(Bob, "200 INVITE"), [100]);
}

#[test]
fn a_bye_that_overtakes_the_ack_is_served() {
    let mut world = World::new();
    world.lose(Alice, "ACK", 1);
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.accepts(Bob, &invite);
    world.run_ms(100);
    let ok = world.peer(Alice).responses().pop().unwrap();
    world.acknowledges(Alice, &ok);
    world.sends_in_dialog(Alice, Method::Bye);
    world.run_ms(20);
    let (transaction, bye) = world.peer(Bob).request(Method::Bye);
    let dialog = world.peer(Bob).dialog.as_mut().unwrap();
    assert_eq!(dialog.receive(&bye), Ok(()));
    let ok = dialog.response_to(&bye, 200).build();
    world.peer(Bob).accepted = None;
    world.responds(Bob, transaction, ok);
    world.run_until_idle();
    assert_eq!(world.peer(Alice).statuses(), [200]);
    world.assert_empty();
}

#[test]
fn a_second_answer_of_the_core_after_its_refusal_is_dropped() {
    let mut world = World::new();
    world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.answers(Bob, &invite, 486);
    world.answers(Bob, &invite, 200);
    world.answers(Bob, &invite, 180);
    world.run_until_idle();
    assert_eq!(world.peer(Alice).statuses(), [100, 486]);
    assert_eq!(world.peer(Bob).endpoint.counters().late_responses, 2);
}
