//! The recording of a conference (spec/resources.md §7, spec/media.md §8): what is in it, and how it ends.

use model::ConferenceStatus;
use support::{ConferenceRecording, Recorded, Refusal, Reply, Request, Value, World, json, scenario};
use uuid::Uuid;

use super::{HOOK, hangs_up, in_conference, join, play, tell};

const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Has it recorded; why not, if so.
fn starts(world: &World, conference_id: Uuid, recording: ConferenceRecording) -> Option<Refusal> {
    answer(world, &Request::StartConferenceRecording { conference_id, recording })
}

fn stops(world: &World, conference_id: Uuid) -> Option<Refusal> {
    answer(world, &Request::StopConferenceRecording { conference_id })
}

/// One loop answers, whichever it is.
fn answer(world: &World, wish: &Request) -> Option<Refusal> {
    match &world.wishes(wish)[..] {
        [Reply::Conference(_)] => None,
        [Reply::Refused(refusal)] => Some(*refusal),
        other => panic!("{other:?}"),
    }
}

fn plainly() -> ConferenceRecording {
    ConferenceRecording::default()
}

/// What the newest recording holds.
fn recorded(world: &World) -> Recorded {
    let name = world.last("recording_finished")["recording_name"].as_str().unwrap_or_default().to_owned();
    world.recorded(&name).expect("there is a file")
}

/// How loud a tone is in the middle of it, by that of the phones.
fn share(recorded: &Recorded, hz: f64) -> f64 {
    let samples = &recorded.input;
    media_core::tone::goertzel(&samples[samples.len() / 4..samples.len() * 3 / 4], hz) / 8_000.0
}

/// The recording's own events, how each stood then and why it ended.
fn story(world: &World) -> Vec<(String, Value, Value)> {
    let events = world.events().into_iter().filter(|(name, _)| name.starts_with("recording_"));
    events.map(|(name, data)| (name, data["status"].clone(), data["end_reason"].clone())).collect()
}

#[test]
fn all_voices_are_in_one_file_and_the_conference_names_the_recording() {
    scenario("conference_recorded", |world| {
        world.page(HOOK, 200, "");
        let told = "${voipbin.recording.id} ${voipbin.recording.reference_type} ${voipbin.recording.filenames}";
        let on_end_flow_id = world.flow("stored", json!([tell(told)]));
        let id = world.conference("staff", |_| {});
        let confbridge_id = world.conference_of(id).confbridge_id;
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice, bob, carol] = in_conference(world, "staff", ["alice", "bob", "carol"]);
        alice.speaks(400.0);
        bob.speaks(1_000.0);
        bob.waits_ms(200);
        assert_eq!(starts(world, id, ConferenceRecording { duration_s: 0, on_end_flow_id }), None);
        let asked = world.last("conference_updated");
        world.passes_ms(1_000);
        let started = world.last("recording_started");
        assert_eq!((&asked["recording_id"], &asked["recording_ids"]), (&started["id"], &json!([started["id"]])));
        assert_eq!(
            (&started["reference_type"], &started["reference_id"]),
            (&"confbridge".into(), &json!(confbridge_id))
        );
        assert_eq!(started["activeflow_id"], NIL);
        carol.hears_only(&[400.0, 1_000.0], &[]);
        assert_eq!(stops(world, id), None);
        world.passes_ms(200);
        assert_eq!(world.recording_statuses(), ["initiating", "recording", "stopping", "ended"]);
        let finished = world.last("recording_finished");
        let name = finished["recording_name"].as_str().expect("a name");
        assert!(name.starts_with(&format!("confbridge_{confbridge_id}_")), "{name}");
        assert_eq!(finished["filenames"], json!([format!("{name}_in.wav")]));
        assert_eq!((&finished["format"], &finished["end_reason"]), (&"wav".into(), &"stopped".into()));
        let file = recorded(world);
        assert!((11_200..11_800).contains(&file.input.len()), "{}", file.input.len());
        assert_eq!((&finished["duration_ms"], file.output.len()), (&json!(file.input.len() / 8), 0));
        assert!(share(&file, 400.0) > 0.8 && share(&file, 1_000.0) > 0.8, "both are in it");
        let after = world.last("conference_updated");
        assert_eq!((&after["recording_id"], &after["recording_ids"]), (&json!(NIL), &json!([started["id"]])));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        assert_eq!(world.asked(HOOK), [format!("{} confbridge {name}_in.wav", text(&finished["id"]))]);
        let run = world.last("activeflow_created");
        assert_eq!((&run["reference_type"], &run["reference_activeflow_id"]), (&"".into(), &NIL.into()));
        for phone in [&alice, &bob, &carol] {
            hangs_up(phone);
        }
        world.is_empty_after_40_s();
    });
}

