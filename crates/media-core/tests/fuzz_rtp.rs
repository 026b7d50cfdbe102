//! Bytes from strangers: random and mutated datagrams against the RTP and RTCP readers and against a whole worker. About a
//! second each, or `FUZZ_SECONDS`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../fuzz/cases.rs"]
mod cases;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{LoopId, MS, StreamId, WorkerId};
use cases::{Dice, cases, show};
use media_core::rtcp::{self, Compound, CompoundWriter, ReportBlock, SenderInfo};
use media_core::rtp::{Header, Packet};
use media_core::{
    Codec, DigitString, EchoMode, Event, Op, Port, ReceivePayload, Retired, Sound, Stream, StreamConfig,
    StreamSettings, TelephoneEventTypes, Worker, WorkerIo,
};

/// What happens to packets.
struct Chance<'a>(&'a mut Dice);

impl Chance<'_> {
    fn next(&mut self) -> u64 {
        self.0.next()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Some of: flipped bits, cut, lengthened, interesting octets.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len() as u64) as usize;
            match self.below(4) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes.truncate(at),
                2 => bytes[at] = [0, 0xff, 0x7f, 0x80][self.below(4) as usize],
                _ => {
                    let more = self.bytes(8);
                    bytes.extend_from_slice(&more);
                }
            }
        }
    }
}

fn rtp(chance: &mut Chance<'_>, ssrc: u32, sequence: u16) -> Vec<u8> {
    let payload_type = [0, 0, 0, 8, 101, 101, 13, 72][chance.below(8) as usize];
    let header = Header {
        marker: chance.one_in(5),
        payload_type,
        sequence,
        timestamp: (u32::from(sequence) * 160).wrapping_add(if chance.one_in(20) { chance.next() as u32 } else { 0 }),
        ssrc,
    };
    let mut bytes = vec![0; Header::LENGTH];
    header.write(bytes.first_chunk_mut().unwrap());
    let length = [160, 4, 80, 0, 1400][chance.below(5) as usize];
    let payload = chance.bytes(if payload_type == 101 { 4 } else { length });
    bytes.extend_from_slice(&payload);
    bytes
}

fn rtcp(chance: &mut Chance<'_>, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0; 400];
    let mut writer = CompoundWriter::new(&mut bytes);
    let block = ReportBlock {
        ssrc: if chance.one_in(2) { 7 } else { chance.next() as u32 },
        last_sr: chance.next() as u32,
        delay_since_last_sr: chance.next() as u32,
        cumulative_lost: chance.below(1000) as i32,
        ..ReportBlock::default()
    };
    for _ in 0..=chance.below(3) {
        match chance.below(4) {
            0 => writer.sender_report(ssrc, SenderInfo { ntp: chance.next(), ..SenderInfo::default() }, Some(block)),
            1 => writer.receiver_report(ssrc, Some(block)),
            2 => writer.cname(ssrc, b"somebody"),
            _ => writer.bye(ssrc),
        }
    }
    let length = writer.finish();
    bytes.truncate(length);
    bytes
}

#[test]
fn no_datagram_makes_the_readers_panic_or_read_past_its_end() {
    cases(1.0, 1000, |round, dice| {
        let mut chance = Chance(dice);
        let (ssrc, sequence) = (chance.next() as u32, chance.next() as u16);
        let mut bytes = match round % 3 {
            0 => rtp(&mut chance, ssrc, sequence),
            1 => rtcp(&mut chance, ssrc),
            _ => {
                let length = chance.below(100) as usize;
                chance.bytes(length)
            }
        };
        chance.mutate(&mut bytes);
        show(bytes.as_slice());
        if let Ok(packet) = Packet::parse(&bytes) {
            assert!(packet.csrc.len() + packet.payload.len() + Header::LENGTH <= bytes.len());
        }
        let mut octets = 0;
        for packet in Compound::parse(&bytes).into_iter().flatten() {
            octets += match packet {
                rtcp::Packet::SenderReport(report) => 28 + report.blocks.count() * ReportBlock::LENGTH,
                rtcp::Packet::ReceiverReport(report) => 8 + report.blocks.count() * ReportBlock::LENGTH,
                rtcp::Packet::SourceDescription(sdes) => sdes.cnames().map(|(_, cname)| 4 + cname.len()).sum(),
                rtcp::Packet::Bye(bye) => bye.sources().count() * 4 + bye.reason().map_or(0, <[u8]>::len),
                rtcp::Packet::Other(_) => 4,
            };
        }
        assert!(octets <= bytes.len());
    });
}

