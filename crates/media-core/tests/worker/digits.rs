use base::MS;
use media_core::tone::detect_dtmf;
use media_core::{Codec, Event, StreamConfig};

use crate::support::*;

fn digits(scene: &mut Scene) -> String {
    scene
        .take_events()
        .iter()
        .map(|event| match event {
            Event::Digit { digit, .. } => *digit,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_digit_is_reported_at_its_end_and_200_ms_after_its_last_packet_if_the_end_is_lost() {
    let (mut scene, stream) = Scene::open(&config());
    scene.event(1, 1000, [7, 10, 0, 160]);
    assert!(scene.take_events().is_empty());
    scene.event(2, 1000, [7, 0x8a, 3, 0x20]);
    scene.event(3, 1000, [7, 0x8a, 3, 0x20]);
    assert_eq!(scene.take_events(), [Event::Digit { stream, digit: '7', duration_ms: 100 }]);
    scene.event(4, 5000, [11, 10, 1, 0x40]);
    scene.run_ms(199);
    assert!(scene.take_events().is_empty());
    scene.run_ms(2);
    assert_eq!(scene.take_events(), [Event::Digit { stream, digit: '#', duration_ms: 40 }]);
    scene.run_ms(1000);
    assert!(scene.take_events().is_empty());
}

#[test]
fn a_lost_end_is_noticed_although_nothing_else_is_due() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, media_core::EchoMode::Audio);
    scene.event(1, 1000, [7, 10, 1, 0x40]);
    let due_ns = scene.worker.next_tick_ns().unwrap();
    assert!((scene.now_ns + 200 * MS..scene.now_ns + 201 * MS + MS).contains(&due_ns));
    scene.run_ms(202);
    assert_eq!(digits(&mut scene), "7");
}

#[test]
fn any_negotiated_payload_type_will_do_and_no_other() {
    let types = media_core::TelephoneEventTypes { send: 100, receive: 127 };
    let (mut scene, _) = Scene::open(&StreamConfig { telephone_event: Some(types), ..config() });
    scene.rtp(PEER, PEER_SSRC, 127, true, 1, 0, &[1, 0x80, 3, 0x20]);
    scene.rtp(PEER, PEER_SSRC, 101, true, 2, 2000, &[2, 0x80, 3, 0x20]);
    assert_eq!(digits(&mut scene), "1");
    assert_eq!(scene.counters().drop_payload_type, 1);
}

#[test]
fn short_and_foreign_events_are_counted() {
    let (mut scene, _) = Scene::open(&config());
    scene.rtp(PEER, PEER_SSRC, EVENT, true, 1, 0, &[1, 0x80, 3]);
    scene.rtp(PEER, PEER_SSRC, EVENT, true, 2, 0, &[]);
    scene.rtp(PEER, PEER_SSRC, EVENT, true, 3, 0, &[36, 0x80, 3, 0x20]);
    assert_eq!(digits(&mut scene), "");
    assert_eq!(scene.counters().events_ignored, 3);
}

#[test]
fn digits_wait_in_the_slot_while_the_ring_is_full_and_come_in_order() {
    let (mut scene, stream) = Scene::open(&config());
    scene.outside.events_full = true;
    for n in 0..40_u16 {
        scene.event(n, u32::from(n) * 1000, [(n % 10) as u8, 0x8a, 3, 0x20]);
        scene.run_ms(20);
    }
    scene.audio(40, 0);
    assert_eq!(scene.counters().facts_waiting, 32);
    assert_eq!(scene.counters().digits_dropped, 8);
    scene.outside.events_full = false;
    scene.run_ms(20);
    assert_eq!(digits(&mut scene), "01234567890123456789012345678901");
    assert_eq!(scene.counters().facts_waiting, 0);
    scene.event(41, 90_000, [9, 0x8a, 3, 0x20]);
    assert_eq!(scene.take_events(), [Event::Digit { stream, digit: '9', duration_ms: 100 }]);
}

#[test]
fn sent_events_have_one_timestamp_three_ends_and_audio_around_them() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(40);
    scene.digits(stream, "1#", 100, 200);
    scene.run_ms(800);
    let packets = scene.take_rtp();
    for pair in packets.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
    }
    let first = packets[0].header.timestamp;
    let events: Vec<(u32, bool, Vec<u8>)> = packets
        .iter()
        .filter(|packet| packet.header.payload_type == 96)
        .map(|packet| (packet.header.timestamp.wrapping_sub(first), packet.header.marker, packet.payload.clone()))
        .collect();
    let event = |timestamp, marker, code, flags, duration: u16| {
        (timestamp, marker, vec![code, flags, (duration >> 8) as u8, duration as u8])
    };
    let mut expected = Vec::new();
    for (code, start) in [(1, 320), (11, 320 + 15 * 160)] {
        for n in 1..=4 {
            expected.push(event(start, n == 1, code, 10, n * 160));
        }
        expected.extend(std::iter::repeat_n(event(start, false, code, 0x8a, 800), 3));
    }
    assert_eq!(events, expected);
    // Audio: two frames before, eight in the pause (its first two went to the repeated ends), marked after each event.
    let audio: Vec<(u32, bool)> = packets
        .iter()
        .filter(|packet| packet.header.payload_type == 0)
        .map(|packet| (packet.header.timestamp.wrapping_sub(first) / 160, packet.header.marker))
        .collect();
    let expected: Vec<(u32, bool)> =
        [0, 1].into_iter().chain(9..17).chain(24..42).map(|n| (n, [0, 9, 24].contains(&n))).collect();
    assert_eq!(audio[..expected.len() - 1], expected[..expected.len() - 1]);
}

