//! How calls end: what is said and done between the hang-up and the last trace of the call (spec/flow.md §6,
//! spec/resources.md §4.3), and that nothing of one call touches another.

use support::{NoteKind, World, json, scenario, scenario_of_one_loop};

use crate::quiet;

fn has_ended(world: &World) -> bool {
    world.noted(|note| matches!(note, NoteKind::CallEnded { .. }))
}

fn ran(world: &World, kind: &str) -> bool {
    world.noted(
        |note| matches!(note, NoteKind::Flow(entry) if entry.action_type == kind && entry.what.as_str() == "started"),
    )
}

fn cells(world: &World) -> usize {
    world.gauges().iter().map(|gauges| gauges.calls).sum()
}

/// spec/resources.md §4.3: `terminating` until the leg is gone.
#[test]
fn a_call_is_terminating_until_its_bye_is_answered() {
    scenario("terminating", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("short");
        alice.gets(200);
        alice.waits_ms(3_000);
        assert!(!has_ended(world), "the BYE still waits for the ACK");
        alice.acks();
        alice.is_asked("BYE");
        alice.waits_ms(50);
        assert!(has_ended(world));
        world.is_empty_after_40_s();
    });
}

/// Neither an ACK nor an answer to the BYE ever comes: both have their time.
#[test]
fn a_caller_that_vanishes_after_the_200_is_given_up() {
    scenario("vanished", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| (manners.acks_success, manners.answers_bye) = (false, false));
        alice.calls("short");
        alice.is_asked("BYE");
        alice.waits_ms(33_000);
        assert_eq!(alice.count_requests("BYE"), 11, "Timer E doubles to T2 until Timer F");
        assert!(has_ended(world));
        world.is_empty_after_40_s();
    });
}

/// The caller says BYE before it acknowledges: its BYE is answered, ours is not needed any more.
#[test]
fn the_callers_bye_makes_ours_that_waits_for_the_ack_needless() {
    scenario("bye_meets_held_bye", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("short");
        alice.gets(200);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(35_000);
        assert_eq!(alice.count_requests("BYE"), 0);
        assert_eq!(alice.count(200, "INVITE"), 1, "nothing is repeated in a dialog that is over");
        assert!(has_ended(world));
        world.is_empty_after_40_s();
    });
}

/// We have hung up, our BYE waits for the ACK: a change of the session comes too late.
#[test]
fn a_reinvite_after_our_hangup_gets_481() {
    scenario("reinvite_meets_held_bye", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.acks_success = false);
        alice.calls("short");
        alice.gets(200);
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.gets(481);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// The ACK answers our offer when the call is over already: no stream is opened, BYE follows.
#[test]
fn an_answer_in_the_ack_after_our_hangup_opens_nothing() {
    scenario("late_offer_hangup", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        let alice = world.phone("alice");
        let answer = alice.offer().text();
        alice.behaves(|manners| manners.sdp_in_ack = Some(answer));
        alice.calls_with("short", None);
        alice.gets(200);
        alice.is_asked("BYE");
        assert!(alice.heard().is_empty());
        world.is_empty_after_40_s();
    });
}

/// The port pair of a call without sound goes to another call while the first one still waits for the answer to its BYE.
#[test]
fn the_end_of_a_call_leaves_the_next_owner_of_its_port_alone() {
    scenario_of_one_loop("port_of_two_calls", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "hangup"}]));
        world.number("busy", json!([{"type": "hangup", "option": {"reason": "busy"}}]));
        world.number(
            "key",
            json!([
                {"type": "answer"},
                {"type": "digits_receive", "option": {"duration": 600_000, "length": 1}},
                {"type": "play", "option": {"stream_urls": ["tone:600:60000"]}},
            ]),
        );
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        alice.behaves(|manners| manners.answers_bye = false);
        alice.calls_with("short", None);
        alice.is_asked("BYE");
        // The port of alice's call is the last of 64 in the stock. Each of these takes the first one and puts it behind.
        for _ in 0..63 {
            bob.calls("busy");
            bob.gets(486);
        }
        bob.is_connected_to("key");
        world.passes_ms(33_000);
        bob.presses('1');
        bob.waits_ms(40);
        bob.hears(600.0);
        bob.hangs_up();
        bob.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/flow.md §6: the on-complete flow runs when the call is gone; what needs a call is skipped, the rest runs, and the
