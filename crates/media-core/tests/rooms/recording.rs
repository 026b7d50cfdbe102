//! The recording of a room: what it holds, and how long the room stands for it.

use std::sync::{Arc, Mutex};

use base::{LoopId, MS, RecordingId};
use media_core::recording::{Coding, RecorderTap, RecordingRequest, TapEnd, TapPacket, Track};
use media_core::tone::goertzel;
use media_core::{Codec, Command, Op, RecordingSource, Retired};

use crate::support::*;

/// What the worker has handed over.
#[derive(Debug, Default)]
struct Told {
    began_ns: Option<u64>,
    mixes: Vec<Mix>,
    end: Option<(u64, TapEnd)>,
    over: bool,
}

#[derive(Debug)]
struct Mix {
    at_ns: u64,
    timestamp: u32,
    samples: Vec<i16>,
}

#[derive(Debug)]
struct Tap(Arc<Mutex<Told>>);

impl RecorderTap for Tap {
    fn begin(&mut self, now_ns: u64) {
        assert!(self.0.lock().unwrap().began_ns.replace(now_ns).is_none(), "it begins once");
    }

    fn packet(&mut self, packet: &TapPacket<'_>) -> bool {
        assert_eq!((packet.track, packet.coding, packet.source_changed), (Track::In, Coding::Linear, false));
        let mut told = self.0.lock().unwrap();
        let samples = packet.payload.as_chunks().0.iter().map(|octets| i16::from_le_bytes(*octets)).collect();
        told.mixes.push(Mix { at_ns: packet.now_ns, timestamp: packet.timestamp, samples });
        !told.over
    }

    fn end(&mut self, now_ns: u64, end: TapEnd) {
        assert!(self.0.lock().unwrap().end.replace((now_ns, end)).is_none(), "it ends once");
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap().over
    }
}

fn record(hall: &mut Hall, number: u64, recording: u128) -> Arc<Mutex<Told>> {
    let told = Arc::new(Mutex::new(Told::default()));
    let command = Command::StartRecording {
        source: RecordingSource::Room(room(number)),
        recording: RecordingId(recording),
        file_stem: "a".into(),
        end_of_silence_ms: 0,
        duration_ms: 0,
    };
    let tap = |_: RecordingRequest| -> Box<dyn RecorderTap> { Box::new(Tap(told.clone())) };
    let op = Op::resolve(command, LoopId(0), |_| None, tap);
    hall.worker.apply(hall.now_ns, op, &mut hall.outside);
    told
}

fn stop(hall: &mut Hall, number: u64, recording: u128) {
    hall.command(Command::StopRecording {
        source: RecordingSource::Room(room(number)),
        recording: RecordingId(recording),
    });
}

fn samples(told: &Mutex<Told>) -> Vec<i16> {
    told.lock().unwrap().mixes.iter().flat_map(|mix| mix.samples.clone()).collect()
}

/// How it has ended, and how many mixes it got.
fn so_far(told: &Mutex<Told>) -> (Option<TapEnd>, usize) {
    let told = told.lock().unwrap();
    (told.end.map(|(_, end)| end), told.mixes.len())
}

fn taps_retired(hall: &Hall) -> usize {
    hall.outside.retired.iter().filter(|retired| matches!(retired, Retired::Tap(_))).count()
}

#[test]
fn it_holds_the_voices_of_all_who_talk_and_costs_no_encoding() {
    let tones = [500.0, 900.0, 1_300.0];
    let mut hall = Hall::new(
        tones
            .iter()
            .map(|hz| Some(*hz))
            .chain([None])
            .enumerate()
            .map(|(n, hz)| Phone::new(n as u32, [Codec::Pcmu, Codec::Pcma][n % 2], hz))
            .collect(),
    );
    (0..4).for_each(|n| hall.join(n, 1));
    hall.run_ms(500);
    let encodes = |hall: &Hall| hall.counters().room_encodes_pcmu + hall.counters().room_encodes_pcma;
    let before = encodes(&hall);
    hall.run_ms(1_000);
    let unrecorded = encodes(&hall) - before;
    let told = record(&mut hall, 1, 1);
    let before = encodes(&hall);
    hall.run_ms(1_000);
    assert_eq!(encodes(&hall) - before, unrecorded);
    let audio = samples(&told);
    assert_eq!(audio.len(), 50 * 160);
    for hz in tones {
        let peak = goertzel(&audio[..4_000], hz);
        assert!((PEAK * 0.9..PEAK * 1.1).contains(&peak), "{hz} Hz is recorded with a peak of {peak}");
    }
    // It begins with a tick, and each has its place by media time.
    let told = told.lock().unwrap();
    assert_eq!(told.began_ns, Some(told.mixes[0].at_ns));
    for (n, mix) in told.mixes.iter().enumerate() {
        let place = (told.began_ns.unwrap() + n as u64 * 20 * MS, n as u32 * 160);
        assert_eq!((mix.at_ns, mix.timestamp, mix.samples.len()), (place.0, place.1, 160));
    }
}

