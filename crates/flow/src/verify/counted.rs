//! A `goto` that jumps back more often than a flow may run (spec/flow.md §5.6).

use std::collections::VecDeque;

use model::Action;

use super::graph::{Graph, Way, is_unknown};
use super::loops::waits;
use super::problem::Problem;
use crate::action::option::OptionReader;
use crate::action::{Kind, Known, known};

/// Moves of one flow unless the configuration allows more, or fewer.
const MAX_MOVES: u64 = 10_000;

/// One such `goto`.
pub(super) struct Rounds {
    /// Where it stands.
    pub(super) goto: usize,
    /// How often it jumps.
    pub(super) jumps: u64,
    /// The actions of the shortest round, with the `goto` itself.
    pub(super) moves: u64,
    /// Whether every round waits.
    pub(super) waits: bool,
}

/// Those that can be reached, in their order; of very many the first.
pub(super) fn too_many(actions: &[Action], graph: &Graph, reached: Option<&[bool]>) -> Vec<Rounds> {
    let gotos = actions.iter().enumerate().filter(|(at, action)| {
        known(&action.kind) == Known::Supported(Kind::Goto) && reached.is_none_or(|reached| reached[*at])
    });
    let often = gotos.filter_map(|(at, action)| {
        let jumps = jumps(action)?;
        // No round is longer than the array.
        let is_often = jumps.saturating_mul(graph.len() as u64) >= u64::from(super::BURST);
        is_often.then_some((at, jumps))
    });
    often.take(Problem::MAX).filter_map(|(goto, jumps)| rounds(actions, graph, goto, jumps)).collect()
}

/// How often it jumps, if the text tells.
fn jumps(action: &Action) -> Option<u64> {
    let option = OptionReader::verifying(action.option.as_ref()).ok()?;
    let count = option.integer("loop_count").ok().flatten().filter(|_| !is_unknown(action, "loop_count"))?;
    u64::try_from(count).ok().filter(|count| *count > 0)
}

fn rounds(actions: &[Action], graph: &Graph, goto: usize, jumps: u64) -> Option<Rounds> {
    let back = graph.from(goto).iter().find(|edge| edge.way == Way::Counted)?.to;
    let is_over = |moves: u64, most: u64| jumps.saturating_mul(moves) >= most;
    if let Some(moves) = shortest(graph, back, goto, |at| !waits(&actions[at]))
        && is_over(moves, u64::from(super::BURST))
    {
        return Some(Rounds { goto, jumps, moves, waits: false });
    }
    let moves = shortest(graph, back, goto, |_| true).filter(|moves| is_over(*moves, MAX_MOVES))?;
    Some(Rounds { goto, jumps, moves, waits: true })
}

/// How many actions the shortest way between two has, with both, over those that `may` be on it. Other counted jumps are no way:
/// they end.
fn shortest(graph: &Graph, from: usize, to: usize, may: impl Fn(usize) -> bool) -> Option<u64> {
    let mut moves = vec![None; graph.len()];
    let mut to_visit = VecDeque::new();
    if may(from) {
        moves[from] = Some(1);
        to_visit.push_back(from);
    }
    while let Some(at) = to_visit.pop_front() {
        if at == to {
            return moves[at];
        }
        for edge in graph.from(at).iter().filter(|edge| edge.way != Way::Counted) {
            if moves[edge.to].is_none() && may(edge.to) {
                moves[edge.to] = moves[at].map(|moves: u64| moves + 1);
                to_visit.push_back(edge.to);
            }
        }
    }
    None
}
