//! A worker, its outside in memory, and a peer with a clock: scenarios read like dialogue.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{LoopId, MS, StreamId, WorkerId};
use media_core::rtp::{Header, Packet};
use media_core::{
    Codec, DigitString, EchoMode, Event, Op, Port, ReceivePayload, Retired, Sound, Stream, StreamConfig,
    StreamSettings, TelephoneEventTypes, Worker, WorkerCounters, WorkerIo,
};

pub(crate) const PEER: &str = "10.0.0.1:4000";
pub(crate) const PEER_RTCP: &str = "10.0.0.1:4001";
pub(crate) const OUR_SSRC: u32 = 0x0a0b_0c0d;
pub(crate) const PEER_SSRC: u32 = 0x1111_2222;
pub(crate) const EVENT: u8 = 101;

/// The outside: everything is written down; rings can be made full and the kernel unwilling.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: Vec<Event>,
    pub(crate) retired: Vec<Retired>,
    pub(crate) events_full: bool,
    pub(crate) retire_full: bool,
    pub(crate) send_fails: bool,
    now_ns: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at_ns: u64,
    pub(crate) slot: u32,
    pub(crate) port: Port,
    pub(crate) bytes: Vec<u8>,
    pub(crate) to: SocketAddr,
    pub(crate) from: IpAddr,
}

impl WorkerIo for Outside {
    fn send(&mut self, slot: u32, port: Port, datagram: &[u8], to: SocketAddr, from: IpAddr) -> bool {
        if !self.send_fails {
            self.sent.push(Sent { at_ns: self.now_ns, slot, port, bytes: datagram.to_vec(), to, from });
        }
        !self.send_fails
    }

    fn event(&mut self, owner: LoopId, event: Event) -> Result<(), Event> {
        assert_eq!(owner, LoopId(3));
        if self.events_full {
            return Err(event);
        }
        self.events.push(event);
        Ok(())
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        if self.retire_full {
            return Err(retired);
        }
        self.retired.push(retired);
        Ok(())
    }
}

/// One RTP packet that the worker sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rtp {
    pub(crate) at_ns: u64,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) to: SocketAddr,
}

pub(crate) struct Scene {
    pub(crate) worker: Worker,
    pub(crate) outside: Outside,
    pub(crate) now_ns: u64,
}

pub(crate) fn config() -> StreamConfig {
    StreamConfig {
        local_ip: "192.0.2.10".parse().unwrap(),
        remote_rtp: PEER.parse().unwrap(),
        remote_rtcp: PEER_RTCP.parse().unwrap(),
        codec: Codec::Pcmu,
        payload_type: 0,
        receive: vec![
            ReceivePayload { payload_type: 0, codec: Codec::Pcmu },
            ReceivePayload { payload_type: 8, codec: Codec::Pcma },
        ],
        telephone_event: Some(TelephoneEventTypes { send: 96, receive: EVENT }),
        ptime_ms: 20,
        send: true,
        receive_enabled: true,
        ssrc: OUR_SSRC,
        first_sequence: 65_530,
        first_timestamp: u32::MAX - 1000,
    }
}

pub(crate) fn stream_id(slot: u32, lease: u32) -> StreamId {
    StreamId { worker: WorkerId(1), slot, lease }
}

impl Scene {
    /// A worker of 8 slots without streams, at a time that is no round number.
    pub(crate) fn empty() -> Scene {
        Scene { worker: Worker::new(WorkerId(1), 8), outside: Outside::default(), now_ns: 7_000_123_456 }
    }

    /// One stream in slot 5.
    pub(crate) fn open(config: &StreamConfig) -> (Scene, StreamId) {
        let mut scene = Scene::empty();
        let stream = stream_id(5, 1);
        scene.open_stream(stream, config);
        (scene, stream)
    }

    pub(crate) fn open_stream(&mut self, stream: StreamId, config: &StreamConfig) {
        self.apply(Op::Open { stream, owner: LoopId(3), slot: Stream::new(stream, config) });
    }

    pub(crate) fn apply(&mut self, op: Op) {
        self.outside.now_ns = self.now_ns;
        self.worker.apply(self.now_ns, op, &mut self.outside);
    }

    pub(crate) fn play(&mut self, stream: StreamId, playback: u64, sound: &Arc<Sound>) {
        self.apply(Op::Play { stream, playback, sound: sound.clone(), barge_in: false });
    }

