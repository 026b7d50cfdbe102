//! What a room costs its worker without system calls: receiving its members' packets, and its ticks. Prints a line for each
//! scene: microseconds of a core per member and second of conference, and how much of a core the whole scene takes.
//!
//! `cargo bench --bench room_tick`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(clippy::print_stdout, reason = "the figures are its result")]

use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use base::{LoopId, MS, RoomId, SECOND, StreamId, WorkerId};
use media_core::rtp::Header;
use media_core::tone::Sine;
use media_core::{Codec, Command, Event, Op, Port, ReceivePayload, Retired, StreamConfig, Worker, WorkerIo};

/// Seconds of conference that are measured, after one that is not.
const SECONDS: u32 = 10;
/// Times that each scene is measured; the least disturbed one counts.
const RUNS: usize = 5;

/// Takes everything and keeps nothing.
struct Nowhere;

impl WorkerIo for Nowhere {
    fn send(&mut self, _: u32, _: Port, datagram: &[u8], _: SocketAddr, _: IpAddr) -> bool {
        black_box(datagram);
        true
    }

    fn event(&mut self, _: LoopId, _: Event) -> Result<(), Event> {
        Ok(())
    }

    fn retire(&mut self, _: Retired) -> Result<(), Retired> {
        Ok(())
    }
}

/// `rooms` rooms of `members` members, `talkers` of whom talk in each.
struct Scene {
    name: &'static str,
    rooms: u32,
    members: u32,
    talkers: u32,
}

fn peer(slot: u32) -> SocketAddr {
    ([127, 0, 0, 2], 10_000 + slot as u16).into()
}

fn codec(slot: u32) -> (Codec, u8) {
    if slot.is_multiple_of(2) { (Codec::Pcmu, 0) } else { (Codec::Pcma, 8) }
}

fn worker(scene: &Scene) -> Worker {
    let streams = scene.rooms * scene.members;
    let mut worker = Worker::new(WorkerId(0), streams);
    for slot in 0..streams {
        let (codec, payload_type) = codec(slot);
        let config = StreamConfig {
            local_ip: [127, 0, 0, 1].into(),
            remote_rtp: peer(slot),
            remote_rtcp: peer(slot + 10_000),
            codec,
            payload_type,
            receive: vec![ReceivePayload { payload_type, codec }],
            telephone_event: None,
            ptime_ms: 20,
            send: true,
            receive_enabled: true,
            ssrc: slot + 1,
            first_sequence: 0,
            first_timestamp: 0,
        };
        let stream = StreamId { worker: WorkerId(0), slot, lease: 1 };
        let room = RoomId { worker: WorkerId(0), number: u64::from(slot / scene.members) };
        for command in [Command::Open { stream, config }, Command::JoinRoom { stream, room, forwards_keys: false }] {
            let op = Op::resolve(command, LoopId(0), |_| None, |_| unreachable!("nothing is recorded"));
            worker.apply(SECOND, op, &mut Nowhere);
        }
    }
    worker
}

/// A second of packets for each slot.
fn packets(scene: &Scene) -> Vec<Vec<[u8; Header::LENGTH + 160]>> {
    (0..scene.rooms * scene.members)
        .map(|slot| {
            let talks = slot % scene.members < scene.talkers;
            let mut sine = Sine::new(300.0 + f64::from(slot % 40) * 25.0, if talks { 3000 } else { 0 });
            let (codec, payload_type) = codec(slot);
            (0..50)
                .map(|_| {
                    let mut packet = [0; Header::LENGTH + 160];
                    let header = Header { payload_type, ssrc: 70_000 + slot, ..Header::default() };
                    header.write(packet.first_chunk_mut().expect("longer than a header"));
                    packet[Header::LENGTH..].fill_with(|| codec.encode(sine.next_sample()));
                    packet
                })
                .collect()
        })
        .collect()
}

/// Plays a scene: how long the measured seconds of it took.
fn play(scene: &Scene) -> (Duration, Worker) {
    let mut worker = worker(scene);
    let mut packets = packets(scene);
    let mut begun = Instant::now();
    for frame in 0..(1 + SECONDS) * 50 {
        if frame == 50 {
            begun = Instant::now();
        }
        let now_ns = SECOND + u64::from(frame) * 20 * MS;
        for (slot, packets) in packets.iter_mut().enumerate() {
            let packet = &mut packets[frame as usize % 50];
            packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(frame * 160).to_be_bytes());
            worker.receive(now_ns, slot as u32, Port::Rtp, packet.as_slice(), peer(slot as u32), &mut Nowhere);
        }
        for ms in 0..20 {
            worker.tick(now_ns + ms * MS, &mut Nowhere);
        }
    }
    (begun.elapsed(), worker)
}

fn main() {
    let scenes = [
        Scene { name: "1 room of 500, nobody talks", rooms: 1, members: 500, talkers: 0 },
        Scene { name: "1 room of 500, 3 talk", rooms: 1, members: 500, talkers: 3 },
        Scene { name: "1 room of 500, all talk", rooms: 1, members: 500, talkers: 500 },
        Scene { name: "20 rooms of 10, all talk", rooms: 20, members: 10, talkers: 10 },
        Scene { name: "100 rooms of 2, all talk", rooms: 100, members: 2, talkers: 2 },
    ];
    for scene in &scenes {
        let took = (0..RUNS).map(|_| play(scene).0).min().unwrap_or_default();
        let (_, worker) = play(scene);
        let counters = worker.counters();
        assert_eq!(counters.room_talkers, u64::from(scene.rooms * scene.talkers), "who should talk does");
        assert_eq!(counters.missed_ticks + counters.room_packets_late, 0);
        let seconds = f64::from(SECONDS);
        let per_member_us = took.as_secs_f64() * 1e6 / seconds / f64::from(scene.rooms * scene.members);
        let encodes = counters.room_encodes_pcmu + counters.room_encodes_pcma;
        println!(
            "{:28} {per_member_us:7.2} us per member and second, {:5.2} % of a core; {:.1} encodes per tick and room",
            scene.name,
            took.as_secs_f64() / seconds * 100.0,
            encodes as f64 / counters.room_ticks as f64,
        );
    }
}
