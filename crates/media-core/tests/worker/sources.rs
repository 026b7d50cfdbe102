use media_core::{EchoMode, Port, StreamConfig};

use crate::support::*;

const NAT: &str = "198.51.100.9:23456";

#[test]
fn we_send_to_where_valid_packets_come_from() {
    let (mut scene, _) = Scene::open(&config());
    for n in 0..3 {
        scene.rtp(NAT, PEER_SSRC, 0, false, n, u32::from(n) * 160, &[1; 160]);
    }
    scene.run_ms(20);
    assert_eq!(scene.take_rtp()[0].to.to_string(), NAT);
    assert_eq!(scene.counters().drop_probation, 1);
}

#[test]
fn strays_do_not_move_the_stream() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    for n in 0..50 {
        scene.audio(n, u32::from(n) * 160);
        scene.rtp(NAT, 4711, 0, false, n, 0, &[9; 160]);
        scene.rtp(NAT, PEER_SSRC, 0, false, n + 1, 0, &[9; 160]);
        scene.run_ms(20);
    }
    let packets = scene.take_rtp();
    assert_eq!(packets.len(), 50);
    assert!(packets.iter().all(|packet| packet.to.to_string() == PEER));
    assert_continuous(&packets, 160, &[0]);
    assert_eq!(scene.counters().drop_foreign_source, 100);
}

#[test]
fn unknown_payload_types_do_not_latch() {
    let (mut scene, _) = Scene::open(&config());
    for n in 0..5 {
        scene.rtp(NAT, PEER_SSRC, 77, false, n, 0, &[1; 160]);
    }
    scene.run_ms(20);
    assert_eq!(scene.take_rtp()[0].to.to_string(), PEER);
}

#[test]
fn a_new_sdp_moves_the_stream_and_the_numbers_go_on() {
    let (mut scene, stream) = Scene::open(&config());
    scene.audio(1, 160);
    scene.run_ms(100);
    let moved = StreamConfig { remote_rtp: "10.9.9.9:7000".parse().unwrap(), ..config() };
    scene.configure(stream, &moved);
    scene.run_ms(100);
    let packets = scene.take_rtp();
    assert_continuous(&packets, 160, &[0]);
    let to: Vec<String> = packets.iter().map(|packet| packet.to.to_string()).collect();
    assert_eq!(to[..5], [PEER; 5]);
    assert_eq!(to[5..], ["10.9.9.9:7000"; 5]);
}

#[test]
fn latching_goes_on_while_receiving_is_off() {
    let (mut scene, _) = Scene::open(&StreamConfig { receive_enabled: false, ..config() });
    for n in 0..3 {
        scene.rtp(NAT, PEER_SSRC, 0, false, n, 0, &[1; 160]);
    }
    scene.run_ms(20);
    assert_eq!(scene.take_rtp()[0].to.to_string(), NAT);
}

#[test]
fn what_is_no_rtp_is_counted_by_kind() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Stream);
    let valid = datagram(PEER_SSRC, 0, false, 1, 0, &[5; 160]);
    for length in 0..12 {
        scene.receive(5, Port::Rtp, &valid[..length], PEER);
    }
    assert_eq!(scene.counters().drop_malformed_rtp, 12);
    // STUN, DTLS, RTCP, and a datagram of an impossible length.
    scene.receive(5, Port::Rtp, &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0], PEER);
    scene.receive(5, Port::Rtp, &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0], PEER);
    assert_eq!(scene.counters().drop_malformed_rtp, 14);
    scene.receive(5, Port::Rtp, &[0x80, 200, 0, 1, 0, 0, 0, 1], PEER);
    assert_eq!(scene.counters().drop_rtcp_on_rtp_port, 1);
    scene.receive(5, Port::Rtp, &[0x80; 5000], PEER);
    assert_eq!(scene.counters().drop_oversized, 1);
    scene.receive(4, Port::Rtp, &valid, PEER);
    scene.receive(4000, Port::Rtcp, &valid, PEER);
    assert_eq!(scene.counters().drop_no_stream, 2);
    assert_eq!(scene.take_rtp(), []);
}

#[test]
fn extension_csrc_and_padding_are_not_echoed() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    let mut bytes = datagram(PEER_SSRC, 0, false, 1, 0, &[]);
    bytes[0] |= 0x20 | 0x10 | 1;
    bytes.extend_from_slice(&[7, 7, 7, 7, 0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    bytes.extend_from_slice(&[0x55; 160]);
    bytes.extend_from_slice(&[0, 0, 0, 4]);
    scene.receive(5, Port::Rtp, &bytes, PEER);
    assert_eq!(scene.take_rtp()[0].payload, [0x55; 160]);
}

#[test]
fn an_empty_or_odd_payload_is_echoed_as_it_is() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    scene.rtp(PEER, PEER_SSRC, 0, false, 1, 0, &[]);
    scene.rtp(PEER, PEER_SSRC, 0, false, 2, 7, &[1; 33]);
    let lengths: Vec<usize> = scene.take_rtp().iter().map(|packet| packet.payload.len()).collect();
    assert_eq!(lengths, [0, 33]);
}

#[test]
fn a_jump_of_sequence_numbers_is_followed_at_the_second_packet() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    for sequence in [100, 101, 40_000, 102, 40_001, 40_002, 40_003] {
        scene.audio(sequence, u32::from(sequence) * 160);
    }
    let packets = scene.take_rtp();
    let payloads: Vec<u8> = packets.iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(payloads, [100, 101, 102, 40_002_u16 as u8, 40_003_u16 as u8]);
    assert_continuous(&packets[..3], 160, &[0]);
    assert_continuous(&packets[3..], 160, &[0]);
    assert_eq!(packets[3].header.sequence, packets[2].header.sequence.wrapping_add(1));
}
