//! Offer and answer within a call: hold, resume, changes, late offers (RFC 3264, RFC 3261 §14).

use support::{Phone, json, scenario};

use crate::{echo, quiet};

fn ends(world: &support::World, phone: &Phone) {
    phone.hangs_up();
    phone.gets_for(200, "BYE");
    phone.falls_silent();
    world.is_empty_after_40_s();
}

fn tone() -> support::Value {
    json!([{"type": "answer"}, {"type": "play", "option": {"stream_urls": ["tone:600:60000"]}}])
}

#[test]
fn hold_by_direction_silences_and_resume_goes_on() {
    scenario("hold_by_direction", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        alice.is_connected_to("tone");
        alice.hears(600.0);
        let mut offer = alice.offer();
        (offer.direction, offer.version) = ("sendonly", 2);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears_nothing();
        (offer.direction, offer.version) = ("sendrecv", 3);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears(600.0);
        ends(world, &alice);
    });
}

#[test]
fn hold_by_the_address_0_0_0_0_silences_and_resume_goes_on() {
    scenario("hold_by_address", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        alice.is_connected_to("tone");
        alice.hears(600.0);
        let usual = alice.offer();
        let mut held = usual.clone();
        (held.address, held.version) = ("0.0.0.0".into(), 2);
        alice.reinvites(Some(&held.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears_nothing();
        let mut back = usual;
        back.version = 3;
        alice.reinvites(Some(&back.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.hears(600.0);
        ends(world, &alice);
    });
}

#[test]
fn an_inactive_call_can_still_be_hung_up_by_the_flow() {
    scenario("inactive", |world| {
        world.number("short", json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 3_000}}]));
        let alice = world.phone("alice");
        alice.is_connected_to("short");
        let mut offer = alice.offer();
        (offer.direction, offer.version) = ("inactive", 2);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        assert!(alice.last_response(200).contains("a=inactive"));
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_change_of_codec_and_ptime_keeps_port_and_ssrc() {
    scenario("change_of_codec", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        alice.is_connected_to("tone");
        alice.hears(600.0);
        let before = alice.heard().pop().expect("sound came");
        assert_eq!((before.payload_type, before.payload.len()), (0, 160));
        let port = |response: String| response.lines().find_map(|l| l.strip_prefix("m=audio ").map(str::to_owned));
        let first_port = port(alice.last_response(200));
        let mut offer = alice.offer();
        (offer.formats, offer.ptime_ms, offer.version) = (vec![8, 101], 40, 2);
        alice.reinvites(Some(&offer.text()));
        alice.gets(200);
        alice.waits_ms(50);
        alice.hears(600.0);
        let after = alice.heard().pop().expect("sound came");
        assert_eq!((after.payload_type, after.payload.len()), (8, 320), "PCMA in packets of 40 ms");
        assert_eq!(after.ssrc, before.ssrc);
        let second_port = port(alice.last_response(200));
        let word = |line: Option<String>| line.and_then(|line| line.split(' ').next().map(str::to_owned));
        assert_eq!(word(first_port), word(second_port));
        ends(world, &alice);
    });
}

#[test]
fn a_reinvite_without_an_offer_gets_one_and_the_ack_answers_it() {
    scenario("reinvite_without_offer", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        alice.is_connected_to("tone");
        alice.hears(600.0);
        let mut answer = alice.offer();
        (answer.formats, answer.version) = (vec![8, 101], 2);
        alice.behaves(|manners| manners.sdp_in_ack = Some(answer.text()));
        alice.reinvites(None);
        alice.gets(200);
        alice.waits_ms(50);
        alice.hears(600.0);
        assert_eq!(alice.heard().pop().map(|packet| packet.payload_type), Some(8));
        ends(world, &alice);
    });
}

#[test]
fn what_cannot_be_accepted_gets_488_and_the_sound_goes_on() {
    scenario("reinvite_refused", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        alice.is_connected_to("tone");
        let mut offer = alice.offer();
        (offer.formats, offer.version) = (vec![9], 2);
        alice.reinvites(Some(&offer.text()));
        alice.gets(488);
        assert!(alice.last_response(488).contains("Warning: 305 "));
        alice.hears(600.0);
        alice.reinvites(Some("v=0\r\nthis is no session description\r\n"));
        alice.gets(400);
        alice.hears(600.0);
        ends(world, &alice);
    });
}

/// RFC 3264 §5 with RFC 3261 §13.2.1: the offer is ours, in the 200; the answer comes in the ACK.
#[test]
fn a_late_offer_is_answered_by_the_ack() {
    scenario("late_offer", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        let answer = alice.offer().text();
        alice.behaves(|manners| manners.sdp_in_ack = Some(answer));
        alice.calls_with("tone", None);
        alice.gets(200);
        assert!(alice.last_response(200).contains("m=audio "));
        alice.waits_ms(50);
        alice.hears(600.0);
        ends(world, &alice);
    });
}

#[test]
fn a_late_offer_without_an_answer_ends_with_bye() {
    scenario("late_offer_unanswered", |world| {
        world.number("tone", tone());
        let alice = world.phone("alice");
        alice.calls_with("tone", None);
        alice.gets(200);
        alice.is_asked("BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn unsupported_streams_are_refused_by_port_0_in_their_places() {
    scenario("several_streams", |world| {
        world.number("echo", echo());
        let alice = world.phone("alice");
        let offer = alice.offer().text();
        let (head, audio) = offer.split_at(offer.find("m=audio").expect("an audio line"));
        let several =
            format!("{head}m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n{audio}m=image 5004 udptl t38\r\n");
        alice.calls_with("echo", Some(&several));
        alice.gets(200);
        let response = alice.last_response(200);
        let streams: Vec<_> = response.lines().filter(|line| line.starts_with("m=")).collect();
        assert!(streams[0].starts_with("m=video 0 "), "{streams:?}");
        assert!(streams[1].starts_with("m=audio ") && !streams[1].starts_with("m=audio 0"), "{streams:?}");
        assert!(streams[2].starts_with("m=image 0 "), "{streams:?}");
        alice.waits_ms(20);
        alice.speaks(500.0);
        alice.waits_ms(100);
        alice.hears(500.0);
        ends(world, &alice);
    });
}

/// §14.2: a second offer while ours in a 200 waits for its answer.
#[test]
fn a_reinvite_while_our_offer_waits_for_the_ack_gets_491() {
    scenario("offers_cross", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.behaves(|manners| manners.acks_success = false);
        alice.reinvites(None);
        alice.gets(200);
        let offer = alice.offer().text();
        alice.reinvites(Some(&offer));
        alice.gets(491);
        world.passes_ms(75_000);
        world.is_empty_after_40_s();
    });
}

/// A phone behind a NAT writes a private address into its offer; its packets come from somewhere else.
#[test]
fn sound_goes_to_where_sound_comes_from() {
    scenario("symmetric_rtp", |world| {
        world.number("echo", echo());
        let alice = world.phone("alice");
        let mut offer = alice.offer();
        offer.address = "10.9.9.9".into();
        alice.calls_with("echo", Some(&offer.text()));
        alice.gets(200);
        alice.waits_ms(20);
        alice.speaks(800.0);
        alice.waits_ms(200);
        alice.hears(800.0);
        ends(world, &alice);
    });
}
