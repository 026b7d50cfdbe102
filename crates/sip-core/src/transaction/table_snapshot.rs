//! Prints every state x event of the four tables and compares with `tests/snapshots/transactions.txt`, so that a changed
//! transition shows in review. `UPDATE_SNAPSHOTS=1 cargo test -p sip-core` rewrites the file.

use std::fmt::Debug;
use std::fmt::Write;

use super::{invite_client, invite_server, non_invite_client, non_invite_server};

fn print_table<S: Debug + Copy + PartialEq, E: Debug + Copy, F: Debug + 'static>(
    out: &mut String,
    title: &str,
    start: (S, &[F]),
    states: &[S],
    events: &[E],
    step: impl Fn(S, E) -> (S, &'static [F]),
) {
    let list = |effects: &[F]| effects.iter().map(|effect| format!("{effect:?}")).collect::<Vec<_>>().join(", ");
    writeln!(out, "# {title}\n{:<34} -> {:<11} {}", "start", format!("{:?}", start.0), list(start.1)).unwrap();
    for &state in states {
        for &event in events {
            let (next, effects) = step(state, event);
            let left = format!("{state:?} x {event:?}");
            match (next == state, effects.is_empty()) {
                (true, true) => writeln!(out, "{left:<34}    ignored").unwrap(),
                _ => {
                    let right = format!("{:<11} {}", format!("{next:?}"), list(effects));
                    writeln!(out, "{left:<34} -> {}", right.trim_end()).unwrap();
                }
            }
        }
    }
    out.push('\n');
}

fn all_tables() -> String {
    let mut out = String::new();
    {
        use invite_client::{Event::*, START, State::*, step};
        let states = [Calling, Proceeding, Completed, Accepted, Terminated];
        let events =
            [Provisional, Success, Failure, Cancel, TimerA, TimerB, TimerD, TimerM, TimerCancelled, TransportError];
        print_table(&mut out, "INVITE client (RFC 3261 17.1.1, RFC 6026 7.2)", START, &states, &events, step);
    }
    {
        use non_invite_client::{Event::*, START, State::*, step};
        let states = [Trying, Proceeding, Completed, Terminated];
        let events = [Provisional, Final, TimerE, TimerF, TimerK, TransportError];
        print_table(&mut out, "non-INVITE client (RFC 3261 17.1.2)", START, &states, &events, step);
    }
    {
        use invite_server::{Event::*, START, State::*, step};
        let states = [Proceeding, Completed, Confirmed, Accepted, Terminated];
        let events = [Invite, Ack, Provisional, Success, Failure, TimerG, TimerH, TimerI, TimerL, TransportError];
        print_table(&mut out, "INVITE server (RFC 3261 17.2.1, RFC 6026 7.1)", START, &states, &events, step);
    }
    {
        use non_invite_server::{Event::*, START, State::*, step};
        let states = [Trying, Proceeding, Completed, Terminated];
        let events = [Request, Provisional, Final, TimerJ, TimerUnanswered, TransportError];
        print_table(&mut out, "non-INVITE server (RFC 3261 17.2.2)", START, &states, &events, step);
    }
    out
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a snapshot is a file, rewritten on demand")]
fn the_transition_tables_are_those_of_the_snapshot() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/transactions.txt");
    let tables = all_tables();
    if std::env::var("UPDATE_SNAPSHOTS").is_ok() {
        std::fs::write(path, &tables).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(tables, expected, "run with UPDATE_SNAPSHOTS=1 and review the difference");
}
