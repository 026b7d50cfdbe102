//! Hands each accepted event to all subscriptions. It never waits: who does not keep up is dropped and counted. An event is
//! written as JSON by the first subscriber that wants it, once for all, and not at all if nobody does: the log's thread, on
//! which events are handed over, has other things to do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::ws::Utf8Bytes;
use model::LogBody;
use store::Accepted;
use tokio::sync::mpsc;

use super::topics;
use crate::metrics::{MetricsSource, MetricsText};
use crate::shape::Shape;

/// Events that may wait for one subscriber.
const QUEUE: usize = 1_024;
/// Most subscriptions.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// One event for all subscribers.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) topics: Vec<String>,
    /// The event is the entry of this place.
    group: Arc<[Accepted]>,
    place: usize,
    shape: Shape,
    json: OnceLock<Utf8Bytes>,
}

impl Frame {
    /// Its text; written when first asked for.
    pub(crate) fn json(&self) -> Utf8Bytes {
        let write = || {
            let mut octets = Vec::new();
            if let Some(event) = self.group.get(self.place).and_then(|accepted| accepted.entry.event()) {
                self.shape.write_event(event, &mut octets);
            }
            Utf8Bytes::try_from(octets).unwrap_or_default()
        };
        self.json.get_or_init(write).clone()
    }
}

/// The receiving end of a subscription. It ends when the hub drops the subscriber.
pub(crate) type Subscription = mpsc::Receiver<Arc<Frame>>;

/// All subscriptions.
#[derive(Debug)]
pub struct EventHub {
    subscribers: Mutex<Vec<mpsc::Sender<Arc<Frame>>>>,
    dropped: AtomicU64,
    sent: AtomicU64,
    shape: Shape,
}

impl EventHub {
    pub(crate) fn new(shape: Shape) -> EventHub {
        EventHub { subscribers: Mutex::default(), dropped: AtomicU64::new(0), sent: AtomicU64::new(0), shape }
    }

    /// Tells every subscriber of accepted entries. What is no event is left out. Never waits.
    pub fn publish(&self, group: &Arc<[Accepted]>) {
        if self.subscribers().is_empty() {
            return;
        }
        for (place, accepted) in group.iter().enumerate() {
            if let LogBody::Event { name, resource, .. } = &accepted.entry.body {
                let owner = Some(resource.owner_id()).filter(|owner| !owner.is_nil()).map(|owner| owner.to_string());
                let (customer_id, id) = (accepted.entry.customer_id, resource.id().to_string());
                let topics = topics::of_event(customer_id, owner.as_deref(), name, &id);
                let (group, shape, json) = (group.clone(), self.shape, OnceLock::new());
                self.tell(&Arc::new(Frame { topics, group, place, shape, json }));
            }
        }
    }

    fn tell(&self, frame: &Arc<Frame>) {
        self.subscribers().retain(|subscriber| match subscriber.try_send(frame.clone()) {
            Ok(()) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("a WebSocket did not keep up with its events and is closed");
                false
            }
        });
    }

    /// A new subscription; none when there are too many.
    pub(crate) fn subscribe(&self) -> Option<Subscription> {
        let mut subscribers = self.subscribers();
        subscribers.retain(|subscriber| !subscriber.is_closed());
        if subscribers.len() >= SUBSCRIPTIONS_MAX {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        subscribers.push(sender);
        Some(receiver)
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Arc<Frame>>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetricsSource for EventHub {
    fn collect(&self, out: &mut MetricsText) {
        let open = self.subscribers().iter().filter(|subscriber| !subscriber.is_closed()).count();
        out.gauge("websockets", "WebSockets that are open").value(open);
        out.counter("websocket_events_total", "Events that were handed to WebSockets")
            .value(self.sent.load(Ordering::Relaxed));
        out.counter("websockets_dropped_total", "WebSockets that were closed because they did not keep up")
            .value(self.dropped.load(Ordering::Relaxed));
    }
}
