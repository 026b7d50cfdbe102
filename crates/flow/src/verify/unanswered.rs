//! Where an incoming call is certainly not answered yet (spec/actions.md `answer`, `talk`).

use model::Action;
use serde_json::Value;

use super::graph::{Graph, Way};
use crate::action::{Kind, Known, known};

/// By action: whether every way to it that the text tells of leaves an incoming call unanswered. What is fetched may answer it, and
/// may also jump back to any action; that says nothing about the first time.
pub(super) fn certainly(actions: &[Action], graph: &Graph) -> Vec<bool> {
    // By action: reached unanswered, reached perhaps answered.
    let mut reached = vec![[false; 2]; graph.len()];
    let mut to_visit = if graph.len() == 0 { Vec::new() } else { vec![(0, false)] };
    while let Some((at, perhaps)) = to_visit.pop() {
        if std::mem::replace(&mut reached[at][usize::from(perhaps)], true) {
            continue;
        }
        if graph.jumps_anywhere(at) && !may_answer(&actions[at], Way::Jump) {
            to_visit.extend((0..graph.len()).map(|to| (to, perhaps)));
        }
        for edge in graph.from(at) {
            to_visit.push((edge.to, perhaps || may_answer(&actions[at], edge.way)));
        }
    }
    reached.into_iter().map(|[unanswered, perhaps]| unanswered && !perhaps).collect()
}

/// Whether the call may be answered when this action is left in this way. Where it is not known it may be.
fn may_answer(action: &Action, way: Way) -> bool {
    let Known::Supported(kind) = known(&action.kind) else { return true };
    match kind {
        Kind::Answer | Kind::ConfbridgeJoin | Kind::ConferenceJoin | Kind::Fetch | Kind::FetchFlow | Kind::Talk => true,
        Kind::ConditionCallStatus => {
            let status = action.option.as_ref().and_then(|option| option.get("status")).and_then(Value::as_str);
            way == Way::Next && status.is_some_and(|status| status == "progressing" || status.contains("${"))
        }
        _ => false,
    }
}

/// What an action misses before the answer.
pub(super) enum Misses {
    /// It cannot be carried out.
    Everything,
    /// It works with early media only, which not every caller hears or sends.
    Certainty,
    Nothing,
}

pub(super) fn misses(kind: Kind) -> Misses {
    match kind {
        Kind::RecordingStart => Misses::Everything,
        Kind::Beep | Kind::DigitsReceive | Kind::DigitsSend | Kind::Echo | Kind::Play | Kind::StreamEcho => {
            Misses::Certainty
        }
        _ => Misses::Nothing,
    }
}
