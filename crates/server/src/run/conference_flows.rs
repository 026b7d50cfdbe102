//! Flows that were made of the actions of conferences: they go when nobody needs them any more.

use std::collections::BTreeSet;

use model::{Conference, Flow, FlowType, Timestamp};
use store::{Store, StoreError};
use uuid::Uuid;

/// How long a flow stays that no conference names any more (spec/flow.md §2), microseconds: who is in the conference may still
/// come by it on the way out.
const GRACE_US: u64 = 24 * 3_600 * 1_000_000;

/// Those that can go.
pub(super) fn unused(store: &Store, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    let flows = store.all::<Flow>()?.into_iter();
    let since = |flow: &Flow| now.as_us().saturating_sub(flow.tm_create.map_or(0, Timestamp::as_us));
    let old: Vec<Uuid> =
        flows.filter(|flow| flow.kind == FlowType::Conference && since(flow) >= GRACE_US).map(|flow| flow.id).collect();
    if old.is_empty() {
        return Ok(old);
    }
    let conferences = store.all::<Conference>()?.into_iter();
    let named: BTreeSet<Uuid> =
        conferences.flat_map(|conference| [conference.pre_flow_id, conference.post_flow_id]).collect();
    Ok(old.into_iter().filter(|id| !named.contains(id)).collect())
}

#[cfg(test)]
mod tests {
    use store::StoreConfig;

    use super::*;

    #[test]
    fn a_flow_goes_a_day_after_it_was_made_unless_a_conference_names_it() {
        let folder = std::env::temp_dir().join(format!("flowswitch-conference-flows-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(StoreConfig::new(folder)).unwrap().store;
        let [old, named, young, of_user] = [1, 2, 3, 4].map(Uuid::from_u128);
        for (id, kind, hour) in [
            (old, FlowType::Conference, 0),
            (named, FlowType::Conference, 0),
            (young, FlowType::Conference, 1),
            (of_user, FlowType::Flow, 0),
        ] {
            let tm_create = Some(Timestamp::from_us(hour * 3_600 * 1_000_000));
            store.put(&Flow { id, kind, tm_create, ..Flow::default() }).unwrap();
        }
        let conference = Conference { id: Uuid::max(), post_flow_id: named, ..Conference::default() };
        store.put(&conference).unwrap();
        assert!(unused(&store, Timestamp::from_us(GRACE_US - 1)).unwrap().is_empty());
        assert_eq!(unused(&store, Timestamp::from_us(GRACE_US)).unwrap(), [old]);
        store.put(&Conference { tm_delete: Some(Timestamp::from_us(1)), ..conference }).unwrap();
        assert_eq!(unused(&store, Timestamp::from_us(GRACE_US)).unwrap(), [old, named]);
    }
}
