//! The API as a whole: what it stands on, and what its handlers share.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::{ErrorStatus, Resource};
use serde_json::Value;
use uuid::Uuid;

use crate::auth::{Identity, KnownKeys, LoginGate};
use crate::control::{Control, Publish};
use crate::events::EventHub;
use crate::middleware::{ApiNumbers, RateLimiter, RateLimits};
use crate::problem::Problem;
use crate::quotas::Quotas;
use crate::repository::{Kind, Repository, RepositoryError};
use crate::shape::Shape;
use crate::shown::Shown;
use crate::sip::SipSockets;
use crate::stored::Stored;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The part of digest realms behind `<customer id>.registrar.`
    pub base_domain: String,
    /// How timestamps look.
    pub shape: Shape,
    /// Where recordings lie.
    pub recordings: PathBuf,
    /// Signs the tokens of `POST /auth/login`; at least 32 octets that nobody can guess. A new one ends all logins.
    pub token_secret: Vec<u8>,
    /// None = no limits.
    pub rate_limits: Option<RateLimits>,
    /// How many of each kind a customer may have.
    pub quotas: Quotas,
}

/// What the server hands in.
#[derive(Clone)]
pub struct Ports {
    /// Resources and timelines.
    pub repository: Arc<dyn Repository>,
    /// Running calls.
    pub control: Arc<dyn Control>,
    /// Told of changes.
    pub publish: Arc<dyn Publish>,
    /// Takes the connections that come to `/sip`.
    pub sip: Arc<dyn SipSockets>,
}

/// The API. [`crate::router`] serves it.
pub struct Api {
    pub(crate) config: ApiConfig,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) publish: Arc<dyn Publish>,
    pub(crate) sip: Arc<dyn SipSockets>,
    pub(crate) events: Arc<EventHub>,
    pub(crate) login: LoginGate,
    pub(crate) known_keys: KnownKeys,
    pub(crate) limiter: Option<RateLimiter>,
    pub(crate) numbers: Arc<ApiNumbers>,
    repository: Arc<dyn Repository>,
    turns: Turns,
}

impl Api {
    /// An API over these ports.
    pub fn new(config: ApiConfig, ports: Ports) -> Arc<Api> {
        Arc::new(Api {
            limiter: config.rate_limits.map(RateLimiter::new),
            events: Arc::new(EventHub::new(config.shape)),
            login: LoginGate::new(&config.token_secret),
            known_keys: KnownKeys::default(),
            config,
            control: ports.control,
            publish: ports.publish,
            sip: ports.sip,
            repository: ports.repository,
            numbers: Arc::default(),
            turns: Turns::default(),
        })
    }

    /// The subscriptions of WebSockets: hand every accepted log entry to it.
    pub fn events(&self) -> Arc<EventHub> {
        self.events.clone()
    }

    /// The API's own metrics.
    pub fn metrics(self: &Arc<Api>) -> Vec<Arc<dyn crate::MetricsSource>> {
        vec![self.numbers.clone(), self.events.clone()]
    }

    /// Asks the repository on a thread that may wait.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Repository) -> Result<T, RepositoryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let repository = self.repository.clone();
        match tokio::task::spawn_blocking(move || question(&*repository)).await {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(Problem::internal(error)),
        }
    }

    /// See [`Repository::changes`].
    pub(crate) fn changes(&self, kind: Kind) -> u64 {
        self.repository.changes(kind)
    }

    /// One resource of the caller's customer, deleted or not.
    pub(crate) async fn own<T: Stored>(&self, identity: &Identity, id: Uuid) -> Result<T, Problem> {
        let found = self.ask(move |repository| repository.get(T::KIND, id)).await?;
        let found = found.and_then(T::from_resource).filter(|found| found.owner() == identity.customer_id);
        found.ok_or_else(|| Problem::not_found(T::KIND))
    }

    /// One resource of the caller's customer that can still be changed.
    pub(crate) async fn alive<T: Stored>(&self, identity: &Identity, id: Uuid) -> Result<T, Problem> {
        let found: T = self.own(identity, id).await?;
        if found.is_deleted() { Err(Problem::not_found(T::KIND)) } else { Ok(found) }
    }

    /// Refuses one more than the customer may have. Those who ask at the same moment do not see each other, so that there may be
    /// as many more as there are connections: waiting for each other would cost each of them a write to the disk.
    pub(crate) async fn room_for_one_more(&self, identity: &Identity, kind: Kind) -> Result<(), Problem> {
        let customer_id = identity.customer_id;
        let have = self.ask(move |repository| repository.count(kind, customer_id)).await?;
        self.config.quotas.check(kind, have)
    }

    /// Stores a resource and tells of it, also where the asker has gone meanwhile. It is durable when this returns.
    pub(crate) async fn keep(&self, resource: Resource, event: &str) -> Result<(), Problem> {
        let (publish, event) = (self.publish.clone(), event.to_owned());
        self.ask(move |repository| {
            let mut stored = Ok(());
            publish.in_one_step(&mut || {
                stored = repository.put(&resource, &event);
                if stored.is_ok() && is_news(&resource) {
                    publish.changed(resource.clone(), &event);
                }
            });
            stored
        })
        .await
    }

    /// A resource as the outside sees it.
    pub(crate) fn show(&self, resource: &Resource) -> Shown {
        Shown::resource(resource, self.config.shape)
    }

    /// The same as a value, for those who add to it.
    pub(crate) fn to_value(&self, resource: &Resource) -> Value {
        self.config.shape.resource(resource)
    }

    /// The turn of whoever changes what has this name; others wait.
    pub(crate) async fn turn(&self, name: impl std::hash::Hash) -> tokio::sync::MutexGuard<'_, ()> {
        self.turns.of(name).lock().await
    }
}

/// Whether the loops and the log hear of it from here. Records are of the loops, and in the log by being stored; but of a bridge that
/// was made by hand the loops do not know yet.
fn is_news(resource: &Resource) -> bool {
    match resource {
        Resource::Confbridge(bridge) => bridge.tm_delete.is_none(),
        other => !Kind::of(other).is_some_and(Kind::is_record),
    }
}

/// Reading, changing and writing back is one step per resource: those who change the same wait for each other.
struct Turns([tokio::sync::Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Turns {
        Turns(std::array::from_fn(|_| tokio::sync::Mutex::default()))
    }
}

impl Turns {
    fn of(&self, name: impl std::hash::Hash) -> &tokio::sync::Mutex<()> {
        use std::hash::{DefaultHasher, Hasher};
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        &self.0[(hasher.finish() % 64) as usize]
    }
}

/// The two ids in a path such as `/confbridges/{id}/calls/{call_id}/kick`.
pub(crate) struct Ids(pub(crate) Uuid, pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Ids, Problem> {
        let path = axum::extract::Path::<(String, String)>::from_request_parts(parts, state).await;
        let axum::extract::Path((first, second)) = path.map_err(|_| invalid_id("id"))?;
        let parse = |name, text: &str| Uuid::parse_str(text).map_err(|_| invalid_id(name));
        Ok(Ids(parse("id", &first)?, parse("call_id", &second)?))
    }
}

/// `name` is what the path calls it.
fn invalid_id(name: &str) -> Problem {
    let message = format!("{name} in the path must be a UUID");
    Problem::new(ErrorStatus::InvalidArgument, "INVALID_ID", message).about(name)
}

/// The id in a path.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let path = path.map_err(|_| invalid_id("id"))?;
        Uuid::parse_str(&path.0).map(Id).map_err(|_| invalid_id("id"))
    }
}
