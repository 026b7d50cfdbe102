//! Programs that hang, crash, talk rubbish or never end: shell scripts stand in for the speaking one.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::fs;
use std::time::{Duration, Instant};

use speech::{Cancel, Espeak, EspeakConfig, SpeechError, Synthesizer, Unavailable};
use support::{Folder, HEADER, Heard, SECOND, is_alive, runs, speak, stand_in, started, text};

#[test]
fn what_a_program_says_is_heard_and_its_text_comes_by_standard_input() {
    let folder = Folder::new();
    let espeak = started(stand_in(&folder, &format!("echo \"$@\" > $here/args; cat > $here/text; {HEADER}; {SECOND}")));
    assert_eq!(espeak.engine(), "espeak-ng 9.9");
    let (result, heard) = speak(&espeak, &text("Hello; $(reboot) & 'so' on"));
    assert_eq!(result, Ok(()));
    assert_eq!((heard.rate_hz, heard.samples), (8_000, vec![0x1010; 8_000]));
    let said = fs::read_to_string(folder.path("text")).unwrap();
    assert_eq!(said, "Hello; $(reboot) &amp; 'so' on\n");
    let arguments = fs::read_to_string(folder.path("args")).unwrap();
    assert!(arguments.contains("--stdin --stdout") && !arguments.contains("Hello"), "{arguments}");
    let counters = espeak.counters();
    assert_eq!((counters.requests, counters.synthesized, counters.retries, counters.failures), (1, 1, 0, 0));
}

#[test]
fn a_program_that_crashes_once_costs_a_second_attempt_and_nothing_is_heard_twice() {
    let folder = Folder::new();
    // The first run says half and crashes.
    let espeak = started(stand_in(&folder, &format!("{HEADER}; {SECOND}; [ $runs = 1 ] && kill -SEGV $$; {SECOND}")));
    let (result, heard) = speak(&espeak, &text("x"));
    assert_eq!(result, Ok(()));
    assert_eq!(heard.samples.len(), 16_000);
    assert_eq!((runs(&folder), espeak.counters().retries), (2, 1));
}

#[test]
fn a_program_that_crashes_always_is_given_up_with_its_own_words() {
    let folder = Folder::new();
    let espeak = started(stand_in(&folder, "echo 'no dictionary' >&2; exit 3"));
    let (result, heard) = speak(&espeak, &text("x"));
    let why = "the program ended with code 3: no dictionary".to_owned();
    assert_eq!(result, Err(SpeechError::Failed(why)));
    assert!(heard.samples.is_empty());
    let counters = espeak.counters();
    assert_eq!((runs(&folder), counters.retries, counters.failures), (2, 1, 1));
}

