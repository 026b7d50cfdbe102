//! Recordings on the wire and on the disk.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base::{RecordingId, StreamId};
use media_core::tone::goertzel;
use media_core::{Codec, Command, EchoMode, RecordingEnd, RecordingFact, StreamConfig};
use media_engine::{EngineConfig, FromEngine};
use support::{Peer, Rig, config, folder, read_wav, stream_config};

/// What the party says and what it hears.
const PARTY_HZ: f64 = 600.0;
const BEEP_HZ: f64 = 1_000.0;

fn recording_config(first: u16, name: &str) -> (EngineConfig, PathBuf) {
    let folder = folder(name);
    let mut config = config(first, first + 9);
    config.recordings.folder = Some(folder.clone());
    (config, folder)
}

fn start(rig: &mut Rig, stream: StreamId, number: u128, stem: &str) {
    start_with(rig, stream, number, stem, 0, 0);
}

fn start_with(rig: &mut Rig, stream: StreamId, number: u128, stem: &str, end_of_silence_ms: u32, duration_ms: u64) {
    let (recording, file_stem) = (RecordingId(number), stem.to_owned());
    rig.tell(Command::StartRecording { source: stream.into(), recording, file_stem, end_of_silence_ms, duration_ms });
}

/// The next fact about a recording; whatever else the engine says is passed over.
fn fact(rig: &Rig) -> (u128, RecordingFact) {
    loop {
        if let FromEngine::Recording { recording, fact, .. } = rig.next() {
            return (recording.0, fact);
        }
    }
}

struct Ended {
    end: RecordingEnd,
    samples: u64,
    gap_in: u64,
    gap_out: u64,
    dropped: u64,
}

fn ended(rig: &Rig) -> Ended {
    match fact(rig).1 {
        RecordingFact::Ended { end, samples, gap_samples_in, gap_samples_out, dropped_samples } => {
            Ended { end, samples, gap_in: gap_samples_in, gap_out: gap_samples_out, dropped: dropped_samples }
        }
        RecordingFact::Started => panic!("it has started already"),
    }
}

