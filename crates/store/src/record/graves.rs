//! What is deleted stays deleted, whatever record of it comes later: the loops do not know of deletions, and tell of a call whose
//! recording has ended after the call was deleted. The record takes that up, and nobody is told: that the recording has ended is an event
//! of the recording.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use model::{Resource, Timestamp};
use uuid::Uuid;

use super::RecordKind;
use super::id_hash::IdHash;

/// So many deletions are remembered here. Of older ones the database knows, which is asked when a record is written.
const MOST: usize = 10_000;

/// When a record was deleted.
pub(super) fn deleted_at(resource: &Resource) -> Option<Timestamp> {
    match resource {
        Resource::Call(call, _) => call.tm_delete,
        Resource::Activeflow(activeflow) => activeflow.tm_delete,
        Resource::Recording(recording) => recording.tm_delete,
        Resource::Conferencecall(participant) => participant.tm_delete,
        Resource::Confbridge(confbridge) => confbridge.tm_delete,
        _ => None,
    }
}

/// Makes a record one that was deleted then.
pub(super) fn bury(resource: &mut Resource, at: Timestamp) {
    let tm_delete = match resource {
        Resource::Call(call, _) => &mut Arc::make_mut(call).tm_delete,
        Resource::Activeflow(activeflow) => &mut Arc::make_mut(activeflow).tm_delete,
        Resource::Recording(recording) => &mut Arc::make_mut(recording).tm_delete,
        Resource::Conferencecall(participant) => &mut Arc::make_mut(participant).tm_delete,
        Resource::Confbridge(confbridge) => &mut Arc::make_mut(confbridge).tm_delete,
        _ => return,
    };
    *tm_delete = Some(at);
}

/// The last deletions.
#[derive(Default)]
pub(super) struct Graves {
    at: HashMap<(RecordKind, Uuid), Timestamp, IdHash>,
    order: VecDeque<(RecordKind, Uuid)>,
}

impl Graves {
    /// When this one was deleted, if that is still remembered.
    pub(super) fn of(&self, key: (RecordKind, Uuid)) -> Option<Timestamp> {
        if self.at.is_empty() { None } else { self.at.get(&key).copied() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Remembers a deletion.
    pub(super) fn add(&mut self, key: (RecordKind, Uuid), at: Timestamp) {
        if self.at.insert(key, at).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.at.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_deletions_are_remembered_and_no_more() {
        let mut graves = Graves::default();
        let key = |number: usize| (RecordKind::Call, Uuid::from_u128(number as u128));
        for number in 0..=MOST {
            graves.add(key(number), Timestamp::from_us(1));
            graves.add(key(number), Timestamp::from_us(2));
        }
        assert_eq!((graves.at.len(), graves.order.len()), (MOST, MOST));
        assert_eq!((graves.of(key(0)), graves.of(key(1))), (None, Some(Timestamp::from_us(2))));
    }
}
