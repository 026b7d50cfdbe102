//! Rooms on the wire, and streams that move between two workers to get there.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::time::{Duration, Instant};

use base::{RecordingId, RoomId, StreamId, WorkerId};
use media_core::tone::{Sine, goertzel};
use media_core::{Codec, Command, EchoMode, Event, PlaybackOutcome, RecordingEnd, RecordingFact, RecordingSource};
use media_engine::{EngineConfig, FromEngine};

use support::{PATIENCE, Peer, Rig, config, folder, read_wav};

const FRAME: Duration = Duration::from_millis(20);

fn two_workers(first: u16) -> EngineConfig {
    let mut config = config(first, first + 39);
    config.workers = 2;
    config
}

fn room(worker: u8, number: u64) -> RoomId {
    RoomId { worker: WorkerId(worker), number }
}

/// A frame of a tone, as PCMU.
fn frame(sine: &mut Sine) -> [u8; 160] {
    std::array::from_fn(|_| Codec::Pcmu.encode(sine.next_sample()))
}

/// The RTP packets that wait for a peer: when each was taken, its sequence number, timestamp and payload.
fn packets(peer: &Peer) -> Vec<(u16, u32, Vec<u8>)> {
    peer.rtp.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2_048];
    let mut all = Vec::new();
    while let Ok(length) = peer.rtp.recv(&mut buffer) {
        let sequence = u16::from_be_bytes([buffer[2], buffer[3]]);
        let timestamp = u32::from_be_bytes([buffer[4], buffer[5], buffer[6], buffer[7]]);
        all.push((sequence, timestamp, buffer[12..length].to_vec()));
    }
    all
}

/// Lets a loop's thread pass its time as the server does: it flushes every 2 ms while something waits.
fn attend(rig: &mut Rig, until: Instant) {
    while Instant::now() < until {
        rig.handle.flush();
        std::thread::sleep(Duration::from_millis(2).min(until.saturating_duration_since(Instant::now())));
    }
}

fn join(rig: &mut Rig, stream: StreamId, room: RoomId) {
    rig.handle.send(media_engine::monotonic_ns(), Command::JoinRoom { stream, room, forwards_keys: false });
    rig.handle.flush();
}

