//! Calls over TCP: nothing is repeated that the transport carries for certain, and a lost connection is not a lost call.

use support::{Phone, World, json, scenario};

fn tone() -> support::Value {
    json!([{"type": "answer"}, {"type": "play", "option": {"stream_urls": ["tone:600:60000"]}}])
}

/// Hangs up after three seconds.
fn short() -> support::Value {
    json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 3_000}}])
}

fn phone(world: &World) -> Phone {
    let alice = world.phone("alice");
    alice.speaks_tcp();
    alice
}

#[test]
fn a_call_over_tcp_is_held_resumed_and_hung_up() {
    scenario("tcp_hold", |world| {
        world.number("tone", tone());
        let alice = phone(world);
        alice.is_connected_to("tone");
        alice.hears(600.0);
        let mut offer = alice.offer();
        (offer.direction, offer.version) = ("sendonly", 2);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears_nothing();
        (offer.direction, offer.version) = ("sendrecv", 3);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears(600.0);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        alice.falls_silent();
        world.is_empty_after_40_s();
    });
}

#[test]
fn our_bye_goes_over_the_connection_of_the_invite() {
    scenario("tcp_bye", |world| {
        world.number("short", short());
        let alice = phone(world);
        alice.is_connected_to("short");
        alice.is_asked("BYE");
        assert_eq!(alice.count(200, "INVITE"), 1, "nothing is repeated");
        world.is_empty_after_40_s();
    });
}

/// RFC 3261 §13.3.1.4: there may be datagrams behind the next hop.
#[test]
fn the_200_is_repeated_until_its_ack_over_tcp_too() {
    scenario("tcp_200", |world| {
        world.number("tone", tone());
        let alice = phone(world);
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("tone");
        alice.gets(200);
        alice.waits_ms(1_600);
        assert_eq!(alice.count(200, "INVITE"), 3);
        alice.acks();
        alice.waits_ms(5_000);
        assert_eq!(alice.count(200, "INVITE"), 3);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_call_goes_on_without_its_connection_and_ends_at_once_when_nobody_can_be_told() {
    scenario("tcp_lost", |world| {
        world.number("short", short());
        let alice = phone(world);
        alice.is_connected_to("short");
        alice.moves_to_port(9);
        alice.hears_silence();
        alice.waits_ms(4_000);
        assert!(world.gauges().iter().all(|gauges| gauges.calls == 0), "no 32 s for a BYE that cannot be sent");
        world.is_empty_after_40_s();
    });
}

#[test]
fn our_bye_finds_a_phone_that_takes_connections_when_its_own_is_gone() {
    scenario("tcp_dialled", |world| {
        world.number("short", short());
        let alice = phone(world);
        alice.takes_connections();
        alice.is_connected_to("short");
        alice.moves_to_port(9);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn our_bye_goes_over_the_connection_over_which_the_ack_came() {
    scenario("tcp_ack_again", |world| {
        world.number("short", short());
        let alice = phone(world);
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("short");
        alice.gets(200);
        alice.moves_to_port(40_001);
        alice.acks();
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn our_bye_goes_over_the_connection_that_a_caller_has_made_anew() {
    scenario("tcp_again", |world| {
        world.number("short", short());
        let alice = phone(world);
        alice.is_connected_to("short");
        alice.moves_to_port(40_001);
        alice.asks("OPTIONS");
        alice.gets_for(200, "OPTIONS");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}
