//! Bridges that are made by hand for `confbridge_join` (spec/resources.md §7), and what may be done to those of conferences.

use model::{ConferenceStatus, ConferenceType, NO_AUTO_LEAVE};
use support::{Phone, Reply, Request, Value, World, json, scenario, uuid};
use uuid::Uuid;

use super::{hangs_up, in_conference, join, join_bridge, play};

const NO_BRIDGE: &str = "there is no such confbridge";

/// Into the bridge, and a tone for who is out again.
fn through(confbridge_id: Uuid) -> Value {
    json!([join_bridge(confbridge_id), play(600, 500)])
}

/// The ids of the calls so far, in their order.
fn calls(world: &World) -> Vec<Uuid> {
    let created = world.events().into_iter().filter(|(name, _)| name == "call_created");
    created.map(|(_, call)| call["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")).collect()
}

/// Kicks a call out of a bridge; who stays, or none if it was not in it.
fn kicks(world: &World, confbridge_id: Uuid, call_id: Uuid) -> Option<Vec<Uuid>> {
    match &world.wishes(&Request::KickConfbridgeCall { confbridge_id, call_id })[..] {
        [] => None,
        [Reply::Confbridge(bridge)] => Some(bridge.channel_call_ids.clone()),
        other => panic!("{other:?}"),
    }
}

/// Ends a bridge; its status then, or none if there is no such bridge.
fn closes(world: &World, confbridge_id: Uuid) -> Option<ConferenceStatus> {
    match &world.wishes(&Request::CloseConfbridge { confbridge_id })[..] {
        [] => None,
        [Reply::Confbridge(bridge)] => Some(bridge.status),
        other => panic!("{other:?}"),
    }
}

/// The first to leave is kicked, the other is shown out by the end of the bridge, and the third finds nothing.
#[test]
fn two_calls_meet_in_a_bridge_that_was_made_by_hand() {
    scenario("confbridge_made", |world| {
        let id = world.confbridge(uuid(0xb1d), |_| {});
        world.number("meet", through(id));
        let [alice, bob] = in_conference(world, "meet", ["alice", "bob"]);
        alice.speaks(400.0);
        bob.speaks(1_000.0);
        bob.waits_ms(200);
        bob.hears_only(&[400.0], &[600.0, 1_000.0]);
        alice.hears_only(&[1_000.0], &[400.0, 600.0]);
        alice.falls_silent();
        bob.falls_silent();
        let ids = calls(world);
        let joined = world.last("confbridge_joined");
        let inside = joined["channel_call_ids"].as_array().expect("a list");
        assert_eq!((&joined["id"], inside.len()), (&json!(id), 2));
        assert!(ids.iter().all(|call_id| inside.contains(&json!(call_id))), "{inside:?}");
        assert_eq!((&joined["joined_call_id"], &joined["type"]), (&json!(ids[1]), &"conference".into()));

        assert_eq!(kicks(world, id, ids[1]), Some(vec![ids[0]]));
        bob.waits_ms(10);
        bob.hears(600.0);
        bob.is_asked("BYE");
        let leaved = world.last("confbridge_leaved");
        assert_eq!((&leaved["leaved_call_id"], &leaved["channel_call_ids"]), (&json!(ids[1]), &json!([ids[0]])));
        assert_eq!((kicks(world, id, ids[1]), kicks(world, uuid(7), ids[0])), (None, None));

        assert_eq!(closes(world, id), Some(ConferenceStatus::Terminating));
        alice.waits_ms(10);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert_eq!(
            world.event_names(&["conference", "confbridge_"]),
            [
                "confbridge_joined",
                "confbridge_joined",
                "confbridge_leaved",
                "confbridge_terminating",
                "confbridge_leaved",
                "confbridge_terminated",
            ]
        );
        let over = world.last("confbridge_terminated");
        assert_eq!((&over["status"], &over["channel_call_ids"]), (&"terminated".into(), &json!([])));

        world.says("who comes now goes on with the next action");
        let carol = world.phone("carol");
        carol.calls("meet");
        carol.gets(183);
        carol.hears(600.0);
        assert_eq!(world.failures(), [("confbridge_join".to_owned(), NO_BRIDGE.to_owned())]);
        assert_eq!(closes(world, id), None);
        world.is_empty_after_40_s();
        assert!(world.gauges().iter().all(|gauges| gauges.bridges == 0));
    });
}

