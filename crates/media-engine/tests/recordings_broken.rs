//! Recordings when the process is killed and when the disk is full. Each case runs in a process of its own, which is this program
//! started again. It is killed at 50 moments; `RECORDING_KILLS=500` kills more often.
#![allow(clippy::unwrap_used)] // test code outside of test functions
#![allow(unsafe_code)] // setrlimit, setpriority

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base::{MS, RecordingId, RoomId};
use media_core::tone::{Sine, goertzel};
use media_core::{Codec, Command, EchoMode, RecordingEnd, RecordingFact, RecordingSource};
use media_engine::{FromEngine, monotonic_ns, repair_recording};
use support::{Peer, Rig, config, folder, read_wav};

/// Which case a child runs, where it records, and from which port on it has twenty.
const CASE: &str = "MEDIA_ENGINE_RECORDING_CASE";
const FOLDER: &str = "MEDIA_ENGINE_RECORDING_FOLDER";
const PORT: &str = "MEDIA_ENGINE_RECORDING_PORT";
/// At so many moments a process is killed, so many side by side: most of the time they speak, and the machine has little to do.
const KILLS: u64 = 50;
const LANES: u16 = 5;
/// What may be missing of what was there when the process was killed.
const MISSING_MAX_NS: u64 = 200 * MS;
const TONE_HZ: f64 = 700.0;
const CALLS: usize = 3;

#[test]
#[ignore = "the other tests start it"]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let first = std::env::var(PORT).unwrap().parse().unwrap();
    match case.as_str() {
        "kill" => record_until_killed(&folder, first),
        "limit" => {
            let limit = libc::rlimit { rlim_cur: 8_000, rlim_max: 8_000 };
            // SAFETY: the limit outlives the call.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
            record_until_full(&folder, first, "the system permits no larger file");
        }
        "full" => record_until_full(&folder, first, "the disk is full"),
        other => panic!("{other}"),
    }
}

fn start(rig: &mut Rig, source: impl Into<RecordingSource>, number: usize) {
    let (recording, file_stem) = (RecordingId(number as u128), format!("call_{number}"));
    rig.tell(Command::StartRecording {
        source: source.into(),
        recording,
        file_stem,
        end_of_silence_ms: 0,
        duration_ms: 0,
    });
}

fn recorder(folder: &Path, first: u16) -> Rig {
    let mut config = config(first, first + 19);
    config.recordings.folder = Some(folder.to_owned());
    Rig::start(config)
}

/// One frame of the tone to each peer, 20 ms after the one before.
struct Speakers {
    sine: Sine,
    next_ns: u64,
}

impl Speakers {
    fn new() -> Speakers {
        Speakers { sine: Sine::new(TONE_HZ, 8_000), next_ns: monotonic_ns() }
    }

    fn speak<'a>(&mut self, peers: impl Iterator<Item = &'a mut Peer>) {
        let payload: Vec<u8> = (0..160).map(|_| Codec::Pcmu.encode(self.sine.next_sample())).collect();
        peers.for_each(|peer| peer.say_payload(0, &payload, true));
        self.next_ns += 20 * MS;
        std::thread::sleep(Duration::from_nanos(self.next_ns.saturating_sub(monotonic_ns())));
    }
}

/// Echoes and records some calls for ever, and a room with one more in it. Says for each when its recording was asked for.
fn record_until_killed(folder: &Path, first: u16) {
    let mut rig = recorder(folder, first);
    let mut calls: Vec<_> = (0..CALLS).map(|_| rig.open()).collect();
    let member = rig.open();
    let mut asked = Vec::new();
    for (number, (stream, _)) in calls.iter().enumerate() {
        rig.tell(Command::Echo { stream: *stream, mode: EchoMode::Audio });
        asked.push(monotonic_ns());
        start(&mut rig, *stream, number);
    }
    let room = RoomId { worker: member.0.worker, number: 1 };
    rig.tell(Command::JoinRoom { stream: member.0, room, forwards_keys: false });
    asked.push(monotonic_ns());
    start(&mut rig, room, CALLS);
    calls.push(member);
    for _ in &calls {
        assert!(matches!(rig.next(), FromEngine::Recording { fact: RecordingFact::Started, .. }));
    }
    let asked: Vec<_> = asked.iter().map(u64::to_string).collect();
    println_now(&format!("recording since {}", asked.join(" ")));
    let mut speakers = Speakers::new();
    loop {
        speakers.speak(calls.iter_mut().map(|(_, peer)| peer));
    }
}

