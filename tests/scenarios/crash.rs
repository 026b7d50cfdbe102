//! One call's failure ends that call, and nothing else (design, section 1, cells).

use support::{NoteKind, json, scenario};

use crate::{echo, quiet};

#[test]
fn a_panic_in_an_answered_call_ends_it_with_bye_and_leaves_the_other_alone() {
    scenario("panic_answered", |world| {
        world.number("echo", echo());
        world.number("quiet", quiet());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.is_connected_to("quiet");
        bob.is_connected_to("echo");
        bob.speaks(440.0);
        world.injects_panic_into(&alice);
        alice.presses('1');
        alice.is_asked("BYE");
        bob.hears(440.0);
        assert_eq!(world.crashes(), ["a panic was injected into this cell"]);
        assert!(world.noted(|note| matches!(note, NoteKind::CellPanicked { .. })));
        bob.hangs_up();
        bob.gets_for(200, "BYE");
        bob.falls_silent();
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_panic_before_the_answer_gives_500() {
    scenario("panic_ringing", |world| {
        world.number(
            "early",
            json!([
                {"type": "play", "option": {"stream_urls": ["tone:600:60000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("early");
        alice.gets(183);
        world.injects_panic_into(&alice);
        alice.presses('1');
        alice.gets(500);
        world.is_empty_after_40_s();
    });
}
