//! What an echoed call costs, beside a bare reflector (one socket per call, receive, send back) and beside one that is recorded.
//! Measurements:
//! `cargo test --release -p media-engine --test cost -- --ignored --nocapture`
#![allow(clippy::unwrap_used)] // test code outside of test functions
#![allow(unsafe_code)] // the reflector's epoll
#![allow(clippy::print_stdout)] // the figures

mod support;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::RecordingId;
use media_core::{Command, EchoMode};
use support::{Peer, Rig, config, folder, stream_config};

const CALLS: usize = 500;
const SECONDS: u64 = 5;

/// CPU time of all threads of this process whose name begins so, ns.
fn cpu_ns(name: &str) -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    tasks
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with(name)))
        .filter_map(|task| fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Sends from every socket once in 20 ms, spread, and takes what comes back. Returns sent and received.
fn drive(callers: &[(UdpSocket, SocketAddr)]) -> (u64, u64) {
    let (mut sent, mut received) = (0, 0);
    let mut packet = vec![0u8; 172];
    packet[0] = 0x80;
    packet[8..12].copy_from_slice(&7u32.to_be_bytes());
    for (socket, _) in callers {
        socket.set_nonblocking(true).unwrap();
    }
    let begun = Instant::now();
    for step in 0..SECONDS * 1_000 {
        let frame = step / 20;
        packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(frame as u32 * 160).to_be_bytes());
        for (socket, to) in callers.iter().skip((step % 20) as usize).step_by(20) {
            while socket.recv(&mut [0; 256]).is_ok() {
                received += 1;
            }
            sent += u64::from(socket.send_to(&packet, to).is_ok());
        }
        let next = begun + Duration::from_millis(step + 1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    std::thread::sleep(Duration::from_millis(50));
    for (socket, _) in callers {
        while socket.recv(&mut [0; 256]).is_ok() {
            received += 1;
        }
    }
    (sent, received)
}

fn report(what: &str, cpu_ns: u64, (sent, received): (u64, u64)) {
    let per_call_us = cpu_ns as f64 / 1_000.0 / CALLS as f64 / SECONDS as f64;
    println!("{what}: {per_call_us:.1} µs of CPU per call and second; {sent} sent, {received} came back");
}

fn engine(ip: &str, first: u16) {
    let mut config = config(first, first + 2 * CALLS as u16 + 1);
    config.ports.ipv4 = Some(ip.parse().unwrap());
    let mut rig = Rig::start(config);
    let leases = rig.ports(CALLS);
    let callers: Vec<_> = leases
        .iter()
        .map(|lease| {
            let peer = Peer::new("127.0.0.2", lease.rtp_port);
            let settings = stream_config(&peer, "127.0.0.1".parse().unwrap());
            rig.tell(Command::Open { stream: lease.stream, config: settings });
            rig.tell(Command::Echo { stream: lease.stream, mode: EchoMode::Audio });
            (peer.rtp, SocketAddr::new("127.0.0.1".parse().unwrap(), lease.rtp_port))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let before_ns = cpu_ns("media-worker");
    let counts = drive(&callers);
    report(&format!("engine bound to {ip}"), cpu_ns("media-worker") - before_ns, counts);
    let metrics = rig.engine.metrics();
    let thread = metrics.workers[0].thread;
    println!(
        "    {} rounds, {} in, {} out, {} frames of its own, {} ticks missed",
        thread.rounds,
        thread.datagrams_in,
        thread.datagrams_out,
        metrics.stream_counter("frames_sent"),
        metrics.stream_counter("missed_ticks")
    );
}

fn reflector() {
    let sockets: Vec<UdpSocket> = (0..CALLS).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let callers: Vec<_> =
        sockets.iter().map(|socket| (UdpSocket::bind("127.0.0.2:0").unwrap(), socket.local_addr().unwrap())).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::Builder::new().name("reflector".into()).spawn({
        let stop = stop.clone();
        move || reflect(&sockets, &stop)
    });
    std::thread::sleep(Duration::from_millis(300));
    let before_ns = cpu_ns("reflector");
    let counts = drive(&callers);
    report("bare reflector", cpu_ns("reflector") - before_ns, counts);
    stop.store(true, Ordering::Relaxed);
    thread.unwrap().join().unwrap();
}

fn reflect(sockets: &[UdpSocket], stop: &AtomicBool) {
    // SAFETY: all buffers outlive the calls and are as long as is said; results are checked where they are used.
    unsafe {
        let epoll = libc::epoll_create1(0);
        for (at, socket) in sockets.iter().enumerate() {
            socket.set_nonblocking(true).unwrap();
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: at as u64 };
            libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event);
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        let mut buffer = [0; 2_048];
        while !stop.load(Ordering::Relaxed) {
            let found = libc::epoll_wait(epoll, events.as_mut_ptr(), 64, 100);
            for event in &events[..found.max(0) as usize] {
                let socket = &sockets[event.u64 as usize];
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..length], from);
                }
            }
        }
        libc::close(epoll);
    }
}

