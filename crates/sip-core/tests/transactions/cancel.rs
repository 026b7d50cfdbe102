//! CANCEL and its races, RFC 3261 §9.

use sip_core::{EndpointEvent, Message, Method, ServerTransactionId};

use crate::world::{Alice, Bob, World};

/// Alice's INVITE has rung at Bob's.
fn ringing() -> (World, sip_core::ClientTransactionId, (ServerTransactionId, Message)) {
    let mut world = World::new();
    let call = world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.answers(Bob, &invite, 180);
    world.run_ms(100);
    assert_eq!(world.peer(Alice).statuses(), [100, 180]);
    (world, call, invite)
}

fn expect_cancel(world: &mut World, invite: ServerTransactionId) {
    match world.peer(Bob).only_event() {
        EndpointEvent::Cancel { invite: cancelled, .. } => assert_eq!(cancelled, invite),
        other => panic!("expected a CANCEL, got {other:?}"),
    }
}

#[test]
fn a_ringing_invite_is_cancelled_and_answered_by_487() {
    let (mut world, call, invite) = ringing();
    world.cancels(Alice, call);
    world.run_ms(50);
    expect_cancel(&mut world, invite.0);
    assert_eq!(world.sent(Bob, "200 CANCEL"), [210]);
    world.answers(Bob, &invite, 487);
    world.run_until_idle();
    assert_eq!(world.peer(Alice).statuses(), [487], "the 200 of the CANCEL is kept from the core");
    assert_eq!(world.sent(Alice, "ACK").len(), 1);
    world.assert_empty();
}

#[test]
fn the_200_of_a_cancel_has_the_to_tag_of_the_180() {
    let (mut world, call, invite) = ringing();
    world.cancels(Alice, call);
    world.run_ms(5);
    let cancel = world.last_sent(Alice);
    assert_eq!(cancel.method(), &Method::Cancel);
    assert_eq!(cancel.top_via().unwrap().branch(), invite.1.top_via().unwrap().branch());
    assert_eq!(cancel.to_tag(), None, "RFC 3261 §9.1: To of the INVITE");
    world.run_ms(10);
    assert_eq!(world.last_sent(Bob).to_tag(), Some("bobtag"));
}

#[test]
fn a_cancel_is_held_until_a_provisional_response_comes() {
    let mut world = World::new();
    world.lose(Bob, "100 INVITE", 1);
    let call = world.invites(Alice);
    world.run_ms(100);
    world.cancels(Alice, call);
    world.run_ms(410);
    assert_eq!(world.sent(Alice, "CANCEL"), []);
    world.run_ms(100);
    assert_eq!(world.sent(Alice, "CANCEL"), [520], "when the 100 to the repeated INVITE has come");
}

#[test]
fn a_held_cancel_is_dropped_when_the_call_is_accepted_first() {
    let mut world = World::new();
    world.lose(Bob, "100 INVITE", usize::MAX);
    let call = world.invites(Alice);
    world.run_ms(100);
    let invite = world.peer(Bob).request(Method::Invite);
    world.cancels(Alice, call);
    world.answers(Bob, &invite, 200);
    world.run_until_idle();
    assert_eq!(world.sent(Alice, "CANCEL"), []);
    assert_eq!(world.peer(Alice).statuses(), [200], "the core ends this call by BYE");
}

#[test]
fn a_held_cancel_of_an_invite_nobody_answers_ends_by_timer_b() {
    let mut world = World::new();
    world.lose(Alice, "INVITE", usize::MAX);
    let call = world.invites(Alice);
    world.cancels(Alice, call);
    world.run_until_idle();
    assert_eq!(world.sent(Alice, "CANCEL"), []);
    assert!(matches!(world.peer(Alice).only_event(), EndpointEvent::RequestTimeout { .. }));
}

#[test]
fn cancel_crosses_200() {
    let (mut world, call, invite) = ringing();
    world.cancels(Alice, call);
    world.answers(Bob, &invite, 200);
    world.run_ms(100);
    assert_eq!(world.sent(Bob, "200 CANCEL").len(), 1);
    assert!(world.peer(Bob).events.is_empty(), "the CANCEL came too late and has no effect");
    assert_eq!(world.peer(Alice).statuses(), [200]);
    world.run_until_idle();
    assert!(world.peer(Alice).events.is_empty(), "and no timeout is reported for the accepted call");
    world.assert_empty();
}

#[test]
fn cancel_after_200_is_not_even_sent() {
    let (mut world, call, invite) = ringing();
    world.answers(Bob, &invite, 200);
    world.run_ms(100);
    world.cancels(Alice, call);
    world.run_until_idle();
    assert_eq!(world.sent(Alice, "CANCEL"), []);
}

#[test]
fn cancel_after_a_refusal_is_answered_by_200_and_has_no_effect() {
    let (mut world, call, invite) = ringing();
    world.cancels(Alice, call);
    world.answers(Bob, &invite, 486);
    world.run_until_idle();
    assert_eq!(world.sent(Bob, "200 CANCEL").len(), 1);
    assert!(world.peer(Bob).events.is_empty());
    assert_eq!(world.peer(Alice).statuses(), [486]);
    world.assert_empty();
}

#[test]
fn a_repeated_cancel_is_answered_again_and_told_once() {
    let (mut world, call, invite) = ringing();
    world.lose(Bob, "200 CANCEL", 2);
    world.cancels(Alice, call);
    world.run_ms(3_000);
    expect_cancel(&mut world, invite.0);
    assert_eq!(world.sent(Alice, "CANCEL"), [200, 700, 1_700]);
    assert_eq!(world.sent(Bob, "200 CANCEL"), [210, 710, 1_710]);
}

#[test]
fn cancelling_twice_sends_one_cancel() {
    let (mut world, call, _) = ringing();
    world.cancels(Alice, call);
    world.cancels(Alice, call);
    world.run_ms(100);
    assert_eq!(world.sent(Alice, "CANCEL"), [200]);
}

#[test]
fn an_invite_without_final_response_ends_64_t1_after_its_cancel() {
    let (mut world, call, _) = ringing();
    world.lose(Alice, "CANCEL", usize::MAX);
    world.cancels(Alice, call);
    world.run_ms(31_990);
    assert!(world.peer(Alice).events.is_empty());
    world.run_ms(20);
    assert!(matches!(
        world.peer(Alice).only_event(),
        EndpointEvent::RequestTimeout { transaction, owner: 7 } if transaction == call
    ));
    assert!(world.peer(Alice).endpoint.is_empty());
}

#[test]
fn a_cancel_that_matches_nothing_gets_481() {
    let (mut world, call, _) = ringing();
    world.cancels(Alice, call);
    let cancel = world.last_sent(Alice);
    let mut other = World::new();
    other.receive(Bob, cancel);
    assert_eq!(other.sent(Bob, "481 CANCEL"), [0]);
    assert!(other.peer(Bob).events.is_empty() && other.peer(Bob).endpoint.is_empty());
    assert_eq!(other.peer(Bob).endpoint.counters().cancels_unmatched, 1);
}
