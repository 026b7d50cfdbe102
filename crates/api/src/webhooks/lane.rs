//! One connection to one destination: a task that sends its events one after the other.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::HeaderValue;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::WebhookConfig;
use super::backlog::Backlog;
use super::signature::signature;
use super::target::Target;
use crate::http_client::{Client, Connection, Outgoing, exchange};

/// Of an answer's body so much is read; of a longer one the connection is closed.
const BODY_MAX: usize = 64 * 1024;
/// A connection that was not used for so long is closed.
const IDLE: Duration = Duration::from_secs(20);

/// One event for one destination.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) sequence: u64,
    pub(super) target: Arc<Target>,
    pub(super) body: Bytes,
}

/// A lane's task.
pub(super) struct Lane {
    pub(super) client: Arc<Client>,
    pub(super) config: Arc<WebhookConfig>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) name: Arc<str>,
}

impl Lane {
    /// Sends what comes until the destination is dropped.
    pub(super) async fn run(self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut kept = None;
        let mut idle = pin!(sleep(IDLE));
        loop {
            let job = tokio::select! {
                biased;
                job = jobs.recv() => job,
                () = &mut idle, if kept.is_some() => {
                    kept = None;
                    continue;
                }
            };
            let Some(job) = job else { return };
            self.deliver(&mut kept, &job).await;
            self.backlog.done(job.sequence, job.body.len());
            // Set anew to a later time: that costs next to nothing.
            idle.as_mut().reset(Instant::now() + IDLE);
        }
    }

    async fn deliver(&self, kept: &mut Option<Connection>, job: &Job) {
        let numbers = &self.backlog.numbers;
        let outgoing = Outgoing {
            method: job.target.method.clone(),
            url: job.target.url.clone(),
            content_type: HeaderValue::from_static("application/json"),
            signature: signature(&job.target.secret, &job.body),
            body: job.body.clone(),
        };
        let mut last = String::new();
        for attempt in 0..self.config.attempts.max(1) {
            if attempt > 0 {
                sleep(self.config.pause).await;
            }
            match exchange(&self.client, kept, &outgoing, &self.config.times(), BODY_MAX).await {
                Ok(reply) if reply.status < 500 => {
                    numbers.delivered.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Ok(reply) => last = format!("it answered {}", reply.status),
                Err(failure) => last = failure.to_string(),
            }
            numbers.attempts_failed.fetch_add(1, Ordering::Relaxed);
        }
        let before = numbers.given_up.fetch_add(1, Ordering::Relaxed);
        // One line per event would bury the log under a receiver that is down.
        if before.is_multiple_of(1_000) {
            tracing::warn!(destination = %self.name, given_up = before + 1, "a webhook was given up: {last}");
        }
    }
}
