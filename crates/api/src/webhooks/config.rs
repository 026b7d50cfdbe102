//! The bounds of webhooks.

use std::time::Duration;

use crate::http_client::{Reach, Times};
use crate::shape::Shape;

/// What the operator decides, with VoIPBIN's values as defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Which addresses may be asked.
    pub reach: Reach,
    /// How timestamps look.
    pub shape: Shape,
    /// How often an event is tried.
    pub attempts: u32,
    /// The pause between two attempts.
    pub pause: Duration,
    /// For the connection.
    pub connect: Duration,
    /// From the request to the head of the answer.
    pub first_byte: Duration,
    /// For one attempt.
    pub whole: Duration,
    /// Connections to one destination.
    pub lanes: usize,
    /// Events that may wait for one destination.
    pub queue: usize,
    /// Bytes that may wait for one destination.
    pub queue_bytes: usize,
    /// Destinations at one time.
    pub destinations: usize,
}

impl Default for WebhookConfig {
    fn default() -> WebhookConfig {
        WebhookConfig {
            reach: Reach::Anywhere,
            shape: Shape::default(),
            attempts: 3,
            pause: Duration::from_secs(1),
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(15),
            whole: Duration::from_secs(30),
            lanes: 8,
            queue: 4_096,
            queue_bytes: 32 * 1024 * 1024,
            destinations: 256,
        }
    }
}

impl WebhookConfig {
    /// Of the answer only the status counts; its body is given a moment, so that the connection can be used again.
    pub(super) fn times(&self) -> Times {
        let body = self.whole.min(Duration::from_secs(1));
        Times { connect: self.connect, first_byte: self.first_byte, whole: self.whole, body }
    }
}
