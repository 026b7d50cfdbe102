//! `talk` (spec/actions.md): speech of this World is a tone, so what is said can be measured.

use support::{NoteKind, json, scenario};

#[test]
fn talk_answers_the_call_and_the_flow_waits_for_its_end() {
    scenario("talk", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": "tone:600:600", "language": "en-US"}},
                {"type": "play", "option": {"stream_urls": ["tone:440:600"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("hello");
        alice.gets(200);
        assert_eq!(alice.count(183, "INVITE") + alice.count(180, "INVITE"), 0, "nothing rings before a talk");
        alice.waits_ms(30);
        alice.hears(600.0);
        alice.waits_ms(200);
        alice.hears(440.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn an_empty_text_answers_and_goes_on() {
    scenario("talk_empty", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": " ${nothing} "}},
                {"type": "sleep", "option": {"duration": 500}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("hello");
        alice.gets(200);
        alice.hears_silence();
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// The digit stops it, and counts for the `digits_receive` behind it.
#[test]
fn with_digits_handle_next_a_digit_stops_the_talk_and_is_not_lost() {
    scenario("talk_digit_next", |world| {
        world.number(
            "menu",
            json!([
                {"type": "talk", "option": {"text": "tone:600:10000", "digits_handle": "next"}},
                {"type": "digits_receive", "option": {"duration": 5_000, "length": 1}},
                {"type": "branch", "option": {"target_ids": {"1": "one"}, "default_target_id": "other"}},
                {"id": "one", "type": "talk", "option": {"text": "tone:440:800"}},
                {"id": "other", "type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("menu");
        alice.hears(600.0);
        alice.presses('1');
        alice.waits_ms(50);
        alice.hears(440.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn without_digits_handle_a_digit_is_stored_and_the_talk_goes_on() {
    scenario("talk_digit_ignored", |world| {
        world.number(
            "menu",
            json!([
                {"type": "talk", "option": {"text": "tone:600:1500"}},
                {"type": "condition_variable", "option": {
                    "condition": "==", "variable": "voipbin.call.digits", "value_string": "7", "false_target_id": "end"}},
                {"type": "play", "option": {"stream_urls": ["tone:440:800"]}},
                {"id": "end", "type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("menu");
        alice.presses('7');
        alice.hears(600.0);
        alice.waits_ms(1_000);
        alice.hears(440.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// The caller's voice ends it as a digit would. The tone of this World's phones is as loud as its speech.
#[test]
fn with_barge_in_the_caller_speaks_over_the_talk_and_the_flow_goes_on() {
    scenario("talk_barge_in", |world| {
        world.number(
            "menu",
            json!([
                {"type": "talk", "option": {"text": "tone:600:10000", "barge_in": true}},
                {"type": "talk", "option": {"text": "tone:440:1500"}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("menu");
        alice.hears(600.0);
        alice.speaks(300.0);
        alice.waits_ms(300);
        assert!(world.noted(|note| matches!(note, NoteKind::BargeIn)));
        world.says("the second one was not told to mind her");
        alice.hears(440.0);
        alice.waits_ms(500);
        alice.hears(440.0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// What the flow waits for is another thing than what sounds: nobody is woken.
#[test]
fn an_async_talk_ends_by_barge_in_and_the_flow_does_not_notice() {
    scenario("talk_async_barge_in", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": "tone:600:60000", "async": true, "barge_in": true}},
                {"type": "sleep", "option": {"duration": 2_000}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("hello");
        alice.hears(600.0);
        alice.speaks(300.0);
        alice.waits_ms(300);
        alice.hears_silence();
        assert_eq!(alice.count_requests("BYE"), 0);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn an_async_talk_sounds_while_the_flow_goes_on_and_the_next_playback_cuts_it() {
    scenario("talk_async", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": "tone:600:60000", "async": true}},
                {"type": "sleep", "option": {"duration": 800}},
                {"type": "play", "option": {"stream_urls": ["tone:440:800"]}},
                {"type": "sleep", "option": {"duration": 600}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("hello");
        alice.hears(600.0);
        alice.waits_ms(400);
        alice.hears(440.0);
        alice.waits_ms(450);
        alice.hears_silence();
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// It is cut even when it was not at hand yet.
#[test]
fn an_async_talk_that_is_not_ready_is_cut_by_the_next_playback() {
    scenario("talk_async_late", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": "slow-tone:600:60000", "async": true}},
                {"type": "play", "option": {"stream_urls": ["tone:440:500"]}},
                {"type": "sleep", "option": {"duration": 1_000}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("hello");
        alice.hears(440.0);
        alice.waits_ms(1_000);
        alice.is_asked("BYE");
        assert!(alice.share_so_far(600.0) < 0.01);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_talk_that_fails_is_told_to_the_timeline_and_the_flow_goes_on() {
    scenario("talk_fails", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": "fail:the voice is hoarse"}},
                {"type": "play", "option": {"stream_urls": ["tone:440:600"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("hello");
        alice.hears(440.0);
        alice.is_asked("BYE");
        assert_eq!(world.failures(), [("talk".into(), "no sound could be played".into())]);
        assert!(world.noted(|note| matches!(note, NoteKind::SoundSkipped { why, .. } if why == "the voice is hoarse")));
        world.is_empty_after_40_s();
    });
}

/// A text that is not spoken within 10 s is passed by; what comes later finds nobody who waits for it.
#[test]
fn a_talk_that_takes_too_long_is_passed_by() {
    scenario("talk_late", |world| {
        world.number(
            "hello",
            json!([
                {"type": "talk", "option": {"text": "late-tone:600:60000"}},
                {"type": "play", "option": {"stream_urls": ["tone:440:6000"]}},
                {"type": "sleep", "option": {"duration": 200}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("hello");
        alice.waits_ms(9_900);
        assert_eq!(world.failures(), []);
        alice.waits_ms(200);
        assert_eq!(world.failures().len(), 1);
        alice.hears(440.0);
        alice.waits_ms(5_000);
        alice.hears(440.0);
        alice.is_asked("BYE");
        assert!(alice.share_so_far(600.0) < 0.01);
        world.is_empty_after_40_s();
    });
}

/// spec/flow.md §12.8.
#[test]
fn a_stop_request_while_a_talk_sounds_hangs_up() {
    scenario("talk_stopped", |world| {
        world.number("hello", json!([{"type": "talk", "option": {"text": "tone:600:60000"}}]));
        let alice = world.phone("alice");
        alice.is_connected_to("hello");
        alice.hears(600.0);
        let activeflow_id = world.id_of("activeflow_created");
        let replies = world.wishes(&support::Request::StopActiveflow { activeflow_id });
        assert!(matches!(&replies[..], [support::Reply::Activeflow(activeflow)] if activeflow.id == activeflow_id));
        alice.is_asked("BYE");
        world.passes_ms(100);
        let call = world.last("call_hangup");
        assert_eq!((&call["hangup_by"], &call["hangup_reason"]), (&"local".into(), &"normal".into()));
        world.is_empty_after_40_s();
    });
}

/// spec/flow.md §12.7, from where the leg of `connect` was not answered: the call still rings, so the message is spoken, which
/// answers it; then the caller is recorded.
#[test]
fn a_simple_voicemail_answers_beeps_and_records() {
    scenario("voicemail", |world| {
        world.page("http://hook.test/mail", 200, "");
        let on_end = world.flow(
            "mail",
            json!([{"type": "webhook_send", "option": {"sync": true, "uri": "http://hook.test/mail",
                "data": "${voipbin.recording.reference_id} ${voipbin.recording.filenames}"}}]),
        );
        world.number(
            "voicemail",
            json!([
                {"type": "condition_call_status", "option": {"status": "progressing", "false_target_id": "message"}},
                {"type": "hangup"},
                {"id": "message", "type": "talk", "option": {"text": "tone:600:500"}},
                {"type": "beep"},
                {"type": "recording_start", "option": {"format": "wav", "on_end_flow_id": on_end}},
                {"type": "sleep", "option": {"duration": 1_000}},
                {"type": "hangup"},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("voicemail");
        alice.gets(200);
        alice.waits_ms(1_050);
        alice.speaks(440.0);
        alice.is_asked("BYE");
        alice.falls_silent();
        world.passes_ms(300);
        let (call, recording) = (world.last("call_hangup"), world.last("recording_finished"));
        assert_eq!((&recording["status"], &recording["end_reason"]), (&"ended".into(), &"hangup".into()));
        assert_eq!(recording["reference_id"], call["id"]);
        assert_eq!(call["recording_ids"], json!([recording["id"]]));
        let name = recording["recording_name"].as_str().unwrap_or_default();
        let said = world.asked("http://hook.test/mail");
        assert_eq!(said, [format!("{} {name}_in.wav,{name}_out.wav", call["id"].as_str().unwrap_or_default())]);
        let length = world.recorded(name).map(|recorded| recorded.input.len()).unwrap_or_default();
        assert!((7_800..8_300).contains(&length), "{length} samples of a second");
        world.is_empty_after_40_s();
    });
}
