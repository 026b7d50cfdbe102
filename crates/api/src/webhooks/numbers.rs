//! What webhooks count.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::{MetricsSource, MetricsText};

/// Counters and gauges of all destinations.
#[derive(Debug, Default)]
pub struct WebhookNumbers {
    /// Events that a receiver took.
    pub delivered: AtomicU64,
    /// Attempts that failed.
    pub attempts_failed: AtomicU64,
    /// Events that were given up after the last attempt.
    pub given_up: AtomicU64,
    /// Times that an event found its destination's queue full; it is sent later, from the journal.
    pub deferred: AtomicU64,
    /// Events that could not be sent at all: too many destinations, or an address that is none.
    pub dropped: AtomicU64,
    /// Events in queues now.
    pub waiting: AtomicU64,
    /// Destinations now.
    pub destinations: AtomicU64,
    /// Of those, the ones that do not keep up.
    pub behind: AtomicU64,
}

impl MetricsSource for WebhookNumbers {
    fn collect(&self, out: &mut MetricsText) {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        out.counter("webhooks_total", "Webhook events by outcome; deferred ones are sent later")
            .sample(&[("outcome", "delivered")], number(&self.delivered))
            .sample(&[("outcome", "given_up")], number(&self.given_up))
            .sample(&[("outcome", "deferred")], number(&self.deferred))
            .sample(&[("outcome", "dropped")], number(&self.dropped));
        out.counter("webhook_attempts_failed_total", "Attempts to send a webhook that failed")
            .value(number(&self.attempts_failed));
        out.gauge("webhooks_waiting", "Webhook events in queues").value(number(&self.waiting));
        out.gauge("webhook_destinations", "Webhook destinations in use").value(number(&self.destinations));
        out.gauge("webhook_destinations_behind", "Webhook destinations that do not keep up")
            .value(number(&self.behind));
    }
}
