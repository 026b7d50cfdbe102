//! Proof that a worker neither allocates nor frees once its streams are open: a hundred streams in all modes, 1,400
//! ticks with packets and instructions between them, under an allocator that counts.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; everything is passed on to the system's allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{LoopId, MS, RecordingId, RoomId, StreamId, WorkerId};
use media_core::recording::{RecorderTap, TapEnd, TapPacket, Track};
use media_core::rtcp::CompoundWriter;
use media_core::rtp::Header;
use media_core::{
    Codec, Command, DigitString, EchoMode, Event, Journey, Op, Port, ReceivePayload, RecordingSource, Retired, Sound,
    Stream, StreamConfig, StreamSettings, TelephoneEventTypes, Transit, Worker, WorkerIo,
};

struct Counting;

thread_local! {
    /// None: not counting. Per thread, because the test harness has threads of its own.
    static COUNTED: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

fn note(allocations: u64, frees: u64) {
    COUNTED.with(|counted| {
        if let Some((a, f)) = counted.get() {
            counted.set(Some((a + allocations, f + frees)));
        }
    });
}

// SAFETY: every call goes to `System` with unchanged arguments, so its guarantees are ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, 0);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, 1);
        // SAFETY: the pointer came from `System`, by the function above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees of this thread while `work` runs.
fn counted<T>(work: impl FnOnce() -> T) -> (T, (u64, u64)) {
    COUNTED.with(|counted| counted.set(Some((0, 0))));
    let result = work();
    let counts = COUNTED.with(Cell::take).unwrap_or_default();
    (result, counts)
}

/// Takes everything; its memory is reserved. Every tenth event and retirement is refused the first time.
struct Sink {
    sent: u64,
    events: Vec<Event>,
    retired: Vec<Retired>,
    offered: u64,
}

impl WorkerIo for Sink {
    fn send(&mut self, _: u32, _: Port, datagram: &[u8], _: SocketAddr, _: IpAddr) -> bool {
        self.sent += 1;
        datagram.len() != 1
    }

    fn event(&mut self, _: LoopId, event: Event) -> Result<(), Event> {
        self.offered += 1;
        if self.offered.is_multiple_of(10) {
            return Err(event);
        }
        self.events.push(event);
        Ok(())
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        self.offered += 1;
        if self.offered.is_multiple_of(10) {
            return Err(retired);
        }
        self.retired.push(retired);
        Ok(())
    }
}

/// Keeps the last packet of each track; is over after some hundred, like a recording that ended by itself.
#[derive(Debug)]
struct Tap {
    last: [[u8; 1_500]; 2],
    packets: u64,
    over_after: u64,
}

impl RecorderTap for Tap {
    fn begin(&mut self, _: u64) {}

    fn packet(&mut self, packet: &TapPacket<'_>) -> bool {
        self.packets += 1;
        self.last[usize::from(packet.track == Track::Out)][..packet.payload.len()].copy_from_slice(packet.payload);
        !self.is_over()
    }

    fn end(&mut self, _: u64, _: TapEnd) {}

    fn is_over(&self) -> bool {
        self.packets > self.over_after
    }
}

const STREAMS: u32 = 100;
const START_NS: u64 = 5_000_000_000;

fn id(slot: u32) -> StreamId {
    StreamId { worker: WorkerId(0), slot, lease: 1 }
}

fn peer(slot: u32, port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], 10_000 + slot as u16 * 2 + port))
}

fn config(slot: u32) -> StreamConfig {
    let codec = if slot.is_multiple_of(2) { Codec::Pcmu } else { Codec::Pcma };
    StreamConfig {
        local_ip: [127, 0, 0, 1].into(),
        remote_rtp: peer(slot, 0),
        remote_rtcp: peer(slot, 1),
        codec,
        payload_type: if slot.is_multiple_of(2) { 0 } else { 8 },
        receive: vec![
            ReceivePayload { payload_type: 0, codec: Codec::Pcmu },
            ReceivePayload { payload_type: 8, codec: Codec::Pcma },
        ],
        telephone_event: (!slot.is_multiple_of(5)).then_some(TelephoneEventTypes { send: 101, receive: 101 }),
        ptime_ms: [20, 20, 30, 10][slot as usize % 4],
        send: !slot.is_multiple_of(11),
        receive_enabled: !slot.is_multiple_of(13),
        ssrc: 1000 + slot,
        first_sequence: slot as u16 * 600,
        first_timestamp: slot * 40_000_000,
    }
}

fn join(slot: u32, number: u64) -> Op {
    let room = RoomId { worker: WorkerId(0), number };
    let command = Command::JoinRoom { stream: id(slot), room, forwards_keys: true };
    Op::resolve(command, LoopId(0), |_| None, |request| panic!("{request:?}"))
}

