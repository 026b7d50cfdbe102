//! Which actions can be reached from the first.

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

    /// Whether a field of the option is text that is known only when it runs.
    pub(super) fn has_unknown(&self, action: &Action, key: &str) -> bool {
        let field = action.option.as_ref().and_then(|option| option.get(key));
        field.and_then(Value::as_str).is_some_and(|text| text.contains("${"))
    }
}

/// The actions that nothing leads to. Where a target is known only at run time nothing is said.
pub(super) fn unreachable(actions: &[Action], index: &Index<'_>) -> Vec<usize> {
    let mut reached = vec![false; actions.len()];
    let mut to_visit: Vec<usize> = if actions.is_empty() { Vec::new() } else { vec![0] };
    while let Some(at) = to_visit.pop() {
        if std::mem::replace(&mut reached[at], true) {
            continue;
        }
        let action = &actions[at];
        let Known::Supported(kind) = known(&action.kind) else {
            to_visit.extend(next(actions, index, at));
            continue;
        };
        for target in targets(kind, action) {
            match target {
                Target::Id { id, .. } => to_visit.extend(index.get(id)),
                Target::Index(i) => to_visit.extend(usize::try_from(i).ok().filter(|i| *i < actions.len())),
                Target::Reserved { .. } => {}
                Target::Unknown => return Vec::new(),
            }
        }
        let goes_on = match kind {
            Kind::Hangup | Kind::Stop => false,
            Kind::Branch => !has_default(action),
            _ => true,
        };
        if goes_on {
            to_visit.extend(next(actions, index, at));
        }
    }
    (0..actions.len()).filter(|i| !reached[*i]).collect()
}

/// The action that follows without a jump.
fn next(actions: &[Action], index: &Index<'_>, at: usize) -> Option<usize> {
    let next_id = &actions[at].next_id;
    if next_id.is_empty() { Some(at + 1).filter(|next| *next < actions.len()) } else { index.get(next_id) }
}
