//! A mutational fuzzer that builds on stable: from a corpus of messages by flips, splices, cuts and repetitions. Two seconds,
//! or `FUZZ_SECONDS`.

#[path = "../../../fuzz/cases.rs"]
mod cases;
mod wire;

use std::cell::Cell;

use bytes::Bytes;
use cases::{Dice, cases, show};
use wire::touch::touch;

/// The target: reads the bytes, uses everything, panics if anything does not hold together.
fn fuzz_message(data: &[u8]) -> bool {
    touch(data).is_some()
}

fn corpus() -> Vec<Bytes> {
    let mut seeds = vec![wire::invite_1kb()];
    let texts = [
        wire::request("INVITE sip:b@example.com SIP/2.0", "Contact: \"A \\\"b\\\"\" <sip:a@[2001:db8::1]:5060;lr?x=y>;q=0.1, *\n", "v=0\n"),
        wire::request("REGISTER sips:a%20b:c@h:1;x=y SIP/2.0", "m: *\nExpires: 0\nRequire: a, b\nSubject: a\n b\n\tc\n", ""),
        wire::request("ACK tel:+1-2;phone-context=x SIP/2.0", "Route: <sip:p;lr>,<sip:q;lr>\nl: 0\n", ""),
        "SIP/2.0 200 \nv:SIP / 2.0 / UDP [::1] : 5 ; branch = b , SIP/2.0/TCP h;received=1.2.3.4;rport=9\nf:a<sip:a@b>;tag=1\n\
         t:sip:c;tag=\"x\"\ni:x@y\nCSeq:1 INVITE\nc:multipart/mixed;boundary=\"--\"\nContent-Length:{length}\n\n--\n"
            .to_owned(),
    ];
    seeds.extend(texts.iter().map(|text| wire::wire(text)));
    seeds
}

fn mutate(dice: &mut Dice, seeds: &[Bytes]) -> Vec<u8> {
    const SIGNS: &[u8] = b"\r\n \t:;,<>\"\\@?=/%[]*-0\0\xff";
    let mut bytes = seeds[dice.below(seeds.len())].to_vec();
    for _ in 0..1 + dice.below(6) {
        let at = dice.below(bytes.len());
        let end = (at + 1 + dice.below(40)).min(bytes.len());
        match dice.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            1 if !bytes.is_empty() => bytes[at] = SIGNS[dice.below(SIGNS.len())],
            2 => bytes.insert(at, SIGNS[dice.below(SIGNS.len())]),
            3 => bytes.truncate(at),
            4 if at < end => drop(bytes.drain(at..end)),
            5 if at < end => {
                let part = bytes[at..end].repeat(1 + dice.below(8));
                bytes.splice(at..at, part);
            }
            6 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len());
                let to = (from + dice.below(200)).min(other.len());
                bytes.splice(at..end.max(at), other[from..to].iter().copied());
            }
            _ if !bytes.is_empty() => bytes[at] = dice.next() as u8,
            _ => {}
        }
    }
    bytes
}

/// A message of nearly 64 KB that is one piece of a seed over and over.
fn inflate(dice: &mut Dice, seeds: &[Bytes]) -> Vec<u8> {
    let seed = &seeds[dice.below(seeds.len())];
    let at = dice.below(seed.len());
    let end = (at + 1 + dice.below(12)).min(seed.len());
    let part = seed[at..end].repeat(60_000 / (end - at));
    [&seed[..at], &part[..], &seed[at..]].concat()
}

#[test]
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the tester's clock, not the parser's")]
fn no_mutated_message_breaks_the_parser() {
    let seeds = corpus();
    for seed in &seeds {
        assert!(fuzz_message(seed), "a seed is valid: {}", String::from_utf8_lossy(seed));
    }
    let accepted = Cell::new(0u64);
    let ran = cases(2.0, 1000, |number, dice| {
        // Every fiftieth is a large one.
        let input = if number % 50 == 49 { inflate(dice, &seeds) } else { mutate(dice, &seeds) };
        show(&input[..input.len().min(6_000)]);
        let before = std::time::Instant::now();
        accepted.set(accepted.get() + u64::from(fuzz_message(&input)));
        assert!(before.elapsed() < std::time::Duration::from_secs(2), "{} octets take too long", input.len());
    });
    let accepted = accepted.get();
    assert!(ran < 1000 || accepted * 20 > ran, "too few get past the parser to say anything: {accepted} of {ran}");
}
