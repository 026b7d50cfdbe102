//! What a control loop wants of the world beside packets and sound: the event log, HTTP, other loops, the API, bindings.

use std::sync::Arc;

use api::{FetchRequest, HttpFetcher};
use arc_swap::ArcSwap;
use base::LoopId;
use call::{Envelope, HttpJob, Input};
use flow::{HttpOutcome, HttpPurpose};
use model::Binding;
use store::Store;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::lanes::LaneSender;
use super::log_feed::LogFeed;
use super::wishes::Wishes;

/// One loop's way to all of it. No method waits.
pub(super) struct Outside {
    /// Of the loop.
    pub(super) owner: LoopId,
    /// To the event log.
    pub(super) feed: LogFeed,
    /// To all loops, this one included.
    pub(super) senders: Vec<LaneSender>,
    /// To who asked.
    pub(super) wishes: Arc<Wishes>,
    /// To other servers.
    pub(super) fetcher: Arc<HttpFetcher>,
    /// What signs webhooks; empty: nothing does.
    pub(super) webhook_secret: Arc<ArcSwap<String>>,
    /// Where requests to other servers are carried out.
    pub(super) runtime: Handle,
    /// Where bindings are kept.
    pub(super) store: Store,
}

impl Outside {
    /// A letter to a cell of another loop.
    pub(super) fn send(&self, letter: Envelope) {
        let owner = letter.owner(self.senders.len() as u8);
        if let Some(sender) = self.senders.get(usize::from(owner.0)) {
            sender.letter(Input::Message(letter));
        }
    }

    /// A request to another server.
    pub(super) fn http(&self, job: HttpJob) {
        let HttpJob { cell, step, call_id, activeflow_id, request, wait, .. } = job;
        let is_webhook = request.purpose == HttpPurpose::Webhook;
        let secret = is_webhook.then(|| self.webhook_secret.load().to_string()).filter(|secret| !secret.is_empty());
        let (fetcher, sender) = (self.fetcher.clone(), self.senders[usize::from(self.owner.0)].clone());
        self.runtime.spawn(async move {
            let (url, action_id) = (request.url.clone(), request.action_id);
            let result = fetcher
                .carry_out(FetchRequest {
                    method: request.method,
                    url: request.url,
                    content_type: request.content_type,
                    body: request.body,
                    repeat: is_webhook,
                    beginning_is_enough: is_webhook,
                    secret,
                })
                .await;
            let outcome = HttpOutcome { status: result.status, body: result.body, error: result.error };
            let failure = outcome.failure();
            if let Some(why) = &failure {
                tracing::warn!(%call_id, %activeflow_id, url = shown(&url), "no use of a request: {why}");
            }
            let input = match failure {
                _ if wait => Input::Http { cell, step, outcome },
                Some(reason) => Input::WebhookFailed { cell, activeflow_id, step, action_id, reason },
                None => return,
            };
            // The lane is full only while the loop is far behind; another thread serves the runtime meanwhile.
            tokio::task::block_in_place(|| sender.fact(input));
        });
    }

    /// A phone's bindings are to be written down.
    pub(super) fn save(&self, token: u64, extension_id: Uuid, bindings: Vec<Binding>) {
        let sender = self.senders[usize::from(self.owner.0)].clone();
        self.store.put_bindings_then(extension_id, bindings, move |result| {
            if let Err(error) = &result {
                tracing::error!(%extension_id, %error, "a registration could not be written down");
            }
            sender.letter(Input::Saved { token, saved: result.is_ok() });
        });
    }
}

/// What a log may show of an address: no query and no user, since there secrets are put.
pub(super) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    // What is no address of the web, such as `file:`, has no user.
    let Some((scheme, rest)) = plain.split_once("://") else { return plain.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_log_shows_no_secrets_of_an_address() {
        for (url, expected) in [
            ("https://example.com:8443/a/b?token=secret#x", "https://example.com:8443/a/b"),
            ("http://user:secret@example.com/a", "http://example.com/a"),
            ("http://user:secret@example.com?key=secret", "http://example.com"),
            ("http://example.com/a@b", "http://example.com/a@b"),
            ("file:menu.wav", "file:menu.wav"),
            ("speech", "speech"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
