//! How calls ended, remembered for a while after they are gone: `hangup` with `reference_id` ends a call as another one has
//! ended (spec/actions.md).

use std::collections::{BTreeMap, VecDeque};

use model::{Call as CallRecord, CallStatus, HangupReason};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Control;
use crate::Effect;
use crate::message::{Address, CellMessage, Envelope};

/// Calls that are remembered at most; the oldest make room.
const CALLS_MAX: usize = 10_000;

/// The endings of the last calls of this loop that are gone.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct EndedCalls {
    endings: BTreeMap<Uuid, Ended>,
    /// Oldest first.
    order: VecDeque<Uuid>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ended {
    /// Only this one's flows may ask.
    customer_id: Uuid,
    reason: HangupReason,
}

impl Ended {
    /// None of a call that is up, or about to end.
    fn of(record: &CallRecord) -> Option<Ended> {
        let ended = Ended { customer_id: record.customer_id, reason: record.hangup_reason };
        (record.status == CallStatus::Hangup).then_some(ended)
    }
}

impl EndedCalls {
    /// Remembers a call that is about to be gone. One that had not ended by then has failed: its handler panicked.
    pub(super) fn remember(&mut self, record: &CallRecord) {
        let failed = Ended { customer_id: record.customer_id, reason: HangupReason::Failed };
        self.insert(record.id, Ended::of(record).unwrap_or(failed));
    }

    fn insert(&mut self, call_id: Uuid, ended: Ended) {
        if self.endings.insert(call_id, ended).is_none() {
            self.order.push_back(call_id);
        }
        while self.order.len() > CALLS_MAX {
            self.order.pop_front().and_then(|oldest| self.endings.remove(&oldest));
        }
    }
}

impl Control {
    /// Answers a letter about a call of this loop, be it here or gone.
    pub(super) fn asked_about_call(&mut self, call_id: Uuid, message: &CellMessage, effects: &mut Vec<Effect>) {
        let CellMessage::HowEnded { from, customer_id } = *message else { return self.counters.stale_inputs += 1 };
        let cell = self.by_call.get(&call_id).and_then(|cell| self.cells.get(cell));
        let ended = match cell.and_then(|cell| cell.call()) {
            Some(call) => Ended::of(call.record()),
            None => self.ended.endings.get(&call_id).copied(),
        };
        let reason = ended.filter(|ended| ended.customer_id == customer_id).map(|ended| ended.reason);
        let message = CellMessage::Ended { call_id, reason };
        self.post(Envelope { to: Address::Cell(from), message }, effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_and_no_call_counts_twice() {
        let ended = Ended { customer_id: Uuid::nil(), reason: HangupReason::Busy };
        let id = |number: usize| Uuid::from_u128(number as u128);
        let mut calls = EndedCalls::default();
        (0..CALLS_MAX + 3).for_each(|number| calls.insert(id(number), ended));
        calls.insert(id(CALLS_MAX), ended);
        assert_eq!((calls.endings.len(), calls.order.len()), (CALLS_MAX, CALLS_MAX));
        assert!(!calls.endings.contains_key(&id(2)));
        assert!(calls.endings.contains_key(&id(3)));
    }
}