fn println_now(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

/// How late a thread of the writers' priority is on this machine now, ns.
struct Lateness {
    worst_ns: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Lateness {
    fn watch() -> Lateness {
        let (worst_ns, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (worst_ns, stop) = (worst_ns.clone(), stop.clone());
            move || {
                // SAFETY: no pointers; 0 is the calling thread.
                unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
                while !stop.load(Ordering::Relaxed) {
                    let begun_ns = monotonic_ns();
                    std::thread::sleep(Duration::from_millis(10));
                    worst_ns.fetch_max((monotonic_ns() - begun_ns).saturating_sub(10 * MS), Ordering::Relaxed);
                }
            }
        });
        Lateness { worst_ns, stop, thread: Some(thread) }
    }

    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.worst_ns.load(Ordering::Relaxed)
    }
}

fn child_of(case: &str, folder: &Path, first: u16) -> Process {
    let mut child = Process::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child", "--nocapture", "--ignored"]);
    child.env(CASE, case).env(FOLDER, folder).env(PORT, first.to_string());
    child
}

/// Kills a recording process `after_ms` and looks at what it left; says how much is missing at most, ns, and whether a header was
/// behind its data.
fn kill_once(after_ms: u64, round: u64, first: u16) -> (u64, bool) {
    let folder = folder(&format!("killed-{round}"));
    let mut child = child_of("kill", &folder, first).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let asked: Vec<u64> = loop {
        let line = lines.next().expect("the child must start").unwrap();
        if let Some(since) = line.strip_prefix("recording since ") {
            break since.split(' ').map(|ns| ns.parse().unwrap()).collect();
        }
    };
    let lateness = Lateness::watch();
    std::thread::sleep(Duration::from_millis(after_ms));
    let killed_ns = monotonic_ns();
    child.kill().unwrap();
    child.wait().unwrap();
    let late_ns = lateness.end();
    let (mut missing_ns, mut behind) = (0, false);
    for (number, asked_ns) in asked.into_iter().enumerate() {
        let tracks: &[&str] = if number == CALLS { &["in"] } else { &["in", "out"] };
        for track in tracks {
            let path = folder.join(format!("call_{number}_{track}.wav"));
            let before = read_wav(&path);
            let on_disk = fs::metadata(&path).unwrap().len();
            assert!(44 + 2 * before.len() as u64 <= on_disk, "{}: the header says more than there is", path.display());
            behind |= repair_recording(&path).unwrap();
            let samples = read_wav(&path);
            assert_eq!(44 + 2 * samples.len() as u64, fs::metadata(&path).unwrap().len(), "after the repair");
            assert!(samples.starts_with(&before));
            missing_ns = missing_ns.max((killed_ns - asked_ns).saturating_sub(before.len() as u64 * 125_000));
            // It is the tone, and not a hole, from soon after the start to shortly before the end.
            let windows: Vec<_> = samples.as_chunks::<160>().0.iter().map(|window| goertzel(window, TONE_HZ)).collect();
            let heard = windows.iter().filter(|peak| **peak > 6_000.0).count();
            assert!(heard + 25 >= windows.len() * 9 / 10, "{}: {heard} of {}", path.display(), windows.len());
        }
    }
    assert!(
        missing_ns <= MISSING_MAX_NS + late_ns,
        "{} ms are missing after {after_ms} ms; threads are {} ms late on this machine",
        missing_ns / MS,
        late_ns / MS
    );
    fs::remove_dir_all(folder).unwrap();
    (missing_ns, behind)
}