/// Speaks a tone in real time, `ms` of it; leaves out the packets that `lost` names.
fn speak(peer: &mut Peer, codec: Codec, frame_ms: u64, ms: u64, lost: impl Fn(u64) -> bool) {
    let begun = Instant::now();
    for frame in 0..ms / frame_ms {
        let payload: Vec<u8> = (0..frame_ms * 8)
            .map(|n| (TAU * PARTY_HZ * (frame * frame_ms * 8 + n) as f64 / 8_000.0).sin() * 8_000.0)
            .map(|sample| codec.encode(sample as i16))
            .collect();
        peer.say_payload(if codec == Codec::Pcmu { 0 } else { 8 }, &payload, !lost(frame));
        let next = begun + Duration::from_millis((frame + 1) * frame_ms);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Milliseconds of a tone, by windows of 20 ms in which it is nearly all there is.
fn tone_ms(samples: &[i16], hz: f64) -> u64 {
    let windows = samples.as_chunks::<160>().0.iter();
    20 * windows.filter(|window| (5_000.0..11_000.0).contains(&goertzel(*window, hz))).count() as u64
}

#[test]
fn each_direction_is_in_its_file_and_both_are_equally_long() {
    let (config, folder) = recording_config(20_900, "directions");
    let mut rig = Rig::start(config);
    let beep = rig.beep();
    let (stream, mut peer) = rig.open();
    start(&mut rig, stream, 5, "call_1");
    assert_eq!(fact(&rig), (5, RecordingFact::Started));
    rig.tell(Command::Play { stream, playback: 1, sound: beep, barge_in: false });
    speak(&mut peer, Codec::Pcmu, 20, 1_000, |frame| (20..25).contains(&frame));
    rig.tell(Command::StopRecording { source: stream.into(), recording: RecordingId(5) });
    let told = ended(&rig);
    let (heard, said) = (read_wav(&folder.join("call_1_in.wav")), read_wav(&folder.join("call_1_out.wav")));
    assert_eq!((heard.len() as u64, said.len() as u64), (told.samples, told.samples));
    assert!((7_500..16_000).contains(&told.samples), "{}", told.samples);
    assert_eq!((told.end, told.dropped), (RecordingEnd::Stopped, 0));
    // 50 frames of 20 ms but five; a window at each end of a gap may be half and half.
    assert!((840..=900).contains(&tone_ms(&heard, PARTY_HZ)), "{} ms", tone_ms(&heard, PARTY_HZ));
    assert!((440..=500).contains(&tone_ms(&said, BEEP_HZ)), "{} ms", tone_ms(&said, BEEP_HZ));
    assert_eq!((tone_ms(&heard, BEEP_HZ), tone_ms(&said, PARTY_HZ)), (0, 0));
    // What was lost, and what was before the first and after the last packet.
    assert!((800..told.samples - 7_000).contains(&told.gap_in), "{} of {}", told.gap_in, told.samples);
    let silent = heard.as_chunks::<160>().0.iter().filter(|window| window.iter().all(|sample| *sample == 0)).count();
    assert!(silent >= 4, "{silent}");
    assert!(told.gap_out < 1_600, "{}", told.gap_out);
    let metrics = rig.engine.metrics().recordings;
    assert_eq!((metrics.clock_jumps, metrics.gap_samples), (0, told.gap_in + told.gap_out));
    assert_eq!((metrics.started, metrics.ended_stopped, metrics.running, metrics.samples), (1, 1, 0, told.samples));
}

#[test]
fn an_echo_makes_two_equal_files_whatever_the_codec_and_the_packets() {
    let (config, folder) = recording_config(20_910, "echo");
    let mut rig = Rig::start(config);
    let (stream, mut peer) = rig.open();
    let echo = |rig: &mut Rig| rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
    echo(&mut rig);
    start(&mut rig, stream, 1, "call_2");
    assert_eq!(fact(&rig).1, RecordingFact::Started);
    speak(&mut peer, Codec::Pcmu, 10, 300, |_| false);
    speak(&mut peer, Codec::Pcma, 60, 480, |_| false);
    rig.tell(Command::Close { stream });
    assert_eq!(ended(&rig).end, RecordingEnd::StreamClosed);
    let (heard, said) = (read_wav(&folder.join("call_2_in.wav")), read_wav(&folder.join("call_2_out.wav")));
    assert!(heard.len() >= 6_000 && heard == said, "{} {}", heard.len(), said.len());
    assert!(tone_ms(&heard, PARTY_HZ) >= 720, "{} ms", tone_ms(&heard, PARTY_HZ));
}

#[test]
fn a_call_without_a_packet_is_recorded_as_silence_and_ends_with_its_stream() {
    let (config, folder) = recording_config(20_920, "nothing");
    let mut rig = Rig::start(config);
    let lease = rig.ports(1)[0];
    let (stream, peer) = (lease.stream, Peer::new("127.0.0.2", lease.rtp_port));
    let settings = StreamConfig { send: false, ..stream_config(&peer, "127.0.0.1".parse().unwrap()) };
    rig.tell(Command::Open { stream, config: settings });
    start(&mut rig, stream, 1, "call_3");
    std::thread::sleep(Duration::from_millis(350));
    rig.tell(Command::Close { stream });
    assert_eq!(fact(&rig).1, RecordingFact::Started);
    let told = ended(&rig);
    assert_eq!(told.end, RecordingEnd::StreamClosed);
    assert!(told.samples >= 2_700, "{}", told.samples);
    assert_eq!((told.gap_in, told.gap_out), (told.samples, told.samples));
    assert_eq!(read_wav(&folder.join("call_3_in.wav")), vec![0; told.samples as usize]);
}

#[test]
fn it_ends_by_itself_after_its_duration_or_a_silence() {
    let (config, folder) = recording_config(20_930, "by-itself");
    let mut rig = Rig::start(config);
    let (stream, mut peer) = rig.open();
    start_with(&mut rig, stream, 1, "long", 0, 730);
    assert_eq!(fact(&rig), (1, RecordingFact::Started));
    let told = ended(&rig);
    assert_eq!((told.end, told.samples), (RecordingEnd::Duration, 730 * 8));
    assert_eq!(read_wav(&folder.join("long_in.wav")).len(), 730 * 8);
    // The next one on the same stream may begin at once.
    start_with(&mut rig, stream, 2, "silent", 1_000, 0);
    assert_eq!(fact(&rig), (2, RecordingFact::Started));
    speak(&mut peer, Codec::Pcmu, 20, 600, |_| false);
    let told = ended(&rig);
    assert_eq!(told.end, RecordingEnd::Silence);
    let heard = read_wav(&folder.join("silent_in.wav"));
    assert!(heard[heard.len() - 7_900..].iter().all(|sample| *sample == 0));
    assert!(tone_ms(&heard, PARTY_HZ) >= 560);
    let metrics = rig.engine.metrics();
    assert_eq!((metrics.recordings.ended_duration, metrics.recordings.ended_silence), (1, 1));
}

#[test]
fn a_file_where_the_folder_should_be_is_told_as_that() {
    let (mut config, folder) = recording_config(20_980, "in-the-way");
    fs::write(folder.join("taken"), "").unwrap();
    config.recordings.folder = Some(folder.join("taken"));
    let mut rig = Rig::start(config);
    let (stream, _peer) = rig.open();
    start(&mut rig, stream, 1, "good");
    assert_eq!(ended(&rig).end, RecordingEnd::Failed("a file is where the recordings folder should be".into()));
}

#[test]
fn what_cannot_be_recorded_says_why_and_the_call_goes_on() {
    let (mut config, folder) = recording_config(20_940, "cannot");
    config.recordings.most = 2;
    let mut rig = Rig::start(config);
    let (stream, mut peer) = rig.open();
    let failed = |rig: &Rig, number: u128| {
        let (recording, fact) = fact(rig);
        assert_eq!(recording, number);
        match fact {
            RecordingFact::Ended { end: RecordingEnd::Failed(why), samples: 0, .. } => why,
            other => panic!("{other:?}"),
        }
    };
    for stem in ["../evil", "", ".hidden", "a/b"] {
        start(&mut rig, stream, 1, stem);
        assert_eq!(failed(&rig, 1), "its file name is not usable");
    }
    fs::write(folder.join("there_out.wav"), "mine").unwrap();
    start(&mut rig, stream, 2, "there");
    assert_eq!(failed(&rig, 2), "a recording of this name exists already");
    assert!(!folder.join("there_in.wav").exists() && fs::read(folder.join("there_out.wav")).unwrap() == b"mine");
    start(&mut rig, stream, 3, "good");
    assert_eq!(fact(&rig), (3, RecordingFact::Started));
    start(&mut rig, stream, 4, "second");
    assert_eq!(failed(&rig, 4), "another recording of this call is running");
    let (other, _other_peer) = rig.open();
    start(&mut rig, other, 5, "other");
    assert_eq!(fact(&rig), (5, RecordingFact::Started));
    start(&mut rig, other, 6, "too_many");
    assert_eq!(failed(&rig, 6), "2 recordings run already, which is the limit");
    rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
    peer.say(0x31);
    peer.hear_mark(0x31);
    assert_eq!(rig.engine.metrics().recordings.ended_failed, 7);
}

#[test]
fn without_a_folder_nothing_is_recorded_and_one_that_cannot_be_made_is_said() {
    for (first, folder, expected) in [
        (20_950, None, "there is no folder for recordings in the configuration"),
        (20_960, Some("/dev/null/recordings"), "there is no recordings folder, and it cannot be made"),
    ] {
        let mut config = config(first, first + 9);
        config.recordings.folder = folder.map(PathBuf::from);
        let mut rig = Rig::start(config);
        let (stream, _peer) = rig.open();
        start(&mut rig, stream, 1, "a");
        assert_eq!(ended(&rig).end, RecordingEnd::Failed(expected.into()));
    }
}

#[test]
fn the_end_of_the_engine_completes_recordings() {
    let (config, folder) = recording_config(20_970, "engine-end");
    let mut rig = Rig::start(config);
    let (stream, mut peer) = rig.open();
    start(&mut rig, stream, 1, "last");
    assert_eq!(fact(&rig).1, RecordingFact::Started);
    speak(&mut peer, Codec::Pcmu, 20, 200, |_| false);
    let Rig { engine, handle, inbox } = rig;
    engine.shutdown();
    drop(handle);
    let facts: Vec<_> = inbox.try_iter().filter(|message| matches!(message, FromEngine::Recording { .. })).collect();
    let [FromEngine::Recording { fact: RecordingFact::Ended { end, samples, .. }, .. }] = facts.as_slice() else {
        panic!("{facts:?}")
    };
    assert_eq!(*end, RecordingEnd::StreamClosed);
    assert_eq!(read_wav(&folder.join("last_in.wav")).len() as u64, *samples);
    assert!(tone_ms(&read_wav(&folder.join("last_in.wav")), PARTY_HZ) >= 160);
}