#[test]
fn without_telephone_events_the_digits_are_heard_as_tones() {
    let (mut scene, stream) =
        Scene::open(&StreamConfig { telephone_event: None, codec: Codec::Pcma, payload_type: 8, ..config() });
    scene.run_ms(40);
    scene.take_rtp();
    scene.digits(stream, "0A9*", 120, 80);
    scene.run_ms(1000);
    let packets = scene.take_rtp();
    assert_continuous(&packets, 160, &[]);
    let samples: Vec<i16> =
        packets.iter().flat_map(|packet| packet.payload.iter().map(|octet| Codec::Pcma.decode(*octet))).collect();
    let heard: Vec<Option<u8>> = samples.chunks(400).take(20).map(detect_dtmf).collect();
    // Windows of 50 ms: two whole ones in each tone of 120 ms, at least one silent between.
    let mut keys: Vec<u8> = Vec::new();
    let mut previous = None;
    for code in heard {
        if code != previous {
            keys.extend(code);
        }
        previous = code;
    }
    assert_eq!(keys, [0, 12, 9, 10]);
}

#[test]
fn digits_interrupt_a_playback_which_goes_on_where_it_was() {
    let (mut scene, stream) = Scene::open(&config());
    let samples: Vec<i16> = (0..1600).map(|n| n * 16).collect();
    scene.play(stream, 1, &std::sync::Arc::new(media_core::Sound::from_samples(&samples)));
    scene.run_ms(100);
    scene.digits(stream, "5", 100, 0);
    scene.run_ms(400);
    let packets = scene.take_rtp();
    let sent: Vec<u8> = packets
        .iter()
        .filter(|packet| packet.header.payload_type == 0)
        .flat_map(|packet| packet.payload.clone())
        .collect();
    let expected: Vec<u8> = samples.iter().map(|sample| Codec::Pcmu.encode(*sample)).collect();
    assert_eq!(sent[..1600], expected);
}

#[test]
fn digits_on_hold_pass_unsent() {
    let (mut scene, stream) = Scene::open(&StreamConfig { send: false, ..config() });
    scene.digits(stream, "12", 100, 100);
    scene.run_ms(1000);
    assert_eq!(scene.take_rtp(), []);
    scene.configure(stream, &config());
    scene.run_ms(100);
    assert!(scene.take_rtp().iter().all(|packet| packet.header.payload_type == 0));
}
