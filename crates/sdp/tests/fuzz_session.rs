//! Mutations of the corpus for one second, or `FUZZ_SECONDS`. A case is one call: up to twelve offers.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

#[path = "../../../fuzz/cases.rs"]
mod cases;
mod corpus;

use std::cell::Cell;

use cases::{Dice, cases, show};
use sdp::{Capabilities, LocalMedia, Negotiation, Session};

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
    let at = dice.below(text.len() + 1);
    match dice.below(6) {
        0 if at < text.len() => text[at] = dice.below(256) as u8,
        1 if at < text.len() => drop(text.remove(at)),
        2 => text.truncate(at),
        3 => drop(text.splice(at..at, PIECES[dice.below(PIECES.len())].iter().copied())),
        // A piece of another offer.
        4 => {
            let other = corpus::ALL[dice.below(corpus::ALL.len())].as_bytes();
            let from = dice.below(other.len());
            let to = from + dice.below(other.len() - from);
            drop(text.splice(at..at, other[from..to].iter().copied()));
        }
        // A stretch of itself again.
        _ => {
            let end = at + dice.below((text.len() - at).min(200) + 1);
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
fn mutated_offers_never_panic_and_keep_the_invariants() {
    let (offers, readable) = (Cell::new(0u64), Cell::new(0u64));
    let ran = cases(1.0, 200, |number, dice| {
        let mut negotiation = Negotiation::new(number);
        let mut text = corpus::ALL[dice.below(corpus::ALL.len())].as_bytes().to_vec();
        // Each offer a little worse than the one before.
        for _ in 0..=dice.below(12) {
            mutate(dice, &mut text);
            show(text.as_slice());
            readable.set(readable.get() + u64::from(exercise(&mut negotiation, &text)));
            offers.set(offers.get() + 1);
        }
    });
    let (offers, readable) = (offers.get(), readable.get());
    assert!(ran < 200 || readable * 20 > offers, "most mutations are unreadable: {readable} of {offers}");
}
