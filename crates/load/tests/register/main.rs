//! Registrations against a small registrar: what is right is found right, and each fault by its figure.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod registrar;

use std::sync::atomic::Ordering;

use clap::Parser;
use load::{Args, Report};
use registrar::{Faults, Registrar};

fn arguments(registrar: &Registrar, options: &str) -> Args {
    let uri = format!("sip:{}", registrar.address);
    let words = ["load", "register", uri.as_str(), "--no-progress"].into_iter().chain(options.split_whitespace());
    Args::try_parse_from(words).unwrap()
}

fn register(registrar: &Registrar, options: &str) -> Report {
    load::execute(&arguments(registrar, options)).unwrap()
}

fn figure(report: &Report, name: &str) -> f64 {
    report.figure(name).unwrap_or_else(|| panic!("no figure {name} in\n{report}"))
}

#[test]
fn everybody_registers_refreshes_and_leaves_from_several_sockets() {
    let registrar = Registrar::start(Faults::default());
    let report = register(
        &registrar,
        &format!(
            "--users 60 --users-per-socket 25 --rate 300 --refresh-rate 200 --duration 2 --unregister --strict --server-pid {}",
            std::process::id()
        ),
    );
    assert!(report.unmet().is_empty(), "{report}");
    assert_eq!(figure(&report, "register.accepted"), 60.0);
    assert_eq!(figure(&report, "register.removed"), 60.0);
    let refreshed = figure(&report, "register.refreshed");
    assert!((350.0..=402.0).contains(&refreshed), "{report}");
    // The nonce goes on being used: nobody is challenged twice.
    assert_eq!(figure(&report, "register.challenged"), 60.0);
    assert_eq!(figure(&report, "register.first.count"), 60.0);
    assert!(registrar.sha256_seen.load(Ordering::Relaxed) >= 60, "the first offered algorithm is taken");
}

#[test]
fn md5_is_used_where_it_is_wanted_and_a_nonce_that_is_too_old_is_replaced() {
    let registrar = Registrar::start(Faults { nonce_uses: Some(7), ..Faults::default() });
    let report = register(&registrar, "--users 10 --rate 100 --duration 1 --refresh-rate 50 --algorithm md5 --strict");
    assert!(report.unmet().is_empty(), "{report}");
    assert!(figure(&report, "register.stale") >= 3.0, "{report}");
    assert_eq!(registrar.sha256_seen.load(Ordering::Relaxed), 0);
}

#[test]
fn wrong_passwords_are_refused_and_a_registrar_that_takes_them_is_found_out() {
    let registrar = Registrar::start(Faults::default());
    let options = "--users 20 --rate 200 --duration 0 --wrong-password 25 --strict";
    let report = register(&registrar, options);
    assert!(report.unmet().is_empty(), "{report}");
    assert_eq!((figure(&report, "register.wrong_refused"), figure(&report, "register.accepted")), (5.0, 15.0));
    let trusting = Registrar::start(Faults { trusts_everybody: true, ..Faults::default() });
    assert_eq!(figure(&register(&trusting, options), "register.wrong_accepted"), 5.0);
    let forgetful = Registrar::start(Faults { lists_nothing: true, ..Faults::default() });
    assert_eq!(figure(&register(&forgetful, options), "register.unlisted"), 15.0);
}

#[test]
fn a_registrar_that_is_not_there_is_told_as_such() {
    let words = "load register sip:127.0.0.1:9 --users 2 --duration 0 --timeout-ms 700 --no-progress";
    let report = load::execute(&Args::try_parse_from(words.split(' ')).unwrap()).unwrap();
    assert_eq!(figure(&report, "register.timed_out"), 2.0, "{report}");
    assert!(report.is_empty());
    for wrong in ["sip:192.0.2.1", "sip:127.0.0.1 --rate 0", "sip:127.0.0.1 --require register.what<=0"] {
        let words = ["load", "register"].into_iter().chain(wrong.split(' '));
        assert!(load::execute(&Args::try_parse_from(words).unwrap()).is_err(), "{wrong}");
    }
}

#[test]
fn each_kind_of_sabotage_is_noticed() {
    let registrar = Registrar::start(Faults::default());
    let kinds: Vec<&str> = load::fault_kinds(&arguments(&registrar, "")).collect();
    assert_eq!(kinds.len(), 8);
    for kind in kinds {
        let report = register(
            &registrar,
            &format!(
                "--users 12 --rate 200 --duration 1 --refresh-rate 40 --unregister --wrong-password 10 --timeout-ms 1200 --strict --sabotage {kind}"
            ),
        );
        assert_eq!(report.detector_fired(), Some(true), "{kind}:\n{report}");
    }
}
