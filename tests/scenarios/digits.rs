//! Keys in and out (RFC 4733, spec/actions.md `digits_receive`, `digits_send`).

use support::{NoteKind, Value, json, scenario};

fn menu() -> Value {
    json!([
        {"type": "answer"},
        {"type": "digits_receive", "option": {"duration": 10_000, "length": 1}},
        {"type": "branch", "option": {"default_target_id": "other", "target_ids": {"1": "one", "2": "two"}}},
        {"id": "one", "type": "play", "option": {"stream_urls": ["tone:600:2000"]}, "next_id": "end"},
        {"id": "two", "type": "play", "option": {"stream_urls": ["tone:900:2000"]}, "next_id": "end"},
        {"id": "other", "type": "play", "option": {"stream_urls": ["tone:1200:2000"]}},
        {"id": "end", "type": "hangup"},
    ])
}

#[test]
fn a_key_chooses_the_branch() {
    for (key, hz) in [('1', 600.0), ('2', 900.0), ('7', 1200.0)] {
        scenario(&format!("menu_{key}"), |world| {
            world.number("ivr", menu());
            let alice = world.phone("alice");
            alice.is_connected_to("ivr");
            alice.waits_ms(1_000);
            alice.presses(key);
            alice.waits_ms(40);
            alice.hears(hz);
            alice.is_asked("BYE");
            world.is_empty_after_40_s();
        });
    }
}

#[test]
fn no_key_takes_the_default_after_the_time() {
    scenario("menu_timeout", |world| {
        world.number("ivr", menu());
        let alice = world.phone("alice");
        alice.is_connected_to("ivr");
        alice.waits_ms(10_050);
        alice.hears(1200.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_key_whose_end_packets_are_lost_counts_once() {
    scenario("lost_key_ends", |world| {
        world.number("ivr", menu());
        let alice = world.phone("alice");
        alice.is_connected_to("ivr");
        alice.presses_for('2', 200, 0);
        alice.waits_ms(300);
        alice.hears(900.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn keys_arrive_over_a_bad_link_each_once() {
    scenario("keys_over_bad_link", |world| {
        world.number(
            "pin",
            json!([
                {"type": "answer"},
                {"type": "digits_receive", "option": {"duration": 60_000, "key": "#"}},
                {"type": "condition_variable", "option": {
                    "condition": "==", "variable": "voipbin.call.digits", "value_type": "string",
                    "value_string": "112233#", "false_target_id": "wrong"}},
                {"type": "play", "option": {"stream_urls": ["tone:600:2000"]}},
                {"type": "stop"},
                {"id": "wrong", "type": "play", "option": {"stream_urls": ["tone:1200:2000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("pin");
        alice.link(|link| {
            link.loss_permille = 150;
            link.duplicate_permille = 200;
            link.jitter_ms = 15;
        });
        for key in "112233#".chars() {
            alice.presses_for(key, 160, 3);
            alice.waits_ms(300);
        }
        alice.link(|link| link.loss_permille = 0);
        alice.hears(600.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §11.4
#[test]
fn a_terminating_key_ends_the_wait_and_is_part_of_the_value() {
    scenario("terminating_key", |world| {
        world.number(
            "pin",
            json!([
                {"type": "answer"},
                {"type": "digits_receive", "option": {"duration": 20_000, "length": 3, "key": "#"}},
                {"type": "branch", "option": {"target_ids": {"1#": "right"}, "default_target_id": "wrong"}},
                {"id": "wrong", "type": "play", "option": {"stream_urls": ["tone:1200:1000"]}, "next_id": "end"},
                {"id": "right", "type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
                {"id": "end", "type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("pin");
        alice.presses('1');
        alice.presses('#');
        alice.waits_ms(40);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert!(world.noted(|note| matches!(note, NoteKind::Digit { digit: '#', .. })));
        world.is_empty_after_40_s();
    });
}

/// spec/actions.md `digits_receive`, type-ahead: keys pressed during the prompt are not lost.
#[test]
fn keys_pressed_during_the_prompt_count() {
    scenario("type_ahead", |world| {
        world.number(
            "ivr",
            json!([
                {"type": "answer"},
                {"type": "play", "option": {"stream_urls": ["tone:500:2000"]}},
                {"type": "digits_receive", "option": {"duration": 10_000, "length": 2}},
                {"type": "branch", "option": {"target_ids": {"42": "right"}, "default_target_id": "end"}},
                {"id": "right", "type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
                {"id": "end", "type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("ivr");
        alice.presses('4');
        alice.presses('2');
        alice.waits_ms(1_850);
        alice.hears(600.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn digits_are_sent_as_events_with_three_ends() {
    scenario("digits_send", |world| {
        world.number(
            "sender",
            json!([
                {"type": "answer"},
                {"type": "digits_send", "option": {"digits": "5#", "duration": 120, "interval": 80}},
                {"type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("sender");
        alice.is_asked("BYE");
        let events: Vec<_> = alice.heard().into_iter().filter(|packet| packet.payload_type == 101).collect();
        for event in [5, 11] {
            let of_key: Vec<_> = events.iter().filter(|packet| packet.payload[0] == event).collect();
            assert!(of_key.first().is_some_and(|packet| packet.marker), "the first one is marked");
            assert!(of_key.windows(2).all(|pair| pair[0].timestamp == pair[1].timestamp), "one timestamp per key");
            let ends: Vec<_> = of_key.iter().filter(|packet| packet.payload[1] & 0x80 != 0).collect();
            assert_eq!(ends.len(), 3, "key {event}");
            let duration = u16::from_be_bytes([ends[0].payload[2], ends[0].payload[3]]);
            assert_eq!(duration, 960, "120 ms in samples");
        }
        world.is_empty_after_40_s();
    });
}

#[test]
fn echo_reports_keys_and_does_not_return_them_but_stream_echo_does() {
    scenario("echo_and_keys", |world| {
        world.number("echo", crate::echo());
        world.number("stream", json!([{"type": "answer"}, {"type": "stream_echo"}]));
        for (number, returned) in [("echo", false), ("stream", true)] {
            let phone = world.phone(number);
            phone.is_connected_to(number);
            phone.presses('9');
            phone.waits_ms(300);
            let events = phone.heard().iter().filter(|packet| packet.payload_type == 101).count();
            assert_eq!(events > 0, returned, "{number}: {events} events came back");
            phone.hangs_up();
            phone.gets_for(200, "BYE");
        }
        world.is_empty_after_40_s();
    });
}
