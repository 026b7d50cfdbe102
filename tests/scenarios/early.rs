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

/// RFC 3261 §13.3.1.1: proxies give up on an INVITE that nothing was heard of for 3 minutes.
#[test]
fn a_caller_that_waits_long_is_told_so_every_minute() {
    scenario("long_ringing", |world| {
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 150_000}}, {"type": "answer"}]));
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        world.passes_ms(149_000);
        assert_eq!(alice.count(180, "INVITE"), 3, "at once, after one minute, after two");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// The same with early media: the 183 is repeated with the same description.
#[test]
fn a_caller_that_hears_a_long_prompt_is_told_so_every_minute() {
    scenario("long_early_media", |world| {
        world.number("early", json!([{"type": "play", "option": {"stream_urls": ["tone:600:70000"]}}]));
        let alice = world.phone("alice");
        alice.calls("early");
        alice.gets(183);
        let first = alice.last_response(183);
        world.passes_ms(65_000);
        alice.gets(480);
        assert_eq!(alice.count(183, "INVITE"), 2);
        assert_eq!(alice.last_response(183), first);
        world.is_empty_after_40_s();
    });
}

/// The caller vanishes while it rings: the longest duration ends the call (spec/media.md §2, §3).
#[test]
fn ringing_ends_at_the_longest_duration_with_480() {
    scenario("ringing_limit", |world| {
        world.settings(|settings| settings.max_call_duration_ms = 5_000);
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 600_000}}]));
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(480);
        assert!(
            world.noted(
                |note| matches!(note, support::NoteKind::CallEnded { reason, .. } if reason.as_str() == "timeout")
            )
        );
        world.is_empty_after_40_s();
    });
}

/// RFC 3261 §13.3.1: the caller says how long it is willing to wait for the answer.
#[test]
fn an_invitation_that_expires_before_the_answer_gets_487() {
    scenario("invite_expires", |world| {
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 600_000}}]));
        world.number("quick", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 5_000}}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.expires_s = Some(2));
        alice.calls("slow");
        alice.gets(487);
        alice.is_connected_to("quick");
        alice.waits_ms(4_000);
        assert_eq!(alice.count_requests("BYE"), 0, "it says nothing about the call");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §2: a caller is not left in silence while a prompt is fetched from far away.
#[test]
fn a_sound_that_is_slow_to_come_lets_it_ring_first() {
    scenario("early_slow_sound", |world| {
        world.number("early", json!([{"type": "play", "option": {"stream_urls": ["slow-tone:600:1000"]}}]));
        let alice = world.phone("alice");
        alice.calls("early");
        alice.gets(180);
        alice.gets(183);
        alice.hears(600.0);
        alice.gets(480);
        world.is_empty_after_40_s();
    });
}

/// What nobody waits for need not be fetched to its end.
#[test]
fn a_sound_is_not_wanted_any_more_when_its_caller_has_hung_up() {
    scenario("early_sound_unwanted", |world| {
        let slow = json!({"type": "play", "option": {"stream_urls": ["slow-tone:600:1000"]}});
        world.number("answered", json!([{"type": "answer"}, slow]));
        world.number("ringing", json!([slow]));
        let alice = world.phone("alice");
        alice.is_connected_to("answered");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        assert_eq!(world.sounds_forgotten(), 1);
        let bob = world.phone("bob");
        bob.calls("ringing");
        bob.gets(180);
        bob.cancels();
        bob.gets(487);
        assert_eq!(world.sounds_forgotten(), 2);
        world.is_empty_after_40_s();
    });
}
