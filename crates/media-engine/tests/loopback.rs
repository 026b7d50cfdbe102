//! The engine on the wire: real sockets, real threads, 127.0.0.0/8 only.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use media_core::{Command, EchoMode, Event, PlaybackOutcome};
use media_engine::{FromEngine, monotonic_ns};

use support::{Peer, Rig, config, stream_config};

#[test]
fn an_echo_returns_what_arrives() {
    let mut rig = Rig::start(config(20_000, 20_009));
    let (stream, mut peer) = rig.open();
    rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
    for mark in [0x11, 0x22, 0x33, 0x44] {
        peer.say(mark);
        let from = peer.hear_mark(mark);
        assert_eq!(from.to_string(), format!("127.0.0.1:{}", peer.port));
    }
    let stats = rig.close(stream);
    assert_eq!(stats.received_packets, 4);
    assert!(stats.sent_packets >= 4);
}

#[test]
fn packets_leave_from_the_address_that_stands_in_our_sdp() {
    let mut config = config(20_010, 20_019);
    config.ports.ipv4 = Some("0.0.0.0".parse().unwrap());
    let mut rig = Rig::start(config);
    let lease = rig.ports(1)[0];
    let mut peer = Peer::new("127.0.0.2", lease.rtp_port);
    // Not the address that the route to 127.0.0.2 would choose.
    let settings = stream_config(&peer, "127.0.0.55".parse().unwrap());
    rig.tell(Command::Open { stream: lease.stream, config: settings });
    let (_, _, from) = peer.hear();
    assert_eq!(from.to_string(), format!("127.0.0.55:{}", lease.rtp_port));
    rig.tell(Command::Echo { stream: lease.stream, mode: EchoMode::Audio });
    peer.say(0x42);
    assert_eq!(peer.hear_mark(0x42).ip().to_string(), "127.0.0.55");
}

#[test]
fn a_prompt_comes_in_frames_20_ms_apart_and_is_reported_when_it_is_over() {
    let mut rig = Rig::start(config(20_020, 20_029));
    let beep = rig.beep();
    let (stream, peer) = rig.open();
    let silence = peer.hear().1[0];
    rig.tell(Command::Play { stream, playback: 5, sound: beep, barge_in: false });
    let mut heard = 0;
    let mut last: Option<Instant> = None;
    let mut gaps = Vec::new();
    while heard < 25 {
        let (payload_type, payload, _) = peer.hear();
        let now = Instant::now();
        gaps.extend(last.map(|last| now - last));
        last = Some(now);
        assert_eq!((payload_type, payload.len()), (0, 160));
        heard += usize::from(payload.iter().any(|octet| *octet != silence));
    }
    let ended = rig.next_event();
    assert_eq!(ended, Event::PlaybackEnded { stream, playback: 5, outcome: PlaybackOutcome::Completed });
    // The test's own thread may be late on a busy machine; the bulk may not.
    gaps.sort_unstable();
    let middle = &gaps[gaps.len() / 10..gaps.len() * 9 / 10];
    let ms = Duration::from_millis;
    assert!(middle.iter().all(|gap| (ms(15)..=ms(25)).contains(gap)), "{gaps:?}");
}

#[test]
fn keys_are_reported_in_order() {
    let mut rig = Rig::start(config(20_030, 20_039));
    let (stream, mut peer) = rig.open();
    for event in [1, 11, 0] {
        peer.press(event);
    }
    for expected in ['1', '#', '0'] {
        let Event::Digit { stream: of, digit, duration_ms } = rig.next_event() else { panic!("not a digit") };
        assert_eq!((of, digit, duration_ms), (stream, expected, 100));
    }
}

#[test]
fn playing_a_sound_that_does_not_exist_is_answered() {
    let mut rig = Rig::start(config(20_040, 20_049));
    let (stream, _peer) = rig.open();
    rig.tell(Command::Play { stream, playback: 9, sound: base::SoundId(4_711), barge_in: false });
    let ended = rig.next_event();
    assert_eq!(ended, Event::PlaybackEnded { stream, playback: 9, outcome: PlaybackOutcome::SoundGone });
}

#[test]
fn a_closed_stream_gives_its_ports_back_after_a_rest() {
    let mut rig = Rig::start(config(20_050, 20_051));
    let (stream, peer) = rig.open();
    assert!(rig.ports(1).is_empty(), "the range has one pair");
    rig.close(stream);
    rig.wait_for("the pair rests", |metrics| metrics.ports.resting == 1);
    peer.send(b"a stale sender");
    rig.wait_for("the pair is idle", |metrics| metrics.ports.idle == 1);
    let again = rig.ports(1)[0];
    assert_eq!((again.rtp_port, again.stream.slot), (20_050, stream.slot));
    assert_eq!(again.stream.lease, stream.lease + 1);
    assert_eq!(rig.engine.metrics().ports.drained, 1);
    // The old stream's commands do not touch the new lease.
    rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
    rig.wait_for("the late command is counted", |metrics| metrics.stream_counter("ops_stale") == 1);
    rig.handle.return_ports(again);
    rig.wait_for("a lease that was never used comes back", |metrics| metrics.ports.leased == 0);
}

