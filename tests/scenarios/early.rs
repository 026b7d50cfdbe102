//! Before the answer: early media, and how an unanswered call ends (spec/media.md §2, §3, §11).

use support::{json, scenario};

/// spec/media.md §11.2
#[test]
fn play_without_answer_is_early_media_and_ends_with_480() {
    scenario("early_play", |world| {
        world.number("early", json!([{"type": "play", "option": {"stream_urls": ["tone:600:1000"]}}]));
        let alice = world.phone("alice");
        alice.calls("early");
        alice.gets(183);
        assert!(alice.last_response(183).contains("m=audio "));
        alice.hears(600.0);
        alice.gets(480);
        assert_eq!(alice.count(200, "INVITE"), 0);
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §11.2
#[test]
fn play_then_hangup_without_answer_ends_with_603() {
    scenario("early_play_hangup", |world| {
        world.number(
            "early",
            json!([
                {"type": "play", "option": {"stream_urls": ["tone:600:500"]}}, {"type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("early");
        alice.gets(183);
        alice.gets(603);
        world.is_empty_after_40_s();
    });
}

#[test]
fn early_media_then_answer_keeps_the_stream() {
    scenario("early_then_answer", |world| {
        world.number(
            "both",
            json!([
                {"type": "beep"}, {"type": "answer"}, {"type": "play", "option": {"stream_urls": ["tone:700:2000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("both");
        alice.gets(183);
        alice.hears(1000.0);
        alice.gets(200);
        alice.waits_ms(60);
        alice.hears(700.0);
        let heard = alice.heard();
        assert!(heard.windows(2).all(|pair| pair[0].ssrc == pair[1].ssrc));
        assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §11.3 and the table of §3
#[test]
fn the_reason_of_a_hangup_selects_the_response() {
    for (reason, status) in [("busy", 486), ("noanswer", 480), ("failed", 408), ("normal", 603), ("amd", 603)] {
        scenario(&format!("hangup_{reason}"), |world| {
            world.number("no", json!([{"type": "hangup", "option": {"reason": reason}}]));
            let alice = world.phone("alice");
            alice.calls("no");
            alice.gets(status);
            world.is_empty_after_40_s();
        });
    }
}

#[test]
fn sound_before_the_answer_to_a_late_offer_is_skipped() {
    scenario("early_late_offer", |world| {
        world.number(
            "early",
            json!([
                {"type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
                {"type": "hangup", "option": {"reason": "busy"}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls_with("early", None);
        alice.gets(486);
        assert_eq!(alice.count(183, "INVITE"), 0);
        world.is_empty_after_40_s();
    });
}
