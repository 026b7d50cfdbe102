//! An array of actions as a graph: what may come after what, as far as the text says.

use std::collections::BTreeMap;

use model::Action;
use serde_json::Value;

use super::targets::{Target, has_default, targets};
use crate::action::{Kind, Known, known};

/// Actions by id; on duplicates the first one.
pub(super) struct Index<'a>(BTreeMap<&'a str, usize>);

impl<'a> Index<'a> {
    pub(super) fn new(actions: &'a [Action]) -> Index<'a> {
        let mut by_id = BTreeMap::new();
        for (i, action) in actions.iter().enumerate() {
            by_id.entry(action.id.as_str()).or_insert(i);
        }
        Index(by_id)
    }

    pub(super) fn get(&self, id: &str) -> Option<usize> {
        self.0.get(id).copied()
    }
}

/// Whether a field of the option is text that is known only when it runs.
pub(super) fn is_unknown(action: &Action, key: &str) -> bool {
    let field = action.option.as_ref().and_then(|option| option.get(key));
    field.and_then(Value::as_str).is_some_and(|text| text.contains("${"))
}

/// One way from an action to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) to: usize,
    pub(super) way: Way,
}

/// Why it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The next action, or that of `next_id`.
    Next,
    /// A branch, or a condition that is false.
    Jump,
    /// A `goto`, whose count comes to an end.
    Counted,
}

/// All ways between the actions of one array.
pub(super) struct Graph {
    /// By action.
    edges: Vec<Vec<Edge>>,
    /// By action: whether it may also lead to any other. What is fetched may jump to all ids of the array.
    leads_anywhere: Vec<bool>,
}

impl Graph {
    pub(super) fn new(actions: &[Action], index: &Index<'_>) -> Graph {
        let mut graph = Graph { edges: Vec::with_capacity(actions.len()), leads_anywhere: vec![false; actions.len()] };
        for (at, action) in actions.iter().enumerate() {
            let next = next(actions, index, at).map(|to| Edge { to, way: Way::Next });
            let Known::Supported(kind) = known(&action.kind) else {
                graph.edges.push(next.into_iter().collect());
                continue;
            };
            let way = if kind == Kind::Goto { Way::Counted } else { Way::Jump };
            let mut edges = Vec::new();
            for target in targets(kind, action) {
                match target {
                    Target::Id { id, .. } => edges.extend(index.get(id).map(|to| Edge { to, way })),
                    Target::Index { index, .. } => {
                        let to = usize::try_from(index).ok().filter(|to| *to < actions.len());
                        edges.extend(to.map(|to| Edge { to, way }));
                    }
                    Target::Reserved { .. } => {}
                    Target::Unknown => graph.leads_anywhere[at] = true,
                }
            }
            graph.leads_anywhere[at] |= matches!(kind, Kind::Fetch | Kind::FetchFlow | Kind::ConferenceJoin);
            let goes_on = match kind {
                Kind::Hangup | Kind::Stop => false,
                Kind::Branch => !has_default(action),
                _ => true,
            };
            edges.extend(next.filter(|_| goes_on));
            graph.edges.push(edges);
        }
        graph
    }

    pub(super) fn from(&self, at: usize) -> &[Edge] {
        &self.edges[at]
    }

    /// Whether it may also lead to any other action.
    pub(super) fn jumps_anywhere(&self, at: usize) -> bool {
        self.leads_anywhere[at]
    }

    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// Which actions can be reached from the first. None: an action that can be reached may lead anywhere.
    pub(super) fn reached(&self) -> Option<Vec<bool>> {
        let mut reached = vec![false; self.len()];
        let mut to_visit: Vec<usize> = if self.len() == 0 { Vec::new() } else { vec![0] };
        while let Some(at) = to_visit.pop() {
            if std::mem::replace(&mut reached[at], true) {
                continue;
            }
            if self.leads_anywhere[at] {
                return None;
            }
            to_visit.extend(self.from(at).iter().map(|edge| edge.to));
        }
        Some(reached)
    }
}

/// The action that follows without a jump.
fn next(actions: &[Action], index: &Index<'_>, at: usize) -> Option<usize> {
    let next_id = &actions[at].next_id;
    if next_id.is_empty() { Some(at + 1).filter(|next| *next < actions.len()) } else { index.get(next_id) }
}
