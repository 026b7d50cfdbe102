//! Whether a caller may stay: for what outlives a request, such as a WebSocket.

use std::sync::Arc;

use model::{Accesskey, Agent, Resource};

use super::identity::{Identity, Who};
use crate::clock::now;
use crate::repository::Kind;
use crate::service::Api;

/// A caller that was let in, and what the API knew of callers then.
pub(crate) struct Standing {
    api: Arc<Api>,
    identity: Identity,
    /// What [`crate::Repository::changes`] said before the caller was last looked up.
    changes: Option<u64>,
}

impl Standing {
    pub(crate) fn new(api: Arc<Api>, identity: Identity) -> Standing {
        Standing { api, identity, changes: None }
    }

    /// Whether the key or login is neither deleted nor expired, and still allows what it did. The repository is asked only when a key
    /// or person was stored since the last time; if it cannot answer, nobody may stay.
    pub(crate) async fn holds(&mut self) -> bool {
        if self.identity.until.is_some_and(|until| until <= now()) {
            return false;
        }
        let (kind, id) = match &self.identity.who {
            Who::Accesskey(key) => (Kind::Accesskey, key.id),
            Who::Agent(agent) => (Kind::Agent, agent.id),
        };
        let changes = self.api.changes(kind);
        if self.changes == Some(changes) {
            return true;
        }
        let found = self.api.ask(move |repository| repository.get(kind, id)).await;
        let holds = match found.ok().flatten() {
            Some(Resource::Accesskey(key)) => self.key_holds(&key),
            Some(Resource::Agent(agent)) => self.agent_holds(&agent),
            _ => false,
        };
        self.changes = holds.then_some(changes);
        holds
    }

    /// The end of a key may have been moved, by a file that provides it.
    fn key_holds(&mut self, key: &Accesskey) -> bool {
        self.identity.until = key.tm_expire;
        let is_same = match &self.identity.who {
            Who::Accesskey(known) => known.token_hash == key.token_hash,
            Who::Agent(_) => false,
        };
        is_same && key.tm_delete.is_none() && key.tm_expire.is_none_or(|expires| expires > now())
    }

    fn agent_holds(&self, agent: &Agent) -> bool {
        let (customer_id, permission) = (self.identity.customer_id, self.identity.permission);
        let is_same = match &self.identity.who {
            Who::Agent(known) => known.password_hash == agent.password_hash,
            Who::Accesskey(_) => false,
        };
        is_same && agent.tm_delete.is_none() && (agent.customer_id, agent.permission) == (customer_id, permission)
    }
}
