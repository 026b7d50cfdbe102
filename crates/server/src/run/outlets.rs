//! Accepted entries of the event log, on their way out: to WebSockets, to webhooks, and to what signs webhooks of flows.

use std::sync::Arc;

use api::EventHub;
use arc_swap::ArcSwap;
use model::{LogBody, Resource};
use store::{Accepted, Store};
use tokio::sync::mpsc::Sender;

/// From now on every accepted entry goes to all of them. This runs on the log's thread: nothing here waits.
pub(super) fn connect(store: &Store, hub: Arc<EventHub>, live: Sender<Arc<[Accepted]>>, secret: Arc<ArcSwap<String>>) {
    store.on_accepted(Box::new(move |group| {
        for accepted in group.iter() {
            if let LogBody::Event { resource: Resource::Customer(customer), .. } = &accepted.entry.body {
                secret.store(Arc::new(customer.webhook_secret.clone()));
            }
        }
        hub.publish(group);
        // What finds no room is read from the log by who misses it.
        let _ = live.try_send(group.clone());
    }));
}
