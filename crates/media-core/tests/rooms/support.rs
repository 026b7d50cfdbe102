//! A hall of telephones: each has a slot of the worker, a clock, a tone to send, and keeps what it hears.

use std::f64::consts::TAU;
use std::net::{IpAddr, SocketAddr};

use base::{LoopId, MS, RoomId, StreamId, WorkerId};
use media_core::rtp::{Header, Packet};
use media_core::tone::goertzel;
use media_core::{
    Codec, Command, Event, Op, Port, ReceivePayload, Retired, StreamConfig, StreamSettings, TelephoneEventTypes,
    Transit, Worker, WorkerCounters, WorkerIo,
};

/// Loudest sample of a telephone's tone.
pub(crate) const PEAK: f64 = 2500.0;

#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) sent: Vec<(u32, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    pub(crate) transits: Vec<Transit>,
    pub(crate) retired: Vec<Retired>,
}

impl WorkerIo for Outside {
    fn send(&mut self, place: u32, port: Port, datagram: &[u8], _: SocketAddr, _: IpAddr) -> bool {
        if port == Port::Rtp {
            self.sent.push((place, datagram.to_vec()));
        }
        true
    }

    fn event(&mut self, _: LoopId, event: Event) -> Result<(), Event> {
        self.events.push(event);
        Ok(())
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        match retired {
            Retired::Transit(transit) => self.transits.push(transit),
            retired => self.retired.push(retired),
        }
        Ok(())
    }
}

/// One telephone.
pub(crate) struct Phone {
    pub(crate) config: StreamConfig,
    /// The tone that it sends; none: it sends digital silence.
    pub(crate) hz: Option<f64>,
    pub(crate) peak: f64,
    /// It sends no packets at all.
    pub(crate) is_quiet: bool,
    /// Length of its packets, ms.
    pub(crate) ptime_ms: u64,
    /// Which of its packets are lost.
    pub(crate) loses: fn(u64) -> bool,
    /// How late each of its packets is, ms.
    pub(crate) delay_ms: fn(u64) -> u64,
    pub(crate) heard: Vec<(Header, Vec<u8>)>,
    samples: u64,
    packets: u64,
    next_ns: u64,
    underway: Vec<(u64, Vec<u8>)>,
}

impl Phone {
    pub(crate) fn new(number: u32, codec: Codec, hz: Option<f64>) -> Phone {
        let config = StreamConfig {
            local_ip: [127, 0, 0, 1].into(),
            remote_rtp: address(number, 0),
            remote_rtcp: address(number, 1),
            codec,
            payload_type: if codec == Codec::Pcmu { 0 } else { 8 },
            receive: vec![
                ReceivePayload { payload_type: 0, codec: Codec::Pcmu },
                ReceivePayload { payload_type: 8, codec: Codec::Pcma },
            ],
            telephone_event: Some(TelephoneEventTypes { send: 101, receive: 101 }),
            ptime_ms: 20,
            send: true,
            receive_enabled: true,
            ssrc: 1000 + number,
            first_sequence: 65_500,
            first_timestamp: u32::MAX - 5000,
        };
        Phone {
            config,
            hz,
            peak: PEAK,
            is_quiet: false,
            ptime_ms: 20,
            loses: |_| false,
            delay_ms: |_| 0,
            heard: Vec::new(),
            samples: 0,
            packets: 0,
            next_ns: 0,
            underway: Vec::new(),
        }
    }

    /// What it has heard, decoded.
    pub(crate) fn audio(&self) -> Vec<i16> {
        let audio = self.heard.iter().filter(|(header, _)| header.payload_type == self.config.payload_type);
        audio.flat_map(|(_, payload)| payload.iter().map(|octet| self.config.codec.decode(*octet))).collect()
    }

    /// Peak of a tone in the last `ms` of what it has heard.
    pub(crate) fn hears(&self, hz: f64, ms: usize) -> f64 {
        let audio = self.audio();
        goertzel(&audio[audio.len() - ms * 8..], hz)
    }

    fn payload(&mut self) -> Vec<u8> {
        let from = self.samples;
        self.samples += self.ptime_ms * 8;
        let (peak, codec) = (self.peak, self.config.codec);
        let sample = |n: u64| self.hz.map_or(0.0, |hz| (TAU * hz * n as f64 / 8000.0).sin() * peak);
        (from..self.samples).map(|n| codec.encode(sample(n).round() as i16)).collect()
    }
}

fn address(number: u32, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 4000 + port))
}

pub(crate) fn id(slot: u32) -> StreamId {
    StreamId { worker: WorkerId(0), slot, lease: 1 }
}

pub(crate) fn room(number: u64) -> RoomId {
    RoomId { worker: WorkerId(0), number }
}

pub(crate) struct Hall {
    pub(crate) worker: Worker,
    pub(crate) outside: Outside,
    pub(crate) phones: Vec<Phone>,
    pub(crate) now_ns: u64,
}

impl Hall {
    /// All phones connected to a worker of their own, in no room.
    pub(crate) fn new(phones: Vec<Phone>) -> Hall {
        let worker = Worker::new(WorkerId(0), phones.len() as u32);
        let mut hall = Hall { worker, outside: Outside::default(), phones, now_ns: 3_000_700_000 };
        for slot in 0..hall.phones.len() as u32 {
            let phone = &mut hall.phones[slot as usize];
            // Their clocks are not ours, and not each other's.
            phone.next_ns = hall.now_ns + u64::from(slot) * 1_370_000 % (phone.ptime_ms * MS);
            let config = phone.config.clone();
            hall.command(Command::Open { stream: id(slot), config });
        }
        hall
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.worker.apply(
            self.now_ns,
            Op::resolve(command, LoopId(0), |_| None, |request| panic!("{request:?}")),
            &mut self.outside,
        );
    }

