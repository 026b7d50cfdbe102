//! How a conference ends, and how a call in it does.

use std::sync::Arc;

use model::{Conference, ConferenceStatus, ConferenceType, Resource, Timestamp};
use support::{Reply, Request, json, scenario};

use super::{hangs_up, in_conference, join, play};

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

/// A bridge lives as long as its conference, though nobody is in it for a while.
#[test]
fn a_bridge_begins_once_and_ends_once_however_often_it_is_empty() {
    scenario("conference_bridge_once", |world| {
        let ids = ["closed", "deleted", "unused"].map(|name| world.conference(name, |_| {}));
        let [closed, deleted, unused] = ids;
        world.number("closed", json!([{"type": "answer"}, join(closed)]));
        world.number("deleted", json!([{"type": "answer"}, join(deleted)]));
        for (name, user) in [("alice", "closed"), ("bob", "deleted"), ("carol", "closed")] {
            let phone = world.phone(name);
            phone.is_connected_to(user);
            hangs_up(&phone);
            world.passes_ms(1_000);
        }
        let told = |name| world.published(name);
        assert_eq!((told("confbridge_created"), told("confbridge_leaved"), told("confbridge_terminated")), (2, 3, 0));
        let (first, again) = (world.last("confbridge_created"), world.last("confbridge_joined"));
        assert_ne!(first["id"], again["id"]);
        assert!(again["tm_create"].as_str() < first["tm_create"].as_str(), "it began before the other one: {again}");
        let replies = world.wishes(&Request::CloseConference { conference_id: closed });
        assert!(matches!(&replies[..], [Reply::Conference(found)] if found.status == ConferenceStatus::Terminated));
        let over = world.last("confbridge_terminated");
        assert_eq!((&over["id"], &over["tm_create"]), (&again["id"], &again["tm_create"]));
        world.keeps_conference(closed);
        for id in [deleted, unused] {
            let gone = Conference { tm_delete: Some(Timestamp::from_us(1)), ..world.conference_of(id) };
            world.changes(&Resource::Conference(std::sync::Arc::new(gone)));
        }
        let over = world.last("confbridge_terminated");
        assert_eq!((&over["id"], &over["status"]), (&first["id"], &"terminated".into()));
        assert_eq!(told("confbridge_terminated"), 2);
        world.is_empty_after_40_s();
        assert!(world.gauges().iter().all(|gauges| gauges.bridges == 0));
    });
}

/// Who is in a conference whose files are gone may stay, and the bridge ends with the last one.
#[test]
fn a_bridge_whose_conference_is_gone_after_a_reload_ends_when_it_is_empty() {
    scenario("conference_bridge_reload", |world| {
        let ids = ["empty", "busy"].map(|name| world.conference(name, |_| {}));
        world.number("empty", json!([{"type": "answer"}, join(ids[0])]));
        world.number("busy", json!([{"type": "answer"}, join(ids[1])]));
        let [alice] = in_conference(world, "empty", ["alice"]);
        let empty = world.last("confbridge_created");
        hangs_up(&alice);
        let [bob] = in_conference(world, "busy", ["bob"]);
        let busy = world.last("confbridge_created");
        world.passes_ms(100);
        world.reloads_without_conferences(&ids);
        assert_eq!(world.published("confbridge_terminated"), 1);
        assert_eq!(world.last("confbridge_terminated")["id"], empty["id"]);
        hangs_up(&bob);
        world.passes_ms(100);
        assert_eq!(world.published("confbridge_terminated"), 2);
        assert_eq!(world.last("confbridge_terminated")["id"], busy["id"]);
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
        world.changes(&Resource::Conference(Arc::new(deleted)));
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

/// The database hears of the end later than who comes next, and a change that its owner made meanwhile knows nothing of it.
#[test]
fn a_conference_that_has_ended_is_not_begun_anew_by_who_comes_at_once() {
    scenario("conference_over_at_once", |world| {
        let id = world.conference("pair", |conference| conference.kind = ConferenceType::Connect);
        world.number("pair", json!([join(id), play(600, 500)]));
        let [alice, bob] = in_conference(world, "pair", ["alice", "bob"]);
        hangs_up(&bob);
        alice.is_asked("BYE");
        let renamed = Conference { name: "two".into(), timeout: 86_400, ..world.conference_of(id) };
        world.changes(&Resource::Conference(Arc::new(renamed)));
        world.settings(|_| {});
        let carol = world.phone("carol");
        carol.calls("pair");
        carol.gets(480);
        assert!(world.ended_because("the conference is over"));
        assert_eq!(world.published("conferencecall_joining"), 2);
        assert_eq!(world.last("conference_updated")["status"], "terminated");
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
        world.passes_ms(100);
        assert_eq!((world.published("confbridge_created"), world.published("confbridge_terminated")), (1, 0));
        world.is_empty_after_40_s();
    });
}
