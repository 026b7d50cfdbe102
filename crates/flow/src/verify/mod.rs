//! Verifying an array of actions before it is stored: what is refused, and what will probably not do what was meant
//! (spec/flow.md §2, §9).

mod graph;
mod loops;
mod nested;
mod option;
mod problem;
mod sounds;
mod targets;
mod unanswered;
mod values;

use model::Action;

pub use problem::{Problem, ProblemReason, Verdict};
pub use sounds::{named_sounds, spoken_texts};

use crate::action::{self, Known};
use graph::{Graph, Index};
use unanswered::Misses;

/// Looks at every action. An array may be stored when there are no problems; warnings and hints are for its author.
pub fn verify(actions: &[Action]) -> Verdict {
    let mut verdict = array("actions", actions);
    if actions.is_empty() {
        verdict.warn("actions", "there are no actions: a call would be hung up at once", "at least one action");
    }
    verdict
}

/// Looks at an array that stands at `path`, and at those inside of it.
fn array(path: &str, actions: &[Action]) -> Verdict {
    let mut verdict = Verdict::default();
    let index = Index::new(actions);
    for (i, action) in actions.iter().enumerate() {
        let array = path;
        let path = format!("{array}[{i}]");
        match action::known(&action.kind) {
            Known::Supported(kind) => {
                option::check(&mut verdict, &path, kind, actions, i, &index);
                sounds::check(&mut verdict, &path, kind, action);
            }
            Known::NotYet => verdict.wrong_type(&path, format!("not yet supported: {}", action.kind)),
            Known::Unknown if action.kind.is_empty() => verdict.wrong_type(&path, "the type is missing".into()),
            Known::Unknown => verdict.wrong_type(&path, format!("unknown type: {}", problem::shown(&action.kind))),
        }
        if let Some(first) = index.get(&action.id).filter(|first| *first != i) {
            let what = format!("the id is that of {array}[{first}], which wins");
            verdict.warn(format!("{path}.id"), what, "ids that are unique in the array");
        }
        if !action.next_id.is_empty() && index.get(&action.next_id).is_none() {
            let what = format!("there is no action {}: the flow ends here", problem::shown(&action.next_id));
            verdict.mistake(format!("{path}.next_id"), what, "the id of an action of this array");
        }
        nested::check(&mut verdict, &path, action);
    }
    ways(&mut verdict, path, actions, &Graph::new(actions, &index));
    verdict
}

/// What follows from the ways between the actions. Where a target is known only at run time little can be said.
fn ways(verdict: &mut Verdict, path: &str, actions: &[Action], graph: &Graph) {
    let reached = graph.reached();
    for i in (0..actions.len()).filter(|i| reached.as_ref().is_some_and(|reached| !reached[*i])) {
        verdict.warn(format!("{path}[{i}]"), "nothing leads to this action", "a way from the first action");
    }
    for found in loops::without_waiting(actions, graph, reached.as_deref(), Problem::MAX) {
        let what =
            format!("these go round without waiting, until {BURST} actions end the flow: {}", round(path, &found));
        verdict.warn(format!("{path}[{}]", found[0]), what, "an action that waits, or a goto with a loop_count");
    }
    // Nested arrays run when their call is answered; elsewhere a call may be incoming.
    if path != "actions" || reached.is_none() {
        return;
    }
    let unanswered = unanswered::certainly(actions, graph);
    for (i, action) in actions.iter().enumerate().filter(|(i, _)| unanswered[*i]) {
        let Known::Supported(kind) = action::known(&action.kind) else { continue };
        let at = format!("{path}[{i}]");
        match unanswered::misses(kind) {
            Misses::Everything => {
                let what = "an incoming call is not answered yet, so the action would be passed over";
                verdict.warn(at, what, "answer or talk before it");
            }
            Misses::Certainty => {
                let what =
                    "an incoming call is not answered yet: this is early media, which some networks do not carry";
                verdict.hint(at, what, "answer before it, unless early media is meant");
            }
            Misses::Nothing => {}
        }
    }
}

/// spec/flow.md §5.6.
const BURST: u32 = crate::step::MAX_BURST;

/// A loop, for people; a long one in short.
fn round(path: &str, found: &[usize]) -> String {
    const SHOWN: usize = 6;
    let mut steps: Vec<String> = found.iter().take(SHOWN).map(|at| format!("{path}[{at}]")).collect();
    if found.len() > SHOWN {
        steps.push("…".to_owned());
    }
    steps.push(format!("{path}[{}]", found[0]));
    steps.join(" → ")
}

#[cfg(test)]
mod tests;