    pub(crate) fn configure(&mut self, slot: u32, change: impl FnOnce(&mut StreamConfig)) {
        let config = &mut self.phones[slot as usize].config;
        change(config);
        let settings = StreamSettings::from_config(config);
        self.worker.apply(self.now_ns, Op::Configure { stream: id(slot), settings }, &mut self.outside);
    }

    pub(crate) fn join(&mut self, slot: u32, number: u64) {
        self.command(Command::JoinRoom { stream: id(slot), room: room(number), forwards_keys: false });
    }

    /// Joins a room whose members send their keys on.
    pub(crate) fn join_for_two(&mut self, slot: u32, number: u64) {
        self.command(Command::JoinRoom { stream: id(slot), room: room(number), forwards_keys: true });
    }

    pub(crate) fn leave(&mut self, slot: u32) {
        self.command(Command::LeaveRoom { stream: id(slot) });
    }

    /// Lets time pass, a millisecond at a time.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now_ns += MS;
            for slot in 0..self.phones.len() {
                self.phone_sends(slot);
            }
            self.worker.tick(self.now_ns, &mut self.outside);
            self.deliver();
        }
    }

    fn phone_sends(&mut self, slot: usize) {
        let (now_ns, phone) = (self.now_ns, &mut self.phones[slot]);
        while phone.next_ns <= now_ns {
            let timestamp = phone.samples as u32;
            let payload = phone.payload();
            let number = phone.packets;
            if !phone.is_quiet && !(phone.loses)(number) {
                let datagram = rtp(phone.config.payload_type, number as u16, timestamp, &payload, slot);
                phone.underway.push((phone.next_ns + (phone.delay_ms)(number) * MS, datagram));
            }
            phone.packets += u64::from(!phone.is_quiet);
            phone.next_ns += phone.ptime_ms * MS;
        }
        if phone.underway.is_empty() {
            return;
        }
        let (arrived, underway) =
            std::mem::take(&mut phone.underway).into_iter().partition(|(at_ns, _)| *at_ns <= now_ns);
        phone.underway = underway;
        let arrived: Vec<(u64, Vec<u8>)> = arrived;
        for (_, datagram) in arrived {
            self.datagram(slot, &datagram);
        }
    }

    pub(crate) fn datagram(&mut self, slot: usize, datagram: &[u8]) {
        let from = self.phones[slot].config.remote_rtp;
        self.worker.receive(self.now_ns, slot as u32, Port::Rtp, datagram, from, &mut self.outside);
    }

    /// A key press by telephone-events: 100 ms at once, instead of audio.
    pub(crate) fn press(&mut self, slot: usize, code: u8) {
        for duration in [160_u16, 480, 800, 800, 800] {
            let phone = &mut self.phones[slot];
            let [high, low] = duration.to_be_bytes();
            let end = if duration == 800 { 0x80 } else { 0 };
            let datagram = rtp(101, phone.packets as u16, phone.samples as u32, &[code, end | 10, high, low], slot);
            phone.packets += 1;
            self.datagram(slot, &datagram);
        }
    }

    fn deliver(&mut self) {
        for (place, datagram) in self.outside.sent.drain(..) {
            let packet = Packet::parse(&datagram).unwrap();
            self.phones[place as usize].heard.push((packet.header, packet.payload.to_vec()));
        }
    }

    /// Forgets what was heard so far.
    pub(crate) fn listen_anew(&mut self) {
        self.phones.iter_mut().for_each(|phone| phone.heard.clear());
    }

    pub(crate) fn counters(&self) -> WorkerCounters {
        *self.worker.counters()
    }
}

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8], slot: usize) -> Vec<u8> {
    let mut bytes = [0; Header::LENGTH];
    Header { marker: false, payload_type, sequence, timestamp, ssrc: 70_000 + slot as u32 }.write(&mut bytes);
    [&bytes, payload].concat()
}

/// The tone is there at its full strength.
#[track_caller]
pub(crate) fn assert_heard(phone: &Phone, hz: f64, ms: usize) {
    let peak = phone.hears(hz, ms);
    assert!((PEAK * 0.9..PEAK * 1.1).contains(&peak), "{hz} Hz is heard with a peak of {peak}");
}

/// The tone is not there.
#[track_caller]
pub(crate) fn assert_unheard(phone: &Phone, hz: f64, ms: usize) {
    let peak = phone.hears(hz, ms);
    assert!(peak < PEAK * 0.03, "{hz} Hz is heard with a peak of {peak}");
}

/// Sequence numbers and timestamps go on, and so does the SSRC, from the first packet heard to the last.
#[track_caller]
pub(crate) fn assert_continuous(phone: &Phone) {
    for pair in phone.heard.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        assert_eq!(b.0.sequence, a.0.sequence.wrapping_add(1));
        assert_eq!(b.0.timestamp, a.0.timestamp.wrapping_add(a.1.len() as u32), "at {}", b.0.sequence);
        assert_eq!(a.0.ssrc, phone.config.ssrc);
    }
}

/// No two samples are further apart than in the tones that are heard, plus what G.711 adds.
#[track_caller]
pub(crate) fn assert_no_click(phone: &Phone, tones: &[(f64, f64)]) {
    let steepest: f64 = tones.iter().map(|(hz, peak)| TAU * hz / 8000.0 * peak).sum();
    let loudest: f64 = tones.iter().map(|(_, peak)| peak).sum();
    let most = steepest * 1.1 + loudest / 16.0;
    let audio = phone.audio();
    let step = audio.windows(2).map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs()).enumerate();
    let (at, step) = step.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!(step <= most, "a step of {step} at sample {at} of {}, at most {most} would be sound", audio.len());
}
