//! Telling the loops and the log of resources that have changed.

use std::sync::Arc;

use api::Publish;
use call::Input;
use model::{Confbridge, LogBody, LogEntry, Resource};
use serde_json::Map;
use store::Store;
use uuid::Uuid;

use super::lanes::LaneSender;
use super::steps::Steps;

/// Tells the loops and the log of what the API has changed.
pub(super) struct Publisher {
    pub(super) store: Store,
    pub(super) senders: Vec<LaneSender>,
    pub(super) steps: Steps,
}

impl Publish for Publisher {
    fn changed(&self, resource: Resource, event: &str) {
        tell(&self.store, &self.senders, &[(resource, event)]);
    }

    fn in_one_step(&self, step: &mut dyn FnMut()) {
        let _turn = self.steps.change();
        step();
    }
}

/// Tells the loops and the log of changes that are durable. A bridge that was made by hand is a record, which the log has by then.
/// Bridges and conferences go ahead of the letters of calls that want to come in: the call's loop may know of one before the loop
/// that has to let it in.
pub(super) fn tell(store: &Store, senders: &[LaneSender], changes: &[(Resource, &str)]) {
    let at_us = super::clock::now().wall_us;
    let mut entries = Vec::new();
    for (resource, event) in changes {
        if let Resource::Confbridge(bridge) = resource {
            senders.iter().for_each(|sender| sender.letter(made_by_hand(bridge)));
            continue;
        }
        let customer_id = owner(resource);
        for sender in senders {
            let changed = Input::Changed(Box::new(resource.clone()));
            match resource {
                Resource::Conference(_) => sender.letter(changed),
                _ => sender.wish(changed),
            }
        }
        let body = LogBody::Event { name: (*event).to_owned().into(), resource: resource.clone(), extra: Map::new() };
        let (call_id, activeflow_id) = (Uuid::nil(), Uuid::nil());
        entries.push(LogEntry { at_us, customer_id, call_id, activeflow_id, body });
    }
    if !entries.is_empty() {
        store.append(entries);
    }
}

/// What the loops are told of a bridge that was made by hand.
pub(super) fn made_by_hand(bridge: &Confbridge) -> Input {
    Input::Changed(Box::new(Resource::Confbridge(Arc::new(bridge.clone()))))
}

/// Whose a resource is.
pub(super) fn owner(resource: &Resource) -> Uuid {
    match resource {
        Resource::Call(call, _) => call.customer_id,
        Resource::Activeflow(activeflow) => activeflow.customer_id,
        Resource::Recording(recording) => recording.customer_id,
        Resource::Conference(conference) => conference.customer_id,
        Resource::Conferencecall(call) => call.customer_id,
        Resource::Confbridge(bridge) => bridge.customer_id,
        Resource::Flow(flow) => flow.customer_id,
        Resource::Number(number) => number.customer_id,
        Resource::Extension(extension) => extension.customer_id,
        Resource::Accesskey(key) => key.customer_id,
        Resource::Agent(agent) => agent.customer_id,
        Resource::Customer(customer) => customer.id,
        Resource::Dtmf { .. } => Uuid::nil(),
    }
}

#[cfg(test)]
mod tests {
    use store::StoreConfig;

    use super::*;
    use crate::run::lanes::{LaneSizes, lanes};

    /// With two loops the one that has a call may know of a conference before the other one, which has to let the call in.
    #[test]
    fn a_new_conference_is_told_ahead_of_the_letters_of_those_who_come() {
        let folder = std::env::temp_dir().join(format!("flowswitch-tell-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(StoreConfig::new(folder)).unwrap().store;
        let (sender, mut receiver) = lanes(LaneSizes { dialog: 4, new_work: 4, api: 4 });
        let changes = [
            (Resource::Flow(Arc::default()), "flow_created"),
            (Resource::Conference(Arc::default()), "conference_created"),
            (Resource::Confbridge(Arc::default()), "confbridge_created"),
        ];
        tell(&store, std::slice::from_ref(&sender), &changes);
        sender.letter(Input::Timeout);
        let kinds: Vec<_> = std::iter::from_fn(|| receiver.try_next(|_| false))
            .map(|input| match input {
                Input::Changed(resource) => api::Kind::of(&resource).map(api::Kind::collection),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [Some("conferences"), Some("confbridges"), None, Some("flows")]);
    }
}
