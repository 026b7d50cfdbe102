//! What the API may wish of what is running (spec/resources.md §4.1, §5): each loop is asked, one answers.

use model::{ActiveflowStatus, CallStatus, ConferenceStatus, HangupBy};
use support::{Reply, Request, Value, World, json, scenario, uuid};
use uuid::Uuid;

use crate::quiet;

/// The answer of the one loop that has one.
fn asks(world: &World, request: &Request) -> Option<Reply> {
    let mut replies = world.wishes(request);
    assert!(replies.len() <= 1, "several loops answer: {replies:?}");
    replies.pop()
}

fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|id| id.parse().ok()).expect("an id")
}

fn hang_up(world: &World) -> (Uuid, Option<Reply>) {
    let call_id = world.id_of("call_created");
    (call_id, asks(world, &Request::HangUp { call_id }))
}

#[test]
fn a_call_that_is_hung_up_while_it_rings_gets_603() {
    scenario("wish_hangup_ringing", |world| {
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 60_000}}, {"type": "answer"}]));
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        let (call_id, reply) = hang_up(world);
        let Some(Reply::Call(call)) = reply else { panic!("{reply:?}") };
        assert_eq!((call.id, call.status), (call_id, CallStatus::Hangup));
        assert_eq!((call.hangup_by, call.hangup_reason.as_str()), (HangupBy::Local, "normal"));
        alice.gets(603);
        let call = world.last("call_hangup");
        assert_eq!((&call["hangup_by"], &call["hangup_reason"]), (&"local".into(), &"normal".into()));
        assert!(call["tm_progressing"].is_null());
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_second_hangup_is_told_that_the_call_is_over() {
    scenario("wish_hangup_twice", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        let (call_id, first) = hang_up(world);
        let Some(Reply::Call(call)) = first else { panic!("{first:?}") };
        assert_eq!(call.status, CallStatus::Terminating);
        let (_, second) = hang_up(world);
        let Some(Reply::AlreadyOver(call)) = second else { panic!("{second:?}") };
        assert_eq!((call.id, call.status), (call_id, CallStatus::Terminating));
        alice.is_asked("BYE");
        world.passes_ms(100);
        let call = world.last("call_hangup");
        assert_eq!((&call["hangup_by"], &call["hangup_reason"]), (&"local".into(), &"normal".into()));
        assert_eq!(world.published("call_terminating"), 1);
        world.is_empty_after_40_s();
        assert_eq!(asks(world, &Request::HangUp { call_id }), None, "no loop knows it any more");
    });
}

#[test]
fn an_activeflow_that_is_stopped_hangs_up_its_call() {
    scenario("wish_stop", |world| {
        world.number_with_on_complete("quiet", quiet(), json!([{"type": "sleep", "option": {"duration": 5_000}}]));
        world.number("slow", json!([{"type": "sleep", "option": {"duration": 60_000}}]));
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        let activeflow_id = world.id_of("activeflow_created");
        let reply = asks(world, &Request::StopActiveflow { activeflow_id });
        let Some(Reply::Activeflow(activeflow)) = reply else { panic!("{reply:?}") };
        assert_eq!((activeflow.id, activeflow.status), (activeflow_id, ActiveflowStatus::Ended));
        assert_eq!(activeflow.current_action.kind, "sleep");
        alice.is_asked("BYE");
        world.says("the flow that follows is one of its own and can be stopped too");
        let next = world.id_of("activeflow_created");
        assert_ne!(next, activeflow_id);
        assert_eq!(asks(world, &Request::StopActiveflow { activeflow_id }), None);
        let reply = asks(world, &Request::StopActiveflow { activeflow_id: next });
        assert!(matches!(reply, Some(Reply::Activeflow(stopped)) if stopped.id == next));
        assert_eq!(world.last("activeflow_updated")["status"], "ended");
        world.says("an unanswered call gets what calls get whose flow merely ended");
        let bob = world.phone("bob");
        bob.calls("slow");
        bob.gets(180);
        asks(world, &Request::StopActiveflow { activeflow_id: world.id_of("activeflow_created") });
        bob.gets(480);
        world.is_empty_after_40_s();
    });
}

