//! Webhooks of a small sender: what is right is found right, and each fault by its figure.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use load::{Args, Report};
use sha2::Sha256;

fn arguments(address: SocketAddr, options: &str) -> Args {
    let listen = address.to_string();
    let words = ["load", "webhook-sink", "--listen", listen.as_str()].into_iter().chain(options.split_whitespace());
    Args::try_parse_from(words).unwrap()
}

/// What the sink found while `send` sent to it.
fn received(options: &str, send: impl FnOnce(SocketAddr)) -> Report {
    // An address for each, since the port is let go before the sink has it.
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let ip = Ipv4Addr::new(127, 0, 7, NEXT.fetch_add(1, Ordering::Relaxed));
    let address = TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap();
    let args = arguments(address, &format!("--secret s3cret --duration 1 {options}"));
    std::thread::scope(|scope| {
        let sink = scope.spawn(|| load::execute(&args).unwrap());
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        send(address);
        sink.join().unwrap()
    })
}

fn event(name: &str, id: &str) -> String {
    let time = "2026-01-01T00:00:00.000000Z";
    format!(r#"{{"type":"{name}","data":{{"id":"{id}","tm_create":"{time}","tm_hangup":"{time}"}}}}"#)
}

/// Sends each body by a request of its own over one connection, and returns all that came back.
fn deliver(address: SocketAddr, bodies: &[String]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut answers = String::new();
    for body in bodies {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(body.as_bytes());
        let signature: String = mac.finalize().into_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
        let request = format!(
            "POST /hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-VoIPBIN-Signature: sha256={signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(request.as_bytes()).is_err() {
            break;
        }
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap_or(0);
        answers.push_str(&String::from_utf8_lossy(&answer[..length]));
    }
    answers
}

fn whole_calls(address: SocketAddr) {
    for id in ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1", "b2"] {
        let bodies = ["call_created", "call_progressing", "call_hangup"].map(|name| event(name, id));
        let answers = deliver(address, &bodies);
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    }
}

#[test]
fn whole_calls_are_found_whole_and_their_delays_are_told() {
    let report = received("--calls 11 --strict", whole_calls);
    assert!(report.unmet().is_empty(), "{report}");
    assert_eq!(report.figure("webhook.complete"), Some(11.0));
    assert_eq!(report.figure("webhook.signed"), Some(33.0));
    assert_eq!(report.figure("webhook.names.call_created"), Some(11.0));
    assert!(report.figure("webhook.hangup_delay.p50_ms").unwrap() > 0.0, "{report}");
}

#[test]
fn each_kind_of_sabotage_is_noticed() {
    let kinds: Vec<&str> = load::fault_kinds(&arguments("127.0.0.1:9".parse().unwrap(), "")).collect();
    assert_eq!(kinds.len(), 8);
    let silent: Vec<String> = std::thread::scope(|scope| {
        let try_one = |kind: &'static str| {
            let report = received(&format!("--calls 11 --strict --sabotage {kind}"), whole_calls);
            (report.detector_fired() != Some(true)).then(|| format!("{kind}:\n{report}"))
        };
        let running: Vec<_> = kinds.iter().map(|kind| scope.spawn(move || try_one(kind))).collect();
        running.into_iter().filter_map(|run| run.join().unwrap()).collect()
    });
    assert!(silent.is_empty(), "these did not notice: {}", silent.join("\n"));
}

#[test]
fn a_receiver_behaves_as_badly_as_it_is_told_to() {
    let one = [event("call_created", "a1")];
    for (behaviour, begins) in [
        ("hang", ""),
        ("drop", ""),
        ("redirect", "HTTP/1.1 307 Temporary Redirect"),
        ("error", "HTTP/1.1 500"),
        ("huge", "HTTP/1.1 200 OK\r\nContent-Length: 1073741824"),
        ("nonsense", "\0"),
    ] {
        let report = received(&format!("--behave {behaviour}"), |address| {
            let answer = deliver(address, &one);
            assert!(answer.starts_with(begins) && answer.is_empty() == begins.is_empty(), "{behaviour}: {answer}");
        });
        assert_eq!(report.figure("webhook.mistreated"), Some(1.0), "{behaviour}:\n{report}");
    }
}

#[test]
fn an_event_that_was_refused_may_come_again_and_a_share_is_kept() {
    let report = received("--behave error --share 50", |address| {
        let bodies: Vec<String> = (0..10).map(|at| event("call_created", &(at / 2).to_string())).collect();
        let answers = deliver(address, &bodies);
        assert_eq!(answers.matches("HTTP/1.1 500").count(), 5, "{answers}");
    });
    // Each first is answered by 200, each second refused: it came again though it had been answered.
    assert_eq!(report.figure("webhook.duplicates"), Some(5.0), "{report}");
}
