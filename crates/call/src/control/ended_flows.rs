//! The variables of activeflows that have ended, remembered for a while: who looks for a mistake looks when it is over
//! (spec/flow.md §7.1). They live in memory only, and a restart forgets them.

use std::collections::{BTreeMap, VecDeque};

use flow::Variables;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Activeflows that are remembered at most; the oldest make room.
const FLOWS_MAX: usize = 1_000;
/// What their variables may take together, octets.
const OCTETS_MAX: usize = 4 << 20;
/// What a variable takes besides its name and value, roughly, octets.
const ENTRY_OCTETS: usize = 64;

/// The last variables of the activeflows of this loop that ended last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct EndedFlows {
    variables: BTreeMap<Uuid, Variables>,
    /// Oldest first.
    order: VecDeque<Uuid>,
    octets: usize,
}

impl EndedFlows {
    /// Takes up the variables as an activeflow has left them. It ends once.
    pub(super) fn remember(&mut self, activeflow_id: Uuid, variables: Variables) {
        self.octets += octets(&variables);
        if let Some(before) = self.variables.insert(activeflow_id, variables) {
            self.octets -= octets(&before);
        } else {
            self.order.push_back(activeflow_id);
        }
        while self.order.len() > FLOWS_MAX || self.octets > OCTETS_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.octets -= self.variables.remove(&oldest).as_ref().map_or(0, octets);
        }
    }

    /// Those of one activeflow, if it is remembered.
    pub(super) fn variables(&self, activeflow_id: Uuid) -> Option<&Variables> {
        self.variables.get(&activeflow_id)
    }
}

fn octets(variables: &Variables) -> usize {
    variables.octets() + ENTRY_OCTETS * variables.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(length: usize) -> Variables {
        let mut variables = Variables::default();
        variables.set("key", "v".repeat(length)).unwrap();
        variables
    }

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn the_oldest_make_room() {
        let mut flows = EndedFlows::default();
        (0..FLOWS_MAX + 3).for_each(|number| flows.remember(id(number), variables(1)));
        assert_eq!((flows.variables.len(), flows.order.len()), (FLOWS_MAX, FLOWS_MAX));
        assert!(flows.variables(id(2)).is_none());
        assert_eq!(flows.variables(id(3)).unwrap().get("key"), Some("v"));
        assert_eq!(flows.octets, FLOWS_MAX * (4 + ENTRY_OCTETS));
    }

    #[test]
    fn long_variables_take_no_more_than_their_share() {
        let mut flows = EndedFlows::default();
        (0..300).for_each(|number| flows.remember(id(number), variables(Variables::MAX_VALUE_BYTES)));
        assert!(flows.octets <= OCTETS_MAX && flows.order.len() > 100, "{} of {}", flows.octets, flows.order.len());
        assert!(flows.variables(id(299)).is_some());
    }
}
