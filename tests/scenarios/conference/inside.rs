//! Inside: who hears whom, what runs before and after, and what users are told.

use model::ConferencecallStatus;
use support::{Reply, Request, json, scenario, uuid};

use super::{HOOK, hangs_up, in_conference, join, join_bridge, play, tell};

#[test]
fn three_calls_hear_exactly_the_others() {
    scenario("conference_three", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice, bob, carol] = in_conference(world, "staff", ["alice", "bob", "carol"]);
        alice.speaks(400.0);
        bob.speaks(600.0);
        carol.speaks(1_000.0);
        // The buffers fill.
        world.passes_ms(200);
        alice.hears_only(&[600.0, 1_000.0], &[400.0]);
        bob.hears_only(&[400.0, 1_000.0], &[600.0]);
        carol.hears_only(&[400.0, 600.0], &[1_000.0]);
        hangs_up(&carol);
        world.passes_ms(100);
        alice.hears(600.0);
        bob.hears(400.0);
        hangs_up(&bob);
        world.passes_ms(100);
        alice.hears_silence();
        hangs_up(&alice);
        world.is_empty_after_40_s();
    });
}

/// An unanswered call is answered when it enters, and not before: the flow before the mix is early media.
#[test]
fn a_call_is_answered_when_it_enters_and_flows_run_before_and_after() {
    scenario("conference_flows", |world| {
        let pre = world.flow("pre", json!([play(1_000, 500)]));
        let post = world
            .flow("post", json!([tell("after ${voipbin.conference.id} ${voipbin.confbridge.id}"), play(600, 500)]));
        let id = world.conference("staff", |conference| {
            (conference.pre_flow_id, conference.post_flow_id) = (pre, post);
        });
        world.number("staff", json!([join(id), play(400, 600)]));
        let alice = world.phone("alice");
        alice.calls("staff");
        alice.gets(183);
        assert_eq!(world.last("conferencecall_joining")["status"], "joining");
        alice.hears(1_000.0);
        assert_eq!(alice.count(200, "INVITE"), 0);
        alice.gets(200);
        let call = world.last("call_updated");
        let confbridge_id = world.last("confbridge_joined")["id"].clone();
        assert_eq!(call["confbridge_id"], confbridge_id);
        alice.hears_silence();
        let conferencecall_id = world.id_of("conferencecall_joined");
        let replies = world.wishes(&Request::KickConferencecall { conferencecall_id });
        let [Reply::Conferencecall(kicked)] = &replies[..] else { panic!("{replies:?}") };
        assert_eq!((kicked.id, kicked.status), (conferencecall_id, ConferencecallStatus::Leaving));
        alice.waits_ms(10);
        assert_eq!(world.last("call_updated")["confbridge_id"], uuid(0).to_string());
        alice.hears(600.0);
        alice.waits_ms(120);
        alice.hears(400.0);
        alice.is_asked("BYE");
        let confbridge_id = confbridge_id.as_str().unwrap_or_default();
        assert_eq!(world.asked(HOOK), [format!("after {id} {confbridge_id}")]);
        world.is_empty_after_40_s();
    });
}

