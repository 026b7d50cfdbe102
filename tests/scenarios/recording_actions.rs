//! `recording_start` and `recording_stop` (spec/actions.md), their events and variables, and the flow that runs afterwards.

use support::{NoteKind, Recorded, Value, World, json, scenario, scenario_of_one_loop};

fn play(hz: u32, ms: u32) -> Value {
    json!({"type": "play", "option": {"stream_urls": [format!("tone:{hz}:{ms}")]}})
}

fn sleep(ms: u32) -> Value {
    json!({"type": "sleep", "option": {"duration": ms}})
}

fn start(option: Value) -> Value {
    json!({"type": "recording_start", "option": option})
}

/// Sends the body to the scenario's hook.
fn tell(data: &str) -> Value {
    json!({"type": "webhook_send", "option": {"uri": HOOK, "data": data}})
}

const HOOK: &str = "http://hook.test/";

fn failures(world: &World) -> Vec<String> {
    world.failures().into_iter().map(|(_, why)| why).collect()
}

/// What the newest recording holds.
fn recorded(world: &World) -> Recorded {
    let name = world.last("recording_finished")["recording_name"].as_str().unwrap_or_default().to_owned();
    world.recorded(&name).expect("there are files")
}

fn share(samples: &[i16], hz: f64) -> f64 {
    media_core::tone::goertzel(samples, hz) / 8_000.0
}

