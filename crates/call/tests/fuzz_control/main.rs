//! A whole loop under fire: edge and control get seeded sequences of valid, mutated, repeated and reordered messages, facts of
//! media workers, sounds, leases, changes of configuration and jumps of time. About two seconds, or `FUZZ_SECONDS`.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod accounts;
#[path = "../../../../fuzz/cases.rs"]
mod cases;
mod far_end;
mod flows;
mod media;
mod trial;

use cases::{Dice, cases};
use trial::Trial;

/// Inputs of one case.
const STEPS: usize = 150;

#[test]
fn no_sequence_of_inputs_breaks_a_loop_or_leaves_something_behind() {
    cases(2.0, 20, |_, dice: &mut Dice| {
        let mut trial = Trial::new(dice);
        for _ in 0..STEPS {
            trial.step(dice);
        }
        trial.falls_silent(dice);
    });
}

/// The inputs are worth something only if they come deep: this says what they reach.
#[test]
fn the_cases_reach_answers_refusals_limits_and_ends() {
    let mut seen = trial::Seen::default();
    for seed in 0..120 {
        let dice = &mut Dice::new(seed);
        let mut trial = Trial::new(dice);
        for _ in 0..STEPS {
            trial.step(dice);
        }
        trial.falls_silent(dice);
        seen.add(&trial.seen());
    }
    let trial::Seen {
        calls,
        answered,
        refused,
        turned_away,
        ended,
        closed,
        acks_missing,
        transactions_refused,
        stale,
        registered,
        not_saved,
        asked,
        wrong_passwords,
        joined,
        recorded,
        fetched,
        hung_up,
        sent_out,
    } = seen;
    for (what, count) in [
        ("calls", calls),
        ("answered", answered),
        ("refused", refused),
        ("turned away", turned_away),
        ("ended", ended),
        ("streams closed", closed),
        ("final responses without ACK", acks_missing),
        ("requests that found the table full", transactions_refused),
        ("answers that came too late", stale),
        ("registrations", registered),
        ("registrations that could not be stored", not_saved),
        ("requests that were asked for a password", asked),
        ("wrong passwords", wrong_passwords),
        ("participants inside", joined),
        ("recordings", recorded),
        ("answers from the web", fetched),
        ("calls hung up by a wish", hung_up),
        ("participants sent out by a wish", sent_out),
    ] {
        assert!(count >= 5, "only {count} {what}: {seen:?}");
    }
}
