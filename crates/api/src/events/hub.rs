//! Hands each accepted event to all subscriptions. It never waits: who does not keep up is dropped and counted. An event is
//! written as JSON by the first subscriber that wants it, once for all, and not at all if nobody does: the log's thread, on
//! which events are handed over, has other things to do.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use model::LogBody;
use store::Accepted;
use tokio::sync::mpsc;

use super::topics;
use crate::metrics::{MetricsSource, MetricsText};
use crate::shape::Shape;

/// Events that may wait for one subscriber.
const QUEUE: usize = 1_024;
/// Octets of JSON that may wait for one subscriber, besides the first events, which are not counted: most subscribers have none that
/// wait, and nobody may want what comes.
const QUEUE_OCTETS: usize = 4 << 20;
const NOT_COUNTED: usize = 32;
/// How often it is looked whether all are closed.
const CLOSING_LOOK: Duration = Duration::from_millis(10);
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
#[derive(Debug)]
pub(crate) struct Subscription {
    frames: mpsc::Receiver<Waiting>,
    octets: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Subscription {
    /// The next event; none: the subscriber was dropped.
    pub(crate) async fn next(&mut self) -> Option<Arc<Frame>> {
        let Waiting { frame, octets } = self.frames.recv().await?;
        self.octets.fetch_sub(octets, Ordering::Relaxed);
        Some(frame)
    }

    /// Whether the server ends.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// An event that waits, and as how many octets it was counted.
#[derive(Debug)]
struct Waiting {
    frame: Arc<Frame>,
    octets: usize,
}

/// The hub's end of a subscription.
#[derive(Debug)]
struct Subscriber {
    frames: mpsc::Sender<Waiting>,
    octets: Arc<AtomicUsize>,
}

impl Subscriber {
    fn offer(&self, frame: &Arc<Frame>) -> Result<(), Refused> {
        let is_counted = QUEUE - self.frames.capacity() >= NOT_COUNTED;
        let octets = if is_counted { frame.json().len() } else { 0 };
        if self.octets.load(Ordering::Relaxed) + octets > QUEUE_OCTETS {
            return Err(Refused::Slow);
        }
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.frames.try_send(Waiting { frame: frame.clone(), octets }).map_err(|error| match error {
            mpsc::error::TrySendError::Closed(_) => Refused::Gone,
            mpsc::error::TrySendError::Full(_) => Refused::Slow,
        })
    }
}

/// Why a subscriber gets no event any more.
enum Refused {
    Gone,
    Slow,
}

/// All subscriptions.
#[derive(Debug)]
pub struct EventHub {
    subscribers: Mutex<Vec<Subscriber>>,
    /// The server ends. Each subscription holds it, too.
    over: Arc<AtomicBool>,
    dropped: AtomicU64,
    sent: AtomicU64,
    shape: Shape,
}

impl EventHub {
    pub(crate) fn new(shape: Shape) -> EventHub {
        let (subscribers, over) = (Mutex::default(), Arc::default());
        EventHub { subscribers, over, dropped: AtomicU64::new(0), sent: AtomicU64::new(0), shape }
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
        self.subscribers().retain(|subscriber| match subscriber.offer(frame) {
            Ok(()) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(Refused::Gone) => false,
            Err(Refused::Slow) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("a WebSocket did not keep up with its events and is closed");
                false
            }
        });
    }

    /// A new subscription; none when there are too many.
    pub(crate) fn subscribe(&self) -> Option<Subscription> {
        let mut subscribers = self.subscribers();
        subscribers.retain(|subscriber| !subscriber.frames.is_closed());
        if subscribers.len() >= SUBSCRIPTIONS_MAX || self.over.load(Ordering::Acquire) {
            return None;
        }
        let (sender, frames) = mpsc::channel(QUEUE);
        let octets = Arc::<AtomicUsize>::default();
        subscribers.push(Subscriber { frames: sender, octets: octets.clone() });
        Some(Subscription { frames, octets, over: self.over.clone() })
    }

    /// Ends all subscriptions, behind what waits for them, and returns when their WebSockets are closed. There are no new ones.
    pub async fn close_all(&self) {
        {
            let mut subscribers = self.subscribers();
            self.over.store(true, Ordering::Release);
            subscribers.clear();
        }
        // One is the hub's own.
        while Arc::strong_count(&self.over) > 1 {
            tokio::time::sleep(CLOSING_LOOK).await;
        }
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetricsSource for EventHub {
    fn collect(&self, out: &mut MetricsText) {
        let open = self.subscribers().iter().filter(|subscriber| !subscriber.frames.is_closed()).count();
        out.gauge("websockets", "WebSockets that are open").value(open);
        out.counter("websocket_events_total", "Events that were handed to WebSockets")
            .value(self.sent.load(Ordering::Relaxed));
        out.counter("websockets_dropped_total", "WebSockets that were closed because they did not keep up")
            .value(self.dropped.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use model::{Flow, LogEntry, Resource};

    use super::*;

    fn told(hub: &EventHub, detail: &str) {
        let flow = Flow { detail: detail.to_owned(), ..Flow::default() };
        let name = "flow_updated".into();
        let body = LogBody::Event { name, resource: Resource::Flow(Arc::new(flow)), extra: serde_json::Map::new() };
        let nil = uuid::Uuid::nil();
        let entry = LogEntry { at_us: 1, customer_id: nil, call_id: nil, activeflow_id: nil, body };
        hub.publish(&Arc::from([Accepted { seq: 1, entry }]));
    }

    #[tokio::test]
    async fn who_lets_large_events_wait_is_dropped_before_there_are_many() {
        let hub = EventHub::new(Shape { legacy: false });
        let (mut slow, mut quick) = (hub.subscribe().unwrap(), hub.subscribe().unwrap());
        let large = "a".repeat(64 << 10);
        for _ in 0..200 {
            told(&hub, &large);
            assert!(quick.next().await.is_some());
        }
        assert_eq!(hub.dropped.load(Ordering::Relaxed), 1);
        let mut waited = 0;
        while slow.next().await.is_some() {
            waited += 1;
        }
        assert!((NOT_COUNTED..NOT_COUNTED + 64).contains(&waited), "{waited}");
        assert_eq!(slow.octets.load(Ordering::Relaxed), 0);
        for _ in 0..QUEUE {
            told(&hub, "");
        }
        assert_eq!(hub.dropped.load(Ordering::Relaxed), 1, "of small ones there may be as many as ever");
    }
}
