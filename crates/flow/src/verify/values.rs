//! Values that can be read and still do nothing: what is left out, what can never be true.

use serde_json::Value;
use uuid::Uuid;

use super::problem::{self, Verdict};
use crate::action::option::OptionReader;
use crate::action::{Kind, digits_send};
use crate::digits::{MAX_VALUE_DIGITS, digit_of};

const DIGITS: &str = "digits: 0-9, A-D, * and #";
const WEB: &str = "an address that begins with http:// or https://";
const SOUNDS: [&str; 4] = ["http:", "https:", "file:", "tone:"];

/// Tells of them in the option at `path`. What cannot be read was told of before.
pub(super) fn check(verdict: &mut Verdict, path: &str, kind: Kind, option: &OptionReader<'_>) {
    match kind {
        Kind::ConditionDatetime => moment(verdict, path, option),
        Kind::DigitsSend => {
            digits(verdict, path, option, "digits", "left out");
            empty(verdict, path, option, "digits", "it is empty: nothing is sent", DIGITS);
            let count =
                option.text("digits").ok().flatten().map_or(0, |text| text.chars().filter_map(digit_of).count());
            if count > digits_send::MAX_DIGITS {
                let (what, most) = (format!("these are {count} digits"), digits_send::MAX_DIGITS);
                verdict.mistake(format!("{path}.digits"), format!("{what}: only the first {most} are sent"), "fewer");
            }
        }
        Kind::DigitsReceive => {
            digits(verdict, path, option, "key", "no key that could end it");
            never_enough(verdict, path, option, "so many are never reached");
        }
        Kind::ConditionCallDigits => never_enough(verdict, path, option, "it is never true"),
        Kind::ConditionVariable => {
            empty(verdict, path, option, "variable", "it names no variable, so what is compared is empty", "a name");
            if let Some(length) = option.integer("value_length").ok().flatten().filter(|length| *length < 0) {
                let what = format!("no text has {length} characters");
                verdict.mistake(format!("{path}.value_length"), what, "a whole number from 0");
            }
        }
        Kind::Fetch => {
            empty(verdict, path, option, "event_url", "it is empty: the flow would end here", WEB);
        }
        Kind::WebhookSend => {
            empty(verdict, path, option, "uri", "it is empty: the action would be passed over", WEB);
        }
        Kind::VariableSet => {
            empty(verdict, path, option, "key", "it is empty: the action would do nothing", "a name");
        }
        Kind::Talk if is_blank(option, "text") => {
            verdict.hint(format!("{path}.text"), "nothing is said: the call is only answered", "a text");
        }
        Kind::Play => sounds(verdict, path, option),
        Kind::Hangup => hangup(verdict, path, option),
        _ => {}
    }
    super::times::check(verdict, path, kind, option);
}

/// A text without which there is nothing to do. Where it is missing altogether that was told of before.
fn empty(verdict: &mut Verdict, path: &str, option: &OptionReader<'_>, key: &str, what: &str, expected: &str) {
    if is_blank(option, key) {
        verdict.mistake(format!("{path}.{key}"), what, expected);
    }
}

/// Whether there is a text and nothing in it.
fn is_blank(option: &OptionReader<'_>, key: &str) -> bool {
    option.text(key).is_ok_and(|text| text.is_some_and(|text| text.trim().is_empty()))
}

/// More digits than are ever kept.
fn never_enough(verdict: &mut Verdict, path: &str, option: &OptionReader<'_>, consequence: &str) {
    if let Some(length) = option.integer("length").ok().flatten()
        && usize::try_from(length).is_ok_and(|length| length > MAX_VALUE_DIGITS)
    {
        let what = format!("{length} are more digits than are kept: {consequence}");
        verdict.mistake(format!("{path}.length"), what, format!("a whole number from 0 to {MAX_VALUE_DIGITS}"));
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
    if urls.iter().all(|url| url.trim().is_empty()) {
        verdict.mistake(format!("{path}.{key}"), "no sound is named: nothing is played", "the address of a sound");
    }
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
