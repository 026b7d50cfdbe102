//! The caller of a request and what it may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::{Accesskey, Agent, Resource, Timestamp};
use uuid::Uuid;

use super::accesskey::{PREFIX, token_hash};
use super::credential;
use crate::clock::now;
use crate::problem::Problem;
use crate::repository::Kind;
use crate::service::Api;

/// The bits of an agent's `permission` (spec/resources.md §2).
pub(crate) mod permission {
    /// The project's super admin.
    pub(crate) const PROJECT_ADMIN: u32 = 1;
    /// The customer's admin.
    pub(crate) const ADMIN: u32 = 32;
    /// The customer's manager.
    pub(crate) const MANAGER: u32 = 64;
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) customer_id: Uuid,
    pub(crate) permission: u32,
    /// When the key or login ends; none = never.
    pub(crate) until: Option<Timestamp>,
    pub(crate) who: Who,
}

/// A person or a program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Who {
    Agent(Arc<Agent>),
    Accesskey(Arc<Accesskey>),
}

impl Identity {
    /// The agent's id, or that of the access key.
    pub(crate) fn id(&self) -> Uuid {
        match &self.who {
            Who::Agent(agent) => agent.id,
            Who::Accesskey(key) => key.id,
        }
    }

    /// The calling agent; for an access key, one that looks like it.
    pub(crate) fn to_agent(&self) -> Agent {
        match &self.who {
            Who::Agent(agent) => (**agent).clone(),
            Who::Accesskey(key) => Agent {
                id: key.id,
                customer_id: key.customer_id,
                name: key.name.clone(),
                detail: key.detail.clone(),
                permission: self.permission,
                tm_create: key.tm_create,
                tm_update: key.tm_update,
                ..Agent::default()
            },
        }
    }

    /// Voice resources are for admins and managers.
    pub(crate) fn manages(&self) -> bool {
        self.permission & (permission::PROJECT_ADMIN | permission::ADMIN | permission::MANAGER) != 0
    }

    /// Finds out who asks.
    pub(crate) async fn of(parts: &Parts, api: &Api) -> Result<Identity, Problem> {
        let found = credential::of(parts)?.ok_or_else(Problem::unauthenticated)?;
        let identity = if found.text.starts_with(PREFIX) {
            of_key(&found.text, api).await?
        } else if found.key_only {
            return Err(Problem::invalid_credentials());
        } else {
            of_token(&found.text, api).await?
        };
        if let Some(limiter) = &api.limiter {
            limiter.customer(identity.customer_id)?;
        }
        Ok(identity)
    }
}

async fn of_key(token: &str, api: &Api) -> Result<Identity, Problem> {
    let key = find_key(token_hash(token), api).await?.ok_or_else(Problem::invalid_credentials)?;
    if key.tm_delete.is_some() || key.tm_expire.is_some_and(|expires| expires <= now()) {
        return Err(Problem::invalid_credentials());
    }
    let (customer_id, until) = (key.customer_id, key.tm_expire);
    Ok(Identity { customer_id, permission: permission::ADMIN, until, who: Who::Accesskey(key) })
}

async fn find_key(hash: String, api: &Api) -> Result<Option<Arc<Accesskey>>, Problem> {
    let changes = api.changes(Kind::Accesskey);
    if let Some(key) = api.known_keys.get(&hash, changes) {
        return Ok(Some(key));
    }
    let wanted = hash.clone();
    let found = api.ask(move |repository| repository.find(Kind::Accesskey, Uuid::nil(), &wanted)).await?;
    let Some(Resource::Accesskey(key)) = found else { return Ok(None) };
    api.known_keys.keep(hash, changes, key.clone());
    Ok(Some(key))
}

async fn of_token(token: &str, api: &Api) -> Result<Identity, Problem> {
    let login = api.login.tokens.read(token).ok_or_else(Problem::invalid_credentials)?;
    let id = login.agent;
    match api.ask(move |repository| repository.get(Kind::Agent, id)).await? {
        Some(Resource::Agent(agent)) if agent.tm_delete.is_none() && login.is_of(&agent) => {
            let (customer_id, permission) = (agent.customer_id, agent.permission);
            Ok(Identity { customer_id, permission, until: Some(login.until), who: Who::Agent(agent) })
        }
        _ => Err(Problem::invalid_credentials()),
    }
}

/// Anybody with valid credentials.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Caller, Problem> {
        Identity::of(parts, api).await.map(Caller)
    }
}

/// An admin or manager of a customer.
pub(crate) struct Manager(pub(crate) Identity);

impl FromRequestParts<Arc<Api>> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Manager, Problem> {
        let identity = Identity::of(parts, api).await?;
        if identity.manages() { Ok(Manager(identity)) } else { Err(Problem::permission_denied()) }
    }
}