#[test]
fn variables_can_be_read_while_the_flow_runs() {
    scenario("wish_variables", |world| {
        world.number(
            "vars",
            json!([
                {"type": "answer"}, {"type": "variable_set", "option": {"key": "colour", "value": "green ${nope}"}},
                {"type": "sleep", "option": {"duration": 60_000}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("vars");
        alice.presses('4');
        let activeflow_id = world.id_of("activeflow_created");
        let reply = asks(world, &Request::Variables { activeflow_id });
        let Some(Reply::Variables(variables)) = reply else { panic!("{reply:?}") };
        assert_eq!(variables["colour"], "green ");
        assert_eq!(variables["voipbin.call.digits"], "4");
        assert_eq!(variables["voipbin.call.id"], world.id_of("call_created").to_string());
        assert_eq!(variables["voipbin.call.destination.target"], "vars");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
        world.says("and when it is over");
        let reply = asks(world, &Request::Variables { activeflow_id });
        assert!(matches!(reply, Some(Reply::Variables(after)) if after == variables));
    });
}

/// spec/flow.md §7.1: the map outlives its activeflow. What the on-complete flow writes is its own.
#[test]
fn variables_of_an_ended_flow_are_as_it_left_them() {
    scenario("wish_variables_ended", |world| {
        let set = |key: &str, value: &str| json!({"type": "variable_set", "option": {"key": key, "value": value}});
        world.number_with_on_complete(
            "vars",
            json!([{"type": "answer"}, set("colour", "green")]),
            json!([set("colour", "red"), {"type": "sleep", "option": {"duration": 5_000}}]),
        );
        let alice = world.phone("alice");
        alice.calls("vars");
        alice.is_asked("BYE");
        world.passes_ms(100);
        let (first, second) =
            (id(&world.last("activeflow_created")["reference_activeflow_id"]), world.id_of("activeflow_created"));
        let colour = |activeflow_id| match asks(world, &Request::Variables { activeflow_id }) {
            Some(Reply::Variables(variables)) => variables["colour"].clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((colour(first), colour(second)), ("green".into(), "red".into()));
        world.is_empty_after_40_s();
        assert_eq!((colour(first), colour(second)), ("green".into(), "red".into()));
        assert_eq!(asks(world, &Request::Variables { activeflow_id: uuid(5) }), None);
    });
}

/// An activeflow without a call has them too, and can be stopped.
#[test]
fn a_flow_that_runs_for_no_call_is_known_too() {
    scenario("wish_run", |world| {
        let on_end = world.flow("after", json!([{"type": "sleep", "option": {"duration": 600_000}}]));
        world.number(
            "record",
            json!([
                {"type": "answer"}, {"type": "recording_start", "option": {"on_end_flow_id": on_end}},
                {"type": "sleep", "option": {"duration": 500}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("record");
        alice.is_asked("BYE");
        world.passes_ms(500);
        let activeflow_id = world.id_of("activeflow_created");
        let reply = asks(world, &Request::Variables { activeflow_id });
        let Some(Reply::Variables(variables)) = reply else { panic!("{reply:?}") };
        assert_eq!(variables["voipbin.recording.id"], world.id_of("recording_finished").to_string());
        let reply = asks(world, &Request::StopActiveflow { activeflow_id });
        let Some(Reply::Activeflow(activeflow)) = reply else { panic!("{reply:?}") };
        assert_eq!((activeflow.status, activeflow.reference_type.as_str()), (ActiveflowStatus::Ended, ""));
        assert_eq!(activeflow.reference_activeflow_id, id(&world.last("recording_finished")["activeflow_id"]));
        world.is_empty_after_40_s();
    });
}

#[test]
fn what_nobody_knows_is_answered_by_nobody() {
    scenario("wish_unknown", |world| {
        let id = uuid(0xdead);
        for request in [
            Request::HangUp { call_id: id },
            Request::StopActiveflow { activeflow_id: id },
            Request::Variables { activeflow_id: id },
            Request::KickConferencecall { conferencecall_id: id },
            Request::CloseConference { conference_id: id },
        ] {
            assert_eq!(asks(world, &request), None, "{request:?}");
        }
        world.is_empty_after_40_s();
    });
}

/// Nobody was ever in it: it is over at once.
#[test]
fn an_empty_conference_is_closed_at_once() {
    scenario("wish_close_empty", |world| {
        let conference_id = world.conference("staff", |_| {});
        let reply = asks(world, &Request::CloseConference { conference_id });
        assert!(matches!(reply, Some(Reply::Conference(found)) if found.status == ConferenceStatus::Terminated));
        assert_eq!(world.event_names(&["conf"]), ["conference_updated", "conference_updated"]);
        world.is_empty_after_40_s();
    });
}
