//! Every detector fires when its thing is broken on purpose, and none fires when nothing is.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod support;

use clap::Parser;
use load::{Args, Report};
use support::Target;

/// Limits that hold on a busy machine; the sabotage is made large enough to break them nevertheless.
const LIMITS: &str = "--strict --no-progress --max-echo-p99-ms 250 --max-setup-p99-ms 350 \
                      --max-generator-late 60 --require sip.invite_repeated<=0 --require sip.answer_repeated<=0 \
                      --require sip.bye_repeated<=0 --require sip.server_bye_repeated<=0";

/// Of the process that is called, which here is the test itself.
const SERVER_LIMITS: &str = "--max-cpu-per-call-second-ms 300 --max-kib-per-call 4096 \
                             --require server.descriptors_left<=0 --server-pid";

/// Kinds that are tried at the same time: they sleep most of it.
const AT_ONCE: usize = 6;

fn call(target: &str, options: &str) -> Report {
    let words = ["load", target].into_iter();
    let words = words.chain(options.split_whitespace()).chain(LIMITS.split_whitespace());
    load::execute(&Args::try_parse_from(words).unwrap()).unwrap()
}

fn call_and_measure(target: &str, options: &str) -> Report {
    call(target, &format!("{options} {SERVER_LIMITS} {}", std::process::id()))
}

fn options_of(mode: &str) -> (&'static str, &'static str) {
    match mode {
        "echo" => ("echo", "--mode echo --calls 3 --duration 2 --min-on-time 1"),
        "menu" => (
            "menu",
            "--mode menu --calls 2 --hold 1500 --digits-after-ms 200 --tone 700 --tone-within-ms 1000 --duration 3",
        ),
        "room" => ("room{n}", "--mode room --calls 4 --room-size 2 --duration 4"),
        "talk" => ("talk", "--mode talk --calls 2 --hold 1500 --duration 3 --max-first-sound-p99-ms 600"),
        "setup" => ("echo", "--mode setup --calls 3 --hold 700 --duration 1"),
        "bye" => ("bye", "--mode setup --end server --calls 3 --hold 800 --duration 2"),
        _ => unreachable!(),
    }
}

/// One test, so that no other run is measured with those that measure this process.
#[test]
fn each_detector_fires_when_its_thing_is_broken_and_none_when_nothing_is() {
    let target = Target::start();
    for mode in ["echo", "menu", "room", "talk", "setup", "bye"] {
        let (user, options) = options_of(mode);
        let report = call_and_measure(&target.uri(user), options);
        assert!(report.unmet().is_empty(), "{mode} without sabotage:\n{report}");
        assert!(report.figure("calls.completed").unwrap() >= 1.0, "{mode}:\n{report}");
    }
    for kind in ["hog-server", "grow-server", "leak-descriptor"] {
        let report = call_and_measure(&target.uri("echo"), &format!("--calls 3 --duration 1 --sabotage {kind}"));
        assert_eq!(report.detector_fired(), Some(true), "{kind}:\n{report}");
    }
    let silent: Vec<String> = KINDS.chunks(AT_ONCE).flat_map(|kinds| silent_detectors(&target, kinds)).collect();
    assert!(silent.is_empty(), "these did not notice: {}", silent.join("\n"));
}

fn silent_detectors(target: &Target, kinds: &[(&str, &str)]) -> Vec<String> {
    let try_one = |(kind, mode): (&str, &str)| {
        let (user, options) = options_of(mode);
        // Rooms of its own, since several runs go on at once.
        let uri = target.uri(user).replace("room", &format!("room-{kind}-"));
        let report = call(&uri, &format!("{options} --sabotage {kind}"));
        (report.detector_fired() != Some(true)).then(|| format!("{kind}:\n{report}"))
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = kinds.iter().map(|kind| scope.spawn(|| try_one(*kind))).collect();
        running.into_iter().filter_map(|run| run.join().unwrap()).collect()
    })
}

const KINDS: &[(&str, &str)] = &[
    ("swallow-frame", "echo"),
    ("repeat-frame", "echo"),
    ("swap-frames", "echo"),
    ("alter-payload", "echo"),
    ("wrong-call", "echo"),
    ("delay-frame=400", "echo"),
    ("unsteady-frames=400", "echo"),
    ("change-ssrc", "echo"),
    ("skip-sequence", "echo"),
    ("repeat-sequence", "echo"),
    ("jump-sequence", "echo"),
    ("swap-sequence", "echo"),
    ("jump-timestamp", "echo"),
    ("wrong-payload-type", "echo"),
    ("foreign-source", "echo"),
    ("not-rtp", "echo"),
    ("no-media", "echo"),
    ("full-buffer", "echo"),
    ("late-sender", "echo"),
    ("stall-sender", "echo"),
    ("silence", "menu"),
    ("lose-digits", "menu"),
    ("mute-talker", "room"),
    ("own-voice", "room"),
    ("stranger", "room"),
    ("louder", "room"),
    ("hole", "room"),
    ("late-sound=900", "talk"),
    ("no-such-number", "setup"),
    ("lose-invite", "setup"),
    ("drop-200", "setup"),
    ("late-answer=500", "setup"),
    ("lose-ack", "setup"),
    ("lose-bye", "setup"),
    ("ignore-bye", "bye"),
    ("miss-bye", "bye"),
    ("not-sip", "setup"),
];

#[test]
fn the_kinds_tried_here_are_all_there_are() {
    let listed = load::sabotage_kinds();
    let tried = KINDS.iter().map(|(kind, _)| kind.split('=').next().unwrap());
    let mut tried: Vec<&str> = tried.chain(["hog-server", "grow-server", "leak-descriptor"]).collect();
    tried.sort_unstable();
    let mut listed: Vec<&str> = listed.collect();
    listed.sort_unstable();
    assert_eq!(tried, listed);
}
