//! Verifying an array of actions before it is stored: what is refused, and what will probably not do what was meant
//! (spec/flow.md §2, §9).

mod counted;
mod fetched;
mod graph;
mod loops;
mod nested;
mod option;
mod problem;
mod sounds;
mod targets;
mod times;
mod unanswered;
mod values;

use model::Action;

pub use fetched::fetched_flows;
pub use problem::{Problem, ProblemReason, Verdict};
pub use sounds::{named_sounds, spoken_texts};

use crate::action::{self, Known};
use graph::{Graph, Index};
use unanswered::Misses;

/// Looks at every action. An array may be stored when there are no problems; warnings and hints are for its author.
pub fn verify(actions: &[Action]) -> Verdict {
    whole(actions, Begins::Unanswered)
}

/// The same for an array that runs within a call that may have been answered before: those of a conference.
pub fn verify_in_call(actions: &[Action]) -> Verdict {
    whole(actions, Begins::PerhapsAnswered)
}

/// In which state the call is where an array begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// A call that comes in.
    Unanswered,
    PerhapsAnswered,
}

fn whole(actions: &[Action], begins: Begins) -> Verdict {
    let mut verdict = array("actions", actions, begins);
    if actions.is_empty() {
        verdict.warn("actions", "there are no actions: a call would be hung up at once", "at least one action");
    }
    verdict
}

/// Looks at an array that stands at `path`, and at those inside of it.
fn array(path: &str, actions: &[Action], begins: Begins) -> Verdict {
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
    let graph = Graph::new(actions, &index);
    ways(&mut verdict, path, actions, &graph);
    if begins == Begins::Unanswered {
        before_answer(&mut verdict, path, actions, &graph);
    }
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
    for counted::Rounds { goto, jumps, moves, waits } in counted::too_many(actions, graph, reached.as_deref()) {
        let (what, expected) = match waits {
            false => (
                format!("{jumps} jumps back by {moves} without waiting: {BURST} actions in a row end the flow"),
                "fewer jumps, or an action that waits",
            ),
            true => (
                format!(
                    "{jumps} jumps back by {moves}: flow.max_execute_count, 10000 if not set, ends the flow before"
                ),
                "fewer jumps",
            ),
        };
        verdict.warn(format!("{path}[{goto}].option.loop_count"), what, expected);
    }
}

/// What an incoming call that is not answered yet misses.
fn before_answer(verdict: &mut Verdict, path: &str, actions: &[Action], graph: &Graph) {
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
#[cfg(test)]
mod tests_of_bounds;