#[test]
fn a_program_that_hangs_is_killed_with_all_that_it_started() {
    let folder = Folder::new();
    let espeak = started(stand_in(&folder, "sleep 1000 & echo $$ $! > $here/pids; wait"));
    let began = Instant::now();
    let (result, _) = speak(&espeak, &text("x"));
    assert!(matches!(result, Err(SpeechError::Failed(why)) if why.contains("hangs")));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(runs(&folder), 2);
    let pids = fs::read_to_string(folder.path("pids")).unwrap();
    // The second attempt's; orphans are reaped by the system in its own time.
    for pid in pids.split_whitespace() {
        let ends = Instant::now() + Duration::from_secs(5);
        while is_alive(pid) {
            assert!(Instant::now() < ends, "{pid} still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(espeak.counters().running, 0);
}

#[test]
fn a_program_that_hangs_in_the_middle_is_given_up_and_what_was_said_stays_said() {
    let folder = Folder::new();
    let espeak = started(stand_in(&folder, &format!("{HEADER}; {SECOND}; sleep 1000")));
    let (result, heard) = speak(&espeak, &text("x"));
    assert!(matches!(result, Err(SpeechError::Failed(why)) if why.contains("hangs")));
    assert_eq!((heard.samples.len(), runs(&folder)), (8_000, 2));
}

#[test]
fn the_first_sound_has_a_time_limit_over_all_attempts() {
    let folder = Folder::new();
    let config = EspeakConfig { silence_ms: 300, first_sound_ms: 300, ..stand_in(&folder, "sleep 1000") };
    let (result, _) = speak(&started(config), &text("x"));
    assert!(result.is_err());
    assert_eq!(runs(&folder), 1, "there was no time for another attempt");
}

#[test]
fn a_program_that_drips_is_heard_as_it_comes_and_stopped_when_the_whole_takes_too_long() {
    let folder = Folder::new();
    let drip = format!("{HEADER}; while :; do head -c 1600 /dev/zero; sleep 0.05; done");
    let config = EspeakConfig { whole_ms: 1_500, ..stand_in(&folder, &drip) };
    let (result, heard) = speak(&started(config), &text("x"));
    assert!(matches!(result, Err(SpeechError::TooSlow(_))), "{result:?}");
    assert!(heard.pieces > 3, "{} pieces", heard.pieces);
    assert!(heard.first.unwrap() < Duration::from_millis(1_000), "the first piece is not held back");
}

#[test]
fn a_program_that_never_ends_is_stopped_at_the_longest_sound() {
    let folder = Folder::new();
    let config = EspeakConfig { longest_s: 3, ..stand_in(&folder, &format!("{HEADER}; exec cat /dev/zero")) };
    let (result, heard) = speak(&started(config), &text("x"));
    assert_eq!(result, Err(SpeechError::AudioTooLong { longest_s: 3 }));
    assert_eq!(heard.samples.len(), 24_000);
    assert_eq!(runs(&folder), 1, "another attempt would be no shorter");
}

#[test]
fn rubbish_is_no_sound() {
    for rubbish in ["echo '<html>'", "cat /dev/zero", HEADER, "true", "printf RIFF"] {
        let folder = Folder::new();
        let (result, heard) = speak(&started(stand_in(&folder, rubbish)), &text("x"));
        assert!(matches!(result, Err(SpeechError::Failed(_))), "{rubbish}: {result:?}");
        assert!(heard.samples.is_empty());
        assert_eq!(runs(&folder), 2);
    }
}

#[test]
fn a_program_that_does_not_read_its_text_or_complains_without_end_stops_nobody() {
    let folder = Folder::new();
    let long = "many words ".repeat(2_900);
    let espeak = started(stand_in(&folder, &format!("exec 0<&-; head -c 300000 /dev/zero >&2; {HEADER}; {SECOND}")));
    let (result, heard) = speak(&espeak, &text(&long));
    assert_eq!((result, heard.samples.len()), (Ok(()), 8_000));
}

#[test]
fn a_text_that_is_too_long_or_says_nothing_never_reaches_a_program() {
    let folder = Folder::new();
    let espeak = started(stand_in(&folder, "exit 1"));
    let octets_max = EspeakConfig::default().text_octets_max;
    let (result, _) = speak(&espeak, &text(&"x".repeat(octets_max + 1)));
    assert_eq!(result, Err(SpeechError::TextTooLong { octets: octets_max + 1, octets_max }));
    assert_eq!(speak(&espeak, &text("  ")).0, Err(SpeechError::Empty));
    assert_eq!(runs(&folder), 0);
}

#[test]
#[ignore = "run by the test below, in a process of its own that is killed"]
fn speaks_until_it_is_killed() {
    let Ok(here) = std::env::var("SPEECH_TEST_FOLDER") else { return };
    let folder = Folder(here.into());
    let config = EspeakConfig {
        silence_ms: 60_000,
        first_sound_ms: 60_000,
        ..stand_in(&folder, "echo $$ > $here/new; mv $here/new $here/pid; exec sleep 1000")
    };
    let _ = speak(&started(config), &text("x"));
}

#[test]
fn a_child_dies_with_the_process_that_started_it() {
    let folder = Folder::new();
    let mut ours = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "speaks_until_it_is_killed", "--ignored"])
        .env("SPEECH_TEST_FOLDER", &folder.0)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let ends = Instant::now() + Duration::from_secs(10);
    let pid = loop {
        if let Ok(pid) = fs::read_to_string(folder.path("pid")) {
            break pid;
        }
        assert!(Instant::now() < ends, "it did not begin to speak");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(is_alive(&pid));
    ours.kill().unwrap();
    ours.wait().unwrap();
    while is_alive(&pid) {
        assert!(Instant::now() < ends, "the child outlives its parent");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_synthesis_that_is_cancelled_ends_soon_and_its_child_too() {
    let folder = Folder::new();
    let config = EspeakConfig { silence_ms: 60_000, first_sound_ms: 60_000, ..stand_in(&folder, "sleep 1000") };
    let espeak = started(config);
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let spoken = scope.spawn(|| espeak.synthesize(&text("x"), &cancel, &mut Heard::default()));
        while runs(&folder) == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let began = Instant::now();
        cancel.cancel();
        assert_eq!(spoken.join().unwrap(), Err(SpeechError::Cancelled));
        assert!(began.elapsed() < Duration::from_secs(5));
    });
    assert_eq!((espeak.counters().running, espeak.counters().failures), (0, 0));
}

#[test]
fn an_ear_that_wants_no_more_ends_the_synthesis() {
    let folder = Folder::new();
    let espeak = started(stand_in(&folder, &format!("{HEADER}; exec cat /dev/zero")));
    let mut heard = Heard { stop_after: Some(2), ..Heard::default() };
    assert_eq!(espeak.synthesize(&text("x"), &Cancel::new(), &mut heard), Err(SpeechError::Cancelled));
    assert_eq!((heard.pieces, runs(&folder)), (2, 1));
}

#[test]
fn children_are_low_and_bounded_and_know_nothing_of_us() {
    let folder = Folder::new();
    // Open while the child runs, and of no concern to it.
    let ours = fs::File::create(folder.path("secret")).unwrap();
    let report = "sleep 0.1; cut -d' ' -f19 /proc/$$/stat > $here/nice; ls -l /proc/$$/fd > $here/fds; env > $here/env; \
                  cat /proc/$$/limits > $here/limits; grep NoNewPrivs /proc/$$/status > $here/privileges; \
                  ls -l /proc/$$/cwd > $here/cwd";
    let (result, _) = speak(&started(stand_in(&folder, report)), &text("x"));
    assert!(result.is_err());
    let said = |name: &str| fs::read_to_string(folder.path(name)).unwrap();
    assert_eq!(said("nice").trim(), "10");
    assert!(!said("fds").contains("secret") && !said("fds").contains("socket:"), "{}", said("fds"));
    let names: Vec<String> = said("env").lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    assert!(
        names.iter().all(|name| ["LC_ALL", "PATH", "PWD", "SHLVL", "_", "OLDPWD"].contains(&name.as_str())),
        "{names:?}"
    );
    let limits = said("limits");
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().replace(name, "");
    assert!(limit("Max cpu time").trim().starts_with("60 "));
    assert!(limit("Max address space").trim().starts_with("1073741824 "));
    assert!(limit("Max core file size").trim().starts_with("0 "));
    assert!(said("cwd").trim().ends_with("-> /"));
    drop(ours);
}

#[test]
fn a_program_that_is_missing_or_something_else_is_explained() {
    let reason = |config| Espeak::start(config).unwrap_err().to_string();
    let missing = EspeakConfig { program: "no-such-program-here".into(), ..EspeakConfig::default() };
    let why = reason(missing);
    assert!(why.contains("is not installed") && why.contains("apt-get install espeak-ng"), "{why}");
    let other = EspeakConfig { program: "/bin/true".into(), ..EspeakConfig::default() };
    assert!(reason(other).contains("does not say its version"));
    let fails = EspeakConfig { program: "/bin/false".into(), ..EspeakConfig::default() };
    assert!(reason(fails).contains("ended with code 1"));

    let unavailable = Unavailable::new(SpeechError::Unavailable("so it is".into()));
    assert_eq!(speak(&unavailable, &text("x")).0, Err(SpeechError::Unavailable("so it is".into())));
}
