use std::sync::Arc;

use base::MS;
use media_core::{Codec, EchoMode, Op, Sound, StreamConfig};

use crate::support::*;

#[test]
fn streams_are_spread_over_the_phases_by_their_slots() {
    let mut scene = Scene::empty();
    for slot in 0..8 {
        scene.open_stream(stream_id(slot, 1), &config());
    }
    scene.run_ms(1000);
    let mut phases: Vec<u64> = scene.outside.sent.iter().map(|sent| sent.at_ns % (20 * MS)).collect();
    phases.sort_unstable();
    phases.dedup();
    assert_eq!(phases, (0..5).map(|phase| phase * 4 * MS).collect::<Vec<_>>());
}

#[test]
fn an_echo_only_worker_sleeps() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    let mut ticks = 0;
    let end_ns = scene.now_ns + 10_000 * MS;
    while scene.now_ns < end_ns {
        let next_ns = scene.worker.next_tick_ns().unwrap();
        scene.tick_at(next_ns);
        ticks += 1;
    }
    assert!(ticks < 20, "{ticks} ticks in ten seconds of echo");
    scene.apply(Op::Close { stream });
    assert_eq!(scene.worker.next_tick_ns(), None);
}

#[test]
fn a_tick_before_its_time_does_nothing_and_every_tick_is_counted_from_the_clock() {
    let (mut scene, _) = Scene::open(&config());
    let start_ns = scene.now_ns;
    for n in 0..=4000 {
        scene.tick_at(start_ns + n * MS / 4);
    }
    assert_eq!(scene.take_rtp().len(), 50);
    assert_eq!(scene.counters().missed_ticks, 0);
}

#[test]
fn a_short_delay_is_caught_up_frame_by_frame() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(100);
    scene.play(stream, 1, &Arc::new(Sound::from_samples(&(0..8000).map(|n| n * 4).collect::<Vec<i16>>())));
    scene.take_rtp();
    let late_ns = scene.now_ns + 65 * MS;
    scene.tick_at(late_ns);
    let packets = scene.take_rtp();
    assert!((3..=4).contains(&packets.len()), "{}", packets.len());
    assert_continuous(&packets, 160, &[]);
    assert!((2..=3).contains(&scene.counters().missed_ticks));
    assert_eq!(scene.counters().clock_rebased, 0);
    scene.run_ms(100);
    assert_continuous(&scene.take_rtp(), 160, &[]);
}

#[test]
fn a_long_delay_sets_the_clock_anew_and_the_sound_goes_on_where_it_was() {
    let (mut scene, stream) = Scene::open(&config());
    let samples: Vec<i16> = (0..16_000).map(|n| n * 2).collect();
    scene.play(stream, 1, &Arc::new(Sound::from_samples(&samples)));
    scene.run_ms(100);
    let before = scene.take_rtp();
    scene.tick_at(scene.now_ns + 1000 * MS);
    let burst = scene.take_rtp();
    assert_eq!(burst.len(), 1);
    assert!((49..=50).contains(&scene.counters().missed_ticks));
    assert_eq!(scene.counters().clock_rebased, 1);
    let (last, first) = (before.last().unwrap().header, burst[0].header);
    assert_eq!(first.sequence, last.sequence.wrapping_add(1));
    assert!(first.timestamp.wrapping_sub(last.timestamp) >= 49 * 160);
    assert!(first.marker);
    scene.run_ms(60);
    let sent: Vec<u8> =
        before.iter().chain(&burst).chain(&scene.take_rtp()).flat_map(|packet| packet.payload.clone()).collect();
    let expected: Vec<u8> = samples[..sent.len()].iter().map(|sample| Codec::Pcmu.encode(*sample)).collect();
    assert_eq!(sent, expected);
}

#[test]
fn every_ptime_has_its_own_pace() {
    for ptime_ms in [10, 20, 30, 40, 50, 60] {
        let (mut scene, _) = Scene::open(&StreamConfig { ptime_ms, ..config() });
        scene.run_ms(6000);
        let packets = scene.take_rtp();
        assert_eq!(packets.len() as u64, 6000 / u64::from(ptime_ms), "{ptime_ms} ms");
        assert_continuous(&packets, u32::from(ptime_ms) * 8, &[0]);
    }
}
