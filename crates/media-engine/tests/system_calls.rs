//! A worker thread makes no system call but send, receive, wait and clock. A seccomp filter on the thread sees to it: any other
//! call ends the process with a message. So each case runs in a process of its own, which is this program started again.
#![allow(clippy::unwrap_used)] // test code outside of test functions
#![allow(unsafe_code)] // prctl and sigaction: a filter written by hand

mod support;

use std::io::Write;
use std::process::{Command as Process, Output};
use std::sync::Arc;

use media_core::{Command, EchoMode, Event, RecordingFact};
use media_engine::FromEngine;
use support::{Rig, config, folder};

/// Which case a child runs.
const CASE: &str = "MEDIA_ENGINE_SYSTEM_CALL_CASE";
/// Exit status of a child that made a forbidden call.
const CAUGHT: i32 = 71;

/// All that a worker may call. The first of a kind that a libc or kernel may choose instead are here as well.
#[cfg(target_arch = "x86_64")]
const ALLOWED: &[i64] = &[
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_clock_gettime,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED: &[i64] = &[
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_clock_gettime,
];

extern "C" fn caught(_signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid siginfo; for SIGSYS its number of the call stands after call address (seccomp(2)): three
    // ints, then a pointer, then the int. Only async-signal-safe calls follow, and _exit does not return.
    unsafe {
        let number = info.cast::<u8>().add(24).cast::<i32>().read_unaligned();
        let mut text = *b"forbidden system call      \n";
        let mut rest = number.unsigned_abs();
        for at in (22..27).rev() {
            text[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        libc::write(2, text.as_ptr().cast(), text.len());
        libc::_exit(CAUGHT);
    }
}

/// From here on the calling thread may call what is [`ALLOWED`] and nothing else.
fn forbid_the_rest() {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let allow = instruction(answer, 0, 0, libc::SECCOMP_RET_ALLOW);
    // Offsets into seccomp_data: the number of the call is the first word, the low half of the first argument is at 16.
    let mut program = vec![instruction(load, 0, 0, 0)];
    for number in ALLOWED {
        program.extend([instruction(equal, 0, 1, *number as u32), allow]);
    }
    // What the handler below needs to say what was caught: write to standard error, and the end of the process.
    program.extend([instruction(equal, 0, 1, libc::SYS_exit_group as u32), allow]);
    program.extend([
        instruction(equal, 0, 3, libc::SYS_write as u32),
        instruction(load, 0, 0, 16),
        instruction(equal, 0, 1, 2),
        allow,
        instruction(answer, 0, 0, libc::SECCOMP_RET_TRAP),
    ]);
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: all zeroes is a valid sigaction; the handler has the signature of SA_SIGINFO; the filter and the program that it
    // points to outlive the calls. The program is leaked, since freeing it may be a forbidden call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = caught as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()), 0);
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        std::mem::forget(program);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter), 0);
    }
}

/// Everything a worker does: open, echo, prompt, keys both ways, rooms, moves, close, sleep, being woken.
fn whole_life(rig: &mut Rig) {
    let beep = rig.beep();
    for round in 0..3_u32 {
        let (stream, mut peer) = rig.open();
        let recording = base::RecordingId(round.into());
        let file_stem = format!("round_{round}");
        rig.tell(Command::StartRecording {
            source: stream.into(),
            recording,
            file_stem,
            end_of_silence_ms: 0,
            duration_ms: 0,
        });
        assert!(matches!(rig.next(), FromEngine::Recording { fact: RecordingFact::Started, .. }));
        rig.tell(Command::Echo { stream, mode: EchoMode::Audio });
        peer.say(0x21);
        peer.hear_mark(0x21);
        // So many that the worker lets them gather.
        for frame in 0..200 {
            peer.say(0x22);
            std::thread::sleep(std::time::Duration::from_micros(if frame % 4 == 0 { 500 } else { 0 }));
        }
        peer.hear_mark(0x22);
        rig.tell(Command::StopRecording { source: stream.into(), recording });
        assert!(matches!(rig.next(), FromEngine::Recording { fact: RecordingFact::Ended { .. }, .. }));
        peer.press(3);
        assert!(matches!(rig.next_event(), Event::Digit { digit: '3', .. }));
        rig.tell(Command::Echo { stream, mode: EchoMode::Off });
        rig.tell(Command::Play { stream, playback: round.into(), sound: beep, barge_in: false });
        assert!(matches!(rig.next_event(), Event::PlaybackEnded { .. }));
        rig.tell(Command::SendDigits { stream, digits: "7".into(), duration_ms: 100, interval_ms: 0 });
        while peer.hear().0 != 101 {}
        // Into a room of its own worker, then into one of the other's, and back home.
        for (to, number) in [(0, 1), (1, 2), (0, 3)] {
            let room = base::RoomId { worker: base::WorkerId(to ^ stream.worker.0), number };
            rig.handle.send(media_engine::monotonic_ns(), Command::JoinRoom { stream, room, forwards_keys: false });
            rig.settle();
            for _ in 0..10 {
                peer.say(0x23);
                peer.hear();
            }
        }
        rig.tell(Command::LeaveRoom { stream });
        rig.tell(Command::Play { stream, playback: 100, sound: beep, barge_in: false });
        rig.close(stream);
        // With nothing open it sleeps until woken.
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
}

/// Runs in the child: the case that the environment names.
fn run_case(case: &str) -> ! {
    let sabotage = case == "sabotage";
    let mut config = config(if sabotage { 20_800 } else { 20_700 }, if sabotage { 20_819 } else { 20_719 });
    config.workers = 2;
    config.recordings.folder = Some(folder("system-calls"));
    config.worker_hook = Some(Arc::new(move |_| {
        forbid_the_rest();
        if sabotage {
            // What a forgotten line in a tick could do.
            // SAFETY: getppid has no arguments and cannot fail.
            unsafe { libc::getppid() };
        }
    }));
    let mut rig = Rig::start(config);
    whole_life(&mut rig);
    std::io::stderr().write_all(b"whole life lived\n").unwrap();
    // Even the end of a thread takes other calls (its signal stack is unmapped). So the process ends around the worker.
    // SAFETY: nothing has to be taken down.
    unsafe { libc::_exit(0) }
}

fn child_of(case: &str) -> Output {
    let program = std::env::current_exe().unwrap();
    Process::new(program).args(["--exact", "child", "--nocapture", "--ignored"]).env(CASE, case).output().unwrap()
}

#[test]
#[ignore = "the other tests start it"]
fn child() {
    if let Ok(case) = std::env::var(CASE) {
        run_case(&case);
    }
}

#[test]
fn a_worker_lives_its_whole_life_with_send_receive_wait_and_clock() {
    let output = child_of("life");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("whole life lived"), "{}: {said}", output.status);
}

#[test]
fn a_forbidden_call_is_caught() {
    let output = child_of("sabotage");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(CAUGHT), "{said}");
    let number = format!("forbidden system call {:05}", libc::SYS_getppid);
    assert!(said.contains(&number), "{said}");
}
