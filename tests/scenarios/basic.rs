//! The usual course of a call.

use support::{json, scenario};

use crate::{echo, quiet};

#[test]
fn a_caller_hears_itself_and_hangs_up() {
    scenario("echo_call", |world| {
        world.number("echo", echo());
        let alice = world.phone("alice");
        alice.is_connected_to("echo");
        alice.speaks(440.0);
        alice.waits_ms(100);
        alice.hears(440.0);
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        alice.falls_silent();
        world.is_empty_after_40_s();
    });
}

#[test]
fn an_echo_keeps_order_and_returns_each_frame_once() {
    scenario("echo_order", |world| {
        world.number("echo", echo());
        let alice = world.phone("alice");
        alice.is_connected_to("echo");
        alice.waits_ms(300);
        let before = alice.heard().len();
        alice.speaks(700.0);
        alice.waits_ms(1_000);
        alice.falls_silent();
        alice.waits_ms(100);
        let heard = alice.heard().split_off(before);
        assert_eq!(heard.len(), 51, "one packet for each that was sent");
        assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
        assert!(heard.windows(2).all(|pair| pair[1].timestamp == pair[0].timestamp.wrapping_add(160)));
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §11.1, with a prompt in the place of speech: 100, 200 with SDP, sound, BYE after the last sample.
#[test]
fn the_end_of_the_flow_hangs_up_after_the_last_sample() {
    scenario("prompt_then_bye", |world| {
        world.number(
            "prompt",
            json!([
                {"type": "answer"},
                {"type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("prompt");
        alice.gets(200);
        alice.hears(600.0);
        alice.is_asked("BYE");
        let loud: usize = alice.heard().iter().filter(|packet| packet.payload.iter().any(|&o| o != 0xff)).count();
        assert_eq!(loud, 50, "one second of sound in packets of 20 ms");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_call_that_waits_is_told_so_and_then_answered() {
    scenario("ringing_then_answer", |world| {
        world.number(
            "slow",
            json!([
                {"type": "sleep", "option": {"duration": 2_000}},
                {"type": "answer"},
                {"type": "sleep", "option": {"duration": 60_000}},
            ]),
        );
        let alice = world.phone("alice");
        alice.calls("slow");
        alice.gets(180);
        assert_eq!(alice.count(200, "INVITE"), 0);
        alice.gets(200);
        alice.waits_ms(50);
        alice.hears_silence();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn the_longest_call_ends_with_bye() {
    scenario("longest_call", |world| {
        world.settings(|settings| settings.max_call_duration_ms = 5_000);
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn options_are_answered_inside_and_outside_of_a_call() {
    scenario("options", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.asks("OPTIONS");
        alice.gets_for(200, "OPTIONS");
        assert!(alice.last_response(200).contains("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO"));
        let bob = world.phone("bob");
        bob.sends_raw(
            "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-o;rport\r\nMax-Forwards: 70\r\n\
             From: <sip:bob@example.com>;tag=o\r\nTo: <sip:{server}>\r\nCall-ID: options\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n",
        );
        bob.gets_for(200, "OPTIONS");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn rtcp_reports_come_and_silence_keeps_its_pace() {
    scenario("quiet_call", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.waits_ms(20_000);
        assert!(alice.heard_rtcp() >= 2, "reports come about every 5 s");
        let heard = alice.heard();
        assert!(heard.windows(2).all(|pair| pair[1].at_ns - pair[0].at_ns == 20_000_000), "20 ms apart");
        assert!(heard.windows(2).all(|pair| pair[1].timestamp == pair[0].timestamp.wrapping_add(160)));
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}
