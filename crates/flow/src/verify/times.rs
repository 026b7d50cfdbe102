//! Times that can be meant, and probably are not: minutes where milliseconds stand, milliseconds where seconds do.

use super::problem::Verdict;
use crate::action::about::Type;
use crate::action::option::OptionReader;
use crate::action::{self, Kind};

const DAY_S: i64 = 24 * 3_600;
/// Nobody speaks or types for so long into one action.
const LONG_S: i64 = 3_600;
/// Nobody can press a key so quickly.
const SHORT_MS: i64 = 100;

/// Tells of the times of the option at `path`.
pub(super) fn check(verdict: &mut Verdict, path: &str, kind: Kind, option: &OptionReader<'_>) {
    for field in action::about(kind).options {
        let Some(time) = option.integer(field.name).ok().flatten() else { continue };
        let path = format!("{path}.{}", field.name);
        match field.is {
            Type::Ms if time > DAY_S * 1_000 => {
                verdict.warn(path, format!("{time} ms are more than a day"), "a time in ms that a call may last");
            }
            Type::Seconds if time > DAY_S => {
                verdict.warn(path, format!("{time} s are more than a day"), "a time in s that a call may last");
            }
            Type::Seconds if time > LONG_S => {
                let (hours, minutes) = (time / 3_600, time % 3_600 / 60);
                verdict.hint(path, format!("{time} s are {hours} h {minutes} min"), "a time in s, not in ms");
            }
            Type::Ms if (1..SHORT_MS).contains(&time) && is_wait(kind) => {
                verdict.hint(path, format!("{time} ms are over at once"), "a time in ms, not in s");
            }
            _ => {}
        }
    }
}

/// Whether the time is one in which something is to happen.
fn is_wait(kind: Kind) -> bool {
    matches!(kind, Kind::DigitsReceive | Kind::Echo | Kind::Sleep | Kind::StreamEcho)
}