/// Users ask at the wrong time.
#[test]
fn what_cannot_be_recorded_or_stopped_is_refused_with_the_reason() {
    scenario("conference_record_refused", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 500)]));
        assert_eq!(starts(world, id, plainly()), Some(Refusal::Empty));
        assert_eq!(stops(world, id), Some(Refusal::NoRecording));
        let [alice] = in_conference(world, "staff", ["alice"]);
        assert_eq!(stops(world, id), Some(Refusal::NoRecording));
        assert_eq!(starts(world, id, plainly()), None);
        assert_eq!(starts(world, id, plainly()), Some(Refusal::RecordingActive));
        world.passes_ms(300);
        assert_eq!(stops(world, id), None);
        // Its file is not complete yet.
        assert_eq!((stops(world, id), starts(world, id, plainly())), (None, Some(Refusal::RecordingActive)));
        world.passes_ms(200);
        assert_eq!(stops(world, id), Some(Refusal::NoRecording));
        assert_eq!((world.published("recording_started"), world.published("recording_finished")), (1, 1));
        assert_eq!(world.wishes(&Request::StopConferenceRecording { conference_id: Uuid::max() }), []);
        world.wishes(&Request::CloseConference { conference_id: id });
        world.passes_ms(10);
        assert_eq!(starts(world, id, plainly()), Some(Refusal::Over));
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn it_ends_by_its_duration_with_its_last_member_and_with_the_conference() {
    scenario("conference_record_ends", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 500)]));
        let [alice, bob] = in_conference(world, "staff", ["alice", "bob"]);
        assert_eq!(starts(world, id, ConferenceRecording { duration_s: 1, ..plainly() }), None);
        world.passes_ms(1_300);
        assert_eq!(recorded(world).input.len(), 8_000, "to the sample");

        // Who leaves does not end it, the last one does.
        assert_eq!(starts(world, id, plainly()), None);
        alice.speaks(400.0);
        world.passes_ms(400);
        hangs_up(&alice);
        world.passes_ms(1_000);
        assert_eq!(world.published("recording_finished"), 1);
        hangs_up(&bob);
        world.passes_ms(200);
        let file = recorded(world);
        assert!((11_200..12_000).contains(&file.input.len()), "{}", file.input.len());
        assert!(file.input[8_000..].iter().all(|sample| *sample == 0), "nobody has said anything since");
        assert_eq!(world.last("conference_updated")["status"], "progressing");

        // Later calls meet in a mix of their own; what was recorded before is still named.
        let [carol] = in_conference(world, "staff", ["carol"]);
        assert_eq!(starts(world, id, plainly()), None);
        world.passes_ms(500);
        world.wishes(&Request::CloseConference { conference_id: id });
        world.passes_ms(200);
        carol.is_asked("BYE");
        let over = world.keeps_conference(id);
        assert_eq!((over.status, over.recording_ids.len()), (ConferenceStatus::Terminated, 3));
        assert!(over.recording_id.is_nil());
        let reasons: Vec<Value> = story(world).into_iter().map(|(.., why)| why).filter(|why| *why != "").collect();
        assert_eq!(reasons, ["duration", "everybody left", "the conference ended"]);
        // The conference is over when its recording is.
        let told = world.event_names(&["recording_", "confbridge_te", "conference_"]);
        let last = ["recording_finished", "conference_updated", "conference_updated", "confbridge_terminated"];
        assert_eq!(told[told.len() - 4..], last);
        world.is_empty_after_40_s();
    });
}

/// Its owner may write at the same time.
#[test]
fn a_change_by_the_owner_keeps_the_recording() {
    scenario("conference_record_renamed", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        let before = world.conference_of(id);
        assert_eq!(starts(world, id, plainly()), None);
        let renamed = model::Conference { name: "team".into(), ..before };
        world.changes(&model::Resource::Conference(std::sync::Arc::new(renamed)));
        world.passes_ms(500);
        assert_eq!(stops(world, id), None);
        world.passes_ms(200);
        let after = world.last("conference_updated");
        assert_eq!((&after["name"], after["recording_ids"].as_array().map(Vec::len)), (&"team".into(), Some(1)));
        hangs_up(&alice);
        world.is_empty_after_40_s();
    });
}

/// The bridge's will closes the recording, and the mix that nobody is in any more.
#[test]
fn a_panic_in_the_bridge_ends_the_recording_with_the_reason() {
    scenario("conference_record_panic", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        assert_eq!(starts(world, id, plainly()), None);
        world.passes_ms(500);
        world.injects_panic_into_conference(id);
        let bob = world.phone("bob");
        bob.calls("staff");
        bob.gets(200);
        alice.is_asked("BYE");
        bob.is_asked("BYE");
        world.passes_ms(200);
        let finished = world.last("recording_finished");
        assert_eq!(finished["end_reason"], "the conference was ended because its handler panicked");
        assert!(finished["duration_ms"].as_u64() >= Some(400), "{finished}");
        assert_eq!(world.published("recording_finished"), 1);
        let after = world.last("conference_updated");
        assert_eq!((&after["recording_id"], after["recording_ids"].as_array().map(Vec::len)), (&json!(NIL), Some(1)));
        // It is as good as new.
        let [carol] = in_conference(world, "staff", ["carol"]);
        assert_eq!(starts(world, id, plainly()), None);
        hangs_up(&carol);
        world.passes_ms(200);
        assert_eq!(world.last("conference_updated")["recording_ids"].as_array().map(Vec::len), Some(2));
        world.is_empty_after_40_s();
    });
}

/// The media side says nothing any more: the bridge does not wait for it for ever.
#[test]
fn a_recording_whose_end_is_never_reported_is_given_up() {
    scenario("conference_record_silent_media", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        assert_eq!(starts(world, id, plainly()), None);
        world.passes_ms(300);
        world.loses_the_workers();
        assert_eq!(stops(world, id), None);
        world.passes_ms(40_000);
        assert_eq!(world.last("recording_finished")["end_reason"], "the media side did not report its end");
        hangs_up(&alice);
        world.passes_ms(40_000);
    });
}
