//! What a worker hands to a recording, and when it lets go of it.

use std::sync::{Arc, Mutex};

use base::{MS, RecordingId, StreamId};
use media_core::recording::{Coding, RecorderTap, TapEnd, TapPacket, Track};
use media_core::telephone_event::TelephoneEvent;
use media_core::{Codec, EchoMode, Op, Retired, Sound, StreamConfig};

use super::support::{EVENT, PEER, PEER_SSRC, Scene, config, stream_id};

/// What a tap was told.
#[derive(Debug, Default)]
struct Told {
    began_ns: Option<u64>,
    packets: Vec<Kept>,
    end: Option<(u64, TapEnd)>,
    over: bool,
    freed: bool,
}

#[derive(Clone, Debug)]
struct Kept {
    track: Track,
    now_ns: u64,
    timestamp: u32,
    source_changed: bool,
    coding: Coding,
    payload: Vec<u8>,
}

#[derive(Debug)]
struct Tap(Arc<Mutex<Told>>);

impl RecorderTap for Tap {
    fn begin(&mut self, now_ns: u64) {
        self.0.lock().unwrap().began_ns = Some(now_ns);
    }

    fn packet(&mut self, packet: &TapPacket<'_>) -> bool {
        let mut told = self.0.lock().unwrap();
        told.packets.push(Kept {
            track: packet.track,
            now_ns: packet.now_ns,
            timestamp: packet.timestamp,
            source_changed: packet.source_changed,
            coding: packet.coding,
            payload: packet.payload.to_vec(),
        });
        !told.over
    }

    fn end(&mut self, now_ns: u64, end: TapEnd) {
        assert!(self.0.lock().unwrap().end.replace((now_ns, end)).is_none(), "ended twice");
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap().over
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.0.lock().unwrap().freed = true;
    }
}

fn record(scene: &mut Scene, stream: StreamId, number: u128) -> Arc<Mutex<Told>> {
    let told = Arc::new(Mutex::new(Told::default()));
    let tap = Box::new(Tap(told.clone()));
    scene.apply(Op::StartRecording { stream, recording: RecordingId(number), tap });
    told
}

fn take(told: &Mutex<Told>, track: Track) -> Vec<Kept> {
    let all = std::mem::take(&mut told.lock().unwrap().packets);
    all.into_iter().filter(|kept| kept.track == track).collect()
}

fn taps_retired(scene: &Scene) -> usize {
    scene.outside.retired.iter().filter(|retired| matches!(retired, Retired::Tap(_))).count()
}

#[test]
fn an_echo_is_recorded_both_ways_octet_by_octet() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    let told = record(&mut scene, stream, 1);
    assert_eq!(told.lock().unwrap().began_ns, Some(scene.now_ns));
    for n in 0..5_u16 {
        scene.audio(100 + n, 9_000 + u32::from(n) * 160);
        scene.now_ns += 20 * MS;
    }
    let packets = told.lock().unwrap().packets.clone();
    assert_eq!(packets.len(), 10);
    let sent = scene.take_rtp();
    for (n, pair) in packets.chunks(2).enumerate() {
        let (heard, said) = (&pair[0], &pair[1]);
        assert_eq!((heard.track, said.track), (Track::In, Track::Out));
        assert_eq!((heard.timestamp, said.timestamp), (9_000 + n as u32 * 160, sent[n].header.timestamp));
        assert_eq!(heard.payload, [100 + n as u8; 160]);
        assert_eq!((&heard.payload, heard.now_ns, heard.coding), (&said.payload, said.now_ns, said.coding));
    }
}

#[test]
fn prompts_silence_and_tones_are_recorded_as_sent() {
    let (mut scene, stream) = Scene::open(&StreamConfig { telephone_event: None, ptime_ms: 30, ..config() });
    let told = record(&mut scene, stream, 1);
    scene.play(stream, 7, &Arc::new(Sound::tone(440, 90, 8_000)));
    scene.run_ms(150);
    scene.digits(stream, "5", 100, 0);
    scene.run_ms(240);
    let recorded = take(&told, Track::Out);
    let sent = scene.take_rtp();
    assert!(sent.len() >= 13);
    assert_eq!(recorded.len(), sent.len());
    for (recorded, sent) in recorded.iter().zip(&sent) {
        assert_eq!((recorded.timestamp, &recorded.payload), (sent.header.timestamp, &sent.payload));
        assert_eq!((recorded.now_ns, recorded.coding), (sent.at_ns, Coding::G711(Codec::Pcmu)));
    }
}

#[test]
fn keys_are_silence_on_both_sides() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Stream);
    let told = record(&mut scene, stream, 1);
    let event = TelephoneEvent { code: 5, end: true, volume: 10, duration: 800 };
    scene.event(100, 9_000, event.to_bytes());
    scene.digits(stream, "5", 100, 0);
    scene.run_ms(90);
    assert!(told.lock().unwrap().packets.is_empty());
    assert!(scene.take_rtp().iter().any(|packet| packet.payload.len() == 4), "they were sent");
}

