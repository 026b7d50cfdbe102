//! Hands each accepted event to all subscriptions. It never waits: who does not keep up is dropped and counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{LogBody, LogEntry};
use tokio::sync::mpsc;

use super::topics;
use crate::metrics::{MetricsSource, MetricsText};
use crate::shape::Shape;

/// Events that may wait for one subscriber.
const QUEUE: usize = 1_024;
/// Most subscriptions.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// One event, written once for all.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) topics: Vec<String>,
    pub(crate) json: String,
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

    /// Tells every subscriber of an accepted entry. What is no event is left out. Never waits.
    pub fn publish(&self, entry: &LogEntry) {
        let LogBody::Event { name, .. } = &entry.body else { return };
        if self.subscribers().is_empty() {
            return;
        }
        let Some(event) = entry.to_event() else { return };
        let event = self.shape.event(event);
        let data = &event["data"];
        let owner = data["owner_id"].as_str().filter(|id| !id.is_empty() && *id != model::action_id::NIL);
        let id = data["id"].as_str().or_else(|| data["call_id"].as_str()).unwrap_or_default();
        let topics = topics::of_event(entry.customer_id, owner, name, id);
        let frame = Arc::new(Frame { topics, json: event.to_string() });
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
