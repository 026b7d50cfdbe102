//! The former current actions of an activeflow, the last of them (spec/flow.md §4).

use std::collections::VecDeque;
use std::sync::Arc;

use model::Action;
use serde::{Deserialize, Serialize};

use crate::json_size::json_size;

/// Bounded in number and in octets; the oldest go first. The timeline has all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Executed {
    last: VecDeque<Arc<Action>>,
    bytes: usize,
}

impl Executed {
    /// spec/flow.md §4.
    pub(crate) const MAX: usize = 100;
    /// Bounds what very long options can make a call keep.
    pub(crate) const MAX_BYTES: usize = 256 * 1024;

    pub(crate) fn push(&mut self, action: Arc<Action>) {
        self.bytes += size(&action);
        self.last.push_back(action);
        while self.last.len() > Self::MAX || (self.bytes > Self::MAX_BYTES && self.last.len() > 1) {
            if let Some(oldest) = self.last.pop_front() {
                self.bytes -= size(&oldest);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Action>> {
        self.last.iter()
    }
}

fn size(action: &Action) -> usize {
    action.id.len() + action.next_id.len() + action.kind.len() + action.option.as_ref().map_or(0, json_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_are_kept_and_fewer_of_very_long_ones() {
        let mut executed = Executed::default();
        for i in 0..250 {
            executed.push(Arc::new(Action { id: i.to_string(), ..Action::default() }));
        }
        assert_eq!(executed.iter().count(), Executed::MAX);
        assert_eq!(executed.iter().next().unwrap().id, "150");
        for i in 0..10 {
            let option = Some(serde_json::json!("x".repeat(100 * 1024)));
            executed.push(Arc::new(Action { id: i.to_string(), option, ..Action::default() }));
        }
        assert_eq!(executed.iter().map(|action| action.id.as_str()).collect::<Vec<_>>(), ["8", "9"]);
    }
}