#[test]
#[ignore = "a measurement"]
fn cost_of_an_echoed_call() {
    for _ in 0..2 {
        reflector();
        engine("127.0.0.1", 22_000);
        engine("0.0.0.0", 24_000);
    }
}

/// Echoes `calls` for some seconds; says CPU per call and second of the workers and of the writers, µs.
fn echo_of(calls: usize, first: u16, recorded: bool) -> (f64, f64) {
    let mut config = config(first, first + 2 * calls as u16 + 1);
    // RECORDING_FOLDER: which file system is measured.
    let folder = std::env::var_os("RECORDING_FOLDER").map_or_else(
        || folder("cost"),
        |folder| {
            let folder = std::path::Path::new(&folder).join("cost");
            let _ = fs::remove_dir_all(&folder);
            folder
        },
    );
    config.recordings.folder = Some(folder.clone());
    let mut rig = Rig::start(config);
    let callers: Vec<_> = rig
        .ports(calls)
        .iter()
        .map(|lease| {
            let peer = Peer::new("127.0.0.2", lease.rtp_port);
            let stream = lease.stream;
            rig.tell(Command::Open { stream, config: stream_config(&peer, "127.0.0.1".parse().unwrap()) });
            rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
            if recorded {
                let (recording, file_stem) = (RecordingId(stream.slot.into()), format!("call_{}", stream.slot));
                rig.tell(Command::StartRecording {
                    source: stream.into(),
                    recording,
                    file_stem,
                    end_of_silence_ms: 0,
                    duration_ms: 0,
                });
            }
            (peer.rtp, SocketAddr::new("127.0.0.1".parse().unwrap(), lease.rtp_port))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let before = ["media-worker", "recording-"].map(cpu_ns);
    let (sent, received) = drive(&callers);
    let after = ["media-worker", "recording-"].map(cpu_ns);
    let lag_us = rig.engine.metrics().recordings.writer_lag_us;
    rig.engine.shutdown();
    let _ = fs::remove_dir_all(folder);
    let [workers, writers] = [0, 1].map(|at| (after[at] - before[at]) as f64 / 1_000.0 / calls as f64 / SECONDS as f64);
    println!(
        "{calls} calls, {}recorded: workers {workers:.1} µs, writers {writers:.1} µs of CPU per call and second; \
         {sent} sent, {received} came back; writers {lag_us} µs late",
        if recorded { "" } else { "not " }
    );
    (workers, writers)
}

#[test]
#[ignore = "a measurement"]
fn cost_of_a_recorded_call() {
    let calls = std::env::var("CALLS").map_or(1_000, |calls| calls.parse().unwrap());
    for _ in 0..3 {
        let (plain, none) = echo_of(calls, 22_000, false);
        let (workers, writers) = echo_of(calls, 26_000, true);
        println!("    recorded/not recorded: {:.2}", (workers + writers) / (plain + none));
    }
}