#[test]
fn descriptors_return_to_the_stock_when_the_load_is_over() {
    let mut config = config(20_100, 20_199);
    config.workers = 2;
    config.ports.idle_max = 4;
    config.ports.rest_ms = 50;
    let mut rig = Rig::start(config);
    let streams: Vec<_> = (0..40).map(|_| rig.open()).collect();
    let busy = rig.engine.metrics();
    assert_eq!((busy.ports.leased, busy.ports.descriptors), (40, 80));
    for (stream, _) in &streams {
        rig.tell(Command::Close { stream: *stream });
    }
    for _ in &streams {
        assert!(matches!(rig.next_event(), Event::Closed { .. }));
    }
    rig.wait_for("only the stock is left", |metrics| {
        metrics.ports.descriptors == 8
            && metrics.ports.idle == 4
            && metrics.ports.leased + metrics.ports.resting == 0
            && metrics.stream_counter("open_streams") == 0
    });
    let per_worker: Vec<_> =
        rig.engine.metrics().workers.iter().map(|worker| worker.stream_counter("closed").unwrap()).collect();
    assert_eq!(per_worker, [20, 20], "streams are spread evenly");
}

#[test]
fn an_exhausted_range_is_answered_and_counted() {
    let mut rig = Rig::start(config(20_060, 20_063));
    assert_eq!(rig.ports(5).len(), 2);
    assert!(rig.ports(1).is_empty());
    assert_eq!(rig.engine.metrics().ports.exhausted, 2);
}

#[test]
fn commands_beyond_the_ring_wait_and_a_worker_that_does_not_answer_is_noticed() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let mut config = config(20_070, 20_079);
    config.command_ring = 4;
    config.worker_hook = Some(Arc::new({
        let gate = gate.clone();
        move |_| drop(gate.lock())
    }));
    let mut rig = Rig::start(config);
    let lease = rig.ports(1)[0];
    let peer = Peer::new("127.0.0.2", lease.rtp_port);
    let stream = lease.stream;
    let before_ns = monotonic_ns();
    rig.handle.send(before_ns, Command::Open { stream, config: stream_config(&peer, "127.0.0.1".parse().unwrap()) });
    for playback in 0..20 {
        rig.handle.send(before_ns, Command::Play { stream, playback, sound: base::SoundId(0), barge_in: false });
    }
    assert!(rig.handle.flush(), "something waits");
    assert_eq!(rig.handle.outbox_len(), 17);
    assert_eq!(rig.engine.metrics().loops[0].1.outbox, 17);
    assert!(!rig.handle.worker_silent(before_ns + 400 * base::MS));
    assert!(rig.handle.worker_silent(before_ns + 600 * base::MS));

    drop(closed);
    let mut ended = 0;
    while ended < 20 {
        rig.handle.flush();
        match rig.inbox.recv_timeout(Duration::from_millis(5)) {
            Ok(FromEngine::Media(Event::PlaybackEnded { playback, .. })) => {
                assert_eq!(playback, ended, "in order, none lost");
                ended += 1;
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert!(monotonic_ns() < before_ns + 20 * base::SECOND),
        }
    }
    assert_eq!(rig.handle.outbox_len(), 0);
    assert!(!rig.handle.worker_silent(monotonic_ns()));
}

#[test]
fn a_worker_that_has_nothing_to_do_is_not_silent() {
    let mut rig = Rig::start(config(20_080, 20_089));
    assert!(!rig.handle.worker_silent(monotonic_ns() + 3_600 * base::SECOND));
    // On hold both ways: nothing is due for seconds, yet it shows life.
    let lease = rig.ports(1)[0];
    let peer = Peer::new("127.0.0.2", lease.rtp_port);
    let mut settings = stream_config(&peer, "127.0.0.1".parse().unwrap());
    (settings.send, settings.receive_enabled) = (false, false);
    rig.tell(Command::Open { stream: lease.stream, config: settings });
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(100));
        assert!(!rig.handle.worker_silent(monotonic_ns()));
    }
}

#[test]
fn what_is_no_rtp_is_dropped_and_counted() {
    let mut rig = Rig::start(config(20_090, 20_099));
    let (stream, mut peer) = rig.open();
    peer.send(b"");
    peer.send(b"x");
    peer.send(&[0xff; 172]);
    peer.send(&vec![0x80; 9_000]);
    rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
    peer.say(0x31);
    peer.hear_mark(0x31);
    rig.wait_for("all is counted", |metrics| {
        metrics.workers[0].thread.receive_oversized == 1 && metrics.stream_counter("drop_malformed_rtp") == 3
    });
}

#[test]
fn without_an_address_or_a_pair_the_engine_does_not_start() {
    let start = |change: fn(&mut media_engine::PortConfig)| {
        let mut config = config(20_300, 20_309);
        change(&mut config.ports);
        media_engine::Engine::start(config, 1, Box::new(|_, _| {})).err().unwrap().to_string()
    };
    assert!(start(|ports| ports.ipv4 = None).contains("neither an IPv4 nor an IPv6"));
    assert!(start(|ports| ports.last = ports.first).contains("no room for one pair"));
}