/// Nobody need be in it: neither that everybody has left ends it, nor a reload, nor that it is told of again, as after a restart.
#[test]
fn a_bridge_by_hand_stands_until_it_is_ended() {
    scenario("confbridge_stands", |world| {
        let id = world.confbridge(uuid(0xb1d), |_| {});
        world.number("meet", through(id));
        for name in ["alice", "bob"] {
            let [phone] = in_conference(world, "meet", [name]);
            world.confbridge(id, |_| {});
            hangs_up(&phone);
            world.passes_ms(1_000);
            world.settings(|_| {});
        }
        assert_eq!((world.published("confbridge_joined"), world.published("confbridge_leaved")), (2, 2));
        assert_eq!(world.published("confbridge_terminated"), 0);
        assert_eq!(world.gauges().iter().map(|gauges| gauges.bridges).sum::<usize>(), 1);
        assert_eq!(closes(world, id), Some(ConferenceStatus::Terminated));
        assert_eq!(
            world.event_names(&["confbridge_"])[4..],
            ["confbridge_terminating".to_owned(), "confbridge_terminated".to_owned()]
        );
        assert_eq!(closes(world, id), None);
        world.is_empty_after_40_s();
    });
}

/// spec/actions.md `confbridge_join`: to enter a bridge of type `connect` is not to be answered.
#[test]
fn a_bridge_of_two_made_by_hand_ends_when_one_is_left_unless_it_is_told_not_to() {
    scenario("confbridge_connect", |world| {
        let connect = |bridge: &mut model::Confbridge| bridge.kind = ConferenceType::Connect;
        let pair = world.confbridge(uuid(0xb1d), connect);
        let stays = world.confbridge(uuid(0xb1e), |bridge| {
            connect(bridge);
            bridge.flags = vec![NO_AUTO_LEAVE.to_owned()];
        });
        let answered = |id| json!([{"type": "answer"}, join_bridge(id), play(600, 500)]);
        world.number("pair", answered(pair));
        world.number("stays", answered(stays));
        world.number("unanswered", json!([join_bridge(stays)]));
        let [alice, bob] = in_conference(world, "pair", ["alice", "bob"]);
        hangs_up(&bob);
        alice.waits_ms(10);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert_eq!((&world.last("confbridge_terminated")["id"], closes(world, pair)), (&json!(pair), None));

        let [carol, dora] = in_conference(world, "stays", ["carol", "dora"]);
        hangs_up(&dora);
        carol.waits_ms(1_000);
        carol.hears_silence();
        let emil = world.phone("emil");
        emil.calls("unanswered");
        emil.waits_ms(500);
        assert_eq!((emil.count(200, "INVITE"), world.published("confbridge_joined")), (0, 5));
        assert_eq!(closes(world, stays), Some(ConferenceStatus::Terminating));
        emil.gets(480);
        carol.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/actions.md `connect`, step 4: when a leg answers, every party in the bridge is answered; whoever comes after that is not.
#[test]
fn calls_that_ring_in_a_bridge_of_type_connect_are_answered_when_an_answered_one_joins() {
    scenario("confbridge_answers", |world| {
        let pair = world.confbridge(uuid(0xb1d), |bridge| bridge.kind = ConferenceType::Connect);
        world.number("rings", json!([join_bridge(pair)]));
        world.number("answers", json!([{"type": "answer"}, join_bridge(pair)]));
        let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
        for phone in [&alice, &bob] {
            phone.calls("rings");
            phone.gets(180);
        }
        alice.waits_ms(2_000);
        assert_eq!((alice.count(200, "INVITE"), bob.count(200, "INVITE")), (0, 0), "nobody is answered yet");
        let [carol] = in_conference(world, "answers", ["carol"]);
        alice.gets(200);
        bob.gets(200);
        carol.speaks(400.0);
        alice.waits_ms(300);
        alice.hears(400.0);
        bob.hears(400.0);
        carol.falls_silent();
        let dora = world.phone("dora");
        dora.calls("rings");
        dora.gets(180);
        dora.waits_ms(500);
        assert_eq!(dora.count(200, "INVITE"), 0);
        let emil = world.phone("emil");
        emil.calls("answers");
        emil.gets(200);
        dora.gets(200);
        assert_eq!(closes(world, pair), Some(ConferenceStatus::Terminating));
        for phone in [&alice, &bob, &carol, &dora, &emil] {
            phone.is_asked("BYE");
        }
        world.is_empty_after_40_s();
    });
}

/// spec/actions.md `confbridge_join`: keys reach the other leg of a two-party bridge, and nobody in a bridge for many.
#[test]
fn a_key_in_a_bridge_of_two_reaches_the_other_phone_and_the_flow() {
    scenario("confbridge_keys", |world| {
        let pair = world.confbridge(uuid(0xb1d), |bridge| bridge.kind = ConferenceType::Connect);
        let many = world.confbridge(uuid(0xb1e), |_| ());
        world.number("pair", json!([{"type": "answer"}, join_bridge(pair)]));
        world.number("many", json!([{"type": "answer"}, join_bridge(many)]));
        let [alice, bob] = in_conference(world, "pair", ["alice", "bob"]);
        let [carol, dora] = in_conference(world, "many", ["carol", "dora"]);
        bob.waits_ms(200);
        alice.presses('5');
        carol.presses('6');
        bob.waits_ms(300);
        let keys = |phone: &Phone| phone.heard().into_iter().filter(|packet| packet.payload_type == 101).count();
        assert_eq!([&alice, &bob, &carol, &dora].map(keys), [0, 7, 0, 0]);
        assert_eq!(world.published("dtmf_received"), 2);
        for phone in [&alice, &carol, &dora] {
            hangs_up(phone);
        }
        bob.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §5: a phone that reports its keys by INFO is understood by one that knows telephone-events only.
#[test]
fn a_key_by_info_in_a_bridge_of_two_reaches_the_other_phone_as_an_event() {
    scenario("confbridge_keys_info", |world| {
        let pair = world.confbridge(uuid(0xb1d), |bridge| bridge.kind = ConferenceType::Connect);
        let many = world.confbridge(uuid(0xb1e), |_| ());
        world.number("pair", json!([{"type": "answer"}, join_bridge(pair)]));
        world.number("many", json!([{"type": "answer"}, join_bridge(many)]));
        let [alice, bob] = in_conference(world, "pair", ["alice", "bob"]);
        let [carol, dora] = in_conference(world, "many", ["carol", "dora"]);
        bob.waits_ms(200);
        alice.presses_by_info("#");
        carol.presses_by_info("6");
        bob.waits_ms(400);
        let events = |phone: &Phone| -> Vec<(u8, u16)> {
            let event = |octets: &[u8]| (octets[0], u16::from_be_bytes([octets[2], octets[3]]));
            let heard = phone.heard().into_iter().filter(|packet| packet.payload_type == 101);
            heard.map(|packet| event(&packet.payload)).collect()
        };
        // 160 ms, as the body says.
        assert_eq!(events(&bob).last(), Some(&(11, 1_280)));
        assert_eq!([&alice, &carol, &dora].map(|phone| events(phone).len()), [0, 0, 0]);
        assert_eq!(world.published("dtmf_received"), 2, "the flows are told of them all the same");
        for phone in [&alice, &carol, &dora] {
            hangs_up(phone);
        }
        bob.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_bridge_of_another_customer_is_as_good_as_unknown() {
    scenario("confbridge_foreign", |world| {
        let id = world.confbridge(uuid(0xb1d), |bridge| bridge.customer_id = uuid(0xfe));
        world.number("meet", through(id));
        let alice = world.phone("alice");
        alice.calls("meet");
        alice.gets(183);
        alice.hears(600.0);
        assert_eq!(world.failures(), [("confbridge_join".to_owned(), NO_BRIDGE.to_owned())]);
        assert_eq!(world.published("confbridge_joined"), 0);
        assert_eq!(closes(world, id), Some(ConferenceStatus::Terminated));
        world.is_empty_after_40_s();
    });
}

/// Its bridge ends with the conference and not before; a call can be kicked out of it, a participant or not.
#[test]
fn the_bridge_of_a_conference_is_ended_by_the_conference_only() {
    scenario("confbridge_of_conference", |world| {
        let id = world.conference("staff", |_| {});
        let confbridge_id = world.conference_of(id).confbridge_id;
        world.number("staff", json!([join(id), play(600, 500)]));
        world.number("hand", through(confbridge_id));
        let [alice] = in_conference(world, "staff", ["alice"]);
        let [bob] = in_conference(world, "hand", ["bob"]);
        assert_eq!(closes(world, confbridge_id), None);
        let ids = calls(world);
        assert_eq!(kicks(world, confbridge_id, ids[1]), Some(vec![ids[0]]));
        bob.waits_ms(10);
        bob.hears(600.0);
        bob.is_asked("BYE");
        assert_eq!(kicks(world, confbridge_id, ids[0]), Some(vec![]));
        alice.waits_ms(10);
        alice.hears(600.0);
        alice.is_asked("BYE");
        assert_eq!((world.published("conferencecall_leaved"), world.published("confbridge_terminated")), (1, 0));
        world.is_empty_after_40_s();
    });
}

/// Everybody is out, which users are told, and the bridge is as good as new.
#[test]
fn a_panic_in_a_bridge_by_hand_sends_everybody_out() {
    scenario("confbridge_panic", |world| {
        let id = world.confbridge(uuid(0xb1d), |_| {});
        world.number("meet", through(id));
        let [alice, bob] = in_conference(world, "meet", ["alice", "bob"]);
        world.injects_panic_into_bridge(id);
        let carol = world.phone("carol");
        carol.calls("meet");
        carol.gets(183);
        assert_eq!(world.failures(), [("confbridge_join".to_owned(), "the confbridge has failed".to_owned())]);
        assert_eq!(world.published("confbridge_leaved"), 2);
        assert_eq!(world.last("confbridge_leaved")["channel_call_ids"], json!([]));
        alice.is_asked("BYE");
        bob.is_asked("BYE");
        let [dora] = in_conference(world, "meet", ["dora"]);
        assert_eq!(world.last("confbridge_joined")["channel_call_ids"], json!([calls(world)[3]]));
        hangs_up(&dora);
        assert_eq!(world.published("confbridge_terminated"), 0);
        world.is_empty_after_40_s();
    });
}