#[test]
fn a_kill_at_any_moment_leaves_whole_files_and_takes_200_ms_at_most() {
    let kills = std::env::var("RECORDING_KILLS").map_or(KILLS, |kills| kills.parse::<u64>().unwrap());
    let mut random = monotonic_ns();
    let moments: Vec<u64> = (0..kills)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            150 + (random >> 33) % 1_100
        })
        .collect();
    let next = AtomicU64::new(0);
    let lane = |lane: u16| {
        let mut seen: Vec<(u64, bool)> = Vec::new();
        loop {
            let round = next.fetch_add(1, Ordering::Relaxed);
            let Some(after_ms) = moments.get(round as usize) else { return seen };
            seen.push(kill_once(*after_ms, round, 23_000 + 20 * lane));
        }
    };
    let mut all: Vec<(u64, bool)> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|number| {
                scope.spawn({
                    let lane = &lane;
                    move || lane(number)
                })
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    assert_eq!(all.len() as u64, kills);
    all.sort_unstable();
    let behind = all.iter().filter(|(_, behind)| *behind).count();
    let missing_ms = |at: usize| all[at].0 / MS;
    println_now(&format!(
        "{kills} kills: {} ms are missing in the middle, {} ms at most; {behind} times a header had to be repaired",
        missing_ms(all.len() / 2),
        missing_ms(all.len() - 1),
    ));
}

/// Records until nothing more can be written, and shows that all else goes on.
fn record_until_full(folder: &Path, first: u16, expected: &str) {
    let mut rig = recorder(folder, first);
    let mut calls = [rig.open(), rig.open()];
    let mut speakers = Speakers::new();
    let streams = calls.each_ref().map(|(stream, _)| *stream);
    for (number, stream) in streams.into_iter().enumerate() {
        rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
        start(&mut rig, stream, number);
    }
    let mut lengths = [0; 2];
    let mut ended = 0;
    while ended < 2 {
        speakers.speak(calls.iter_mut().map(|(_, peer)| peer));
        match rig.inbox.try_recv() {
            Ok(FromEngine::Recording { recording, fact: RecordingFact::Ended { end, samples, .. }, .. }) => {
                assert_eq!(end, RecordingEnd::Failed(expected.into()));
                lengths[recording.0 as usize] = samples;
                ended += 1;
            }
            Ok(FromEngine::Recording { fact: RecordingFact::Started, .. }) | Err(_) => {}
            Ok(other) => panic!("{other:?}"),
        }
    }
    for (number, samples) in lengths.into_iter().enumerate() {
        for track in ["in", "out"] {
            let path = folder.join(format!("call_{number}_{track}.wav"));
            assert_eq!(read_wav(&path).len() as u64, samples);
            assert_eq!(fs::metadata(&path).unwrap().len(), 44 + 2 * samples);
        }
    }
    assert!(lengths[0].max(lengths[1]) > 1_600, "{lengths:?}");
    // The calls go on, and once there is room the next recording does.
    let (_, peer) = &mut calls[0];
    peer.say(0x31);
    peer.hear_mark(0x31);
    let metrics = rig.engine.metrics().recordings;
    assert_eq!((metrics.ended_failed, metrics.write_errors, metrics.running), (2, 2, 0));
    fs::remove_file(folder.join("call_0_in.wav")).unwrap();
    fs::remove_file(folder.join("call_0_out.wav")).unwrap();
    start(&mut rig, streams[0], 7);
    assert!(matches!(rig.next(), FromEngine::Recording { fact: RecordingFact::Started, .. }));
    println_now("the rest went on");
}

#[test]
fn a_file_that_may_not_grow_ends_its_recording_and_nothing_else() {
    let folder = folder("limited");
    let output = child_of("limit", &folder, 23_100).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("the rest went on"), "{}: {said}", output.status);
}

#[test]
fn a_full_disk_ends_its_recordings_and_nothing_else() {
    let folder = folder("full");
    let child = child_of("full", &folder, 23_120);
    // A tiny disk of its own, where the system lets an unprivileged user have one.
    let mut script = Process::new("unshare");
    script.args(["-rm", "sh", "-c", "mount -t tmpfs -o size=48k tmpfs \"$0\" && exec \"$@\""]).arg(&folder);
    script.arg(child.get_program()).args(child.get_args()).env(CASE, "full").env(FOLDER, &folder).env(PORT, "23120");
    let Ok(output) = script.output() else { return println_now("no unshare here: only the limit was tested") };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && (said.contains("unshare failed") || said.contains("mount: ")) {
        return println_now("no file system may be mounted here: only the limit was tested");
    }
    assert!(output.status.success() && said.contains("the rest went on"), "{}: {said}", output.status);
}