    pub(crate) fn echo(&mut self, stream: StreamId, mode: EchoMode) {
        self.apply(Op::Echo { stream, mode });
    }

    pub(crate) fn digits(&mut self, stream: StreamId, digits: &str, duration_ms: u16, interval_ms: u16) {
        self.apply(Op::SendDigits { stream, digits: DigitString::new(digits, duration_ms, interval_ms) });
    }

    pub(crate) fn configure(&mut self, stream: StreamId, config: &StreamConfig) {
        self.apply(Op::Configure { stream, settings: StreamSettings::from_config(config) });
    }

    pub(crate) fn receive(&mut self, slot: u32, port: Port, bytes: &[u8], from: &str) {
        self.outside.now_ns = self.now_ns;
        self.worker.receive(self.now_ns, slot, port, bytes, from.parse().unwrap(), &mut self.outside);
    }

    /// An audio packet of the peer: its payload says which one it is.
    pub(crate) fn audio(&mut self, sequence: u16, timestamp: u32) {
        self.rtp(PEER, PEER_SSRC, 0, false, sequence, timestamp, &[sequence as u8; 160]);
    }

    pub(crate) fn event(&mut self, sequence: u16, timestamp: u32, payload: [u8; 4]) {
        self.rtp(PEER, PEER_SSRC, EVENT, false, sequence, timestamp, &payload);
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a packet")]
    pub(crate) fn rtp(
        &mut self,
        from: &str,
        ssrc: u32,
        payload_type: u8,
        marker: bool,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
    ) {
        self.receive(5, Port::Rtp, &datagram(ssrc, payload_type, marker, sequence, timestamp, payload), from);
    }

    /// Ticks at the times that the worker asks for, up to `ms` from now.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end_ns = self.now_ns + ms * MS;
        while let Some(next_ns) = self.worker.next_tick_ns().filter(|next_ns| *next_ns <= end_ns) {
            assert!(next_ns >= self.now_ns || next_ns + MS >= self.now_ns, "ticks are asked for in the past");
            self.tick_at(next_ns.max(self.now_ns));
        }
        self.now_ns = end_ns;
    }

    pub(crate) fn tick_at(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        self.outside.now_ns = now_ns;
        self.worker.tick(now_ns, &mut self.outside);
    }

    /// The RTP that was sent since the last call.
    pub(crate) fn take_rtp(&mut self) -> Vec<Rtp> {
        let sent = std::mem::take(&mut self.outside.sent);
        let (rtp, rtcp): (Vec<Sent>, Vec<Sent>) = sent.into_iter().partition(|sent| sent.port == Port::Rtp);
        self.outside.sent = rtcp;
        rtp.into_iter()
            .map(|sent| {
                let packet = Packet::parse(&sent.bytes).unwrap();
                Rtp { at_ns: sent.at_ns, header: packet.header, payload: packet.payload.to_vec(), to: sent.to }
            })
            .collect()
    }

    /// The RTCP that was sent since the last call.
    pub(crate) fn take_rtcp(&mut self) -> Vec<Sent> {
        let sent = std::mem::take(&mut self.outside.sent);
        let (rtp, rtcp): (Vec<Sent>, Vec<Sent>) = sent.into_iter().partition(|sent| sent.port == Port::Rtp);
        self.outside.sent = rtp;
        rtcp
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.outside.events)
    }

    pub(crate) fn counters(&self) -> WorkerCounters {
        *self.worker.counters()
    }
}

pub(crate) fn datagram(
    ssrc: u32,
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = [0; Header::LENGTH];
    Header { marker, payload_type, sequence, timestamp, ssrc }.write(&mut bytes);
    [&bytes, payload].concat()
}

/// Sequence numbers and timestamps go on without a gap, and only the packets at `markers` begin a talkspurt.
pub(crate) fn assert_continuous(packets: &[Rtp], step: u32, markers: &[usize]) {
    for (n, pair) in packets.windows(2).enumerate() {
        let (a, b) = (pair[0].header, pair[1].header);
        assert_eq!(b.sequence, a.sequence.wrapping_add(1), "sequence at packet {}", n + 1);
        assert_eq!(b.timestamp, a.timestamp.wrapping_add(step), "timestamp at packet {}", n + 1);
        assert_eq!(b.ssrc, a.ssrc);
    }
    let marked: Vec<usize> = (0..packets.len()).filter(|n| packets[*n].header.marker).collect();
    assert_eq!(marked, markers);
}
