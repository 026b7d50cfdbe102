//! The records of a log, made by the simplest possible means, to compare with.

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, Activeflow, Call, CallStatus, LogBody, LogEntry, Resource};
use store::{Accepted, CallRecord, Filter, Page, Store};
use uuid::Uuid;

use super::CUSTOMER;

/// What the records must be, by the simplest possible means.
#[derive(Default)]
pub struct Plain {
    pub calls: BTreeMap<Uuid, Call>,
    /// What the calls are at.
    pub actions: BTreeMap<Uuid, Option<Action>>,
    pub activeflows: BTreeMap<Uuid, Activeflow>,
    pub timelines: BTreeMap<Uuid, Vec<Accepted>>,
}

impl Plain {
    pub fn of(entries: &[Accepted]) -> Plain {
        let mut plain = Plain::default();
        for accepted in entries {
            let LogEntry { call_id, activeflow_id, body, .. } = &accepted.entry;
            let is_change = matches!(body, LogBody::Change { .. });
            let owners = BTreeSet::from([*call_id, *activeflow_id]).into_iter();
            for owner in owners.filter(|id| !id.is_nil() && !is_change) {
                plain.timelines.entry(owner).or_default().push(accepted.clone());
            }
            match body.resource() {
                Some(Resource::Call(call, action)) => {
                    let tm_delete = plain.calls.get(&call.id).and_then(|known| known.tm_delete).or(call.tm_delete);
                    plain.calls.insert(call.id, Call { tm_delete, ..(**call).clone() });
                    plain.actions.insert(call.id, action.as_deref().cloned());
                }
                Some(Resource::Activeflow(activeflow)) => {
                    plain.activeflows.insert(activeflow.id, (**activeflow).clone());
                    let runs = |call: &Call| call.status != CallStatus::Hangup && call.activeflow_id == activeflow.id;
                    if plain.calls.get(call_id).is_some_and(runs) {
                        plain.actions.insert(*call_id, Some(Action::clone(&activeflow.current_action)));
                    }
                }
                _ => {}
            }
        }
        plain
    }

    pub fn compare(&self, store: &Store) {
        for (id, call) in &self.calls {
            let CallRecord { call: found, action } = store.record(*id).unwrap().unwrap();
            assert_eq!((&found, &action), (call, &self.actions[id]));
        }
        for (id, activeflow) in &self.activeflows {
            assert_eq!(store.record::<Activeflow>(*id).unwrap().as_ref(), Some(activeflow));
        }
        for (owner, entries) in &self.timelines {
            let seqs = |entries: &[Accepted]| entries.iter().map(|accepted| accepted.seq).collect::<Vec<_>>();
            let timeline = store.timeline(*owner).unwrap();
            assert_eq!(seqs(&timeline), seqs(entries), "timeline of {owner}");
            assert_eq!(&timeline, entries);
        }
        let mut expected: Vec<&Call> = self.calls.values().collect();
        expected.sort_by_key(|call| std::cmp::Reverse((call.tm_create, call.id)));
        let expected: Vec<Uuid> = expected.into_iter().map(|call| call.id).collect();
        assert_eq!(all_calls(store, &Filter::default(), 7), expected);
    }

    pub fn unfinished_calls(&self) -> BTreeSet<Uuid> {
        self.calls.values().filter(|call| call.status != CallStatus::Hangup).map(|call| call.id).collect()
    }
}

pub fn all_calls(store: &Store, filter: &Filter, size: usize) -> Vec<Uuid> {
    let (mut ids, mut page) = (Vec::new(), Page { size, token: String::new() });
    loop {
        let listed = store.records::<Call>(Some(CUSTOMER), filter, &page).unwrap();
        ids.extend(listed.items.iter().map(|call| call.id));
        if listed.next_page_token.is_empty() {
            assert!(listed.items.len() < size);
            return ids;
        }
        assert_eq!(listed.items.len(), size);
        page.token = listed.next_page_token;
    }
}