/// call's last trace goes when it has ended.
#[test]
fn the_on_complete_flow_runs_after_the_caller_has_hung_up() {
    scenario("on_complete", |world| {
        world.number_with_on_complete(
            "first",
            quiet(),
            json!([
                {"type": "play", "option": {"stream_urls": ["tone:600:60000"]}},
                {"type": "condition_call_status", "option": {"status": "hangup", "false_target_id": "wrong"}},
                {"type": "sleep", "option": {"duration": 100_000}},
                {"type": "variable_set", "option": {"key": "a", "value": "b"}},
                {"type": "stop"},
                {"id": "wrong", "type": "empty"},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("first");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(50_000);
        assert!(has_ended(world));
        assert!(!ran(world, "play") && ran(world, "sleep") && !ran(world, "variable_set"));
        assert_eq!(cells(world), 1, "the flow sleeps");
        world.passes_ms(51_000);
        assert!(ran(world, "variable_set") && !ran(world, "empty"));
        assert_eq!(cells(world), 0);
        world.is_empty_after_40_s();
    });
}

/// The flow ends first and hangs up: the on-complete flow is not ended by the end of the call that it follows.
#[test]
fn the_on_complete_flow_outlives_the_bye() {
    scenario("on_complete_outlives_bye", |world| {
        world.number_with_on_complete(
            "first",
            json!([{"type": "answer"}]),
            json!([
                {"type": "sleep", "option": {"duration": 2_000}},
                {"type": "variable_set", "option": {"key": "a", "value": "b"}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("first");
        alice.is_asked("BYE");
        alice.waits_ms(100);
        assert!(has_ended(world) && !ran(world, "variable_set"));
        alice.waits_ms(2_000);
        assert!(ran(world, "variable_set"));
        world.is_empty_after_40_s();
    });
}

/// spec/flow.md §6, "Effects, in order": it is made and begins, then the call is hung up. What it would do to the call is not done, and
/// the call stays that of its own activeflow.
#[test]
fn the_on_complete_flow_of_a_call_that_is_up_begins_before_the_hang_up() {
    scenario("on_complete_order", |world| {
        let room = world.conference("room", |_| {});
        world.number_with_on_complete(
            "first",
            json!([{"type": "answer"}, {"type": "variable_set", "option": {"key": "k", "value": "v"}}]),
            json!([
                {"type": "talk", "option": {"text": "nobody hears this"}},
                {"type": "hangup", "option": {"reason": "busy"}},
                {"type": "conference_join", "option": {"conference_id": room}},
                {"type": "webhook_send", "option": {"uri": "http://hook.test/", "data": "${k} ${voipbin.call.status}"}},
                {"type": "sleep", "option": {"duration": 1_000}},
                {"type": "webhook_send", "option": {"uri": "http://hook.test/", "data": "${k} ${voipbin.call.status}"}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("first");
        alice.is_asked("BYE");
        alice.waits_ms(100);
        assert_eq!(
            world.event_names(&["activeflow_created", "activeflow_updated", "call_terminating", "call_hangup"])[..],
            [
                "activeflow_created",
                "activeflow_updated",
                "activeflow_created",
                "activeflow_updated",
                "call_terminating",
                "call_hangup"
            ]
        );
        let own = world
            .events()
            .into_iter()
            .find(|(name, _)| name == "activeflow_created")
            .map(|(_, data)| data["id"].clone());
        assert_eq!(world.last("activeflow_created")["reference_activeflow_id"], own.clone().unwrap_or_default());
        for event in ["call_terminating", "call_hangup"] {
            assert_eq!(Some(world.last(event)["activeflow_id"].clone()), own, "{event}");
        }
        assert_eq!(world.last("call_hangup")["hangup_reason"], "normal");
        alice.waits_ms(1_000);
        assert_eq!(world.asked("http://hook.test/"), ["v progressing", "v hangup"]);
        assert!(!ran(world, "talk") && !ran(world, "hangup") && !ran(world, "conference_join"));
        world.is_empty_after_40_s();
    });
}

/// Design section 4: every state has a deadline. An on-complete flow may last as long as a call.
#[test]
fn an_on_complete_flow_that_lasts_too_long_is_stopped() {
    scenario("on_complete_limit", |world| {
        world.settings(|settings| settings.max_call_duration_ms = 20_000);
        world.number_with_on_complete("first", quiet(), quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("first");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(15_000);
        assert_eq!(cells(world), 1);
        world.passes_ms(6_000);
        assert_eq!(cells(world), 0);
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_operator_ends_on_complete_flows_too() {
    scenario("on_complete_hang_up_all", |world| {
        world.number_with_on_complete("first", quiet(), quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("first");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(1_000);
        assert_eq!(cells(world), 1);
        world.hangs_up_all();
        world.passes_ms(10);
        assert_eq!(cells(world), 0);
        world.is_empty_after_40_s();
    });
}

/// A flow that names itself as on-complete flow: spec/flow.md §5.6 ends the chain.
#[test]
fn a_chain_of_on_complete_flows_ends() {
    scenario("on_complete_chain", |world| {
        world.number_with_on_complete("other", quiet(), json!([{"type": "empty"}]));
        world.number_with_on_complete("on-complete", json!([{"type": "empty"}]), json!([{"type": "empty"}]));
        let alice = world.phone("alice");
        alice.calls("on-complete");
        alice.gets(480);
        assert!(world.noted(|note| matches!(note, NoteKind::OnCompleteSkipped { .. })));
        world.is_empty_after_40_s();
    });
}

/// The cell fails when its stream has been closed already: the ports are not given back twice.
#[test]
fn a_panic_after_the_stream_was_closed_gives_no_port_back_twice() {
    scenario("panic_after_close", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 1_000}}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.answers_bye = false);
        alice.calls("short");
        alice.is_asked("BYE");
        world.passes_ms(1_000);
        world.injects_panic_into(&alice);
        world.passes_ms(33_000);
        assert_eq!(world.crashes().len(), 1);
        world.is_empty_after_40_s();
    });
}

/// ... and when it is being closed.
#[test]
fn a_panic_while_the_stream_is_being_closed_loses_no_port() {
    scenario("panic_while_closing", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        world.hangs_up_all();
        world.injects_panic_into(&alice);
        world.passes_ms(1_000);
        assert_eq!(world.crashes().len(), 1);
        world.is_empty_after_40_s();
    });
}

/// The worker never says that it has let go of the stream: the call does not stay for ever.
#[test]
fn a_call_whose_worker_is_silent_is_given_up_after_35_s() {
    scenario("silent_worker", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        world.loses_the_workers();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(30_000);
        assert!(cells(world) == 1 && !has_ended(world));
        world.passes_ms(6_000);
        assert!(world.noted(|note| matches!(note, NoteKind::CallEnded { stats: None, .. })));
        assert!(world.gauges().iter().all(|gauges| gauges.is_idle()), "{:?}", world.gauges());
    });
}

#[test]
fn what_is_waited_for_the_answer_to_our_bye_is_no_talk() {
    scenario("talked", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 3_000}}]));
        let alice = world.phone("alice");
        alice.behaves(|manners| manners.answers_bye = false);
        alice.is_connected_to("short");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
        let talked = |talked_ms: u64| (3_000..3_200).contains(&talked_ms);
        assert!(world.noted(|note| matches!(note, NoteKind::CallEnded { talked_ms, .. } if talked(*talked_ms))));
        assert!(world.noted(|note| matches!(note, NoteKind::ByeUnanswered)));
    });
}

/// RFC 3261 §15.1.2: the dialog is over, whatever still runs after the call.
#[test]
fn requests_in_a_dialog_that_is_over_get_481_while_the_on_complete_flow_runs() {
    scenario("on_complete_no_dialog", |world| {
        world.settings(|settings| settings.max_call_duration_ms = 20_000);
        world.number_with_on_complete("first", quiet(), quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("first");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        alice.hangs_up();
        alice.gets_for(481, "BYE");
        alice.asks("OPTIONS");
        alice.gets_for(481, "OPTIONS");
        assert_eq!(cells(world), 1);
        world.is_empty_after_40_s();
    });
}
