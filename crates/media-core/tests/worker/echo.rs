use base::MS;
use media_core::{EchoMode, Event};

use crate::support::*;

fn numbers(packets: &[Rtp]) -> Vec<(u16, u8)> {
    let first = packets[0].header.sequence;
    packets.iter().map(|packet| (packet.header.sequence.wrapping_sub(first), packet.payload[0])).collect()
}

#[test]
fn a_packet_comes_back_at_once_with_our_ssrc_and_continuous_numbers() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(100);
    let silence = scene.take_rtp();
    scene.echo(stream, EchoMode::Audio);
    for n in 0..100_u16 {
        scene.audio(40_000 + n, 5000 + u32::from(n) * 160);
        let packets = scene.take_rtp();
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].at_ns, scene.now_ns);
        assert_eq!(packets[0].header.ssrc, OUR_SSRC);
        assert_eq!(packets[0].payload, [(40_000_u16 + n) as u8; 160]);
        let last = silence.last().unwrap().header;
        assert_eq!(packets[0].header.sequence, last.sequence.wrapping_add(1 + n));
        assert_eq!(packets[0].header.timestamp, last.timestamp.wrapping_add((1 + u32::from(n)) * 160));
        assert_eq!(packets[0].header.marker, n == 0);
        scene.run_ms(20);
    }
    assert_eq!(scene.take_rtp(), [], "no silence between");
}

#[test]
fn loss_is_a_gap_and_late_packets_have_their_places_and_none_comes_twice() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    for sequence in [65_533, 65_535, 0, 65_534, 65_534, 0, 3, 2, 65_533] {
        scene.audio(sequence, u32::from(sequence.wrapping_add(100)) * 160);
    }
    let packets = scene.take_rtp();
    assert_eq!(numbers(&packets), [(0, 253), (2, 255), (3, 0), (1, 254), (6, 3), (5, 2)]);
    for packet in &packets {
        let distance = packet.header.sequence.wrapping_sub(packets[0].header.sequence);
        assert_eq!(packet.header.timestamp.wrapping_sub(packets[0].header.timestamp), u32::from(distance) * 160);
    }
    assert_eq!(scene.counters().drop_duplicate, 3);
}

#[test]
fn the_payload_type_comes_back_as_it_came() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    for (sequence, payload_type) in [(1, 0), (2, 8), (3, 9), (4, 13), (5, 0)] {
        scene.rtp(PEER, PEER_SSRC, payload_type, false, sequence, 0, &[sequence as u8; 80]);
    }
    let packets = scene.take_rtp();
    let types: Vec<u8> = packets.iter().map(|packet| packet.header.payload_type).collect();
    assert_eq!(types, [0, 8, 0]);
    assert_eq!(numbers(&packets), [(0, 1), (1, 2), (2, 5)], "what is not returned is no loss");
    assert_eq!(scene.counters().drop_payload_type, 2);
}

#[test]
fn audio_mode_reports_digits_and_does_not_return_them() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    scene.audio(10, 1600);
    for n in 0..5 {
        scene.event(11 + n, 1760, [5, if n >= 2 { 0x8a } else { 10 }, 1, 0x40]);
    }
    scene.audio(16, 2560);
    let packets = scene.take_rtp();
    assert_eq!(numbers(&packets), [(0, 10), (1, 16)]);
    assert_eq!(packets[1].header.timestamp.wrapping_sub(packets[0].header.timestamp), 960);
    assert_eq!(scene.take_events(), [Event::Digit { stream, digit: '5', duration_ms: 40 }]);
}

#[test]
fn stream_mode_returns_digits_with_the_peers_payload_type_and_reports_them() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Stream);
    scene.audio(10, 1600);
    scene.rtp(PEER, PEER_SSRC, EVENT, true, 11, 1760, &[1, 10, 0, 160]);
    scene.event(12, 1760, [1, 0x8a, 1, 0x40]);
    scene.event(13, 1760, [1, 0x8a, 1, 0x40]);
    scene.audio(14, 2560);
    let packets = scene.take_rtp();
    let seen: Vec<(u8, bool, u16)> = packets
        .iter()
        .map(|packet| (packet.header.payload_type, packet.header.marker, packet.header.sequence.wrapping_sub(65_530)))
        .collect();
    assert_eq!(seen, [(0, true, 0), (96, true, 1), (96, false, 2), (96, false, 3), (0, false, 4)]);
    let timestamps: Vec<u32> =
        packets.iter().map(|packet| packet.header.timestamp.wrapping_sub(packets[0].header.timestamp)).collect();
    assert_eq!(timestamps, [0, 160, 160, 160, 960]);
    assert_eq!(scene.take_events().len(), 1);
}

