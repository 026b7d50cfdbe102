//! A running engine and scripted RTP peers on the loopback.
#![allow(dead_code)] // each test file uses a part of it

pub(crate) mod wav_file;
pub(crate) mod web;

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base::{LoopId, SoundId, StreamId};
use media_core::{Codec, Command, Event, PortLease, ReceivePayload, StreamConfig, TelephoneEventTypes};
use media_engine::{
    Engine, EngineConfig, EngineHandle, FromEngine, PortConfig, PreparedSound, SoundRequest, SoundSource, monotonic_ns,
};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An engine with one control loop.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) handle: EngineHandle,
    pub(crate) inbox: Receiver<FromEngine>,
}

/// An empty folder for one test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recordings-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The samples of a recording, as an independent reader sees them.
pub(crate) fn read_wav(path: &Path) -> Vec<i16> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 8_000, 16));
    reader.samples::<i16>().map(Result::unwrap).collect()
}

/// A configuration on 127.0.0.1 with its own part of the port space, so that tests may run at the same time.
pub(crate) fn config(first: u16, last: u16) -> EngineConfig {
    EngineConfig {
        workers: 1,
        ports: PortConfig {
            first,
            last,
            ipv4: Some("127.0.0.1".parse().unwrap()),
            idle_min: 0,
            idle_max: 8,
            rest_ms: 100,
            ..PortConfig::default()
        },
        ..EngineConfig::default()
    }
}

impl Rig {
    pub(crate) fn start(config: EngineConfig) -> Rig {
        let (tell, inbox) = mpsc::channel();
        let mut engine = Engine::start(
            config,
            1,
            Box::new(move |owner, message| {
                assert_eq!(owner, LoopId(0));
                let _ = tell.send(message);
            }),
        )
        .unwrap();
        let handle = engine.handle(LoopId(0)).unwrap();
        assert!(engine.handle(LoopId(0)).is_none(), "a loop has one handle");
        Rig { engine, handle, inbox }
    }

    /// Sends a command and wakes its worker.
    pub(crate) fn tell(&mut self, command: Command) {
        self.handle.send(monotonic_ns(), command);
        assert!(!self.handle.flush());
    }

    pub(crate) fn next(&self) -> FromEngine {
        self.inbox.recv_timeout(PATIENCE).expect("the engine must have something to say")
    }

