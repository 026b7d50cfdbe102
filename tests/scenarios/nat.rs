//! Where our own requests go when the caller is behind a NAT or moves (RFC 3261 §12.2, RFC 3581).

use support::{json, scenario};

fn short() -> support::Value {
    json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 3_000}}])
}

#[test]
fn our_bye_goes_back_through_the_nat() {
    scenario("nat_bye", |world| {
        world.number("short", short());
        let alice = world.phone("alice");
        alice.is_behind_nat();
        alice.is_connected_to("short");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// RFC 3261 §14: a re-INVITE is how a caller says that it has moved.
#[test]
fn our_bye_follows_a_caller_that_has_moved_behind_its_nat() {
    scenario("nat_moved", |world| {
        world.number("short", short());
        let alice = world.phone("alice");
        alice.is_behind_nat();
        alice.is_connected_to("short");
        alice.moves_to_port(40_000);
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.gets(200);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// Without a NAT the Contact counts, wherever the INVITE came from.
#[test]
fn our_bye_follows_a_caller_that_has_moved_without_a_nat() {
    scenario("moved", |world| {
        world.number("short", short());
        let alice = world.phone("alice");
        alice.is_connected_to("short");
        alice.moves_to_port(40_000);
        alice.has_address_of_its_own();
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.gets(200);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}
