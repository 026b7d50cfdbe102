//! Mutations of the corpus, always in the same order, for one second or `FUZZ_SECONDS`.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod corpus;

use sdp::{Capabilities, LocalMedia, Negotiation, Session};

/// xorshift64*, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }
}

fn mutate(dice: &mut Dice, text: &mut Vec<u8>) {
    const PIECES: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"\r",
        b"=",
        b"/",
        b":",
        b" ",
        b"\0",
        b"\xff",
        b"m=audio 1 RTP/AVP 0\n",
        b"c=IN IP4 0.0.0.0\n",
        b"a=rtpmap:",
        b"a=ptime:0\n",
        b"65536",
        b"4294967296",
        b"-1",
        b"a=inactive\n",
        b"t=\n",
        b"IN IP6 ::",
        b"m=",
    ];
    let at = dice.roll(text.len() + 1);
    match dice.roll(6) {
        0 if at < text.len() => text[at] = dice.roll(256) as u8,
        1 if at < text.len() => drop(text.remove(at)),
        2 => text.truncate(at),
        3 => drop(text.splice(at..at, PIECES[dice.roll(PIECES.len())].iter().copied())),
        // A piece of another offer.
        4 => {
            let other = corpus::ALL[dice.roll(corpus::ALL.len())].as_bytes();
            let from = dice.roll(other.len());
            let to = from + dice.roll(other.len() - from);
            drop(text.splice(at..at, other[from..to].iter().copied()));
        }
        // A stretch of itself again.
        _ => {
            let end = at + dice.roll((text.len() - at).min(200) + 1);
            let stretch = text[at..end].to_vec();
            drop(text.splice(at..at, stretch));
        }
    }
    text.truncate(4000);
}

fn exercise(negotiation: &mut Negotiation, text: &[u8]) -> bool {
    let Ok(session) = Session::parse(text) else { return false };
    let written = session.to_string();
    assert_eq!(Session::parse(written.as_bytes()).as_ref(), Ok(&session), "{written:?}");
    let local = LocalMedia::new("198.51.100.1".parse().unwrap(), 10_000);
    match negotiation.answer(&session, &Capabilities::default(), &local) {
        Ok((answer, audio)) => {
            assert_eq!(answer.media.len(), session.media.len());
            assert_eq!(Session::parse(answer.to_string().as_bytes()).as_ref(), Ok(&answer));
            assert!(audio.receive.len() <= 2 && audio.ptime_ms % 10 == 0);
        }
        Err(refusal) => {
            assert!(refusal.reason.is_ascii() && refusal.reason.len() < 400 && !refusal.reason.contains('"'))
        }
    }
    negotiation.offer(&Capabilities::default(), &local).unwrap();
    let _ = negotiation.accept_answer(&session);
    assert!(!negotiation.is_offer_pending());
    true
}

#[test]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the length of the test is real time")]
fn mutated_offers_never_panic_and_keep_the_invariants() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let end = std::time::Instant::now() + std::time::Duration::from_secs_f64(seconds);
    let mut dice = Dice(0x0f1e_2d3c_4b5a_6978);
    let (mut rounds, mut readable) = (0u64, 0u64);
    while std::time::Instant::now() < end || rounds < 1000 {
        let mut negotiation = Negotiation::new(rounds);
        let mut text = corpus::ALL[dice.roll(corpus::ALL.len())].as_bytes().to_vec();
        // Up to twelve offers of one call, each a little worse.
        for _ in 0..=dice.roll(12) {
            mutate(&mut dice, &mut text);
            readable += u64::from(exercise(&mut negotiation, &text));
            rounds += 1;
        }
    }
    assert!(readable * 20 > rounds, "most mutations are unreadable: {readable} of {rounds}");
}