#[test]
fn every_step_of_a_participant_and_its_bridge_is_an_event() {
    scenario("conference_events", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([join(id)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        let (call_id, joined) = (world.id_of("call_created"), world.last("conferencecall_joined"));
        assert_eq!(joined["conference_id"], id.to_string());
        assert_eq!((&joined["reference_type"], &joined["reference_id"]), (&"call".into(), &call_id.to_string().into()));
        assert_eq!(joined["activeflow_id"], world.last("activeflow_created")["id"]);
        let bridge = world.last("confbridge_joined");
        assert_eq!(bridge["joined_call_id"], call_id.to_string());
        assert_eq!(bridge["channel_call_ids"], json!([call_id]));
        assert_eq!(
            (&bridge["reference_type"], &bridge["reference_id"]),
            (&"conference".into(), &id.to_string().into())
        );
        assert_eq!(world.last("conference_updated")["conferencecall_ids"], json!([joined["id"]]));
        hangs_up(&alice);
        world.passes_ms(50);
        let bridge = world.last("confbridge_leaved");
        assert_eq!((&bridge["leaved_call_id"], &bridge["channel_call_ids"]), (&json!(call_id), &json!([])));
        assert_eq!(world.last("conference_updated")["conferencecall_ids"], json!([]));
        assert_eq!(world.last("conference_updated")["status"], "progressing");
        assert_eq!(
            world.event_names(&["conferencecall_", "confbridge_"]),
            [
                "confbridge_created",
                "conferencecall_joining",
                "conferencecall_joined",
                "confbridge_joined",
                "conferencecall_leaving",
                "conferencecall_leaved",
                "confbridge_leaved",
            ]
        );
        let call = world.last("call_hangup");
        assert_eq!((&call["confbridge_id"], &call["hangup_by"]), (&uuid(0).to_string().into(), &"remote".into()));
        world.is_empty_after_40_s();
    });
}

/// `confbridge_join` into the bridge of a conference: no participant, but in the mix. An unknown bridge is noted and passed by.
#[test]
fn a_call_enters_a_bridge_by_hand() {
    scenario("confbridge_by_hand", |world| {
        let id = world.conference("staff", |_| {});
        let confbridge_id = world.conference_of(id).confbridge_id;
        world.number("staff", json!([join(id)]));
        world.number(
            "hand",
            json!([
                join_bridge(uuid(0xdead)),
                join_bridge(uuid(0xdeae)),
                join_bridge(uuid(0xdeaf)),
                join_bridge(confbridge_id),
                play(600, 500),
            ]),
        );
        let [alice, bob] = in_conference(world, "staff", ["alice", "bob"]);
        let carol = world.phone("carol");
        carol.is_connected_to("hand");
        // Each of three loops keeps one of them.
        let unknown = ("confbridge_join".to_owned(), "there is no such confbridge".to_owned());
        assert_eq!(world.failures(), vec![unknown; 3]);
        assert_eq!((world.published("conferencecall_joined"), world.published("confbridge_joined")), (2, 3));
        carol.speaks(400.0);
        alice.waits_ms(100);
        alice.hears(400.0);
        bob.presses('5');
        carol.falls_silent();
        hangs_up(&bob);
        world.says("she is not shown out as a participant, but with everybody");
        world.wishes(&Request::CloseConference { conference_id: id });
        carol.waits_ms(10);
        carol.hears(600.0);
        carol.is_asked("BYE");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §5: keys stay with the call. What is played to one of them is heard by nobody else, and the rest goes on below it.
#[test]
fn keys_and_prompts_inside_are_for_one_call_only() {
    scenario("conference_prompt", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id), tell("${voipbin.call.digits}")]));
        let talk = json!({"type": "talk", "option": {"text": "tone:600:500", "async": true}});
        world.number("talk", json!([{"type": "answer"}, talk, join(id)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        alice.speaks(400.0);
        let bob = world.phone("bob");
        let answer = bob.offer().text();
        bob.behaves(|manners| manners.sdp_in_ack = Some(answer));
        bob.calls_with("talk", None);
        bob.gets(200);
        bob.waits_ms(100);
        bob.speaks(1_000.0);
        bob.hears(600.0);
        alice.hears_only(&[1_000.0], &[600.0, 400.0]);
        bob.hears_only(&[400.0], &[600.0, 1_000.0]);
        alice.presses('5');
        bob.waits_ms(200);
        assert!(bob.heard().iter().all(|packet| packet.payload_type == 0), "no event is passed on");
        world.wishes(&Request::CloseConference { conference_id: id });
        alice.is_asked("BYE");
        assert_eq!(world.asked(HOOK), ["5"]);
        bob.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}
