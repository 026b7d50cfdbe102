//! The worked expectations of spec/flow.md §12 that a call can show.

use support::{NoteKind, json, scenario};

/// §12.1: a goto with `loop_count` 2 behind a prompt: it is heard three times.
#[test]
fn a_prompt_in_a_loop_is_heard_three_times() {
    scenario("goto_twice", |world| {
        world.number(
            "loop",
            json!([
                {"type": "answer"},
                {"id": "again", "type": "play", "option": {"stream_urls": ["tone:600:500"]}},
                {"type": "goto", "option": {"target_id": "again", "loop_count": 2}},
                {"type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("loop");
        alice.is_asked("BYE");
        let loud = alice.heard().iter().filter(|packet| packet.payload.iter().any(|&octet| octet != 0xff)).count();
        assert_eq!(loud, 75, "three times 500 ms in packets of 20 ms");
        world.is_empty_after_40_s();
    });
}

/// §12.2: no entry fits: the default is taken, and the digits are empty afterwards.
#[test]
fn a_branch_takes_the_default_and_empties_the_digits() {
    scenario("branch_default", |world| {
        world.number(
            "ivr",
            json!([
                {"type": "answer"},
                {"type": "digits_receive", "option": {"duration": 10_000, "length": 1}},
                {"type": "branch", "option": {"target_ids": {"9": "never"}, "default_target_id": "check"}},
                {"id": "never", "type": "hangup"},
                {"id": "check", "type": "condition_variable", "option": {
                    "condition": "==", "variable": "voipbin.call.digits", "value_type": "length", "value_length": 0,
                    "false_target_id": "never"}},
                {"type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("ivr");
        alice.presses('1');
        alice.waits_ms(40);
        alice.hears(600.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// §12.6 and §7.2: variables in a prompt's URL; an unknown one is empty.
#[test]
fn variables_are_filled_into_options() {
    scenario("variables", |world| {
        world.number(
            "vars",
            json!([
                {"type": "answer"},
                {"type": "variable_set", "option": {"key": "hz", "value": "700"}},
                {"type": "play", "option": {"stream_urls": ["tone:${hz}${nope}:1000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("vars");
        alice.waits_ms(40);
        alice.hears(700.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// The status is what it is at this moment: `answer` in the same burst counts.
#[test]
fn the_status_after_answer_is_progressing() {
    scenario("status_after_answer", |world| {
        world.number(
            "status",
            json!([
                {"type": "condition_call_status", "option": {"status": "ringing", "false_target_id": "wrong"}},
                {"type": "answer"},
                {"type": "condition_call_status", "option": {"status": "progressing", "false_target_id": "wrong"}},
                {"type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
                {"type": "stop"},
                {"id": "wrong", "type": "hangup", "option": {"reason": "failed"}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("status");
        alice.waits_ms(20);
        alice.hears(600.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/actions.md `play`: what cannot be had is skipped; if nothing is left the cursor goes on.
#[test]
fn a_missing_prompt_is_skipped_and_the_flow_goes_on() {
    scenario("missing_prompt", |world| {
        world.number(
            "prompt",
            json!([
                {"type": "answer"},
                {"type": "play", "option": {"stream_urls": ["file:gone.wav"]}},
                {"type": "play", "option": {"stream_urls": ["file:gone.wav", "tone:600:1000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("prompt");
        alice.waits_ms(20);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert!(world.noted(|note| matches!(note, NoteKind::SoundSkipped { url, .. } if url == "file:gone.wav")));
        world.is_empty_after_40_s();
    });
}

/// §5.6: a loop that never waits is ended after 1000 steps of one burst.
#[test]
fn a_loop_that_never_waits_ends_the_call() {
    scenario("endless_loop", |world| {
        world.number(
            "loop",
            json!([
                {"type": "answer"},
                {"id": "here", "type": "empty", "next_id": "here"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("loop");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/flow.md §2: a call keeps the flow that it began with.
#[test]
fn a_reload_does_not_change_calls_that_are_up() {
    scenario("reload", |world| {
        let tone = |hz: u32| {
            json!([
                {"type": "answer"},
                {"type": "sleep", "option": {"duration": 1_000}},
                {"type": "play", "option": {"stream_urls": [format!("tone:{hz}:2000")]}},
            ])
        };
        world.number("prompt", tone(600));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.is_connected_to("prompt");
        world.number("prompt", tone(900));
        bob.is_connected_to("prompt");
        world.passes_ms(1_000);
        alice.hears(600.0);
        bob.hears(900.0);
        alice.is_asked("BYE");
        bob.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn hanging_up_during_a_prompt_stops_everything() {
    scenario("hangup_during_prompt", |world| {
        world.number(
            "prompt",
            json!([
                {"type": "answer"}, {"type": "play", "option": {"stream_urls": ["tone:600:60000"]}},
                {"type": "play", "option": {"stream_urls": ["tone:900:60000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("prompt");
        alice.hears(600.0);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        alice.hears_nothing();
        world.is_empty_after_40_s();
    });
}
