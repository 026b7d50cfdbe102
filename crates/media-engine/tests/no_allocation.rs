//! A worker thread neither allocates nor frees, from its first round on. Counted by the allocator of this test program.
#![allow(clippy::unwrap_used)] // test code outside of test functions
#![allow(unsafe_code)] // a GlobalAlloc

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::{RecordingId, RoomId, WorkerId};
use media_core::{Command, EchoMode, Event, RecordingEnd, RecordingFact, RecordingSource};
use media_engine::{FromEngine, monotonic_ns};
use support::{Rig, config, folder};

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// The tests of this file count into the same numbers, so they take turns.
static TURN: Mutex<()> = Mutex::new(());
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

struct Counting;

fn count(counter: &AtomicU64) {
    // Fails only while the thread's locals are being taken down, long after its last round.
    if WATCHED.try_with(Cell::get).unwrap_or(false) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it came; counting touches atomics and a constant-initialised
// thread local, neither of which allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&ALLOCATED);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(&FREED);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(&ALLOCATED);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn record(rig: &mut Rig, source: impl Into<RecordingSource>, number: u128, duration_ms: u64) {
    let (recording, file_stem) = (RecordingId(number), format!("recording_{number}"));
    rig.tell(Command::StartRecording {
        source: source.into(),
        recording,
        file_stem,
        end_of_silence_ms: 0,
        duration_ms,
    });
}

fn counted() -> (u64, u64) {
    (ALLOCATED.load(Ordering::Relaxed), FREED.load(Ordering::Relaxed))
}

#[test]
fn a_second_of_echo_prompt_and_digits_allocates_and_frees_nothing() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut config = config(20_600, 20_699);
    config.workers = 2;
    config.recordings.folder = Some(folder("no-allocation"));
    config.worker_hook = Some(Arc::new(|_| {
        drop(std::hint::black_box(Box::new(1))); // not counted yet
        WATCHED.set(true);
    }));
    let mut rig = Rig::start(config);
    let beep = rig.beep();
    let started = counted();

    let mut echoes: Vec<_> = (0..5).map(|_| rig.open()).collect();
    let prompts: Vec<_> = (0..5).map(|_| rig.open()).collect();
    for (stream, _) in &echoes {
        rig.tell(Command::Echo { stream: *stream, mode: EchoMode::Stream });
    }
    let recorded: Vec<_> = echoes.iter().chain(&prompts).map(|(stream, _)| *stream).collect();
    for (number, stream) in recorded.iter().enumerate() {
        record(&mut rig, *stream, number as u128, 0);
    }
    // One room is recorded from before anybody is in it, whoever comes and goes.
    let (room, recording) = (RoomId { worker: WorkerId(1), number: 1 }, RecordingId(77));
    record(&mut rig, room, recording.0, 0);
    let begun = Instant::now();
    let mut playback = 0;
    while begun.elapsed() < Duration::from_millis(1_200) {
        for (stream, peer) in &prompts {
            // Each replaces the one before: sounds are retired all the time.
            rig.tell(Command::Play { stream: *stream, playback, sound: beep, barge_in: false });
            rig.tell(Command::SendDigits { stream: *stream, digits: "12".into(), duration_ms: 100, interval_ms: 0 });
            peer.hear();
            playback += 1;
        }
        for (_, peer) in &mut echoes {
            peer.say(0x31);
            peer.press(5);
        }
        std::thread::sleep(Duration::from_millis(20));
        // Some go from room to room, of one worker and of the other.
        for (at, stream) in recorded.iter().enumerate().skip(playback as usize % 3).step_by(3) {
            let room = RoomId { worker: WorkerId((playback / 5 % 2) as u8), number: at as u64 % 2 };
            rig.handle.send(monotonic_ns(), Command::JoinRoom { stream: *stream, room, forwards_keys: false });
        }
        rig.handle.send(monotonic_ns(), Command::LeaveRoom { stream: recorded[4] });
        rig.settle();
        if playback == 150 {
            // Some end by command, some by themselves, and new ones begin.
            for (number, stream) in recorded.iter().enumerate().step_by(2) {
                rig.tell(Command::StopRecording { source: (*stream).into(), recording: RecordingId(number as u128) });
                record(&mut rig, *stream, 100 + number as u128, 200);
            }
        }
    }
    let mut ended = 0;
    let mut open: Vec<_> = echoes.iter().chain(&prompts).map(|(stream, _)| *stream).collect();
    for stream in &open {
        rig.tell(Command::Close { stream: *stream });
    }
    rig.tell(Command::StopRecording { source: room.into(), recording });
    while !open.is_empty() || ended < 16 {
        match rig.next() {
            FromEngine::Media(Event::Closed { stream, .. }) => open.retain(|still| *still != stream),
            FromEngine::Recording { fact: RecordingFact::Ended { end, .. }, .. } => {
                assert!(!matches!(end, RecordingEnd::Failed(_)), "{end:?}");
                ended += 1;
            }
            _ => {}
        }
    }
    rig.wait_for("the numbers of the last round", |metrics| metrics.stream_counter("open_streams") == 0);
    let metrics = rig.engine.metrics();
    assert!(metrics.stream_counter("echoed") > 100 && metrics.stream_counter("digits_received") > 20, "{metrics:#?}");
    assert!(metrics.loops[0].1.moves > 10 && metrics.stream_counter("room_ticks") > 100, "{metrics:#?}");
    assert_eq!(counted(), started, "allocations and frees on the worker's thread");
}

#[test]
fn the_counter_counts() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = std::thread::spawn(|| {
        let before = counted();
        WATCHED.set(true);
        drop(std::hint::black_box(Box::new([0u8; 64])));
        WATCHED.set(false);
        let after = counted();
        (after.0 - before.0, after.1 - before.1)
    });
    assert_eq!(seen.join().unwrap(), (1, 1));
}