#[test]
fn what_is_louder_than_can_be_said_is_limited() {
    let loud = |n| {
        let mut phone = Phone::new(n, Codec::Pcmu, Some(500.0));
        phone.peak = 30_000.0;
        phone
    };
    let mut hall = Hall::new((0..3).map(loud).collect());
    (0..3).for_each(|n| hall.join(n, 1));
    hall.run_ms(500);
    let told = record(&mut hall, 1, 1);
    hall.run_ms(200);
    let audio = samples(&told);
    assert!(audio.contains(&i16::MAX) && audio.contains(&i16::MIN), "three loud voices reach both limits");
}

#[test]
fn nobody_talks_or_nobody_is_there_and_silence_is_recorded() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    // Nobody has come yet.
    let told = record(&mut hall, 1, 1);
    hall.run_ms(100);
    (0..2).for_each(|n| hall.join(n, 1));
    hall.run_ms(100);
    // All are gone, and the room stands.
    (0..2).for_each(|n| hall.leave(n));
    assert_eq!((hall.counters().rooms, hall.counters().room_members), (1, 0));
    hall.run_ms(100);
    let audio = samples(&told);
    assert_eq!((audio.len(), audio.iter().all(|sample| *sample == 0)), (15 * 160, true));
    stop(&mut hall, 1, 1);
    assert_eq!(told.lock().unwrap().end, Some((hall.now_ns, TapEnd::Stopped)));
    assert_eq!((hall.counters().rooms, taps_retired(&hall)), (0, 1));
    assert_eq!(hall.worker.next_tick_ns().map(|due_ns| due_ns > hall.now_ns), Some(true), "of the streams alone");
}

#[test]
fn a_second_one_at_once_is_refused_and_stopping_ends_the_right_one() {
    let mut hall = Hall::new(vec![Phone::new(0, Codec::Pcmu, Some(500.0))]);
    hall.join(0, 1);
    let first = record(&mut hall, 1, 1);
    let second = record(&mut hall, 1, 2);
    assert_eq!(second.lock().unwrap().end.map(|(_, end)| end), Some(TapEnd::Busy));
    let began_ns = second.lock().unwrap().began_ns;
    assert_eq!((began_ns, hall.counters().recordings_refused), (None, 1));
    stop(&mut hall, 1, 2);
    stop(&mut hall, 7, 1);
    hall.run_ms(100);
    assert_eq!(so_far(&first), (None, 5));
    stop(&mut hall, 1, 1);
    assert_eq!(so_far(&first), (Some(TapEnd::Stopped), 5));
    let third = record(&mut hall, 1, 3);
    hall.run_ms(100);
    assert_eq!((so_far(&first).1, so_far(&third)), (5, (None, 5)));
}

#[test]
fn one_that_ended_by_itself_is_let_go_and_an_empty_room_with_it() {
    let mut hall = Hall::new(vec![Phone::new(0, Codec::Pcmu, Some(500.0))]);
    hall.join(0, 1);
    let told = record(&mut hall, 1, 1);
    hall.run_ms(100);
    hall.leave(0);
    hall.run_ms(100);
    told.lock().unwrap().over = true;
    hall.run_ms(20);
    assert_eq!((taps_retired(&hall), hall.counters().rooms), (1, 0));
    // Another one takes the place of one that has ended unnoticed.
    hall.join(0, 1);
    let second = record(&mut hall, 1, 2);
    second.lock().unwrap().over = true;
    let third = record(&mut hall, 1, 3);
    assert_eq!((taps_retired(&hall), third.lock().unwrap().end), (2, None));
    assert_eq!(hall.counters().recordings_refused, 0);
}

#[test]
fn ticks_that_were_left_out_leave_a_gap_of_their_length() {
    let mut hall = Hall::new(vec![Phone::new(0, Codec::Pcmu, Some(500.0))]);
    hall.join(0, 1);
    let told = record(&mut hall, 1, 1);
    hall.run_ms(100);
    // The worker does not run for a second.
    hall.now_ns += 1_000 * MS;
    hall.run_ms(100);
    let told = told.lock().unwrap();
    let steps: Vec<u32> = told.mixes.windows(2).map(|pair| (pair[1].timestamp - pair[0].timestamp) / 160).collect();
    assert_eq!(steps.iter().filter(|step| **step != 1).count(), 1, "{steps:?}");
    assert!(steps.iter().sum::<u32>() >= 58, "{steps:?}");
}

#[test]
fn a_worker_with_no_place_for_another_room_says_so() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    hall.join(0, 1);
    hall.join(1, 2);
    let told = record(&mut hall, 3, 1);
    assert_eq!(told.lock().unwrap().end, Some((hall.now_ns, TapEnd::NoPlace)));
    assert_eq!((hall.counters().rooms, taps_retired(&hall)), (2, 1));
}
