//! Phones that register (RFC 3261 §10, spec/media.md §4): who may, what stands, and what becomes of it.

use support::{NoteKind, Phone, WhyUnregistered, World, scenario};

use crate::echo;

/// A phone with an account and the right password.
fn phone(world: &World, name: &str, user: &str) -> Phone {
    let phone = world.phone(name);
    phone.has_account(user, "secret");
    phone
}

fn was_unregistered(world: &World, wanted: WhyUnregistered) -> bool {
    world.noted(|note| matches!(note, NoteKind::Unregistered { why, .. } if *why == wanted))
}

#[test]
fn a_phone_registers_and_is_told_so_when_it_is_stored() {
    scenario("register", |world| {
        let extension = world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000");
        alice.registers(3_600);
        let ok = alice.last_response(200);
        assert!(ok.contains("Contact: <sip:1000@127.0.1.10:5060>;expires=3600\r\n"), "{ok}");
        assert!(ok.contains("Date: Fri, 15 Jan 2027 08:00:0"), "{ok}");
        assert_eq!(world.stored(&extension), ["sip:1000@127.0.1.10:5060"]);
        assert_eq!(world.registrations(), 1);
        assert!(
            world.noted(
                |note| matches!(note, NoteKind::Registered { user_agent, .. } if user_agent == "Phone of alice")
            )
        );
        world.is_empty_after_40_s();
        world.says("a question changes nothing and need not be stored");
        world.store_fails(true);
        alice.registers_with("");
        assert!(alice.last_response(200).contains(";expires=3559\r\n"), "{}", alice.last_response(200));
        assert_eq!(world.registers_accepted_and_not_saved(), (2, 0));
        world.is_empty_after_40_s();
        assert_eq!(world.registrations(), 1);
    });
}