/// Checks what goes out, and counts how playbacks end.
struct Judge {
    ended: Vec<u64>,
    closed: u64,
    digits: u64,
    ring_full: bool,
    retired: Vec<Retired>,
}

impl WorkerIo for Judge {
    fn send(&mut self, slot: u32, port: Port, datagram: &[u8], to: SocketAddr, _: IpAddr) -> bool {
        assert_eq!(slot, 0);
        assert!(datagram.len() <= 1500);
        assert!(!to.ip().is_unspecified() && to.port() != 0);
        match port {
            Port::Rtp => assert_eq!(Packet::parse(datagram).unwrap().header.payload_type & 0x80, 0),
            Port::Rtcp => assert!(Compound::parse(datagram).unwrap().count() >= 2),
        }
        true
    }

    fn event(&mut self, _: LoopId, event: Event) -> Result<(), Event> {
        if self.ring_full {
            return Err(event);
        }
        match event {
            Event::Digit { .. } => self.digits += 1,
            Event::PlaybackEnded { playback, .. } => self.ended.push(playback),
            Event::RoomRefused { .. } => panic!("no fuzzed peer joins a room"),
            Event::Closed { .. } => self.closed += 1,
        }
        Ok(())
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        if self.ring_full {
            return Err(retired);
        }
        self.retired.push(retired);
        Ok(())
    }
}

fn config(chance: &mut Chance<'_>) -> StreamConfig {
    StreamConfig {
        local_ip: [127, 0, 0, 1].into(),
        remote_rtp: if chance.one_in(10) { ([0, 0, 0, 0], 4000).into() } else { ([127, 0, 0, 2], 4000).into() },
        remote_rtcp: ([127, 0, 0, 2], 4001).into(),
        codec: if chance.one_in(2) { Codec::Pcmu } else { Codec::Pcma },
        payload_type: chance.next() as u8,
        receive: vec![
            ReceivePayload { payload_type: 0, codec: Codec::Pcmu },
            ReceivePayload { payload_type: 8, codec: Codec::Pcma },
        ],
        telephone_event: (!chance.one_in(4)).then_some(TelephoneEventTypes { send: 101, receive: 101 }),
        ptime_ms: chance.below(100) as u16,
        send: !chance.one_in(5),
        receive_enabled: !chance.one_in(5),
        ssrc: 7,
        first_sequence: chance.next() as u16,
        first_timestamp: chance.next() as u32,
    }
}

