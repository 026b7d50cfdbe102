//! Calls of each mode against the small target.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod support;

use clap::Parser;
use load::{Args, Report};
use support::Target;

fn call(target: &str, options: &str) -> Report {
    let words = ["load", target, "--no-progress"].into_iter().chain(options.split_whitespace());
    load::execute(&Args::try_parse_from(words).unwrap()).unwrap()
}

fn figure(report: &Report, name: &str) -> f64 {
    report.figure(name).unwrap_or_else(|| panic!("no figure {name} in\n{report}"))
}

#[test]
fn every_frame_of_every_echo_call_comes_back_on_two_threads() {
    let target = Target::start();
    let report = call(&target.uri("echo"), "--calls 20 --rate 40 --duration 2 --threads 2 --strict");
    assert!(report.unmet().is_empty(), "{report}");
    assert_eq!(figure(&report, "calls.completed"), 20.0, "{report}");
    let sent = figure(&report, "media.sent");
    assert!(sent > 20.0 * 50.0, "{report}");
    assert_eq!(figure(&report, "media.returned"), sent);
    assert_eq!(figure(&report, "run.peak_calls"), 20.0);
}

#[test]
fn a_prompt_is_heard_with_its_tone_and_length() {
    let target = Target::start();
    let heard =
        call(&target.uri("prompt"), "--mode prompt --calls 2 --duration 3 --expect-prompt 1900 --tone 1000 --strict");
    assert!(heard.unmet().is_empty(), "{heard}");
    assert_eq!(figure(&heard, "media.tone_frames"), 200.0, "{heard}");
    let missed =
        call(&target.uri("prompt"), "--mode prompt --calls 2 --duration 3 --expect-prompt 2900 --tone 1300 --strict");
    assert_eq!(figure(&missed, "failures.prompt_short.count"), 2.0, "{missed}");
    assert_eq!(figure(&missed, "failures.tone_missing.count"), 2.0, "{missed}");
    assert!(!missed.unmet().is_empty());
}

#[test]
fn calls_are_set_up_and_ended_one_after_the_other_up_to_the_number_wanted() {
    let target = Target::start();
    let report = call(&target.uri("echo"), "--mode setup --calls 5 --rate 100 --hold 200 --duration 2 --strict");
    assert!(report.unmet().is_empty(), "{report}");
    assert!(figure(&report, "calls.started") > 20.0, "{report}");
    assert_eq!(figure(&report, "sip.bye.count"), figure(&report, "calls.answered"));
    assert!(figure(&report, "run.peak_calls") <= 5.0);
    assert!(
        figure(&report, "own.held_back_s") > 0.0,
        "100 calls per second do not fit into 5 calls of 0.2 s:\n{report}"
    );
}

#[test]
fn each_caller_of_a_room_hears_the_others_and_nobody_else() {
    let target = Target::start();
    let report = call(
        &target.uri("room{n}"),
        "--mode room --calls 9 --room-size 5 --talkers 3 --rate 50 --duration 4 --threads 2 --strict --max-generator-late 100",
    );
    assert!(report.unmet().is_empty(), "{report}");
    // Rooms of five and four callers: three talkers hear two tones, the others three.
    let windows = figure(&report, "room.windows");
    assert!(windows >= 9.0 * 8.0, "{report}");
    assert!(figure(&report, "room.heard") > windows * 2.0 && figure(&report, "room.heard") < windows * 3.0, "{report}");
}

#[test]
fn a_room_that_is_never_full_proves_nothing() {
    let target = Target::start();
    let report = call(&target.uri("room{n}"), "--mode room --calls 4 --rate 1 --duration 3");
    assert_eq!(figure(&report, "room.windows"), 0.0, "{report}");
    assert!(figure(&report, "failures.not_judged.count") >= 1.0, "{report}");
}

#[test]
fn the_time_to_the_first_sound_leaves_out_the_silence_before_it() {
    let target = Target::start();
    let report = call(&target.uri("talk"), "--mode talk --calls 3 --hold 1500 --duration 4 --strict");
    assert!(report.unmet().is_empty(), "{report}");
    let (count, p50) = (figure(&report, "media.first_sound.count"), figure(&report, "media.first_sound.p50_ms"));
    assert!(count >= 3.0 && (200.0..350.0).contains(&p50), "{report}");
    assert!(figure(&report, "media.first_packet.p50_ms") < 100.0, "{report}");
    let silent = call(&target.uri("room1"), "--mode talk --calls 1 --hold 1500 --duration 4");
    assert!(figure(&silent, "failures.no_sound.count") >= 1.0, "{silent}");
}

#[test]
fn a_call_that_only_rings_is_cancelled_and_a_refused_one_is_told_in_words() {
    let target = Target::start();
    let ringing = call(&target.uri("ringing"), "--calls 2 --duration 2 --rate 2 --answer-timeout-ms 300");
    let failed = figure(&ringing, "failures.no_answer.count");
    assert!(failed >= 2.0, "{ringing}");
    assert_eq!(figure(&ringing, "sip.cancelled"), failed);
    assert_eq!(figure(&ringing, "calls.failed"), failed);
    let refused = call(&target.uri("nobody"), "--calls 1 --duration 1 --rate 2");
    assert!(figure(&refused, "failures.refused_404.count") >= 1.0, "{refused}");
    assert!(refused.to_string().contains("404 Not Found"), "{refused}");
    assert!(refused.unmet()[0].starts_with("required calls.failed<=0: "), "nobody had to ask for it: {refused}");
    let foreseen = call(&target.uri("nobody"), "--calls 1 --duration 1 --rate 2 --max-failures 9");
    assert_eq!(foreseen.unmet(), [""; 0], "{foreseen}");
}

#[test]
fn faults_that_nobody_asked_about_are_named_in_the_end() {
    let target = Target::start();
    let echo = "--calls 2 --rate 4 --duration 2";
    let spoiled = call(&target.uri("echo"), &format!("{echo} --sabotage repeat-frame"));
    assert!(spoiled.to_string().contains("FAULTS that --strict would not pass: media.duplicates "), "{spoiled}");
    let clean = call(&target.uri("echo"), echo);
    assert!(clean.unmet().is_empty() && !clean.to_string().contains("FAULTS"), "{clean}");
    let asked = call(&target.uri("echo"), &format!("{echo} --sabotage repeat-frame --strict"));
    assert!(!asked.to_string().contains("FAULTS"), "{asked}");
}

#[test]
fn a_target_that_is_not_there_gives_no_response_and_an_unknown_figure_is_refused_before_the_run() {
    let report = call("sip:echo@127.0.0.1:9", "--calls 1 --duration 1 --rate 1 --answer-timeout-ms 700");
    assert!(figure(&report, "failures.no_response.count") >= 1.0, "{report}");
    assert!(figure(&report, "sip.invite_repeated") >= 1.0, "{report}");
    let words = ["load", "sip:echo@127.0.0.1:9", "--require", "media.nothing<=0"];
    let error = load::execute(&Args::try_parse_from(words).unwrap()).unwrap_err();
    assert!(error.to_string().contains("media.nothing"), "{error}");
}
