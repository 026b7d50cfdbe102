//! Requests other than INVITE.

use sip_core::{EndpointEvent, MessageBuilder, Method};

use crate::world::{Alice, Bob, World, request};

#[test]
fn an_unanswered_request_is_repeated_by_timer_e_and_given_up_by_timer_f() {
    let mut world = World::new();
    world.lose(Alice, "OPTIONS", usize::MAX);
    let options = world.sends(Alice, request(Method::Options));
    world.run_until_idle();
    let expected = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(world.sent(Alice, "OPTIONS"), expected);
    assert!(matches!(
        world.peer(Alice).only_event(),
        EndpointEvent::RequestTimeout { transaction, owner: 7 } if transaction == options
    ));
    assert_eq!(world.peer(Alice).endpoint.counters().requests_repeated, 10);
    world.assert_empty();
}

#[test]
fn after_a_provisional_response_the_interval_is_t2() {
    let mut world = World::new();
    world.sends(Alice, request(Method::Options));
    world.run_ms(100);
    let (transaction, options) = world.peer(Bob).request(Method::Options);
    world.responds(Bob, transaction, MessageBuilder::response_to(&options, 100, "Trying").build());
    world.run_ms(13_000);
    // Timer E was running when the 100 came; from its expiry on T2 is the interval.
    assert_eq!(world.sent(Alice, "OPTIONS"), [0, 500, 4_500, 8_500, 12_500]);
    assert_eq!(world.sent(Bob, "100 OPTIONS"), [100, 510, 4_510, 8_510, 12_510], "repeated as the last response");
}

#[test]
fn a_repeated_request_gets_the_same_final_response_again() {
    let mut world = World::new();
    world.lose(Bob, "200 OPTIONS", 1);
    world.sends(Alice, request(Method::Options));
    world.run_ms(100);
    let options = world.peer(Bob).request(Method::Options);
    world.answers(Bob, &options, 200);
    assert_eq!(world.peer(Bob).endpoint.timer_len(), 1, "Timer J only");
    world.run_ms(1_000);
    assert_eq!(world.sent(Bob, "200 OPTIONS"), [100, 510]);
    assert_eq!(world.peer(Alice).statuses(), [200]);
    assert!(world.peer(Bob).events.is_empty());
    world.run_until_idle();
    world.assert_empty();
}

#[test]
fn a_request_repeated_before_its_answer_is_absorbed() {
    let mut world = World::new();
    world.sends(Alice, request(Method::Options));
    world.run_ms(2_000);
    world.peer(Bob).request(Method::Options);
    assert_eq!(world.peer(Bob).endpoint.counters().requests_repeated_by_peer, 2);
}

#[test]
fn a_request_the_core_never_answers_is_forgotten_without_a_late_answer() {
    let mut world = World::new();
    world.sends(Alice, request(Method::Options));
    world.run_ms(100);
    let options = world.peer(Bob).request(Method::Options);
    world.run_ms(33_000);
    assert_eq!(world.peer(Bob).endpoint.counters().unanswered, 1);
    world.answers(Bob, &options, 200);
    assert_eq!(world.sent(Bob, "200 OPTIONS"), []);
    assert_eq!(world.peer(Bob).endpoint.counters().late_responses, 1);
    world.assert_empty();
}

#[test]
fn a_repeated_final_response_is_absorbed_until_timer_k() {
    let mut world = World::new();
    world.sends(Alice, request(Method::Options));
    world.run_ms(100);
    let (transaction, options) = world.peer(Bob).request(Method::Options);
    let ok = MessageBuilder::response_to(&options, 200, "OK").to_tag("t").build();
    world.responds(Bob, transaction, ok.clone());
    world.run_ms(5_005);
    world.receive(Alice, ok.clone());
    assert_eq!(world.peer(Alice).statuses(), [200]);
    assert_eq!(world.peer(Alice).endpoint.counters().stray_responses, 0);
    world.run_ms(5);
    world.receive(Alice, ok);
    assert_eq!(world.peer(Alice).endpoint.counters().stray_responses, 1);
}

#[test]
fn an_unreachable_peer_ends_the_request_and_is_told_apart_from_silence() {
    let mut world = World::new();
    let options = world.sends(Alice, request(Method::Options));
    world.reports_unreachable(Alice);
    assert!(matches!(
        world.peer(Alice).only_event(),
        EndpointEvent::RequestUnsent { transaction, owner: 7 } if transaction == options
    ));
    assert!(world.peer(Alice).endpoint.is_empty());
}