fn closed(rig: &mut Rig, stream: StreamId) -> media_core::StreamStats {
    let give_up = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < give_up, "it never closes: {:#?}", rig.engine.metrics());
        rig.handle.flush();
        match rig.inbox.recv_timeout(Duration::from_millis(2)) {
            Ok(FromEngine::Media(Event::Closed { stream: of, stats })) => {
                assert_eq!(of, stream);
                return stats;
            }
            Ok(FromEngine::Media(Event::PlaybackEnded { outcome: PlaybackOutcome::Stopped, .. })) | Err(_) => {}
            Ok(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn members_of_two_workers_hear_each_others_tones_and_not_their_own() {
    let mut rig = Rig::start(two_workers(21_000));
    let tones = [400.0, 610.0, 830.0, 1170.0];
    let mut members: Vec<(StreamId, Peer)> = tones.iter().map(|_| rig.open()).collect();
    let homes: Vec<u8> = members.iter().map(|(stream, _)| stream.worker.0).collect();
    assert_eq!(homes.iter().filter(|home| **home == 0).count(), 2, "{homes:?}");
    for (stream, _) in &members {
        join(&mut rig, *stream, room(1, 77));
    }
    let mut sines: Vec<Sine> = tones.iter().map(|hz| Sine::new(*hz, 4000)).collect();
    let begun = Instant::now();
    let mut heard = vec![Vec::new(); 4];
    for n in 0..75 {
        for ((_, peer), sine) in members.iter_mut().zip(&mut sines) {
            peer.say_payload(0, &frame(sine), true);
        }
        attend(&mut rig, begun + FRAME * (n + 1));
        for ((_, peer), heard) in members.iter().zip(&mut heard) {
            heard.extend(packets(peer));
        }
    }
    for (at, heard) in heard.iter().enumerate() {
        assert!(heard.windows(2).all(|pair| pair[1].0 == pair[0].0.wrapping_add(1)), "member {at}: a gap");
        assert!(heard.windows(2).all(|pair| pair[1].1 == pair[0].1.wrapping_add(160)), "member {at}: time jumps");
        let audio: Vec<i16> =
            heard.iter().flat_map(|(_, _, payload)| payload.iter().map(|octet| Codec::Pcmu.decode(*octet))).collect();
        let last = &audio[audio.len() - 4800..];
        for (of, hz) in tones.iter().enumerate() {
            let peak = goertzel(last, *hz);
            // The test's own thread may be late on a busy machine, which takes some of a tone away.
            let sound = if of == at { 0.0..200.0 } else { 2800.0..4300.0 };
            assert!(sound.contains(&peak), "member {at} hears {hz} Hz with a peak of {peak}");
        }
    }
    let metrics = rig.engine.metrics();
    let per_worker =
        |name| metrics.workers.iter().map(|worker| worker.stream_counter(name).unwrap()).collect::<Vec<_>>();
    assert_eq!((per_worker("rooms"), per_worker("room_members")), (vec![0, 1], vec![0, 4]));
    assert_eq!((metrics.loops[0].1.moves, metrics.loops[0].1.moving, metrics.loops[0].1.held), (2, 0, 0));
    for (stream, _) in &members {
        rig.tell(Command::Close { stream: *stream });
        closed(&mut rig, *stream);
    }
    rig.wait_for("all is given back", |metrics| {
        metrics.ports.leased == 0 && metrics.stream_counter("rooms") + metrics.stream_counter("open_streams") == 0
    });
}

/// What a move costs those who listen: the stream plays a tone and is sent one, and goes to and fro all the time.
#[test]
#[allow(clippy::print_stdout)] // the measure is worth knowing
fn a_tone_goes_on_while_its_stream_moves_and_nothing_that_is_said_is_lost() {
    let mut rig = Rig::start(two_workers(21_040));
    let beep = rig.beep();
    let (stream, mut peer) = rig.open();
    rig.tell(Command::Play { stream, playback: 0, sound: beep, barge_in: false });
    let begun = Instant::now();
    let (mut heard, mut gaps, mut last) = (Vec::new(), Vec::new(), None);
    let mut playback = 0;
    let frames = 100;
    for n in 0..frames {
        peer.say(0x31);
        if n % 8 == 4 {
            let to = u8::from(n / 8 % 2 == 0) ^ stream.worker.0;
            join(&mut rig, stream, room(to, 5));
        }
        if n % 20 == 19 {
            playback += 1;
            rig.handle
                .send(media_engine::monotonic_ns(), Command::Play { stream, playback, sound: beep, barge_in: false });
        }
        let until = begun + FRAME * (n + 1);
        while Instant::now() < until {
            rig.handle.flush();
            for packet in packets(&peer) {
                let now = Instant::now();
                gaps.extend(last.map(|last| now - last));
                last = Some(now);
                heard.push(packet);
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }
    rig.settle();
    let metrics = rig.engine.metrics().loops[0].1;
    let silent = heard.iter().filter(|(_, _, payload)| payload.iter().all(|octet| *octet == 0xff)).count();
    assert!(silent < 8, "{silent} of {} packets are silence", heard.len());
    assert!(heard.windows(2).all(|pair| pair[1].0 == pair[0].0.wrapping_add(1)), "sequence numbers go on");
    gaps.sort_unstable();
    let longest = gaps[gaps.len() - 1];
    println!(
        "{} moves of {} us each (command to arrival); gaps between packets: median {:?}, longest {longest:?}",
        metrics.moves,
        metrics.move_us / metrics.moves,
        gaps[gaps.len() / 2],
    );
    // A frame, up to a frame until the room's tick, and what a busy machine adds to both threads.
    assert!(longest < Duration::from_millis(100), "{gaps:?}");
    assert!(metrics.moves >= 11 && metrics.moves_refused == 0, "{metrics:?}");
    rig.tell(Command::Close { stream });
    let stats = closed(&mut rig, stream);
    assert_eq!((stats.received_packets, stats.lost_packets), (u64::from(frames), 0));
}

#[test]
fn commands_for_a_stream_on_its_way_reach_it_in_order() {
    let mut rig = Rig::start(two_workers(21_080));
    let beep = rig.beep();
    let (stream, mut peer) = rig.open();
    let now_ns = media_engine::monotonic_ns;
    let away = 1 - stream.worker.0;
    // Two moves in quick succession, with commands before, between and after them; nothing is flushed in between.
    for playback in 0..4 {
        rig.handle.send(now_ns(), Command::Play { stream, playback, sound: beep, barge_in: false });
        let to = if playback % 2 == 0 { away } else { stream.worker.0 };
        rig.handle.send(now_ns(), Command::JoinRoom { stream, room: room(to, playback), forwards_keys: false });
    }
    rig.handle.send(now_ns(), Command::LeaveRoom { stream });
    rig.handle.send(now_ns(), Command::StopPlayback { stream });
    rig.handle.send(now_ns(), Command::Echo { stream, mode: EchoMode::Audio });
    rig.settle();
    for expected in 0..4 {
        match rig.next_event() {
            Event::PlaybackEnded { playback, outcome: PlaybackOutcome::Stopped, .. } => assert_eq!(playback, expected),
            other => panic!("{other:?}"),
        }
    }
    peer.say(0x23);
    peer.hear_mark(0x23);
    let metrics = rig.engine.metrics();
    assert_eq!((metrics.loops[0].1.moves, metrics.stream_counter("rooms")), (4, 0));
    assert_eq!(metrics.stream_counter("ops_stale"), 0);
}

#[test]
fn keys_that_are_pressed_while_a_stream_moves_are_reported_once_and_in_order() {
    let mut rig = Rig::start(two_workers(21_120));
    let (stream, mut peer) = rig.open();
    let mut expected = Vec::new();
    for n in 0..30_u8 {
        peer.press(n % 10);
        expected.push(char::from(b'0' + n % 10));
        join(&mut rig, stream, room(n % 2, 1));
        attend(&mut rig, Instant::now() + Duration::from_millis(3));
    }
    rig.settle();
    let mut digits = Vec::new();
    while digits.len() < expected.len() {
        let Event::Digit { digit, .. } = rig.next_event() else { panic!("not a digit") };
        digits.push(digit);
    }
    assert_eq!(digits, expected);
}

#[test]
fn a_stream_may_be_closed_on_its_way_and_its_ports_are_good_for_the_next_call() {
    let mut config = two_workers(21_160);
    config.ports.last = config.ports.first + 3;
    let mut rig = Rig::start(config);
    for round in 0..6 {
        let (stream, mut peer) = rig.open();
        let away = 1 - stream.worker.0;
        // Closed on its way, away, on its way home, and at home again.
        join(&mut rig, stream, room(away, 3));
        if round % 4 > 0 {
            rig.settle();
        }
        if round % 4 > 1 {
            join(&mut rig, stream, room(1 - away, 3));
        }
        if round % 4 > 2 {
            rig.settle();
        }
        rig.handle.send(media_engine::monotonic_ns(), Command::Close { stream });
        closed(&mut rig, stream);
        // The old call's packets disturb nobody, and the ports come back to their own worker.
        peer.say(0x44);
        rig.wait_for("the pair has rested", |metrics| metrics.ports.resting + metrics.ports.leased == 0);
        assert_eq!(rig.engine.metrics().stream_counter("open_streams"), 0);
        let (stream, mut peer) = rig.open();
        rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
        peer.say(0x45);
        peer.hear_mark(0x45);
        rig.close(stream);
        rig.wait_for("the pair has rested", |metrics| metrics.ports.resting + metrics.ports.leased == 0);
    }
    let metrics = rig.engine.metrics();
    assert_eq!((metrics.ports.release_stale, metrics.stream_counter("rooms")), (0, 0));
}

#[test]
fn the_engine_may_end_while_streams_are_on_their_way() {
    for round in 0..10 {
        let mut rig = Rig::start(two_workers(21_200));
        let streams: Vec<_> = (0..8).map(|_| rig.open()).collect();
        for n in 0..=round % 4 {
            for (stream, _) in &streams {
                join(&mut rig, *stream, room((n % 2) as u8, 1));
            }
        }
        std::thread::sleep(Duration::from_micros(150 * round));
        rig.engine.shutdown();
    }
}

#[test]
fn a_room_that_cannot_be_is_refused_and_a_stream_that_is_not_cannot_move() {
    let mut rig = Rig::start(two_workers(21_240));
    let (stream, _peer) = rig.open();
    rig.tell(Command::JoinRoom { stream, room: room(9, 1), forwards_keys: false });
    assert_eq!(rig.next_event(), Event::RoomRefused { stream, room: room(9, 1) });
    rig.close(stream);
    join(&mut rig, stream, room(1 - stream.worker.0, 1));
    rig.settle();
    let metrics = rig.engine.metrics();
    assert_eq!((metrics.loops[0].1.moves_refused, metrics.loops[0].1.held), (1, 0));
    rig.wait_for("it is counted", |metrics| metrics.stream_counter("ops_stale") == 1);
}

#[test]
fn the_recording_of_a_member_goes_on_through_a_move_and_keeps_what_the_member_hears() {
    let mut config = two_workers(21_280);
    let folder = folder("rooms");
    config.recordings.folder = Some(folder.clone());
    let mut rig = Rig::start(config);
    let tones = [500.0, 900.0];
    let mut members: Vec<(StreamId, Peer)> = tones.iter().map(|_| rig.open()).collect();
    assert_ne!(members[0].0.worker, members[1].0.worker);
    let mut sines: Vec<Sine> = tones.iter().map(|hz| Sine::new(*hz, 4000)).collect();
    let (stream, recording) = (members[0].0, RecordingId(4));
    let begun = Instant::now();
    for n in 0..80 {
        match n {
            5 => rig.tell(Command::StartRecording {
                source: stream.into(),
                recording,
                file_stem: "member".into(),
                end_of_silence_ms: 0,
                duration_ms: 0,
            }),
            // Both meet on the worker of the second; then on that of the first.
            10 | 45 => {
                let at = members[usize::from(n == 10)].0.worker.0;
                members.iter().for_each(|(stream, _)| join(&mut rig, *stream, room(at, n)));
            }
            _ => {}
        }
        for ((_, peer), sine) in members.iter_mut().zip(&mut sines) {
            peer.say_payload(0, &frame(sine), true);
        }
        attend(&mut rig, begun + FRAME * (n as u32 + 1));
    }
    rig.settle();
    rig.tell(Command::StopRecording { source: stream.into(), recording });
    let samples = loop {
        if let FromEngine::Recording { fact: RecordingFact::Ended { end, samples, dropped_samples, .. }, .. } =
            rig.next()
        {
            assert_eq!((end, dropped_samples), (RecordingEnd::Stopped, 0));
            break samples;
        }
    };
    assert!((11_000..13_000).contains(&samples), "{samples}");
    for (track, own, other) in [("in", 0, 1), ("out", 1, 0)] {
        let audio = read_wav(&folder.join(format!("member_{track}.wav")));
        let last = &audio[audio.len() - 4_000..];
        let (heard, unheard) = (goertzel(last, tones[own]), goertzel(last, tones[other]));
        assert!(heard > 2_800.0 && unheard < 200.0, "{track}: {heard} and {unheard}");
    }
}

#[test]
fn the_recording_of_a_room_is_one_file_with_the_voices_of_all() {
    let mut config = two_workers(21_320);
    let folder = folder("mix");
    config.recordings.folder = Some(folder.clone());
    let mut rig = Rig::start(config);
    let tones = [500.0, 900.0, 1_300.0];
    let mut members: Vec<(StreamId, Peer)> = tones.iter().map(|_| rig.open()).collect();
    let mut sines: Vec<Sine> = tones.iter().map(|hz| Sine::new(*hz, 4000)).collect();
    let (room, recording) = (room(1, 5), RecordingId(9));
    // Before anybody is there: those of the other worker are still on their way when it begins.
    let (source, file_stem) = (RecordingSource::Room(room), "confbridge_1".to_owned());
    rig.tell(Command::StartRecording { source, recording, file_stem, end_of_silence_ms: 0, duration_ms: 0 });
    members.iter().for_each(|(stream, _)| join(&mut rig, *stream, room));
    let begun = Instant::now();
    for n in 0..60 {
        for ((_, peer), sine) in members.iter_mut().zip(&mut sines) {
            peer.say_payload(0, &frame(sine), true);
        }
        attend(&mut rig, begun + FRAME * (n + 1));
    }
    rig.settle();
    let second = RecordingId(10);
    let file_stem = "confbridge_2".to_owned();
    rig.tell(Command::StartRecording { source, recording: second, file_stem, end_of_silence_ms: 0, duration_ms: 0 });
    members.iter().for_each(|(stream, _)| rig.tell(Command::Close { stream: *stream }));
    // It stands as long as it is recorded.
    std::thread::sleep(FRAME * 5);
    rig.wait_for("all are gone", |metrics| metrics.stream_counter("room_members") == 0);
    assert_eq!(rig.engine.metrics().stream_counter("rooms"), 1);
    rig.tell(Command::StopRecording { source, recording });
    let mut facts = Vec::new();
    while facts.len() < 3 {
        if let FromEngine::Recording { source: told, recording, fact } = rig.next() {
            assert_eq!(told, source);
            facts.push((recording.0, fact));
        }
    }
    assert_eq!(facts[0], (9, RecordingFact::Started));
    let (10, RecordingFact::Ended { end: RecordingEnd::Failed(why), samples: 0, .. }) = &facts[1] else {
        panic!("{facts:?}")
    };
    assert_eq!(why, "another recording of this conference is running");
    let (9, RecordingFact::Ended { end, samples, gap_samples_in, gap_samples_out, dropped_samples }) = facts[2].clone()
    else {
        panic!("{facts:?}")
    };
    assert_eq!((end, gap_samples_out, dropped_samples), (RecordingEnd::Stopped, 0, 0));
    assert!(gap_samples_in < samples / 10, "{gap_samples_in} of {samples}");
    let audio = read_wav(&folder.join("confbridge_1_in.wav"));
    assert_eq!((audio.len() as u64, folder.join("confbridge_1_out.wav").exists()), (samples, false));
    assert!((9_600..16_000).contains(&audio.len()), "{}", audio.len());
    for hz in tones {
        let heard = goertzel(&audio[5_000..9_000], hz);
        assert!((3_000.0..5_000.0).contains(&heard), "{hz} Hz: {heard}");
    }
    rig.wait_for("the room is gone with its recording", |metrics| metrics.stream_counter("rooms") == 0);
}
