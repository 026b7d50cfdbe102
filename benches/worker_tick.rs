//! What a worker costs without system calls: an echoed packet, a frame of silence, a frame of a prompt, one of A-law digits.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(missing_docs, reason = "the macros of criterion make public items")]

use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{LoopId, MS, SECOND, StreamId, WorkerId};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use media_core::rtp::{Header, Packet};
use media_core::{
    Codec, DigitString, EchoMode, Event, Op, Port, ReceivePayload, Retired, Sound, Stream, StreamConfig, Worker,
    WorkerIo,
};

const STREAMS: u32 = 1000;

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

fn id(slot: u32) -> StreamId {
    StreamId { worker: WorkerId(0), slot, lease: 1 }
}

fn peer(slot: u32) -> SocketAddr {
    ([127, 0, 0, 2], 10_000 + slot as u16).into()
}

fn worker(start_ns: u64, mode: EchoMode) -> Worker {
    let mut worker = Worker::new(WorkerId(0), STREAMS);
    for slot in 0..STREAMS {
        let config = StreamConfig {
            local_ip: [127, 0, 0, 1].into(),
            remote_rtp: peer(slot),
            remote_rtcp: peer(slot + 10_000),
            codec: Codec::Pcma,
            payload_type: 8,
            receive: vec![ReceivePayload { payload_type: 8, codec: Codec::Pcma }],
            telephone_event: None,
            ptime_ms: 20,
            send: true,
            receive_enabled: true,
            ssrc: slot + 1,
            first_sequence: 0,
            first_timestamp: 0,
        };
        let stream = id(slot);
        worker.apply(start_ns, Op::Open { stream, owner: LoopId(0), slot: Stream::new(stream, &config) }, &mut Nowhere);
        worker.apply(start_ns, Op::Echo { stream, mode }, &mut Nowhere);
    }
    worker
}

/// One packet of one of a thousand streams after the other, so that their state is not always in the nearest cache.
fn echo(c: &mut Criterion) {
    let mut worker = worker(SECOND, EchoMode::Audio);
    let mut datagram = [0x55; Header::LENGTH + 160];
    let (mut slot, mut sequence, mut now_ns) = (0, 0_u16, SECOND);
    let mut group = c.benchmark_group("echo");
    group.throughput(Throughput::Elements(1));
    group.bench_function("packet", |b| {
        b.iter(|| {
            if slot == STREAMS {
                (slot, sequence, now_ns) = (0, sequence.wrapping_add(1), now_ns + 20 * MS);
            }
            let header = Header {
                marker: false,
                payload_type: 8,
                sequence,
                timestamp: u32::from(sequence) * 160,
                ssrc: 70_000 + slot,
            };
            header.write(datagram.first_chunk_mut().expect("longer than a header"));
            worker.receive(now_ns, slot, Port::Rtp, black_box(&datagram), peer(slot), &mut Nowhere);
            slot += 1;
        });
    });
    group.finish();
    let counters = worker.counters();
    assert_eq!(counters.echoed, counters.rtp_received);
}

/// Twenty ticks of a millisecond serve every stream once.
fn ticks(c: &mut Criterion) {
    let sound = Arc::new(Sound::tone(440, 3_600_000, 8000));
    let mut group = c.benchmark_group("frame");
    group.throughput(Throughput::Elements(u64::from(STREAMS)));
    for kind in ["silence", "prompt", "digit tone", "nothing (echo mode)"] {
        let mode = if kind == "nothing (echo mode)" { EchoMode::Audio } else { EchoMode::Off };
        let mut worker = worker(SECOND, mode);
        let mut now_ns = SECOND;
        group.bench_function(kind, |b| {
            b.iter(|| {
                if now_ns % (10 * SECOND) == SECOND {
                    for slot in 0..STREAMS {
                        let stream = id(slot);
                        if kind == "prompt" {
                            worker.apply(
                                now_ns,
                                Op::Play { stream, playback: 1, sound: sound.clone(), barge_in: false },
                                &mut Nowhere,
                            );
                        } else if kind == "digit tone" {
                            let digits = DigitString::new("0123456789", 1000, 0);
                            worker.apply(now_ns, Op::SendDigits { stream, digits }, &mut Nowhere);
                        }
                    }
                }
                for _ in 0..20 {
                    worker.tick(now_ns, &mut Nowhere);
                    now_ns += MS;
                }
            });
        });
        assert_eq!(worker.counters().missed_ticks, 0);
    }
    group.finish();
}

fn parse(c: &mut Criterion) {
    let mut datagram = [0x55; Header::LENGTH + 160];
    Header { payload_type: 8, ..Header::default() }.write(datagram.first_chunk_mut().expect("longer than a header"));
    c.bench_function("rtp parse", |b| b.iter(|| Packet::parse(black_box(&datagram))));
}

criterion_group!(benches, echo, ticks, parse);
criterion_main!(benches);