#[test]
fn before_the_answer_nothing_is_recorded_and_the_timeline_says_why() {
    scenario("record_unanswered", |world| {
        world.page(HOOK, 200, "");
        world.number(
            "early",
            json!([start(json!({})), {"type": "answer"}, tell("<${voipbin.recording.id}>"), sleep(200)]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("early");
        alice.is_asked("BYE");
        assert_eq!(failures(world), ["the call is not answered, so nothing is recorded"]);
        assert_eq!(world.event_names(&["recording_"]), [""; 0]);
        assert_eq!(world.asked(HOOK), ["<>"]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_recording_has_its_variables_events_and_files() {
    scenario("record_stop", |world| {
        world.page(HOOK, 200, "");
        let variables = "${voipbin.recording.id} ${voipbin.recording.reference_type} ${voipbin.recording.reference_id} \
                         ${voipbin.recording.format} ${voipbin.recording.recording_name} ${voipbin.recording.filenames}";
        world.number(
            "record",
            json!([
                {"type": "answer"}, start(json!({"format": "mp3"})), tell(variables), play(600, 1_000),
                {"type": "recording_stop"}, {"type": "recording_stop"}, sleep(400),
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.speaks(440.0);
        alice.waits_ms(500);
        let call = world.last("call_updated");
        assert_eq!(call["recording_id"], world.last("recording_started")["id"]);
        alice.is_asked("BYE");
        alice.falls_silent();
        assert_eq!(world.event_names(&["recording_"]), ["recording_started", "recording_finished"]);
        assert_eq!(world.last("recording_started")["status"], "recording");
        assert_eq!(world.recording_statuses(), ["initiating", "recording", "stopping", "ended"]);
        assert_eq!(failures(world), ["this server cannot write mp3: the recording is a WAV file"]);
        let recording = world.last("recording_finished");
        assert_eq!((&recording["status"], &recording["end_reason"]), (&"ended".into(), &"stopped".into()));
        assert_eq!((&recording["reference_type"], &recording["format"]), (&"call".into(), &"wav".into()));
        let text = |key: &str| recording[key].as_str().unwrap_or_default().to_owned();
        let (id, call_id, name) = (text("id"), text("reference_id"), text("recording_name"));
        assert!(name.starts_with(&format!("call_{call_id}_")), "{name}");
        assert_eq!(recording["filenames"], json!([format!("{name}_in.wav"), format!("{name}_out.wav")]));
        assert_eq!(world.asked(HOOK), [format!("{id} call {call_id} wav {name} {name}_in.wav,{name}_out.wav")]);
        let updated = world.last("call_updated");
        assert_eq!(updated["recording_id"], "00000000-0000-0000-0000-000000000000");
        assert_eq!(updated["recording_ids"], json!([id]));
        let recorded = recorded(world);
        assert!((8_000..8_400).contains(&recorded.input.len()), "{}", recorded.input.len());
        assert_eq!(recorded.input.len(), recorded.output.len());
        assert_eq!(recording["duration_ms"], recorded.input.len() / 8);
        assert!(share(&recorded.input[1_600..6_400], 440.0) > 0.8);
        assert!(share(&recorded.output[1_600..6_400], 600.0) > 0.8);
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §8: several times, one after another. The writer still completes the first when the second begins.
#[test]
fn a_recording_begins_at_once_behind_one_that_was_just_stopped() {
    scenario("record_at_once", |world| {
        let stop = json!({"type": "recording_stop"});
        world.number(
            "record",
            json!([{"type": "answer"}, start(json!({})), sleep(300), stop, start(json!({})), sleep(500), stop, sleep(300)]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.speaks(440.0);
        alice.is_asked("BYE");
        alice.falls_silent();
        assert_eq!(failures(world), [""; 0]);
        let finished: Vec<u64> = world
            .events()
            .iter()
            .filter(|(name, _)| name == "recording_finished")
            .map(|(_, recording)| recording["duration_ms"].as_u64().unwrap_or_default())
            .collect();
        assert!(matches!(finished[..], [300..360, 500..560]), "{finished:?}");
        let updated = world.last("call_updated");
        assert_eq!(updated["recording_id"], "00000000-0000-0000-0000-000000000000");
        assert_eq!(updated["recording_ids"].as_array().map(Vec::len), Some(2));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_call_is_recorded_several_times_but_never_twice_at_once() {
    scenario("record_twice", |world| {
        world.number(
            "record",
            json!([
                {"type": "answer"}, start(json!({})), sleep(300), start(json!({})), {"type": "recording_stop"}, sleep(300),
                start(json!({})), sleep(300), {"type": "recording_stop"}, sleep(300),
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.is_asked("BYE");
        assert_eq!(failures(world), ["the call is being recorded already"]);
        let events = world.event_names(&["recording_"]);
        assert_eq!(events, ["recording_started", "recording_finished", "recording_started", "recording_finished"]);
        world.passes_ms(100);
        let ids = world.last("call_hangup")["recording_ids"].as_array().map_or(0, Vec::len);
        assert_eq!((ids, world.recording_stems().len()), (2, 2));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_beep_comes_before_the_recording_and_is_not_in_it() {
    scenario("record_beep", |world| {
        world.number("record", json!([{"type": "answer"}, start(json!({"beep_start": true})), sleep(1_500)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.hears(1_000.0);
        assert_eq!(world.published("recording_started"), 0);
        alice.waits_ms(300);
        assert_eq!(world.published("recording_started"), 1);
        alice.speaks(440.0);
        alice.is_asked("BYE");
        alice.falls_silent();
        world.passes_ms(300);
        let recorded = recorded(world);
        assert!((7_600..8_400).contains(&recorded.output.len()), "{}", recorded.output.len());
        assert!(share(&recorded.output, 1_000.0) < 0.05);
        assert!(share(&recorded.input[3_200..7_200], 440.0) > 0.8);
        world.is_empty_after_40_s();
    });
}

/// Who asks for it sees it from the action on, before the files are made; by `call_updated` they know its id.
#[test]
fn a_recording_that_waits_for_its_beep_is_initiating() {
    scenario("record_initiating", |world| {
        world.number("record", json!([{"type": "answer"}, start(json!({"beep_start": true})), sleep(1_500)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.hears(1_000.0);
        assert_eq!(world.recording_statuses(), ["initiating"]);
        assert_eq!(world.event_names(&["recording_"]), [""; 0]);
        alice.waits_ms(300);
        assert_eq!(world.recording_statuses(), ["initiating", "recording"]);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(300);
        assert_eq!(world.recording_statuses(), ["initiating", "recording", "ended"], "nobody asked for its end");
        world.is_empty_after_40_s();
    });
}

/// What is said to the caller is heard to its end, then the beep tells it to speak.
#[test]
fn a_beep_waits_for_a_talk_that_the_flow_does_not_wait_for() {
    scenario("record_beep_after_talk", |world| {
        let talk = json!({"type": "talk", "option": {"text": "tone:600:800", "async": true}});
        let late = json!({"type": "talk", "option": {"text": "slow-tone:600:800", "async": true}});
        let record = start(json!({"beep_start": true}));
        world.number("talk", json!([talk, record.clone(), sleep(2_500)]));
        world.number("late", json!([{"type": "answer"}, late, record.clone(), sleep(2_500)]));
        world.number("cut", json!([talk, record, sleep(500), play(700, 800), sleep(600)]));
        for (name, user) in [("alice", "talk"), ("bob", "late")] {
            let phone = world.phone(name);
            phone.is_connected_to(user);
            if user == "late" {
                phone.waits_ms(1_000);
            }
            phone.hears(600.0);
            phone.waits_ms(430);
            let before = world.published("recording_started");
            phone.hears(1_000.0);
            assert_eq!(world.published("recording_started"), before);
            phone.waits_ms(250);
            assert_eq!(world.published("recording_started"), before + 1);
            phone.is_asked("BYE");
            world.passes_ms(300);
            let recorded = recorded(world);
            assert!(share(&recorded.output, 600.0) < 0.05 && share(&recorded.output, 1_000.0) < 0.05);
        }
        world.says("what the flow plays after it takes the beep's place");
        let carol = world.phone("carol");
        carol.is_connected_to("cut");
        carol.hears(600.0);
        assert_eq!(world.published("recording_started"), 2);
        carol.waits_ms(150);
        carol.hears(700.0);
        assert_eq!(world.published("recording_started"), 3);
        carol.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// The flow does not wait for the beep. What it plays meanwhile cuts it, and the recording begins then.
#[test]
fn a_beep_that_is_cut_starts_the_recording_at_once() {
    scenario("record_beep_cut", |world| {
        let talk = json!({"type": "talk", "option": {"text": "slow-tone:600:500", "digits_handle": "next"}});
        world.number(
            "play",
            json!([{"type": "answer"}, start(json!({"beep_start": true})), sleep(200), play(600, 800)]),
        );
        world.number("key", json!([{"type": "answer"}, start(json!({"beep_start": true})), talk, sleep(800)]));
        let alice = world.phone("alice");
        alice.is_connected_to("play");
        alice.waits_ms(200);
        alice.hears(600.0);
        assert_eq!(world.published("recording_started"), 1);
        alice.is_asked("BYE");
        world.says("a key stops what the flow waits for, which is not ready yet, and the beep with it");
        let bob = world.phone("bob");
        bob.is_connected_to("key");
        bob.presses('5');
        bob.waits_ms(200);
        assert_eq!(world.published("recording_started"), 2);
        bob.is_asked("BYE");
        world.passes_ms(300);
        assert_eq!(world.published("recording_finished"), 2);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_recording_that_waits_for_its_beep_ends_with_its_call() {
    scenario("record_beep_hangup", |world| {
        let on_end = world.flow("after", json!([tell("${voipbin.recording.reference_type}")]));
        let record = start(json!({"beep_start": true, "on_end_flow_id": on_end}));
        world.number("record", json!([{"type": "answer"}, record.clone(), sleep(60_000)]));
        world.number("short", json!([{"type": "answer"}, record, sleep(100), {"type": "recording_stop"}, sleep(600)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.waits_ms(100);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(50);
        let recording = world.last("recording_finished");
        assert_eq!((&recording["end_reason"], &recording["duration_ms"]), (&"hangup".into(), &json!(0)));
        assert_eq!(world.asked(HOOK), ["call"]);
        world.says("and it ends when the flow stops it");
        let bob = world.phone("bob");
        bob.is_connected_to("short");
        bob.is_asked("BYE");
        assert_eq!(world.asked(HOOK).len(), 2);
        assert_eq!(world.recording_stems(), [""; 0]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_key_ends_the_recording_and_counts_as_a_digit() {
    scenario("record_key", |world| {
        world.number(
            "record",
            json!([
                {"type": "answer"}, start(json!({"end_of_key": "#"})), sleep(1_500), tell("${voipbin.call.digits}"),
                start(json!({"end_of_key": "any"})), sleep(600), tell("${voipbin.call.digits}"),
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.waits_ms(200);
        alice.presses('1');
        alice.waits_ms(200);
        assert_eq!(world.published("recording_finished"), 0, "another key does not end it");
        alice.presses('#');
        alice.waits_ms(150);
        assert_eq!(world.published("recording_finished"), 1);
        assert_eq!(world.last("recording_finished")["end_reason"], "key");
        alice.waits_ms(900);
        alice.presses('7');
        alice.waits_ms(200);
        assert_eq!(world.published("recording_finished"), 2);
        alice.is_asked("BYE");
        assert_eq!(world.asked(HOOK), ["#", "7"]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn silence_and_duration_end_it_and_the_flow_does_not_notice() {
    scenario("record_limits", |world| {
        world.number(
            "record",
            json!([
                {"type": "answer"}, start(json!({"end_of_silence": 1})), sleep(2_500),
                start(json!({"duration": 1})), sleep(1_500),
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.speaks(440.0);
        alice.waits_ms(500);
        alice.falls_silent();
        alice.waits_ms(1_500);
        let silence = world.last("recording_finished");
        assert_eq!(silence["end_reason"], "silence");
        alice.is_asked("BYE");
        let duration = world.last("recording_finished");
        assert_eq!((&duration["end_reason"], &duration["duration_ms"]), (&"duration".into(), &json!(1_000)));
        assert_eq!(world.published("recording_finished"), 2);
        world.is_empty_after_40_s();
    });
}

/// It has no reference, so what needs a call is skipped; `sleep` waits.
#[test]
fn when_the_recording_is_over_its_flow_runs_for_no_call() {
    scenario("record_on_end", |world| {
        world.page(HOOK, 200, "{\"ticket\": 7}");
        let next = world.flow("next", json!([tell("complete ${ticket}")]));
        let on_end = world.flow(
            "on end",
            json!([
                {"type": "answer"}, play(600, 500), sleep(100),
                {"type": "webhook_send", "option": {"sync": true, "uri": HOOK, "data":
                    "${voipbin.activeflow.reference_type}|${voipbin.activeflow.reference_activeflow_id}|${voipbin.recording.id}"}},
                tell("ticket ${ticket}"),
            ]),
        );
        world.completes_with(on_end, next);
        world.number("record", json!([{"type": "answer"}, start(json!({"on_end_flow_id": on_end})), sleep(60_000)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        let activeflow = world.last("activeflow_created");
        alice.waits_ms(300);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(500);
        let recording = world.last("recording_finished");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let first = format!("|{}|{}", text(&activeflow["id"]), text(&recording["id"]));
        assert_eq!(world.asked(HOOK), [first, "ticket 7".into(), "complete 7".into()]);
        assert_eq!(world.published("activeflow_created"), 3);
        assert_eq!(world.last("activeflow_updated")["status"], "ended");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_flow_that_is_not_there_does_not_run_afterwards() {
    scenario("record_on_end_missing", |world| {
        let nowhere = support::uuid(0xdead);
        world.number("record", json!([{"type": "answer"}, start(json!({"on_end_flow_id": nowhere})), sleep(200)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.is_asked("BYE");
        world.passes_ms(300);
        assert!(world.noted(|note| matches!(note, NoteKind::OnCompleteSkipped { flow_id, .. } if *flow_id == nowhere)));
        world.is_empty_after_40_s();
    });
}

/// Nothing was recorded yet: the caller's answer to our offer had not come.
#[test]
fn a_recording_that_is_stopped_before_the_stream_is_open_never_begins() {
    scenario("record_late_offer", |world| {
        let stop = json!({"type": "recording_stop"});
        world.number(
            "stopped",
            json!([{"type": "answer"}, start(json!({})), stop, sleep(300), start(json!({})), sleep(300)]),
        );
        world.number("silent", json!([{"type": "answer"}, start(json!({})), sleep(60_000)]));
        let alice = world.phone("alice");
        let answer = alice.offer().text();
        alice.behaves(|manners| manners.sdp_in_ack = Some(answer));
        alice.calls_with("stopped", None);
        alice.gets(200);
        let finished = world.last("recording_finished");
        assert_eq!(finished["end_reason"], "stopped before it began");
        assert_eq!(finished["filenames"], json!([]), "there are no files");
        alice.is_asked("BYE");
        world.passes_ms(300);
        assert_eq!(
            world.event_names(&["recording_"]),
            ["recording_finished", "recording_started", "recording_finished"]
        );
        assert_eq!(world.recording_stems().len(), 1);
        world.says("who never answers it is not recorded, and the recording ends with the call");
        let bob = world.phone("bob");
        bob.calls_with("silent", None);
        bob.gets(200);
        bob.is_asked("BYE");
        assert_eq!(world.recording_stems().len(), 1);
        assert_eq!(world.published("recording_finished"), 3);
        assert_eq!(world.last("recording_finished")["end_reason"], "hangup");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_recording_whose_end_is_never_reported_is_given_up_with_its_call() {
    scenario("record_silent_worker", |world| {
        world.number("record", json!([{"type": "answer"}, start(json!({})), sleep(60_000)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        world.loses_the_workers();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(34_000);
        assert_eq!(world.published("recording_finished"), 0);
        world.passes_ms(2_000);
        assert_eq!(world.last("recording_finished")["end_reason"], "the media side did not report its end");
        assert!(world.gauges().iter().all(|gauges| gauges.is_idle()), "{:?}", world.gauges());
    });
}

/// A flow that records again and again cannot make the server run flows without end.
#[test]
fn only_so_many_flows_run_for_no_call() {
    scenario_of_one_loop("record_on_end_many", |world| {
        world.settings(|settings| settings.max_calls = 2);
        let on_end = world.flow("after", json!([sleep(5_000)]));
        let again = json!({"type": "goto", "option": {"target_id": "again", "loop_count": 3}});
        let mut first = start(json!({"on_end_flow_id": on_end}));
        first["id"] = "again".into();
        let stop = json!({"type": "recording_stop"});
        world.number("record", json!([{"type": "answer"}, first, sleep(200), stop, sleep(200), again, sleep(5_000)]));
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.waits_ms(2_000);
        assert_eq!((world.published("recording_finished"), world.published("activeflow_created")), (4, 3));
        let skipped = |note: &NoteKind| matches!(note, NoteKind::OnCompleteSkipped { why, .. } if why.starts_with('2'));
        assert!(world.noted(skipped));
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// Nobody waits for a recording of a call that is gone, but its end is told.
#[test]
fn a_panic_in_a_recorded_call_ends_the_recording_too() {
    scenario("record_panic", |world| {
        world.number("record", json!([{"type": "answer"}, start(json!({})), sleep(60_000)]));
        world.number("beep", json!([{"type": "answer"}, start(json!({"beep_start": true})), sleep(60_000)]));
        for (name, user) in [("alice", "record"), ("bob", "beep")] {
            let phone = world.phone(name);
            phone.is_connected_to(user);
            phone.waits_ms(200);
            world.injects_panic_into(&phone);
            phone.presses('1');
            phone.is_asked("BYE");
            world.passes_ms(300);
            let recording = world.last("recording_finished");
            assert_eq!(recording["end_reason"], "the call was ended because its handler panicked");
            assert_eq!(world.last("activeflow_updated")["status"], "ended");
        }
        assert_eq!(world.published("recording_finished"), 2);
        assert_eq!(world.published("call_hangup"), 2);
        world.is_empty_after_40_s();
    });
}
