//! Calls in conferences (spec/actions.md `conference_join`, `confbridge_join`, spec/resources.md §7): who hears whom, who may
//! come in, and how they get out again.
//!
//! A jitter buffer may drop or repeat 20 ms of what it holds: the tones have whole periods in them, so that nobody hears it.

use model::{Conference, ConferenceStatus, ConferenceType, ConferencecallStatus, Resource, Timestamp};
use support::{Phone, Reply, Request, Value, World, json, scenario, uuid};
use uuid::Uuid;

fn play(hz: u32, ms: u32) -> Value {
    json!({"type": "play", "option": {"stream_urls": [format!("tone:{hz}:{ms}")]}})
}

fn join(conference_id: Uuid) -> Value {
    json!({"type": "conference_join", "option": {"conference_id": conference_id}})
}

fn join_bridge(confbridge_id: Uuid) -> Value {
    json!({"type": "confbridge_join", "option": {"confbridge_id": confbridge_id}})
}

fn tell(data: &str) -> Value {
    json!({"type": "webhook_send", "option": {"uri": HOOK, "data": data}})
}

const HOOK: &str = "http://hook.test/";

/// Phones that have dialled `user` one after another.
fn in_conference<const N: usize>(world: &World, user: &str, names: [&str; N]) -> [Phone; N] {
    names.map(|name| {
        let phone = world.phone(name);
        phone.is_connected_to(user);
        phone
    })
}

fn hangs_up(phone: &Phone) {
    phone.falls_silent();
    phone.hangs_up();
    phone.gets_for(200, "BYE");
}

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

#[test]
fn a_conference_that_is_closed_shows_everybody_out_and_takes_nobody() {
    scenario("conference_closed", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 600)]));
        let [alice, bob] = in_conference(world, "staff", ["alice", "bob"]);
        let replies = world.wishes(&Request::CloseConference { conference_id: id });
        assert!(matches!(&replies[..], [Reply::Conference(found)] if found.status == ConferenceStatus::Terminating));
        world.passes_ms(10);
        assert!(alice.share_of(600.0, 400) > 0.9 && bob.share_so_far(600.0) > 0.9);
        assert_eq!(world.last("conference_updated")["status"], "terminated");
        let bridge = world.event_names(&["confbridge_"]);
        assert_eq!(
            bridge[bridge.len() - 4..],
            ["confbridge_terminating", "confbridge_leaved", "confbridge_leaved", "confbridge_terminated"]
        );
        // What the server does with that event.
        let over = world.keeps_conference(id);
        assert_eq!(over.status, ConferenceStatus::Terminated);
        alice.is_asked("BYE");
        bob.is_asked("BYE");
        let created = world.published("confbridge_created");
        let carol = world.phone("carol");
        carol.calls("staff");
        carol.gets(200);
        carol.is_asked("BYE");
        assert_eq!(world.failures(), []);
        assert!(world.ended_because("the conference is over"));
        assert_eq!((world.published("conferencecall_joining"), world.published("confbridge_created")), (2, created));
        let replies = world.wishes(&Request::CloseConference { conference_id: id });
        assert!(matches!(&replies[..], [Reply::Conference(found)] if found.status == ConferenceStatus::Terminated));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_conference_that_is_deleted_is_closed() {
    scenario("conference_deleted", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 500)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        let deleted = Conference { tm_delete: Some(Timestamp::from_us(1)), ..world.conference_of(id) };
        world.changes(&Resource::Conference(Box::new(deleted)));
        world.passes_ms(10);
        alice.hears(600.0);
        alice.is_asked("BYE");
        let conference = world.last("conference_updated");
        assert_eq!(conference["status"], "terminated");
        assert!(conference["tm_end"].is_string() && conference["tm_delete"].is_string(), "{conference}");
        world.says("it is as good as unknown now");
        let bob = world.phone("bob");
        bob.calls("staff");
        bob.is_asked("BYE");
        assert!(world.ended_because(&format!("there is no conference {id}")));
        let replies = world.wishes(&Request::CloseConference { conference_id: id });
        assert_eq!(replies, []);
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_time_of_a_conference_runs_whether_somebody_is_in_it_or_not() {
    scenario("conference_timeout", |world| {
        let empty = world.conference("empty", |conference| conference.timeout = 60);
        let id = world.conference("staff", |conference| conference.timeout = 90);
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 500)]));
        world.passes_ms(80_000);
        let ended = world.last("conference_updated");
        assert_eq!((&ended["id"], &ended["status"]), (&empty.to_string().into(), &"terminated".into()));
        assert_eq!(world.published("confbridge_created"), 0, "nobody was ever there");
        world.keeps_conference(empty);
        let [alice] = in_conference(world, "staff", ["alice"]);
        world.passes_ms(9_000);
        assert_eq!(alice.count_requests("BYE"), 0);
        alice.is_asked("BYE");
        assert!(alice.share_so_far(600.0) > 0.9);
        assert_eq!(world.last("conference_updated")["status"], "terminated");
        let events = world.event_names(&["conference_updated"]).len();
        world.says("a reload does not end it again");
        world.keeps_conference(id);
        world.settings(|_| {});
        assert_eq!(world.event_names(&["conference_updated"]).len(), events);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_bridge_of_two_ends_when_one_is_left() {
    scenario("conference_connect", |world| {
        let id = world.conference("pair", |conference| conference.kind = ConferenceType::Connect);
        world.number("pair", json!([join(id), play(600, 500)]));
        let [alice, bob] = in_conference(world, "pair", ["alice", "bob"]);
        alice.speaks(400.0);
        bob.waits_ms(100);
        bob.hears(400.0);
        alice.falls_silent();
        hangs_up(&bob);
        world.passes_ms(10);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert_eq!(world.last("conference_updated")["status"], "terminated");
        world.is_empty_after_40_s();
    });
}

