//! Requests to a small REST API: what is right is found right, and each fault by its figure.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod api;

use api::{Api, Faults};
use clap::Parser;
use load::{Args, Report};

fn arguments(api: &Api, options: &str) -> Args {
    let url = format!("http://{}", api.address);
    let words = ["load", "http", url.as_str(), "--no-progress"].into_iter().chain(options.split_whitespace());
    Args::try_parse_from(words).unwrap()
}

fn ask(api: &Api, options: &str) -> Report {
    load::execute(&arguments(api, options)).unwrap()
}

fn figure(report: &Report, name: &str) -> f64 {
    report.figure(name).unwrap_or_else(|| panic!("no figure {name} in\n{report}"))
}

const STEADY: &str = "--key vb_right --reads 200 --writes 50 --duration 2 --strict";

#[test]
fn reads_and_writes_keep_their_rates_and_leave_nothing_behind() {
    let api = Api::start(Faults::default());
    let report = ask(&api, &format!("{STEADY} --server-pid {}", std::process::id()));
    assert!(report.unmet().is_empty(), "{report}");
    assert!((395.0..=405.0).contains(&figure(&report, "http.reads.done")), "{report}");
    // Sequences that were begun are ended, so there may be some more.
    assert!((95.0..=130.0).contains(&figure(&report, "http.writes.done")), "{report}");
    assert!(figure(&report, "http.statuses.204") > 20.0, "{report}");
    assert_eq!(api.flows(), 1, "what was created is deleted again");
}

#[test]
fn a_server_that_is_slow_is_slow_in_the_figures_also_when_the_connections_are_all_busy() {
    let api = Api::start(Faults { delay_ms: 100, ..Faults::default() });
    // Two connections can carry 20 requests per second.
    let report = ask(&api, "--key vb_right --reads 40 --connections 2 --duration 2");
    assert!(figure(&report, "http.reads.latency.p99_ms") > 1000.0, "{report}");
}

#[test]
fn wrong_keys_bodies_and_closed_connections_are_told_apart() {
    let api = Api::start(Faults { closes: true, ..Faults::default() });
    let report = ask(&api, &STEADY.replace("--strict", ""));
    assert!(figure(&report, "http.reconnected") > 300.0, "{report}");
    let api = Api::start(Faults { no_token: true, ..Faults::default() });
    let report = ask(&api, STEADY);
    assert!(figure(&report, "http.wrong_body") > 50.0, "{report}");
    let error = load::execute(&arguments(&api, "--key wrong")).unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    for wrong in ["--reads 0", "--mix /nonexistent", "--key vb_right --require http.what<=0"] {
        assert!(load::execute(&arguments(&api, wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn each_kind_of_sabotage_is_noticed() {
    let api = Api::start(Faults::default());
    let kinds: Vec<&str> = load::fault_kinds(&arguments(&api, "")).collect();
    assert_eq!(kinds.len(), 6);
    for kind in kinds {
        let report = ask(&api, &format!("{STEADY} --duration 1 --sabotage {kind}").replacen("--duration 2", "", 1));
        assert_eq!(report.detector_fired(), Some(true), "{kind}:\n{report}");
    }
}
