//! Configuration and provisioning from a hasty hand: mutated TOML, environment and JSON are read or refused in one clear
//! message, never with a panic. About a second each, or `FUZZ_SECONDS`.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

#[path = "../../../fuzz/cases.rs"]
mod cases;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use cases::{Dice, cases, show};
use flowswitch_server::config::{Config, ConfigError, Problem};
use flowswitch_server::provision;
use model::Timestamp;

const MANUAL: &str = include_str!("../../../conf/flowswitch.toml");
const DEMO: &str = include_str!("../../../conf/demo.json");

const TOML: [&str; 4] = [
    MANUAL,
    "data_dir = \"d\"\nprovision = [\"a.json\", 'b.json']\n[[sip.udp]]\naddress = \"::1\"\nport = 5070\n[[sip.udp]]\nport = 5071\n",
    "[rtp]\nfirst_port = 20_000\nlast_port = 0x7530\n[log]\nlevel = \"info,flowswitch::sip=debug\"\n[http]\nport = 1\n",
    "sip.udp = [{ address = \"127.0.0.1\", port = 5060 }, { port = 5062 }]\nsip.open_networks = [\"10.0.0.0/8\"]\n",
];

const TOML_PIECES: &[&[u8]] = &[
    b"\n",
    b"=",
    b"[",
    b"]",
    b"[[",
    b"]]",
    b"\"",
    b"'''",
    b"\"\"\"",
    b"#",
    b".",
    b",",
    b"{",
    b"}",
    b"-1",
    b"0",
    b"1e999",
    b"nan",
    b"true",
    b"18446744073709551616",
    b"65536",
    b"1979-05-27T07:32:00Z",
    b"\\u0000",
    b"\xc3\xa9",
    b"[sip]\n",
    b"[sip.udp]\n",
    b"[[sip.udp]]\n",
    b"port = 1\n",
    b"a.b.c = 1\n",
    b"x = [[[[[[[[1]]]]]]]]\n",
];

const JSON: [&str; 3] = [
    DEMO,
    r#"{"flows":[{"id":"0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0","name":"a","actions":[{"type":"answer"},{"id":"x","type":"goto","option":{"target_id":"x"}}]}],"numbers":[{"number":"+4930123","call_flow_id":"0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0"}]}"#,
    r#"{"flows":[{"name":"b","actions":[]},{"name":"b","actions":[{"type":"play","option":{"stream_urls":["file:x.wav"]}}]}],"numbers":[],"queues":[]}"#,
];

const JSON_PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"1e-400",
    b"\"\\ud800\"",
    b"\"\\u0000\"",
    b"99999999999999999999",
    b"\"id\":\"x\",",
    b"\"actions\":{},",
    b"\"flows\":[],",
    b"\"numbers\":{},",
    b"\n\n",
    b"[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"\xef\xbb\xbf",
];

/// Names of variables: right, nearly right, and wrong.
fn variable(dice: &mut Dice) -> (String, String) {
    let words = [
        "SIP",
        "UDP",
        "0",
        "1",
        "99999999999999999999",
        "PORT",
        "ADDRESS",
        "RTP",
        "FIRST_PORT",
        "HTTP",
        "LOG",
        "LEVEL",
        "PROVISION",
        "",
        "DATA_DIR",
        "é",
    ];
    let mut name = "FLOWSWITCH_".to_owned();
    for place in 0..1 + dice.below(4) {
        if place > 0 {
            name.push_str(if dice.one_in(8) { "_" } else { "__" });
        }
        name.push_str(dice.pick::<&str>(&words));
    }
    let values = [
        "",
        "5070",
        "-1",
        "65536",
        "true",
        "[\"a\", 'b']",
        "[",
        ",,,",
        "127.0.0.1",
        "::1",
        "10.0.0.0/33",
        "debug",
        "\u{0}",
        "é",
        " 7 ",
    ];
    (name, (*dice.pick::<&str>(&values)).to_owned())
}

