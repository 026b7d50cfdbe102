//! A stream of messages, broken and split anywhere: the same parts come out, each can be looked at, and what is kept is bounded. Two
//! seconds, or `FUZZ_SECONDS`.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

#[path = "../../../fuzz/cases.rs"]
mod cases;
mod wire;

use std::cell::Cell;

use cases::{cases, show};
use sip_core::{MessageStream, ParseReason, StreamPart};
use wire::touch::touch;

/// What comes out when `bytes` come in pieces that end at `ends`.
fn parts(bytes: &[u8], ends: &[usize]) -> (Vec<StreamPart>, Option<ParseReason>) {
    let (mut stream, mut parts, mut from) = (MessageStream::default(), Vec::new(), 0);
    for &end in ends.iter().chain([&bytes.len()]) {
        stream.feed(&bytes[from..end]);
        from = end;
        loop {
            match stream.next_part() {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => break,
                Err(error) => {
                    assert!(!stream.is_amid_message(), "what has failed keeps nothing");
                    return (parts, Some(error.reason));
                }
            }
        }
    }
    (parts, None)
}

#[test]
fn no_stream_breaks_the_cutter_and_no_splitting_changes_what_it_cuts() {
    let seeds = [
        wire::invite_1kb().to_vec(),
        wire::wire(&wire::request("INVITE sip:b@example.com SIP/2.0", "Subject: a\n b\n\tc\n", "v=0\n")).to_vec(),
        wire::wire(&wire::request("ACK sip:b@example.com SIP/2.0", "", "")).to_vec(),
        b"\r\n\r\n".to_vec(),
    ];
    let signs: [&[u8]; 8] =
        [b"\r\n", b"\n", b"\r\n\r\n", b"Content-Length: 5\r\n", b"l:0\r\n", b":", b"9", b"SIP/2.0 200 OK\r\n"];
    let whole = Cell::new(0u64);
    let ran = cases(2.0, 1000, |_, dice| {
        let mut bytes = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let seed: &Vec<u8> = dice.pick(&seeds);
            bytes.extend_from_slice(seed);
        }
        if !dice.one_in(3) {
            dice.mutate(&mut bytes, &signs, &seeds);
        }
        show(&bytes[..]);
        let mut ends: Vec<usize> = (0..dice.below(12)).map(|_| dice.below(bytes.len() + 1)).collect();
        ends.sort_unstable();
        let (found, error) = parts(&bytes, &[]);
        assert_eq!((&found, &error), (&parts(&bytes, &ends).0, &parts(&bytes, &ends).1));
        for part in &found {
            if let StreamPart::Message(message) = part {
                touch(message);
            }
        }
        whole.set(whole.get() + u64::from(error.is_none() && !found.is_empty()));
    });
    assert!(ran < 1000 || whole.get() * 20 > ran, "too few are cut to the end: {} of {ran}", whole.get());
}
