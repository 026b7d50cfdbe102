use std::sync::Arc;

use media_core::rtcp::{Compound, Packet};
use media_core::{EchoMode, Event, Op, Retired, Sound};

use crate::support::*;

fn is_closed(event: &Event) -> bool {
    matches!(event, Event::Closed { .. })
}

#[test]
fn close_says_bye_gives_the_totals_and_frees_the_slot() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(200);
    scene.outside.sent.clear();
    scene.apply(Op::Close { stream });
    let rtcp = scene.take_rtcp();
    let packets: Vec<Packet> = Compound::parse(&rtcp[0].bytes).unwrap().collect();
    let Some(Packet::Bye(bye)) = packets.last() else { panic!("{packets:?}") };
    assert_eq!(bye.sources().collect::<Vec<_>>(), [OUR_SSRC]);
    let events = scene.take_events();
    let [Event::Closed { stats, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(stats.sent_packets, 10);
    assert!(matches!(&scene.outside.retired[..], [Retired::Stream(_)]));
    assert_eq!(scene.counters().open_streams, 0);
    assert_eq!(scene.worker.next_tick_ns(), None);
    // The slot is free for the next lease.
    scene.open_stream(stream_id(5, 2), &config());
    scene.run_ms(20);
    assert_eq!(scene.take_rtp().len(), 1);
}

/// RFC 4733 §2.5.1.4: a hang-up right behind the last key does not cost the peer the repeats of its end.
#[test]
fn close_sends_the_ends_of_a_digit_that_are_owed_before_it_says_bye() {
    for (frames, ends_before, duration) in [(2, 0, 320_u16), (5, 1, 800), (6, 2, 800), (7, 3, 800)] {
        let (mut scene, stream) = Scene::open(&config());
        scene.run_ms(100);
        scene.take_rtp();
        scene.digits(stream, "5", 100, 0);
        scene.run_ms(20 * frames);
        let is_end = |packet: &&Rtp| packet.header.payload_type == 96 && packet.payload[1] & 0x80 != 0;
        let before = scene.take_rtp();
        assert_eq!(before.iter().filter(is_end).count(), ends_before, "{frames} frames");
        scene.apply(Op::Close { stream });
        let after = scene.take_rtp();
        assert_eq!(after.len(), 3 - ends_before, "{frames} frames");
        let mut sequence = before.last().unwrap().header.sequence;
        for packet in &after {
            assert!(is_end(&packet), "{packet:?}");
            assert_eq!(packet.payload[2..], duration.to_be_bytes());
            sequence = sequence.wrapping_add(1);
            assert_eq!(packet.header.sequence, sequence);
        }
    }
}

#[test]
fn instructions_of_an_earlier_lease_are_dropped_and_their_sounds_retired() {
    let (mut scene, old) = Scene::open(&config());
    scene.apply(Op::Close { stream: old });
    scene.open_stream(stream_id(5, 2), &config());
    scene.take_events();
    scene.outside.retired.clear();
    let sound = Arc::new(Sound::tone(440, 100, 1000));
    scene.play(old, 1, &sound);
    scene.apply(Op::StopPlayback { stream: old });
    scene.echo(old, EchoMode::Stream);
    scene.apply(Op::Close { stream: old });
    scene.apply(Op::Close { stream: stream_id(700, 1) });
    scene.run_ms(100);
    assert_eq!(scene.counters().ops_stale, 5);
    assert!(scene.take_events().is_empty());
    assert_eq!(scene.take_rtp().len(), 5, "the new lease is not touched");
    assert!(matches!(&scene.outside.retired[..], [Retired::Sound(_)]));
}

#[test]
fn a_slot_in_use_is_not_opened_again() {
    let (mut scene, stream) = Scene::open(&config());
    scene.open_stream(stream_id(5, 2), &config());
    scene.open_stream(stream_id(8, 1), &config());
    assert_eq!(scene.counters().opens_refused, 2);
    assert_eq!(scene.outside.retired.len(), 2);
    assert!(scene.worker.stats(stream).is_some());
}

#[test]
fn facts_come_before_closed_and_all_wait_for_room() {
    let (mut scene, stream) = Scene::open(&config());
    scene.outside.events_full = true;
    scene.play(stream, 1, &Arc::new(Sound::tone(440, 1000, 1000)));
    scene.event(1, 0, [1, 0x8a, 3, 0x20]);
    scene.event(2, 5000, [2, 10, 3, 0x20]);
    scene.apply(Op::Close { stream });
    scene.run_ms(100);
    assert!(scene.take_events().is_empty());
    assert_eq!(scene.counters().open_streams, 1);
    // The next lease has to wait; an open that does not is refused.
    scene.open_stream(stream_id(5, 2), &config());
    assert_eq!(scene.counters().opens_refused, 1);
    scene.outside.events_full = false;
    scene.run_ms(10);
    let events = scene.take_events();
    assert_eq!(events.len(), 4);
    assert!(matches!(events[0], Event::Digit { digit: '1', .. }));
    assert!(matches!(events[1], Event::Digit { digit: '2', .. }));
    assert!(matches!(events[2], Event::PlaybackEnded { playback: 1, .. }));
    assert!(is_closed(&events[3]));
    assert_eq!((scene.counters().open_streams, scene.counters().facts_waiting), (0, 0));
}

#[test]
fn a_stream_that_cannot_be_retired_stays_until_it_can() {
    let (mut scene, stream) = Scene::open(&config());
    scene.play(stream, 1, &Arc::new(Sound::tone(440, 1000, 1000)));
    scene.outside.retire_full = true;
    scene.apply(Op::Close { stream });
    scene.run_ms(50);
    assert!(!scene.take_events().iter().any(is_closed));
    assert_eq!(scene.counters().retired_waiting, 1);
    scene.outside.retire_full = false;
    scene.run_ms(10);
    assert!(scene.take_events().iter().any(is_closed));
    assert_eq!(scene.outside.retired.len(), 2);
    assert_eq!((scene.counters().retired_waiting, scene.counters().open_streams), (0, 0));
    assert_eq!(scene.worker.next_tick_ns(), None);
}

#[test]
fn a_sound_of_a_stale_instruction_is_retired_later_even_with_no_stream_open() {
    let mut scene = Scene::empty();
    scene.outside.retire_full = true;
    scene.play(stream_id(1, 1), 1, &Arc::new(Sound::tone(440, 10, 1000)));
    assert!(scene.worker.next_tick_ns().is_some());
    scene.run_ms(100);
    scene.outside.retire_full = false;
    scene.run_ms(10);
    assert_eq!(scene.outside.retired.len(), 1);
    assert_eq!(scene.worker.next_tick_ns(), None);
}

#[test]
fn who_heeds_accepts_ops_loses_no_fact() {
    let (mut scene, stream) = Scene::open(&config());
    let sound = Arc::new(Sound::tone(440, 1000, 1000));
    scene.outside.events_full = true;
    scene.outside.retire_full = true;
    let mut given = 0;
    while scene.worker.accepts_ops() {
        given += 1;
        assert!(given < 1000, "no end");
        scene.play(stream, given, &sound);
    }
    scene.run_ms(5000);
    scene.outside.events_full = false;
    scene.run_ms(20);
    assert_eq!(scene.outside.events.len() as u64, given);
    scene.outside.retire_full = false;
    scene.run_ms(20);
    assert!(scene.worker.accepts_ops());
    let counters = scene.counters();
    assert_eq!((counters.facts_dropped, counters.freed_in_place), (0, 0));
    scene.outside.retired.clear();
    assert_eq!(Arc::strong_count(&sound), 1);
}

#[test]
fn a_congested_stream_that_is_closed_lets_instructions_flow_again() {
    let (mut scene, stream) = Scene::open(&config());
    let sound = Arc::new(Sound::tone(440, 1000, 1000));
    scene.outside.events_full = true;
    for n in 0..30 {
        scene.play(stream, n, &sound);
    }
    assert!(!scene.worker.accepts_ops());
    scene.apply(Op::Close { stream });
    scene.outside.events_full = false;
    scene.run_ms(10);
    assert!(scene.worker.accepts_ops());
    assert_eq!(scene.take_events().len(), 31);
}