    pub(crate) fn next_event(&self) -> Event {
        match self.next() {
            FromEngine::Media(event) => event,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ports(&mut self, count: usize) -> Vec<PortLease> {
        self.handle.want_ports(false, count);
        match self.next() {
            FromEngine::Ports { ipv6: false, leases } => leases,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn sound(&mut self, urls: &[&str]) -> (Result<PreparedSound, String>, Vec<(String, String)>) {
        let source = SoundSource::Urls(urls.iter().map(|url| (*url).to_owned()).collect());
        self.handle.prepare_sound(SoundRequest { token: 77, source });
        match self.next() {
            FromEngine::Sound { token: 77, result, skipped } => (result, skipped),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn beep(&mut self) -> SoundId {
        self.sound(&["tone:beep"]).0.unwrap().sound
    }

    /// Opens a stream to a new peer.
    pub(crate) fn open(&mut self) -> (StreamId, Peer) {
        let lease = self.ports(1).pop().expect("a pair of ports");
        let peer = Peer::new("127.0.0.2", lease.rtp_port);
        let config = stream_config(&peer, "127.0.0.1".parse().unwrap());
        self.tell(Command::Open { stream: lease.stream, config });
        (lease.stream, peer)
    }

    /// Closes a stream and waits until that is known.
    pub(crate) fn close(&mut self, stream: StreamId) -> media_core::StreamStats {
        self.tell(Command::Close { stream });
        loop {
            if let Event::Closed { stream: closed, stats } = self.next_event() {
                assert_eq!(closed, stream);
                return stats;
            }
        }
    }

    /// Waits until no stream is on its way to another worker.
    pub(crate) fn settle(&mut self) {
        let give_up = Instant::now() + PATIENCE;
        while self.handle.flush() {
            assert!(Instant::now() < give_up, "a stream never arrives: {:#?}", self.engine.metrics());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the numbers are as they should be.
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&media_engine::EngineMetrics) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !is_so(&self.engine.metrics()) {
            assert!(Instant::now() < give_up, "{what}: {:#?}", self.engine.metrics());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

pub(crate) fn stream_config(peer: &Peer, local_ip: IpAddr) -> StreamConfig {
    let rtp = peer.rtp.local_addr().unwrap();
    StreamConfig {
        local_ip,
        remote_rtp: rtp,
        remote_rtcp: peer.rtcp.local_addr().unwrap(),
        codec: Codec::Pcmu,
        payload_type: 0,
        receive: vec![
            ReceivePayload { payload_type: 0, codec: Codec::Pcmu },
            ReceivePayload { payload_type: 8, codec: Codec::Pcma },
        ],
        telephone_event: Some(TelephoneEventTypes { send: 101, receive: 101 }),
        ptime_ms: 20,
        send: true,
        receive_enabled: true,
        ssrc: 0x1234_5678,
        first_sequence: 1_000,
        first_timestamp: 5_000,
    }
}

/// The other side of a stream.
pub(crate) struct Peer {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    /// Our RTP port on the engine's side.
    pub(crate) port: u16,
    sequence: u16,
    timestamp: u32,
}

impl Peer {
    pub(crate) fn new(ip: &str, port: u16) -> Peer {
        let bind = || {
            let socket = UdpSocket::bind((ip, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        Peer { rtp: bind(), rtcp: bind(), port, sequence: 7, timestamp: 90_000 }
    }

    /// Sends one frame of 20 ms whose octets all are `mark`.
    pub(crate) fn say(&mut self, mark: u8) {
        let datagram = self.packet(0, false, &[mark; 160]);
        self.timestamp = self.timestamp.wrapping_add(160);
        self.send(&datagram);
    }

    /// Says a payload of any length, or loses it on the way.
    pub(crate) fn say_payload(&mut self, payload_type: u8, payload: &[u8], arrives: bool) {
        let datagram = self.packet(payload_type, false, payload);
        self.timestamp = self.timestamp.wrapping_add(payload.len() as u32);
        if arrives {
            self.send(&datagram);
        }
    }

    /// Sends a key press as telephone-events (RFC 4733 §2.5), 100 ms long, at once.
    pub(crate) fn press(&mut self, event: u8) {
        for (at, duration) in [160u16, 480, 800, 800, 800].into_iter().enumerate() {
            let end = if at >= 2 { 0x80 } else { 0 };
            let [high, low] = duration.to_be_bytes();
            let datagram = self.packet(101, at == 0, &[event, end | 10, high, low]);
            self.send(&datagram);
        }
        self.timestamp = self.timestamp.wrapping_add(800);
    }

    fn packet(&mut self, payload_type: u8, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(0xfeed_beefu32.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    pub(crate) fn send(&self, datagram: &[u8]) {
        self.rtp.send_to(datagram, ("127.0.0.1", self.port)).unwrap();
    }

    /// The next RTP packet of the engine: payload type, payload, source.
    pub(crate) fn hear(&self) -> (u8, Vec<u8>, SocketAddr) {
        let mut buffer = [0; 2_048];
        let (length, from) = self.rtp.recv_from(&mut buffer).expect("the stream must send");
        assert!(length > 12 && buffer[0] == 0x80, "no RTP: {:?}", &buffer[..length]);
        (buffer[1] & 0x7f, buffer[12..length].to_vec(), from)
    }

    /// Hears until a frame that is `mark` all through; says where it came from.
    pub(crate) fn hear_mark(&self, mark: u8) -> SocketAddr {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let (_, payload, from) = self.hear();
            if payload.iter().all(|octet| *octet == mark) {
                return from;
            }
        }
        panic!("{mark:#x} never came back");
    }
}