/// Recordings of rooms begin, meet others, end by themselves and are stopped; in room 9 nobody ever is.
fn room_ops(n: u64) -> Option<Op> {
    let room = RoomId { worker: WorkerId(0), number: [0, 1, 2, 9][(n / 10 % 4) as usize] };
    let recording = RecordingId(u128::from(room.number));
    match n % 10 {
        2 => {
            let source = RecordingSource::Room(room);
            let (file_stem, end_of_silence_ms, duration_ms) = (String::new(), 0, 0);
            let command = Command::StartRecording { source, recording, file_stem, end_of_silence_ms, duration_ms };
            let tap = Box::new(Tap { last: [[0; 1_500]; 2], packets: 0, over_after: n % 70 });
            Some(Op::resolve(command, LoopId(0), |_| None, |_| tap))
        }
        7 if n.is_multiple_of(3) => Some(Op::StopRoomRecording { room, recording }),
        _ => None,
    }
}

/// The instructions before tick `n`, made outside of the counted part.
fn ops(n: u64, sound: &Arc<Sound>, growing: &Arc<Sound>) -> Vec<Op> {
    let slot = ((n * 7 + n / 100) % u64::from(STREAMS)) as u32;
    let stream = id(slot);
    let journey = Journey { stream, owner: LoopId(0), to: WorkerId(0) };
    match n % 14 {
        0 => {
            let sound = if n.is_multiple_of(4) { growing } else { sound };
            vec![Op::Play { stream, playback: n, sound: sound.clone(), barge_in: n.is_multiple_of(28) }]
        }
        1 => vec![Op::Echo { stream, mode: EchoMode::Audio }],
        2 => vec![
            Op::SendDigits { stream, digits: DigitString::new("159D", 100, 40) },
            Op::ForwardKey { stream, digit: '7', duration_ms: 160 },
        ],
        3 => vec![Op::Echo { stream, mode: EchoMode::Stream }],
        4 => vec![Op::StopPlayback { stream }, Op::SoundGone { stream, playback: n }],
        5 => {
            let changed = StreamConfig { send: !n.is_multiple_of(3), ptime_ms: 20, ..config(slot) };
            vec![Op::Configure { stream, settings: StreamSettings::from_config(&changed) }]
        }
        6 => vec![Op::Echo { stream, mode: EchoMode::Off }],
        7 => {
            let tap = Box::new(Tap { last: [[0; 1_500]; 2], packets: 0, over_after: n % 400 });
            vec![Op::StartRecording { stream, recording: RecordingId(u128::from(slot)), tap }]
        }
        8 if n.is_multiple_of(3) => vec![Op::StopRecording { stream, recording: RecordingId(u128::from(slot)) }],
        9 | 10 => vec![join(slot, n % 3)],
        11 => vec![Op::LeaveRoom { stream }],
        // On its way to where it is; it arrives with the next instructions.
        12 => vec![Op::Move(journey), Op::HandOver(journey)],
        // Of an earlier lease.
        _ => vec![Op::Play {
            stream: StreamId { lease: 0, ..stream },
            playback: n,
            sound: sound.clone(),
            barge_in: false,
        }],
    }
}

/// The datagrams before tick `n`: audio, events, and now and then a stranger, a repeat, a report and rubbish.
fn datagrams(n: u64) -> Vec<(u32, Port, Vec<u8>, SocketAddr)> {
    let mut all = Vec::new();
    for slot in 0..STREAMS {
        let sequence = n as u16;
        let is_event = n % 50 < 8 && slot.is_multiple_of(3);
        let header = Header {
            marker: false,
            payload_type: if is_event { 101 } else { (slot % 2 * 8) as u8 },
            sequence,
            timestamp: if is_event { (n / 50 * 50 * 160) as u32 } else { n as u32 * 160 },
            ssrc: 90_000 + slot + (n / 400) as u32,
        };
        let mut bytes = vec![0; Header::LENGTH];
        header.write(bytes.first_chunk_mut().unwrap());
        if is_event {
            let end = if n % 50 >= 5 { 0x8a } else { 0x0a };
            bytes.extend_from_slice(&[(n / 50 % 16) as u8, end, 2, (n % 50) as u8]);
        } else {
            bytes.extend_from_slice(&[slot as u8; 160]);
        }
        if (n + u64::from(slot)).is_multiple_of(17) {
            all.push((slot, Port::Rtp, bytes.clone(), peer(slot + 1, 0)));
        }
        if (n + u64::from(slot)).is_multiple_of(19) {
            all.push((slot, Port::Rtp, bytes[..n as usize % bytes.len()].to_vec(), peer(slot, 0)));
        }
        all.push((slot, Port::Rtp, bytes, peer(slot, 0)));
        if (n + u64::from(slot)).is_multiple_of(100) {
            let mut report = vec![0; 200];
            let mut writer = CompoundWriter::new(&mut report);
            writer.receiver_report(90_000 + slot, None);
            writer.cname(90_000 + slot, b"peer@127.0.0.2");
            let length = writer.finish();
            all.push((slot, Port::Rtcp, report[..length].to_vec(), peer(slot, 1)));
        }
    }
    all
}