#[test]
fn an_old_phone_registers_with_md5() {
    scenario("register_md5", |world| {
        let extension = world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000");
        alice.knows_only("MD5");
        alice.registers(3_600);
        assert_eq!(world.stored(&extension).len(), 1);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_wrong_password_registers_nobody_and_guessing_is_slow() {
    scenario("register_wrong_password", |world| {
        let extension = world.extension("1000", "secret");
        let mallory = world.phone("mallory");
        mallory.has_account("1000", "guess");
        let mut waits_ms = Vec::new();
        for _ in 0..8 {
            mallory.sends_register("Contact: <sip:{user}@{me}>\r\n");
            if waits_ms.is_empty() {
                mallory.is_told(401);
                mallory.answers_challenge();
            }
            let since_ms = world.elapsed_ms();
            mallory.is_told(403);
            waits_ms.push(world.elapsed_ms() - since_ms);
        }
        assert!(waits_ms[..4].iter().all(|wait_ms| *wait_ms < 100), "{waits_ms:?}");
        assert!(waits_ms[4] >= 250 && waits_ms[7] >= 1_000, "{waits_ms:?}");
        let is_told = |note: &NoteKind| matches!(note, NoteKind::WrongPassword { user, .. } if user == "1000");
        assert!(world.noted(is_told));
        assert_eq!((world.registrations(), world.stored(&extension).len()), (0, 0));
        world.says("a neighbour is not made to wait for it");
        phone(world, "alice", "1000").registers(3_600);
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_password_of_another_extension_is_not_enough() {
    scenario("register_other_account", |world| {
        world.extension("1000", "secret");
        world.extension("1001", "secret");
        let alice = phone(world, "alice", "1000");
        alice.pretends_to_be("1001");
        alice.sends_register("Contact: <sip:{user}@{me}>\r\n");
        alice.is_told(401);
        alice.answers_challenge();
        alice.is_told(403);
        assert_eq!(world.registrations(), 0);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_nonce_that_is_too_old_or_was_counted_before_is_replaced_without_asking_anybody() {
    scenario("register_stale", |world| {
        world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000");
        alice.registers(3_600);
        world.passes_ms(301_000);
        alice.sends_register("Contact: <sip:{user}@{me}>\r\nExpires: 3600\r\n");
        alice.is_told(401);
        assert!(alice.was_told_stale());
        alice.answers_challenge();
        alice.is_told(200);
        alice.counts_wrong();
        alice.answers_challenge();
        alice.is_told(401);
        assert!(alice.was_told_stale());
        alice.answers_challenge();
        alice.is_told(200);
        assert!(!world.noted(|note| matches!(note, NoteKind::WrongPassword { .. })));
        assert_eq!(world.registrations(), 1);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_repeated_register_is_answered_again_and_done_once() {
    scenario("register_repeated", |world| {
        world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000");
        alice.sends_register("Contact: <sip:{user}@{me}>\r\n");
        alice.is_told(401);
        alice.link(|link| link.drop_next_to_peer = 1);
        alice.answers_challenge();
        alice.is_told(200);
        assert_eq!(world.registers_accepted_and_not_saved(), (1, 0));
        assert_eq!(world.registrations(), 1);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_fourth_place_takes_that_of_the_oldest() {
    scenario("register_fourth", |world| {
        let extension = world.extension("1000", "secret");
        for name in ["one", "two", "three", "four"] {
            phone(world, name, "1000").registers(3_600);
            world.passes_ms(1_000);
        }
        let places = [11, 12, 13].map(|last| format!("sip:1000@127.0.1.{last}:5060"));
        assert_eq!(world.stored(&extension), places);
        assert!(was_unregistered(world, WhyUnregistered::TooMany));
        assert_eq!(world.registrations(), 3);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_registration_ends_with_its_time() {
    scenario("register_expires", |world| {
        let extension = world.extension("1000", "secret");
        let (alice, bob) = (phone(world, "alice", "1000"), phone(world, "bob", "1000"));
        alice.registers(60);
        bob.registers(120);
        world.passes_ms(59_000);
        assert_eq!(world.registrations(), 2);
        world.passes_ms(2_000);
        assert_eq!(world.stored(&extension), ["sip:1000@127.0.1.11:5060"]);
        assert!(was_unregistered(world, WhyUnregistered::Expired));
        alice.registers_with("");
        assert!(!alice.last_response(200).contains("127.0.1.10:5060>"), "{}", alice.last_response(200));
        world.passes_ms(60_000);
        assert_eq!((world.registrations(), world.stored(&extension).len()), (0, 0));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_phone_says_that_it_leaves() {
    scenario("unregister", |world| {
        let extension = world.extension("1000", "secret");
        let (alice, bob) = (phone(world, "alice", "1000"), phone(world, "bob", "1000"));
        alice.registers(3_600);
        bob.registers(3_600);
        alice.registers(0);
        assert_eq!(world.stored(&extension), ["sip:1000@127.0.1.11:5060"]);
        assert!(was_unregistered(world, WhyUnregistered::Asked));
        bob.registers_with("Contact: *\r\nExpires: 0\r\n");
        assert_eq!((world.registrations(), world.stored(&extension).len()), (0, 0));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_page_that_is_left_is_registered_no_more_and_the_phone_on_the_desk_still_is() {
    scenario("register_connection_closed", |world| {
        let extension = world.extension("1000", "secret");
        let (desk, page) = (phone(world, "desk", "1000"), phone(world, "page", "1000"));
        page.is_a_page();
        desk.registers(3_600);
        page.registers(3_600);
        world.loses_connection(&page);
        assert!(was_unregistered(world, WhyUnregistered::ConnectionClosed));
        assert_eq!(world.stored(&extension), ["sip:1000@127.0.1.10:5060"]);
        world.says("a connection over which nobody is registered any more changes nothing");
        world.loses_connection(&page);
        page.registers(3_600);
        assert_eq!((world.registrations(), world.stored(&extension).len()), (2, 2));
        world.is_empty_after_40_s();
    });
}

#[test]
fn phones_that_were_registered_before_a_restart_still_are() {
    scenario("register_remembered", |world| {
        let extension = world.extension("1000", "secret");
        let (alice, bob) = (phone(world, "alice", "1000"), phone(world, "bob", "1000"));
        world.remembers(&extension, &alice, 100);
        assert_eq!(world.registrations(), 1);
        bob.registers(3_600);
        let ok = bob.last_response(200);
        assert!(ok.contains("<sip:1000@127.0.1.10:5060>;expires=99\r\n"), "{ok}");
        assert_eq!(world.stored(&extension).len(), 2);
        world.passes_ms(101_000);
        assert_eq!(world.stored(&extension), ["sip:1000@127.0.1.11:5060"]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_phone_whose_connection_is_closed_makes_room_before_the_oldest() {
    scenario("register_closed_makes_room", |world| {
        let extension = world.extension("1000", "secret");
        let desk = phone(world, "desk", "1000");
        desk.registers(3_600);
        for name in ["one", "two"] {
            let phone = phone(world, name, "1000");
            phone.speaks_tcp();
            phone.registers(3_600);
            world.loses_connection(&phone);
        }
        assert_eq!(world.registrations(), 3, "while there is room they stay");
        phone(world, "three", "1000").registers(3_600);
        assert_eq!(world.stored(&extension), [10, 12, 13].map(|last| format!("sip:1000@127.0.1.{last}:5060")));
        assert!(was_unregistered(world, WhyUnregistered::TooMany));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_page_that_was_open_before_a_restart_is_registered_no_more() {
    scenario("register_remembered_page", |world| {
        let extension = world.extension("1000", "secret");
        let other = world.extension("1001", "secret");
        let (desk, page) = (phone(world, "desk", "1000"), phone(world, "page", "1001"));
        world.remembers(&extension, &desk, 100);
        for transport in ["ws", "wss"] {
            world.remembers_over(transport, &other, &page, 100);
            assert_eq!((world.registrations(), world.stored(&other).len()), (1, 0));
        }
        page.registers(3_600);
        assert_eq!(world.registrations(), 2);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_phone_that_is_elsewhere_now_leaves_its_old_place() {
    scenario("register_moved", |world| {
        let extension = world.extension("1000", "secret");
        let (desk, old, new) = (phone(world, "desk", "1000"), phone(world, "old", "1000"), phone(world, "new", "1000"));
        desk.registers(3_600);
        for (from, last) in [(&old, 11), (&new, 12)] {
            let uri = format!("<sip:1000@127.0.1.{last}:5060>;+sip.instance=\"<urn:uuid:1>\"");
            from.registers_with(&format!("Contact: {uri}\r\n"));
        }
        assert_eq!(world.stored(&extension), [10, 12].map(|last| format!("sip:1000@127.0.1.{last}:5060")));
        assert!(was_unregistered(world, WhyUnregistered::Moved));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_deleted_extension_is_registered_nowhere() {
    scenario("register_deleted", |world| {
        let (gone, stays) = (world.extension("1000", "secret"), world.extension("1001", "secret"));
        let (alice, bob) = (phone(world, "alice", "1000"), phone(world, "bob", "1001"));
        alice.registers(3_600);
        bob.registers(3_600);
        world.deletes_extension(&gone);
        assert!(was_unregistered(world, WhyUnregistered::Deleted));
        assert_eq!((world.registrations(), world.stored(&gone).len(), world.stored(&stays).len()), (1, 0, 1));
        alice.sends_register("Contact: <sip:{user}@{me}>\r\n");
        alice.is_told(403);
        world.is_empty_after_40_s();
    });
}

#[test]
fn what_cannot_be_stored_is_not_promised() {
    scenario("register_not_saved", |world| {
        let extension = world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000");
        world.store_fails(true);
        alice.sends_register("Contact: <sip:{user}@{me}>\r\n");
        alice.is_told(401);
        alice.answers_challenge();
        alice.is_told(500);
        assert!(world.stored(&extension).is_empty());
        assert_eq!(world.registrations(), 0, "she was told that she is not registered");
        world.store_fails(false);
        alice.registers(3_600);
        assert_eq!(world.stored(&extension).len(), 1);
        world.says("a store that says nothing is waited for, but not for ever; a repetition asks it nothing");
        world.store_is_silent(true);
        alice.answers_challenge();
        let since_ms = world.elapsed_ms();
        alice.is_told(500);
        // And 5 ms on the link each way.
        assert_eq!(world.elapsed_ms() - since_ms, 10_010);
        assert_eq!((world.registrations(), world.stored(&extension).len()), (1, 1), "it is as before");
        assert_eq!(world.registers_accepted_and_not_saved(), (1, 2));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_panic_over_one_register_ends_nothing_else() {
    scenario("panic_register", |world| {
        world.number("echo", echo());
        world.extension("1000", "secret");
        let (alice, bob) = (phone(world, "alice", "1000"), world.phone("bob"));
        bob.is_connected_to("echo");
        bob.speaks(440.0);
        alice.registers(3_600);
        world.injects_panic_into_registrar();
        alice.answers_challenge();
        alice.is_told(500);
        assert_eq!(world.registrations(), 1);
        let is_told = |note: &NoteKind| matches!(note, NoteKind::RegisterRefused { status: 500, .. });
        assert!(world.noted(is_told));
        bob.hears(440.0);
        alice.answers_challenge();
        alice.is_told(200);
        bob.hangs_up();
        bob.gets_for(200, "BYE");
        bob.falls_silent();
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_register_that_cannot_be_done_is_told_why() {
    scenario("register_malformed", |world| {
        world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000");
        alice.registers(3_600);
        alice.sends_register("Contact: *\r\nExpires: 60\r\n");
        alice.is_told(400);
        assert!(alice.last_response(400).starts_with("SIP/2.0 400 Contact is * without Expires: 0\r\n"));
        alice.sends_register("Contact: <tel:+12025550123>\r\n");
        alice.is_told(400);
        assert_eq!(world.registrations(), 1);
        world.is_empty_after_40_s();
    });
}