fn is_clear(error: &ConfigError, names: &[&String]) {
    let words = error.to_string();
    assert!(words.len() < 2_000, "{} octets of message: {words:.300}", words.len());
    assert!(words.starts_with("x.toml") || names.iter().any(|name| words.contains(*name)), "names no place: {words}");
    if let Problem::Value { found, allowed } = &error.problem {
        assert!(!found.is_empty() && !allowed.is_empty(), "found and allowed are missing: {words}");
    }
}

#[test]
fn mutated_configuration_is_read_or_refused_with_its_place() {
    let read = Cell::new(0);
    let ran = cases(1.0, 300, |_, dice| {
        let mut text = dice.pick::<&str>(&TOML).as_bytes().to_vec();
        if !dice.one_in(4) {
            dice.mutate(&mut text, TOML_PIECES, &TOML);
        }
        // What is no UTF-8 never comes here: reading the file refuses it.
        let text = String::from_utf8_lossy(&text).into_owned();
        let some = if dice.one_in(2) { 0 } else { dice.below(4) };
        let variables: BTreeMap<String, String> = (0..some).map(|_| variable(dice)).collect();
        show(format!("{variables:?}\n{text}"));
        match Config::parse(Path::new("x.toml"), &text, &variables) {
            Ok(config) => {
                read.set(read.get() + 1);
                // What was taken is within its bounds and can be written and read again.
                assert!(config.rtp.first_port < config.rtp.last_port && config.sip.t1_ms <= config.sip.t2_ms);
                assert!(config.control.loops > 0 && config.control.urgent_lane > 0 && config.control.new_work_lane > 0);
            }
            Err(error) => is_clear(&error, &variables.keys().collect::<Vec<_>>()),
        }
    });
    assert!(ran < 300 || read.get() * 20 > ran, "only {} of {ran} could be read", read.get());
}

#[test]
fn mutated_provisioning_is_read_or_refused_with_line_and_path() {
    let read = Cell::new(0);
    let ran = cases(1.0, 300, |_, dice| {
        let mut text = dice.pick::<&str>(&JSON).as_bytes().to_vec();
        if !dice.one_in(4) {
            dice.mutate(&mut text, JSON_PIECES, &JSON);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        show(text.as_str());
        match provision::parse(Path::new("x.json"), &text, Timestamp::from_us(7)) {
            Ok(provisioned) => {
                read.set(read.get() + 1);
                for number in provisioned.numbers.values() {
                    let flow = number.call_flow_id;
                    assert!(
                        flow.is_nil() || provisioned.flows.contains_key(&flow),
                        "number {} leads nowhere",
                        number.number
                    );
                }
                let again = provision::parse(Path::new("x.json"), &text, Timestamp::from_us(7));
                assert_eq!(again.as_ref(), Ok(&provisioned), "the same file, other resources");
            }
            Err(error) => {
                assert!(!error.0.is_empty() && error.to_string().lines().count() <= 21, "{error}");
                let lines = text.lines().count().max(1);
                for fault in &error.0 {
                    assert!(fault.line <= lines + 1, "line {} of {lines}: {fault}", fault.line);
                    assert!(!fault.what.is_empty() && fault.what.len() < 2_000, "{fault:.300}");
                }
            }
        }
    });
    assert!(ran < 300 || read.get() * 20 > ran, "only {} of {ran} could be read", read.get());
}

/// Nesting is what recursive readers break on.
#[test]
fn deep_nesting_is_refused_and_not_a_stack_overflow() {
    for (open, close) in [("[", "]"), ("{\"flows\":", "}")] {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let error = provision::parse(Path::new("x.json"), &text, Timestamp::from_us(0)).unwrap_err();
        assert!(error.to_string().len() < 2_000);
    }
    for text in
        [format!("x = {}1{}", "[".repeat(100_000), "]".repeat(100_000)), format!("{}x = 1", "a.".repeat(100_000))]
    {
        let error = Config::parse(Path::new("x.toml"), &text, &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().len() < 2_000, "{:.300}", error.to_string());
    }
}
