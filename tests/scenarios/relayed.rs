//! `hangup` with `reference_id` (spec/actions.md): a call ends with the cause of another one that has ended.

use support::{Phone, Value, World, json, scenario, uuid};

use crate::quiet;

/// Hangs up as this call has ended. The reason beside it is not asked for.
fn like(call_id: &str) -> Value {
    json!({"type": "hangup", "option": {"reason": "noanswer", "reference_id": call_id}})
}

/// The call that ended last.
fn last_ended(world: &World) -> String {
    world.id_of("call_hangup").to_string()
}

/// What users were told of the end of the last call.
fn told_reason(world: &World) -> String {
    world.last("call_hangup")["hangup_reason"].as_str().unwrap_or_default().to_owned()
}

/// The phone calls a number that hangs up like the other call and is refused with this status.
fn is_refused_like(world: &World, phone: &Phone, call_id: &str, status: u16, reason: &str) {
    let number = format!("like{}", world.published("call_hangup"));
    world.number(&number, json!([like(call_id)]));
    phone.calls(&number);
    phone.gets(status);
    assert_eq!(phone.count(180, "INVITE"), 0, "it does not ring first");
    phone.waits_ms(20);
    assert_eq!(told_reason(world), reason);
}

#[test]
fn a_call_is_refused_as_one_was_that_has_ended() {
    scenario("relayed_reasons", |world| {
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        for (reason, status) in
            [("busy", 486), ("failed", 408), ("noanswer", 480), ("dialout", 480), ("amd", 603), ("cancel", 603)]
        {
            world.number(reason, json!([{"type": "hangup", "option": {"reason": reason}}]));
            alice.calls(reason);
            alice.gets(status);
            alice.waits_ms(20);
            is_refused_like(world, &bob, &last_ended(world), status, reason);
        }
        world.is_empty_after_40_s();
    });
}

/// Long after the call is gone, and by many, who are served by different loops.
#[test]
fn the_ending_is_remembered_when_the_call_is_gone() {
    scenario("relayed_later", |world| {
        world.number("busy", json!([{"type": "hangup", "option": {"reason": "busy"}}]));
        let alice = world.phone("alice");
        alice.calls("busy");
        alice.gets(486);
        alice.waits_ms(20);
        let call_id = last_ended(world);
        world.is_empty_after_40_s();
        for name in ["bob", "carol", "dave", "erin", "frank"] {
            is_refused_like(world, &world.phone(name), &call_id, 486, "busy");
        }
        world.is_empty_after_40_s();
    });
}

/// spec/resources.md §4.4: the reason of an answered call is `normal`; the cause stands in the BYE.
#[test]
fn an_answered_call_is_ended_by_bye_with_the_cause() {
    scenario("relayed_answered", |world| {
        world.number("busy", json!([{"type": "hangup", "option": {"reason": "busy"}}]));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.calls("busy");
        alice.gets(486);
        alice.waits_ms(20);
        let call_id = last_ended(world);
        world.number(
            "answered",
            json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 200}}, like(&call_id)]),
        );
        bob.is_connected_to("answered");
        bob.is_asked("BYE");
        assert!(bob.last_request("BYE").contains("Reason: Q.850;cause=17\r\n"));
        bob.waits_ms(50);
        assert_eq!(told_reason(world), "normal");
        world.is_empty_after_40_s();
    });
}

/// Its leg is gone, its on-complete flow still runs.
#[test]
fn a_call_has_ended_when_its_leg_is_gone() {
    scenario("relayed_on_complete", |world| {
        world.number_with_on_complete(
            "busy",
            json!([{"type": "hangup", "option": {"reason": "busy"}}]),
            json!([{"type": "sleep", "option": {"duration": 5_000}}]),
        );
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.calls("busy");
        alice.gets(486);
        alice.waits_ms(20);
        is_refused_like(world, &bob, &last_ended(world), 486, "busy");
        world.is_empty_after_40_s();
    });
}

#[test]
fn without_an_ending_to_relay_the_reason_is_normal() {
    scenario("relayed_nothing", |world| {
        world.number("quiet", quiet());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        is_refused_like(world, &bob, &uuid(0xbad).to_string(), 603, "normal");
        // One that is up, and one that is about to end: our BYE waits for its answer.
        alice.behaves(|manners| manners.answers_bye = false);
        alice.is_connected_to("quiet");
        let call_id = world.id_of("call_created").to_string();
        is_refused_like(world, &bob, &call_id, 603, "normal");
        world.wishes(&support::Request::HangUp { call_id: call_id.parse().expect("an id") });
        alice.is_asked("BYE");
        is_refused_like(world, &bob, &call_id, 603, "normal");
        // Its own.
        world.number("own", json!([like("${voipbin.call.id}")]));
        bob.calls("own");
        bob.gets(603);
        world.is_empty_after_40_s();
    });
}

#[test]
fn calls_of_another_customer_are_unknown() {
    scenario("relayed_customers", |world| {
        world.number("busy", json!([{"type": "hangup", "option": {"reason": "busy"}}]));
        world.owns_flow(uuid(0xf101), uuid(0xc2));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.calls("busy");
        alice.gets(486);
        alice.waits_ms(20);
        is_refused_like(world, &bob, &last_ended(world), 603, "normal");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_call_whose_handler_panicked_has_failed() {
    scenario("relayed_panic", |world| {
        world.number("early", json!([{"type": "play", "option": {"stream_urls": ["tone:600:60000"]}}]));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.calls("early");
        alice.gets(183);
        world.injects_panic_into(&alice);
        alice.presses('1');
        alice.gets(500);
        is_refused_like(world, &bob, &last_ended(world), 408, "failed");
        world.is_empty_after_40_s();
    });
}

/// The loop that would know is lost: the call is hung up nevertheless.
#[test]
fn a_call_does_not_wait_for_a_lost_loop() {
    scenario("relayed_lost_loop", |world| {
        world.settings(|settings| settings.loops = 200);
        world.number("like", json!([like(&uuid(150).to_string())]));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.calls("like");
        alice.waits_ms(900);
        assert_eq!(alice.count(603, "INVITE"), 0);
        alice.gets(603);
        alice.waits_ms(20);
        assert_eq!(told_reason(world), "normal");
        // One that is cancelled meanwhile, and one that is hung up over the API.
        bob.calls("like");
        bob.gets(100);
        bob.cancels();
        bob.gets(487);
        bob.waits_ms(20);
        assert_eq!(told_reason(world), "cancel");
        bob.calls("like");
        bob.waits_ms(100);
        world.hangs_up_all();
        bob.gets(480);
        world.is_empty_after_40_s();
    });
}