#[test]
fn who_hangs_up_on_the_way_in_never_was_inside() {
    scenario("conference_hangup_joining", |world| {
        let pre = world.flow("pre", json!([play(1_000, 5_000)]));
        let id = world.conference("staff", |conference| conference.pre_flow_id = pre);
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        alice.waits_ms(300);
        hangs_up(&alice);
        world.passes_ms(20);
        assert_eq!(
            world.event_names(&["conferencecall_", "confbridge_"]),
            ["confbridge_created", "conferencecall_joining", "conferencecall_leaving", "conferencecall_leaved"]
        );
        world.is_empty_after_40_s();
    });
}

/// The flow before the mix runs to its end, but does not lead in any more; the conference does not wait for it.
#[test]
fn who_is_sent_out_on_the_way_in_does_not_get_in() {
    scenario("conference_kick_joining", |world| {
        let pre = world.flow("pre", json!([play(1_000, 1_000)]));
        let id = world.conference("staff", |conference| conference.pre_flow_id = pre);
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 600)]));
        let [alice, bob] = in_conference(world, "staff", ["alice", "bob"]);
        let conferencecall_id = world.id_of("conferencecall_joining");
        world.wishes(&Request::KickConferencecall { conferencecall_id });
        world.passes_ms(10);
        assert_eq!(world.published("conferencecall_leaved"), 1);
        assert_eq!(world.wishes(&Request::KickConferencecall { conferencecall_id }), []);
        world.says("and neither does the other, when the conference is closed");
        world.wishes(&Request::CloseConference { conference_id: id });
        world.passes_ms(10);
        assert_eq!(world.last("conference_updated")["status"], "terminated");
        alice.waits_ms(950);
        assert!(alice.share_of(600.0, 400) > 0.9);
        alice.is_asked("BYE");
        bob.is_asked("BYE");
        let reason = "the call was sent out of the conference".to_owned();
        assert_eq!(
            world.failures(),
            [("confbridge_join".to_owned(), reason.clone()), ("confbridge_join".to_owned(), reason)]
        );
        assert_eq!(world.published("conferencecall_joined") + world.published("confbridge_joined"), 0);
        world.is_empty_after_40_s();
    });
}

/// The flow jumps out of the pre flow: the participant is gone, and a second try is a new one.
#[test]
fn a_flow_that_jumps_out_of_the_pre_flow_leaves_the_conference() {
    scenario("conference_jump", |world| {
        let pre = world.flow(
            "pre",
            json!([
                play(1_000, 300),
                {"type": "condition_variable", "option": {"condition": "==", "variable": "tries", "value_string": "2",
                    "false_target_id": "again"}},
            ]),
        );
        let id = world.conference("staff", |conference| conference.pre_flow_id = pre);
        let mut second = join(id);
        second["id"] = "second".into();
        world.number(
            "staff",
            json!([
                {"type": "answer"}, join(id), {"type": "hangup"},
                {"id": "again", "type": "variable_set", "option": {"key": "tries", "value": "2"}},
                second,
            ]),
        );
        world.number(
            "away",
            json!([
                {"type": "answer"}, join(id), {"type": "hangup"},
                {"id": "again", "type": "sleep", "option": {"duration": 60_000}},
            ]),
        );
        let [alice] = in_conference(world, "staff", ["alice"]);
        alice.waits_ms(700);
        let expected = [
            "conferencecall_joining",
            "conferencecall_leaving",
            "conferencecall_leaved",
            "conferencecall_joining",
            "conferencecall_joined",
        ];
        assert_eq!(world.event_names(&["conferencecall_"]), expected);
        let [bob] = in_conference(world, "away", ["bob"]);
        bob.waits_ms(400);
        assert_eq!(world.published("conferencecall_leaved"), 2);
        assert_eq!(
            world.last("conference_updated")["conferencecall_ids"],
            json!([world.last("conferencecall_joined")["id"]])
        );
        hangs_up(&alice);
        hangs_up(&bob);
        world.is_empty_after_40_s();
    });
}

