//! Loops in which no action waits: they run until a thousand actions in a row end the flow (spec/flow.md §5.6).

use model::Action;

use super::graph::{Graph, Way, is_unknown};
use crate::action::option::OptionReader;
use crate::action::{self, Kind, Known, known};

/// Each loop as the actions on its way, from the lowest. A `goto` ends by its count, so its jumps make none. At most
/// `most`; loops that share an action count as one.
pub(super) fn without_waiting(
    actions: &[Action],
    graph: &Graph,
    reached: Option<&[bool]>,
    most: usize,
) -> Vec<Vec<usize>> {
    let is_in = |at: usize| reached.is_none_or(|reached| reached[at]) && !waits(&actions[at]);
    let mut left: Vec<bool> = (0..graph.len()).map(is_in).collect();
    let mut loops = Vec::new();
    while loops.len() < most {
        peel(graph, &mut left);
        let Some(start) = left.iter().position(|left| *left) else { break };
        let found = walk(graph, &left, start);
        for at in &found {
            left[*at] = false;
        }
        loops.push(found);
    }
    loops
}

/// The actions that may follow at once.
fn followers<'g>(graph: &'g Graph, left: &'g [bool], at: usize) -> impl Iterator<Item = usize> + 'g {
    graph.from(at).iter().filter(|edge| edge.way != Way::Counted).map(|edge| edge.to).filter(|to| left[*to])
}

/// Takes away what lies on no loop: what nothing follows, again and again.
fn peel(graph: &Graph, left: &mut [bool]) {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); graph.len()];
    let mut followed_by = vec![0_usize; graph.len()];
    for at in (0..graph.len()).filter(|at| left[*at]) {
        for to in followers(graph, left, at) {
            before[to].push(at);
            followed_by[at] += 1;
        }
    }
    let mut ends: Vec<usize> = (0..graph.len()).filter(|at| left[*at] && followed_by[*at] == 0).collect();
    while let Some(end) = ends.pop() {
        left[end] = false;
        for &at in &before[end] {
            followed_by[at] -= 1;
            if followed_by[at] == 0 {
                ends.push(at);
            }
        }
    }
}

/// Everything that is left has a follower, so a walk comes back to where it has been.
fn walk(graph: &Graph, left: &[bool], start: usize) -> Vec<usize> {
    let mut place_in_path = vec![None; graph.len()];
    let (mut path, mut at) = (Vec::new(), start);
    while place_in_path[at].is_none() {
        place_in_path[at] = Some(path.len());
        path.push(at);
        match followers(graph, left, at).next() {
            Some(to) => at = to,
            None => break,
        }
    }
    let mut found = path.split_off(place_in_path[at].unwrap_or(0));
    let lowest = (0..found.len()).min_by_key(|i| found[*i]).unwrap_or(0);
    found.rotate_left(lowest);
    found
}

/// Whether an action waits for something outside. Where its text does not tell, it does.
pub(super) fn waits(action: &Action) -> bool {
    let Known::Supported(kind) = known(&action.kind) else {
        return known(&action.kind) == Known::NotYet;
    };
    // An option that cannot be read ends the flow, or the action is passed over.
    let readable = OptionReader::verifying(action.option.as_ref()).and_then(|option| action::check(kind, &option));
    let Ok(option) = OptionReader::new(action.option.as_ref()).and_then(|option| readable.map(|()| option)) else {
        return kind.failure_ends();
    };
    let has_text = |key| option.text(key).ok().flatten().is_some_and(|text| !text.trim().is_empty());
    let is_true = |key| is_unknown(action, key) || option.boolean(key) == Ok(Some(true));
    match kind {
        Kind::Beep
        | Kind::ConferenceJoin
        | Kind::DigitsReceive
        | Kind::Echo
        | Kind::Fetch
        | Kind::FetchFlow
        | Kind::Hangup
        | Kind::Stop
        | Kind::StreamEcho => true,
        Kind::ConfbridgeJoin => {
            is_unknown(action, "confbridge_id") || matches!(option.uuid("confbridge_id"), Ok(Some(_)))
        }
        Kind::DigitsSend => has_text("digits"),
        Kind::Play => ["stream_urls", "stream_url"]
            .iter()
            .any(|key| matches!(option.texts(key), Ok(Some(urls)) if !urls.is_empty())),
        Kind::Sleep => is_unknown(action, "duration") || option.integer("duration").is_ok_and(|ms| ms > Some(0)),
        Kind::Talk => has_text("text") && (is_unknown(action, "async") || option.boolean("async") != Ok(Some(true))),
        Kind::WebhookSend => is_true("sync") && has_text("uri"),
        Kind::Answer
        | Kind::Branch
        | Kind::ConditionCallDigits
        | Kind::ConditionCallStatus
        | Kind::ConditionDatetime
        | Kind::ConditionVariable
        | Kind::Empty
        | Kind::Goto
        | Kind::RecordingStart
        | Kind::RecordingStop
        | Kind::VariableSet => false,
    }
}
