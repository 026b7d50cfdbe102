//! On the way in: what may happen before a call is inside.

use support::{Request, json, scenario, uuid};

use super::{hangs_up, in_conference, join, play};

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
