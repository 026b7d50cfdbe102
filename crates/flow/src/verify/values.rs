//! Values that can be read and still do nothing: what is left out, what can never be true.

use serde_json::Value;
use uuid::Uuid;

use super::problem::{self, Verdict};
use crate::action::Kind;
use crate::action::option::OptionReader;
use crate::digits::digit_of;

const DIGITS: &str = "digits: 0-9, A-D, * and #";
const SOUNDS: [&str; 4] = ["http:", "https:", "file:", "tone:"];

/// Tells of them in the option at `path`. What cannot be read was told of before.
pub(super) fn check(verdict: &mut Verdict, path: &str, kind: Kind, option: &OptionReader<'_>) {
    match kind {
        Kind::ConditionDatetime => moment(verdict, path, option),
        Kind::DigitsSend => digits(verdict, path, option, "digits", "left out"),
        Kind::DigitsReceive => digits(verdict, path, option, "key", "no key that could end it"),
        Kind::Sleep => {
            if let Ok(Some(ms)) = option.integer("duration")
                && ms < 0
            {
                verdict.mistake(format!("{path}.duration"), format!("{ms} is taken for 0"), "a time in ms");
            }
        }
        Kind::Play => sounds(verdict, path, option),
        Kind::Hangup => hangup(verdict, path, option),
        _ => {}
    }
}

fn moment(verdict: &mut Verdict, path: &str, option: &OptionReader<'_>) {
    let units = ["month", "day", "hour", "minute"];
    let names_a_moment = |key: &&str| {
        let least = if matches!(*key, "month" | "day") { 1 } else { 0 };
        option.integer(key).is_ok_and(|value| value.is_some_and(|value| value >= least))
    };
    if let Some(unit) = units.iter().find(|unit| names_a_moment(unit))
        && !option.keys().any(|key| key == "condition")
    {
        let what = format!("it is missing, so it is never true: {unit} is compared with nothing");
        verdict.mistake(format!("{path}.condition"), what, "one of ==, !=, >, >=, <, <=");
    }
    let days = option.integers("weekdays").unwrap_or_default();
    if let Some(day) = days.iter().find(|day| !(0..=6).contains(*day)) {
        verdict.mistake(format!("{path}.weekdays"), format!("{day} is no weekday"), "0 for Sunday to 6 for Saturday");
    }
}

fn digits(verdict: &mut Verdict, path: &str, option: &OptionReader<'_>, key: &str, consequence: &str) {
    let text = option.text(key).ok().flatten().unwrap_or_default();
    let others: String = text.chars().filter(|c| digit_of(*c).is_none()).collect();
    if !others.is_empty() {
        let what = format!("\"{}\" is {consequence}", problem::shown(&others));
        verdict.mistake(format!("{path}.{key}"), what, DIGITS);
    }
}

fn sounds(verdict: &mut Verdict, path: &str, option: &OptionReader<'_>) {
    let of = |key| option.texts(key).ok().flatten().map(|urls| (key, urls));
    let Some((key, urls)) = of("stream_urls").or_else(|| of("stream_url")) else { return };
    for url in urls.into_iter().map(str::trim).filter(|url| !url.is_empty() && !url.contains("${")) {
        let begins = |scheme: &&str| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
        if !SOUNDS.iter().any(begins) {
            let what = format!("\"{}\" is left out: it is no address of a sound", problem::shown(url));
            verdict.mistake(format!("{path}.{key}"), what, "an address that begins with http://, https:// or file:");
        }
    }
}

/// Nothing keeps a call from being hung up: what is not understood is the reason `normal`.
fn hangup(verdict: &mut Verdict, path: &str, option: &OptionReader<'_>) {
    if let Some(reason) = option.raw("reason").filter(|reason| !reason.is_string()) {
        verdict.mistake(format!("{path}.reason"), format!("it is {}: normal is taken", brief(reason)), "a text");
    }
    let is_id = |id: &Value| id.as_str().is_some_and(|id| id.trim().is_empty() || Uuid::parse_str(id).is_ok());
    if let Some(id) = option.raw("reference_id").filter(|id| !is_id(id)) {
        verdict.mistake(format!("{path}.reference_id"), format!("it is {}: it has no effect", brief(id)), "a UUID");
    }
}

fn brief(value: &Value) -> String {
    problem::shown(&value.to_string())
}
