//! The option of one action: its fields against what the action says of itself.

use model::Action;
use serde_json::Value;

use super::graph::{Index, is_unknown};
use super::problem::{self, Verdict};
use super::targets::{Target, targets};
use super::values;
use crate::action::about::{Absent, Allowed, Field, Type};
use crate::action::option::{OptionReader, integer_of};
use crate::action::{self, Kind};

/// Tells of everything in the option of `actions[at]` that is wrong or has no effect.
pub(super) fn check(verdict: &mut Verdict, path: &str, kind: Kind, actions: &[Action], at: usize, index: &Index<'_>) {
    let action = &actions[at];
    let path = format!("{path}.option");
    let reader = match OptionReader::verifying(action.option.as_ref()) {
        Ok(reader) => reader,
        Err(error) => return verdict.mistake(path, format!("it is {}", error.what), error.expected),
    };
    let unreadable = unreadable(verdict, &path, kind, action);
    for field in action::about(kind).options.iter().filter(|field| !unreadable.iter().any(|key| key == field.name)) {
        value(verdict, &path, action, field);
    }
    values::check(verdict, &path, kind, &reader);
    let fields = action::about(kind).options;
    for key in reader.keys().filter(|key| !fields.iter().any(|field| field.name == *key)) {
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        let expected = if names.is_empty() { "no fields".to_owned() } else { format!("one of {}", names.join(", ")) };
        verdict.mistake(format!("{path}.{}", problem::shown(key)), "it has no effect", expected);
    }
    for target in targets(kind, action) {
        match target {
            Target::Reserved { key, id } => {
                verdict.invalid(format!("{path}.{key}"), format!("{id} is reserved"), "the id of an action");
            }
            Target::Id { key, id } if index.get(id).is_none() => {
                let what = format!("there is no action {}: the flow would end here", problem::shown(id));
                verdict.mistake(format!("{path}.{key}"), what, "the id of an action of this array");
            }
            Target::Index { key, index } if usize::try_from(index).map_or(true, |index| index >= actions.len()) => {
                let what = format!("there is no action at index {index}: the flow would end here");
                verdict.mistake(format!("{path}.{key}"), what, format!("an index from 0 to {}", actions.len() - 1));
            }
            Target::Id { .. } | Target::Index { .. } | Target::Unknown => {}
        }
    }
    if kind == Kind::Goto && !is_unknown(action, "loop_count") {
        never_jumps(verdict, &path, reader.raw("loop_count"));
    }
    if kind == Kind::RecordingStart {
        other_format(verdict, &path, reader.raw("format"));
    }
}

/// A format of recordings that is known and that nobody here can write: the files are WAV (spec/media.md §8).
fn other_format(verdict: &mut Verdict, path: &str, format: Option<&Value>) {
    let format = format.and_then(Value::as_str).unwrap_or_default().trim();
    if ["mp3", "ogg"].iter().any(|known| known.eq_ignore_ascii_case(format)) {
        let what = format!("this server cannot write \"{format}\": the recording would be a WAV file");
        verdict.warn(format!("{path}.format"), what, "wav");
    }
}

/// Tells of all fields that the action could not read. It stops at the first one, so each is looked at without those before.
fn unreadable(verdict: &mut Verdict, path: &str, kind: Kind, action: &Action) -> Vec<String> {
    let consequence = if kind.failure_ends() { "the flow would end here" } else { "the action would be passed over" };
    let mut option = action.option.clone();
    let mut keys = Vec::new();
    while let Ok(reader) = OptionReader::verifying(option.as_ref())
        && let Err(error) = action::check(kind, &reader)
    {
        let what = format!("it is {}: {consequence}", error.what);
        verdict.mistake(format!("{path}.{}", error.key), what, error.expected);
        let removed = option.as_mut().and_then(Value::as_object_mut).and_then(|fields| fields.remove(&error.key));
        keys.push(error.key);
        if removed.is_none() {
            break;
        }
    }
    keys
}

/// A goto without a count, or with one of 0 or less, lets the flow pass (spec/actions.md `goto`). Guides elsewhere take it for
/// an endless loop.
fn never_jumps(verdict: &mut Verdict, path: &str, loop_count: Option<&Value>) {
    let what = match loop_count {
        None => "without it the goto never jumps".to_owned(),
        Some(value) => match integer_of(value) {
            Some(number) if number <= 0 => format!("with {number} the goto never jumps"),
            // What is no number was told of before.
            _ => return,
        },
    };
    verdict.warn(format!("{path}.loop_count"), what, "a whole number from 1: how often to jump");
}

/// A time or a count that is negative has no meaning of its own.
fn below_zero(verdict: &mut Verdict, path: &str, value: &Value, is: Type, instead: &str) {
    if let Some(number) = integer_of(value).filter(|number| *number < 0) {
        let expected = match is {
            Type::Ms => "a time in ms",
            Type::Seconds => "a time in s",
            _ => "a whole number from 0",
        };
        verdict.mistake(path, format!("{number} is taken for {instead}"), expected);
    }
}

/// A field that must be there, or holds a value that means nothing. Text that is known only at run time is not judged.
fn value(verdict: &mut Verdict, path: &str, action: &Action, field: &Field) {
    let fields = action.option.as_ref();
    let present = |key: &str| fields.and_then(|option| option.get(key)).filter(|value| !value.is_null());
    // The id of nothing is as good as none.
    let is_id = matches!(field.is, Type::Uuid | Type::Id);
    let is_unset = |value: &Value| is_id && value.as_str().is_some_and(model::action_id::is_unset);
    let Some(value) = present(field.name).filter(|value| !is_unset(value)) else {
        let missing = match field.absent {
            Absent::Default(_) => false,
            Absent::Required => true,
            Absent::RequiredUnless(other) => present(other).is_none(),
        };
        if missing {
            verdict.mistake(format!("{path}.{}", field.name), "it is missing", field.is.as_str());
        }
        return;
    };
    if is_unknown(action, field.name) {
        return;
    }
    let expected = match field.allowed {
        Allowed::Anything => return,
        Allowed::Of(texts) if value.as_str().is_none_or(|text| texts.contains(&text.trim())) => return,
        Allowed::OfAnyCase(texts)
            if value.as_str().is_none_or(|text| texts.iter().any(|one| one.eq_ignore_ascii_case(text.trim()))) =>
        {
            return;
        }
        Allowed::FromZero(instead) => {
            return below_zero(verdict, &format!("{path}.{}", field.name), value, field.is, instead);
        }
        Allowed::Range(from, to) if integer_of(value).is_none_or(|number| (from..=to).contains(&number)) => return,
        Allowed::Range(from, to) => format!("a whole number from {from} to {to}"),
        Allowed::Of(texts) | Allowed::OfAnyCase(texts) => {
            let named = texts.iter().filter(|text| !text.is_empty()).copied();
            format!("one of {}", named.collect::<Vec<_>>().join(", "))
        }
    };
    let what = match (value, integer_of(value)) {
        (_, Some(number)) if matches!(field.allowed, Allowed::Range(..)) => format!("{number} is out of range"),
        (Value::String(text), _) => format!("\"{}\" means nothing here", problem::shown(text)),
        (other, _) => format!("{other} is out of range"),
    };
    verdict.mistake(format!("{path}.{}", field.name), what, expected);
}