/// One life of a stream under fire. Every datagram is accepted or counted as one kind of drop; every playback ends once;
/// every digit that was counted is delivered.
fn one_stream(chance: &mut Chance<'_>, sound: &Arc<Sound>) {
    let mut worker = Worker::new(WorkerId(0), 1);
    let mut judge = Judge { ended: Vec::new(), closed: 0, digits: 0, ring_full: false, retired: Vec::new() };
    let stream = StreamId { worker: WorkerId(0), slot: 0, lease: 1 };
    let mut now_ns = chance.below(1 << 50);
    let slot = Stream::new(stream, &config(chance));
    worker.apply(now_ns, Op::Open { stream, owner: LoopId(0), slot }, &mut judge);
    let (mut played, mut rtp_datagrams, mut rtcp_datagrams) = (0, 0, 0);
    let (mut ssrc, mut sequence) = (chance.next() as u32, chance.next() as u16);
    for _ in 0..300 {
        let pause_max = if chance.one_in(50) { 3000 } else { 30 };
        now_ns += chance.below(pause_max) * MS / 2;
        judge.ring_full = chance.one_in(3);
        if chance.one_in(40) {
            ssrc = if chance.one_in(3) { 7 } else { chance.next() as u32 };
        }
        sequence = match chance.below(30) {
            0 => chance.next() as u16,
            1 | 2 => sequence.wrapping_sub(chance.below(10) as u16),
            n => sequence.wrapping_add(1 + (n / 29) as u16),
        };
        let from = match chance.below(12) {
            0 => SocketAddr::from(([127, 0, 0, 3], 9)),
            1 => SocketAddr::from(([127, 0, 0, 2], 4001)),
            _ => SocketAddr::from(([127, 0, 0, 2], 4000)),
        };
        if !chance.one_in(3) {
            let mut bytes = rtp(chance, ssrc, sequence);
            if chance.one_in(4) {
                chance.mutate(&mut bytes);
            }
            worker.receive(now_ns, 0, Port::Rtp, &bytes, from, &mut judge);
            rtp_datagrams += 1;
        }
        if chance.one_in(8) {
            let mut bytes = rtcp(chance, ssrc);
            chance.mutate(&mut bytes);
            worker.receive(now_ns, 0, Port::Rtcp, &bytes, from, &mut judge);
            rtcp_datagrams += 1;
        }
        if chance.one_in(6) && worker.accepts_ops() {
            let op = match chance.below(6) {
                0 | 1 => {
                    played += 1;
                    Op::Play { stream, playback: played, sound: sound.clone(), barge_in: played.is_multiple_of(3) }
                }
                2 => Op::StopPlayback { stream },
                3 => Op::SendDigits { stream, digits: DigitString::new("19*", 100, 30) },
                4 => Op::Configure { stream, settings: StreamSettings::from_config(&config(chance)) },
                _ => {
                    let modes = [EchoMode::Off, EchoMode::Audio, EchoMode::Stream];
                    Op::Echo { stream, mode: modes[chance.below(3) as usize] }
                }
            };
            worker.apply(now_ns, op, &mut judge);
        }
        worker.tick(now_ns, &mut judge);
        assert!(worker.next_tick_ns().unwrap() > now_ns, "or the caller would spin");
    }
    judge.ring_full = false;
    worker.apply(now_ns, Op::Close { stream }, &mut judge);
    worker.tick(now_ns + 10 * MS, &mut judge);

    judge.ended.sort_unstable();
    assert_eq!(judge.ended, (1..=played).collect::<Vec<u64>>());
    assert_eq!(judge.closed, 1);
    let c = *worker.counters();
    assert_eq!(judge.digits, c.digits_received);
    assert_eq!(
        (c.facts_waiting, c.retired_waiting, c.open_streams, c.facts_dropped, c.freed_in_place),
        (0, 0, 0, 0, 0)
    );
    let drops = c.drop_malformed_rtp
        + c.drop_rtcp_on_rtp_port
        + c.drop_oversized
        + c.drop_payload_type
        + c.drop_foreign_source
        + c.drop_probation
        + c.drop_own_ssrc
        + c.drop_duplicate
        + c.drop_jump;
    assert_eq!(c.rtp_received + drops, rtp_datagrams);
    assert_eq!(c.rtcp_received + c.drop_malformed_rtcp + c.drop_foreign_rtcp, rtcp_datagrams);
    assert_eq!(worker.next_tick_ns(), None);
}

#[test]
fn a_worker_under_fire_accounts_for_every_datagram_playback_and_digit() {
    let sound = Arc::new(Sound::tone(440, 70, 8000));
    cases(1.0, 5, |_, dice| one_stream(&mut Chance(dice), &sound));
}
