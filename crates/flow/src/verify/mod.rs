//! Verifying an array of actions before it is stored: what is refused, and what will probably not do what was meant
//! (spec/flow.md §2, §9).

mod problem;
mod reach;
mod targets;

use model::Action;

pub use problem::{Problem, ProblemReason, Verdict};

use crate::action::option::OptionReader;
use crate::action::{self, Kind, Known};
use targets::{Target, targets};

/// Looks at every action. An array may be stored when there are no problems; warnings are for its author.
pub fn verify(actions: &[Action]) -> Verdict {
    let mut verdict = Verdict::default();
    if actions.is_empty() {
        verdict.warn("actions", "there are no actions: a call would be hung up at once", "at least one action");
    }
    let index = reach::Index::new(actions);
    for (i, action) in actions.iter().enumerate() {
        let path = format!("actions[{i}]");
        match action::known(&action.kind) {
            Known::Supported(kind) => option(&mut verdict, &path, kind, action, &index),
            Known::NotYet => verdict.wrong_type(&path, format!("not yet supported: {}", action.kind)),
            Known::Unknown if action.kind.is_empty() => verdict.wrong_type(&path, "the type is missing".into()),
            Known::Unknown => verdict.wrong_type(&path, format!("unknown type: {}", problem::shown(&action.kind))),
        }
        if let Some(first) = index.get(&action.id).filter(|first| *first != i) {
            let what = format!("the id is that of actions[{first}], which wins");
            verdict.warn(format!("{path}.id"), what, "ids that are unique in the array");
        }
        if !action.next_id.is_empty() && index.get(&action.next_id).is_none() {
            let what = format!("there is no action {}: the flow ends here", problem::shown(&action.next_id));
            verdict.warn(format!("{path}.next_id"), what, "the id of an action of this array");
        }
    }
    for i in reach::unreachable(actions, &index) {
        verdict.warn(format!("actions[{i}]"), "nothing leads to this action", "a way from the first action");
    }
    verdict
}

fn option(verdict: &mut Verdict, path: &str, kind: Kind, action: &Action, index: &reach::Index<'_>) {
    let path = format!("{path}.option");
    let reader = match OptionReader::verifying(action.option.as_ref()) {
        Ok(reader) => reader,
        Err(error) => return verdict.warn(path, format!("it is {}", error.what), error.expected),
    };
    if let Err(error) = action::check(kind, &reader) {
        let consequence =
            if kind.failure_ends() { "the flow would end here" } else { "the action would be passed over" };
        verdict.warn(format!("{path}.{}", error.key), format!("it is {}: {consequence}", error.what), error.expected);
    }
    let keys: Vec<_> = action::about(kind).options.iter().map(|field| field.name).collect();
    for key in reader.keys().filter(|key| !keys.contains(key)) {
        let expected = if keys.is_empty() { "no fields".to_owned() } else { format!("one of {}", keys.join(", ")) };
        verdict.warn(format!("{path}.{}", problem::shown(key)), "it has no effect", expected);
    }
    for target in targets(kind, action) {
        match target {
            Target::Reserved { key, id } => {
                verdict.invalid(format!("{path}.{key}"), format!("{id} is reserved"), "the id of an action");
            }
            Target::Id { key, id } if index.get(id).is_none() => {
                let what = format!("there is no action {}: the flow would end here", problem::shown(id));
                verdict.warn(format!("{path}.{key}"), what, "the id of an action of this array");
            }
            Target::Id { .. } | Target::Index(_) | Target::Unknown => {}
        }
    }
    if kind == Kind::Goto && reader.raw("loop_count").is_none() && !index.has_unknown(action, "loop_count") {
        verdict.warn(format!("{path}.loop_count"), "without it the goto never jumps", "how often to jump");
    }
}

#[cfg(test)]
mod tests;