#[test]
fn only_packets_that_count_are_recorded_and_each_with_its_codec() {
    let (mut scene, stream) = Scene::open(&config());
    let told = record(&mut scene, stream, 1);
    scene.audio(100, 9_000);
    scene.audio(100, 9_000);
    scene.rtp("10.9.9.9:1", 7, 0, false, 1, 1, &[1; 160]);
    scene.rtp(PEER, PEER_SSRC, 8, false, 101, 9_160, &[2; 80]);
    scene.rtp(PEER, PEER_SSRC, 99, false, 102, 9_240, &[3; 160]);
    scene.rtp(PEER, PEER_SSRC, EVENT, false, 103, 9_400, &[3; 2]);
    let heard = take(&told, Track::In);
    let told: Vec<_> = heard.iter().map(|kept| (kept.coding, kept.timestamp, kept.payload.len())).collect();
    assert_eq!(told, [(Coding::G711(Codec::Pcmu), 9_000, 160), (Coding::G711(Codec::Pcma), 9_160, 80)]);
}

#[test]
fn a_hold_is_recorded_as_nothing_and_a_re_invite_does_not_end_the_recording() {
    let (mut scene, stream) = Scene::open(&config());
    let told = record(&mut scene, stream, 1);
    scene.configure(stream, &StreamConfig { send: false, receive_enabled: false, ..config() });
    scene.audio(100, 9_000);
    scene.run_ms(100);
    assert!(told.lock().unwrap().packets.is_empty());
    let changed = StreamConfig { codec: Codec::Pcma, payload_type: 8, ptime_ms: 60, ..config() };
    scene.configure(stream, &changed);
    scene.audio(101, 9_160);
    scene.run_ms(120);
    let packets = told.lock().unwrap().packets.clone();
    assert!(packets.iter().any(|kept| kept.track == Track::In && kept.coding == Coding::G711(Codec::Pcmu)));
    let sent: Vec<_> = packets.iter().filter(|kept| kept.track == Track::Out).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|kept| kept.coding == Coding::G711(Codec::Pcma) && kept.payload.len() == 480));
}

#[test]
fn another_source_of_the_peer_is_marked() {
    let (mut scene, stream) = Scene::open(&config());
    let told = record(&mut scene, stream, 1);
    scene.audio(100, 9_000);
    scene.now_ns += 2_000 * MS;
    for sequence in 0..3 {
        scene.rtp(PEER, 77, 0, false, sequence, u32::from(sequence) * 160, &[5; 160]);
    }
    let heard = take(&told, Track::In);
    let marks: Vec<_> = heard.iter().map(|kept| kept.source_changed).collect();
    assert!(matches!(marks.as_slice(), [false, true, false, ..] | [true, true, false, ..]), "{marks:?}");
}

#[test]
fn stopping_ends_this_recording_and_no_other() {
    let (mut scene, stream) = Scene::open(&config());
    let told = record(&mut scene, stream, 1);
    scene.apply(Op::StopRecording { stream, recording: RecordingId(2) });
    assert_eq!(told.lock().unwrap().end, None);
    scene.apply(Op::StopRecording { stream, recording: RecordingId(1) });
    assert_eq!(told.lock().unwrap().end, Some((scene.now_ns, TapEnd::Stopped)));
    assert_eq!(taps_retired(&scene), 1);
    scene.audio(100, 9_000);
    assert!(told.lock().unwrap().packets.is_empty());
    let second = record(&mut scene, stream, 2);
    scene.audio(101, 9_160);
    assert_eq!(take(&second, Track::In).len(), 1);
}

#[test]
fn a_second_recording_at_once_is_refused_and_the_first_goes_on() {
    let (mut scene, stream) = Scene::open(&config());
    let first = record(&mut scene, stream, 1);
    let second = record(&mut scene, stream, 2);
    assert_eq!(second.lock().unwrap().end.map(|(_, end)| end), Some(TapEnd::Busy));
    assert_eq!(second.lock().unwrap().began_ns, None);
    assert_eq!((taps_retired(&scene), scene.counters().recordings_refused), (1, 1));
    scene.audio(100, 9_000);
    assert_eq!(take(&first, Track::In).len(), 1);
}

#[test]
fn one_that_ended_by_itself_is_let_go_with_the_next_packet_or_the_next_recording() {
    let (mut scene, stream) = Scene::open(&config());
    let first = record(&mut scene, stream, 1);
    first.lock().unwrap().over = true;
    scene.audio(100, 9_000);
    assert_eq!(taps_retired(&scene), 1);
    let second = record(&mut scene, stream, 2);
    second.lock().unwrap().over = true;
    let third = record(&mut scene, stream, 3);
    assert_eq!(taps_retired(&scene), 2);
    assert_eq!(third.lock().unwrap().end, None);
    assert_eq!(scene.counters().recordings_refused, 0);
}

#[test]
fn a_closed_stream_ends_its_recording_and_the_tap_is_freed_outside() {
    let (mut scene, stream) = Scene::open(&config());
    let told = record(&mut scene, stream, 1);
    scene.outside.retire_full = true;
    scene.apply(Op::Close { stream });
    assert_eq!(told.lock().unwrap().end, Some((scene.now_ns, TapEnd::StreamClosed)));
    scene.run_ms(20);
    assert!(!told.lock().unwrap().freed, "it waits");
    scene.outside.retire_full = false;
    scene.run_ms(20);
    assert_eq!(taps_retired(&scene), 1);
    assert!(!told.lock().unwrap().freed, "not by the worker");
    scene.outside.retired.clear();
    assert!(told.lock().unwrap().freed);
}

#[test]
fn a_recording_of_a_stream_that_is_gone_is_given_back() {
    let (mut scene, _) = Scene::open(&config());
    let told = record(&mut scene, stream_id(5, 0), 1);
    assert_eq!((taps_retired(&scene), scene.counters().ops_stale), (1, 1));
    assert_eq!(told.lock().unwrap().began_ns, None);
}