#[test]
fn a_worker_neither_allocates_nor_frees_while_it_serves() {
    let (_, own) = counted(|| drop(std::hint::black_box(Box::new(1_u8))));
    assert_eq!(own, (1, 1), "the counter counts");

    let sound = Arc::new(Sound::join([&Sound::tone(440, 300, 8000), &Sound::tone(880, 250, 8000)]));
    // What is being made while it is played: each is over after some rounds, every other one by failing.
    let (begun, mut feeder) = Sound::growing();
    let mut growing = Arc::new(begun);
    let mut worker = Worker::new(WorkerId(0), STREAMS);
    let mut sink =
        Sink { sent: 0, events: Vec::with_capacity(100_000), retired: Vec::with_capacity(10_000), offered: 0 };
    let mut total = (0, 0);
    let mut add = |counts: (u64, u64)| total = (total.0 + counts.0, total.1 + counts.1);

    for slot in 0..STREAMS {
        let op = Op::Open { stream: id(slot), owner: LoopId(0), slot: Stream::new(id(slot), &config(slot)) };
        add(counted(|| worker.apply(START_NS, op, &mut sink)).1);
    }
    for n in 0..1400 {
        let now_ns = START_NS + n * 20 * MS;
        // A quarter as fast as it is heard.
        assert!(feeder.push(&[8_000; 40]));
        if n % 50 == 49 {
            let (next, next_feeder) = Sound::growing();
            growing = Arc::new(Sound::join([&next, &sound]));
            let over = std::mem::replace(&mut feeder, next_feeder);
            if n % 100 == 49 { over.finish() } else { over.fail() }
        }
        let (mut ops, datagrams) = (ops(n, &sound, &growing), datagrams(n));
        ops.extend(room_ops(n));
        if n == 0 {
            ops.extend((0..STREAMS).step_by(2).map(|slot| join(slot, u64::from(slot / 30))));
        }
        let is_underway = |retired: &mut Retired| matches!(retired, Retired::Transit(Transit::Underway(..)));
        for retired in sink.retired.extract_if(.., is_underway) {
            if let Retired::Transit(Transit::Underway(journey, slot)) = retired {
                ops.insert(0, Op::Arrive { journey, slot });
            }
        }
        let ((), counts) = counted(|| {
            let mut ops = std::mem::ManuallyDrop::new(ops);
            for op in ops.drain(..) {
                worker.apply(now_ns, op, &mut sink);
            }
            for (slot, port, bytes, from) in &datagrams {
                worker.receive(now_ns, *slot, *port, bytes, *from, &mut sink);
            }
            // Ticks of a millisecond, with a delay of 100 ms once.
            for ms in 0..if n == 500 { 0 } else { 20 } {
                worker.tick(now_ns + ms * MS, &mut sink);
            }
        });
        add(counts);
    }
    let end_ns = START_NS + 1400 * 20 * MS;
    for number in [0, 1, 2, 9] {
        let room = RoomId { worker: WorkerId(0), number };
        let op = Op::StopRoomRecording { room, recording: RecordingId(u128::from(number)) };
        add(counted(|| worker.apply(end_ns, op, &mut sink)).1);
    }
    for slot in 0..STREAMS {
        add(counted(|| worker.apply(end_ns, Op::Close { stream: id(slot) }, &mut sink)).1);
    }
    add(counted(|| (0..50).for_each(|ms| worker.tick(end_ns + ms * MS, &mut sink))).1);

    assert_eq!(total, (0, 0), "allocations and frees inside apply, receive and tick");
    // And all of it was really exercised.
    let counters = worker.counters();
    assert_eq!((counters.opened, counters.closed, counters.open_streams), (100, 100, 0));
    assert_eq!((counters.facts_waiting, counters.retired_waiting), (0, 0));
    for (name, value) in [
        ("frames_sent", counters.frames_sent),
        ("playback_underruns", counters.playback_underruns),
        ("echoed", counters.echoed),
        ("rtcp_sent", counters.rtcp_sent),
        ("rtcp_received", counters.rtcp_received),
        ("digits_received", counters.digits_received),
        ("ops_stale", counters.ops_stale),
        ("drop_foreign_source", counters.drop_foreign_source),
        ("drop_malformed_rtp", counters.drop_malformed_rtp),
        ("source_changed", counters.source_changed),
        ("room_joins", counters.room_joins),
        ("room_ticks", counters.room_ticks),
        ("room_frames_decoded", counters.room_frames_decoded),
        ("room_frames_lost", counters.room_frames_lost),
        ("room_encodes_pcmu", counters.room_encodes_pcmu),
        ("room_encodes_pcma", counters.room_encodes_pcma),
    ] {
        assert!(value >= 100, "{name}: {value}");
    }
    assert!(counters.moved_in >= 40 && counters.moved_in == counters.moved_out, "{counters:?}");
    assert_eq!((counters.rooms, counters.room_members, counters.room_talkers), (0, 0, 0));
    assert!(counters.recordings_refused >= 20, "{counters:?}");
    let taps: Vec<_> = sink.retired.iter().filter(|retired| matches!(retired, Retired::Tap(_))).collect();
    assert!(taps.len() >= 80 && sink.retired.len() - taps.len() >= 250, "{} {}", taps.len(), sink.retired.len());
}
