//! `[webhook]`: requests that the server makes of others.

use serde::{Deserialize, Serialize};

use super::value;

/// Webhooks and the actions `fetch` and `webhook_send` (spec/resources.md §12).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Whether values that are put into a JSON text of `webhook_send` are escaped.
    pub escape_json: bool,
    /// Whether addresses of private networks and of this machine may be asked.
    pub private_addresses: bool,
    /// Events that may wait for one receiver.
    #[serde(deserialize_with = "value::whole::<_, _, 100, 10_000_000>")]
    pub queue: usize,
}

impl Default for WebhookConfig {
    fn default() -> WebhookConfig {
        WebhookConfig { escape_json: true, private_addresses: true, queue: 100_000 }
    }
}