#[test]
fn an_unknown_conference_ends_the_flow_and_a_foreign_one_too() {
    scenario("conference_unknown", |world| {
        let foreign = world.conference("theirs", |conference| conference.customer_id = uuid(7));
        for (user, id) in [("nowhere", uuid(0xdead)), ("foreign", foreign)] {
            world.number(user, json!([{"type": "answer"}, join(id), play(600, 600)]));
            let phone = world.phone(user);
            phone.calls(user);
            phone.is_asked("BYE");
            assert!(world.ended_because(&format!("there is no conference {id}")));
        }
        assert_eq!(world.event_names(&["conferencecall_", "confbridge_"]), [""; 0]);
        world.is_empty_after_40_s();
    });
}

/// `confbridge_join` by hand: no participant, but in the mix. An unknown bridge is noted and passed by.
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
        let unknown = ("confbridge_join".to_owned(), "there is no such conference".to_owned());
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

/// Whatever ends a call takes it out: its longest duration, a wish, the operator.
#[test]
fn a_call_inside_that_is_ended_by_the_server_leaves() {
    scenario("conference_ended_calls", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        world.settings(|settings| settings.max_call_duration_ms = 1_000);
        let [alice] = in_conference(world, "staff", ["alice"]);
        world.settings(|settings| settings.max_call_duration_ms = 0);
        let [bob] = in_conference(world, "staff", ["bob"]);
        let reply = world.wishes(&Request::HangUp { call_id: world.id_of("call_created") });
        assert!(matches!(&reply[..], [Reply::Call(_)]));
        bob.is_asked("BYE");
        assert_eq!(world.published("conferencecall_leaved"), 1);
        let [carol, dora] = in_conference(world, "staff", ["carol", "dora"]);
        alice.is_asked("BYE");
        world.passes_ms(50);
        assert_eq!(world.last("call_hangup")["hangup_reason"], "timeout");
        assert_eq!(world.published("conferencecall_leaved"), 2);
        world.hangs_up_all();
        carol.is_asked("BYE");
        dora.is_asked("BYE");
        assert_eq!(world.published("conferencecall_leaved"), 4);
        assert_eq!(world.last("conference_updated")["conferencecall_ids"], json!([]));
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_panic_in_a_call_inside_takes_it_out_and_leaves_the_others_alone() {
    scenario("conference_panic_call", |world| {
        let id = world.conference("staff", |_| {});
        world.number("staff", json!([{"type": "answer"}, join(id)]));
        let [alice, bob, carol] = in_conference(world, "staff", ["alice", "bob", "carol"]);
        bob.speaks(400.0);
        world.injects_panic_into(&carol);
        carol.presses('1');
        carol.is_asked("BYE");
        world.passes_ms(50);
        assert_eq!((world.published("conferencecall_leaved"), world.published("confbridge_leaved")), (1, 1));
        assert_eq!(world.last("activeflow_updated")["status"], "ended");
        alice.hears(400.0);
        hangs_up(&bob);
        hangs_up(&alice);
        world.is_empty_after_40_s();
    });
}

/// Everybody is out, the flows go on, and the conference begins anew with the next one who comes.
#[test]
fn a_panic_in_the_conference_itself_sends_everybody_out() {
    scenario("conference_panic", |world| {
        let pre = world.flow("pre", json!([play(1_000, 1_000)]));
        let id = world.conference("staff", |conference| conference.pre_flow_id = pre);
        world.number("staff", json!([{"type": "answer"}, join(id), play(600, 500)]));
        let [alice] = in_conference(world, "staff", ["alice"]);
        alice.waits_ms(1_100);
        let [bob] = in_conference(world, "staff", ["bob"]);
        bob.waits_ms(500);
        world.injects_panic_into_conference(id);
        let carol = world.phone("carol");
        carol.is_connected_to("staff");
        assert_eq!(world.crashes(), ["a panic was injected into this cell"]);
        assert_eq!(world.published("conferencecall_leaved"), 2);
        assert_eq!(world.last("conference_updated")["conferencecall_ids"], json!([]));
        alice.waits_ms(10);
        assert!(alice.share_of(600.0, 300) > 0.9);
        alice.is_asked("BYE");
        assert!(world.ended_because("the conference has failed"), "carol stood at the door");
        carol.is_asked("BYE");
        bob.is_asked("BYE");
        world.says("the conference is as good as new");
        let [dora] = in_conference(world, "staff", ["dora"]);
        dora.waits_ms(1_100);
        assert_eq!(world.last("conferencecall_joined")["activeflow_id"], world.last("activeflow_created")["id"]);
        hangs_up(&dora);
        world.is_empty_after_40_s();
    });
}