#[test]
fn silence_follows_the_echo_in_order_and_marked() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    // The peer's clock is faster than ours: 60 packets in a second.
    for n in 0..60 {
        scene.audio(n, u32::from(n) * 160);
        scene.now_ns += 16 * MS;
    }
    scene.echo(stream, EchoMode::Off);
    scene.run_ms(100);
    let packets = scene.take_rtp();
    assert_eq!(packets.len(), 65);
    assert_continuous(&packets, 160, &[0, 60]);
}

#[test]
fn silence_after_a_late_packet_goes_on_behind_the_newest_one() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    for sequence in [1, 2, 5, 3] {
        scene.audio(sequence, u32::from(sequence) * 160);
    }
    scene.echo(stream, EchoMode::Off);
    scene.run_ms(20);
    let sequences: Vec<u16> =
        scene.take_rtp().iter().map(|packet| packet.header.sequence.wrapping_sub(65_530)).collect();
    assert_eq!(sequences, [0, 1, 4, 2, 5]);
}

#[test]
fn after_a_pause_of_echo_time_has_passed_in_the_timestamps() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(20);
    scene.echo(stream, EchoMode::Audio);
    scene.run_ms(1000);
    scene.audio(7, 0);
    let packets = scene.take_rtp();
    let passed = packets[1].header.timestamp.wrapping_sub(packets[0].header.timestamp);
    assert!((8000..8320).contains(&passed), "{passed}");
}

#[test]
fn a_restarted_peer_is_echoed_on_with_our_numbers() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    scene.audio(100, 1600);
    for n in 0..4_u16 {
        scene.rtp(PEER, 999, 0, false, 5000 + n, 900_000 + u32::from(n) * 160, &[n as u8; 160]);
    }
    let packets = scene.take_rtp();
    assert_eq!(numbers(&packets), [(0, 100), (1, 1), (2, 2), (3, 3)], "the first packet is the probation");
    assert!(packets[1].header.marker);
    assert!(packets[1].header.timestamp.wrapping_sub(packets[0].header.timestamp) < 1000);
}

#[test]
fn nothing_is_echoed_on_hold_or_when_receiving_is_off() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Stream);
    scene.audio(1, 160);
    scene.configure(stream, &media_core::StreamConfig { send: false, ..config() });
    scene.audio(2, 320);
    scene.configure(stream, &media_core::StreamConfig { receive_enabled: false, ..config() });
    scene.audio(3, 480);
    scene.event(4, 640, [1, 0x8a, 1, 0x40]);
    scene.configure(stream, &config());
    scene.audio(5, 800);
    let packets = scene.take_rtp();
    assert_eq!(numbers(&packets), [(0, 1), (1, 5)]);
    assert!(scene.take_events().is_empty());
    assert_eq!(scene.worker.stats(stream).unwrap().received_packets, 5, "statistics go on");
}

#[test]
fn our_own_packets_reflected_do_not_go_round() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(100);
    let ours = scene.take_rtp();
    scene.echo(stream, EchoMode::Stream);
    for packet in &ours {
        let header = packet.header;
        scene.rtp(PEER, header.ssrc, 0, false, header.sequence, header.timestamp, &packet.payload);
    }
    let counters = scene.counters();
    assert_eq!(counters.ssrc_changed, 1);
    assert_eq!(counters.drop_own_ssrc, 1);
    scene.echo(stream, EchoMode::Off);
    scene.take_rtp();
    scene.run_ms(20);
    let with_new_ssrc = scene.take_rtp();
    let header = with_new_ssrc[0].header;
    assert_ne!(header.ssrc, OUR_SSRC);
    for n in 0..50 {
        scene.rtp(PEER, header.ssrc, 0, false, header.sequence.wrapping_add(n), header.timestamp, &[0; 160]);
    }
    assert_eq!(scene.counters().drop_own_ssrc, 51);
    assert_eq!(scene.counters().ssrc_changed, 1, "a loop is no second collision");
    assert_eq!(scene.take_rtp(), []);
}
