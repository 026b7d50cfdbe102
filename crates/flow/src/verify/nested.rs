//! Arrays of actions inside of an option: those of `call`, which run for the new call (spec/actions.md `call`).

use base::Random;
use model::Action;

use super::problem::{Problem, Verdict};
use super::{Begins, array};
use crate::document::read_actions;

/// Looks at `option.actions` of a `call`. What is wrong there is accepted, as VoIPBIN does, so it is told as warnings.
pub(super) fn check(verdict: &mut Verdict, path: &str, action: &Action) {
    if !action.kind.eq_ignore_ascii_case("call") {
        return;
    }
    let Some(actions) = action.option.as_ref().and_then(|option| option.get("actions")) else { return };
    let path = format!("{path}.option.actions");
    // Ids that are made here are seen by nobody.
    let found = match read_actions(actions.clone(), &mut Random::from_seed([0; 32])) {
        // They run when their call is answered.
        Ok(actions) => array(&path, &actions, Begins::PerhapsAnswered),
        Err(problems) => {
            Verdict { problems: problems.into_iter().map(|p| p.moved_to(&path)).collect(), ..Verdict::default() }
        }
    };
    for problem in found.problems {
        verdict.mistake(problem.json_path, problem.what, problem.expected);
    }
    for Problem { json_path, what, expected, is_mistake, .. } in found.warnings {
        match is_mistake {
            true => verdict.mistake(json_path, what, expected),
            false => verdict.warn(json_path, what, expected),
        }
    }
    for hint in found.hints {
        verdict.hint(hint.json_path, hint.what, hint.expected);
    }
}
