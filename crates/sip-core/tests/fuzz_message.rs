//! A mutational fuzzer that builds on stable: from a corpus of messages by flips, splices, cuts and repetitions. It is
//! deterministic in what it tries; `FUZZ_SECONDS` says how long (2 by default).

mod wire;

use bytes::Bytes;
use wire::touch::touch;

/// SplitMix64: small, seeded, good enough to choose bytes.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

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
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let (mut dice, seeds) = (Dice(4475), corpus());
    for seed in &seeds {
        assert!(fuzz_message(seed), "a seed is valid: {}", String::from_utf8_lossy(seed));
    }
    let (mut tried, mut accepted) = (0u64, 0u64);
    while std::time::Instant::now() < until {
        for _ in 0..50 {
            accepted += u64::from(fuzz_message(&mutate(&mut dice, &seeds)));
            tried += 1;
        }
        let before = std::time::Instant::now();
        let large = inflate(&mut dice, &seeds);
        accepted += u64::from(fuzz_message(&large));
        assert!(before.elapsed() < std::time::Duration::from_secs(2), "{:.300}", String::from_utf8_lossy(&large));
    }
    assert!(accepted * 20 > tried, "too few get past the parser to say anything: {accepted} of {tried}");
}
