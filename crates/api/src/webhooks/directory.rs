//! Who wants to be told: the addresses of customers and activeflows. They are learnt from the entries that pass by; what is
//! not known is asked of the repository once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{LogBody, LogEntry, Resource};
use uuid::Uuid;

use super::target::Target;
use crate::repository::{Kind, Repository};

/// After so long a customer is asked for again.
const FRESH: Duration = Duration::from_secs(5);
/// Most activeflows that are remembered; then all are forgotten and asked for again.
const ACTIVEFLOWS_MAX: usize = 50_000;
/// Most customers.
const CUSTOMERS_MAX: usize = 10_000;

/// Where one entry goes.
pub(super) type Receivers = Vec<Arc<Target>>;

pub(super) struct Directory {
    repository: Arc<dyn Repository>,
    customers: HashMap<Uuid, (Option<Arc<Target>>, Instant)>,
    activeflows: HashMap<Uuid, Option<Arc<Target>>>,
}

impl Directory {
    pub(super) fn new(repository: Arc<dyn Repository>) -> Directory {
        Directory { repository, customers: HashMap::new(), activeflows: HashMap::new() }
    }

    /// The destinations of an entry; none for what is no event.
    pub(super) async fn receivers(&mut self, entry: &LogEntry) -> Receivers {
        let LogBody::Event { resource, .. } = &entry.body else { return Receivers::new() };
        match resource {
            Resource::Customer(customer) => {
                let target = Target::of_customer(customer).map(Arc::new);
                self.customers.insert(customer.id, (target, Instant::now()));
            }
            Resource::Activeflow(_) => self.expect([entry].into_iter()),
            _ => {}
        }
        let mut receivers = Receivers::new();
        if let Some(target) = self.customer(entry.customer_id).await {
            receivers.push(target);
        }
        let activeflow_id = activeflow_of(resource);
        if !activeflow_id.is_nil()
            && let Some(target) = self.activeflow(activeflow_id).await
        {
            receivers.push(target);
        }
        receivers
    }

    /// Looks ahead: a call's first event names an activeflow whose own event follows it. An activeflow's address never changes.
    pub(super) fn expect<'a>(&mut self, entries: impl Iterator<Item = &'a LogEntry>) {
        for entry in entries {
            if let LogBody::Event { resource: Resource::Activeflow(activeflow), .. } = &entry.body
                && self.activeflows.get(&activeflow.id).is_none_or(Option::is_none)
            {
                self.remember(activeflow.id, Target::of_activeflow(activeflow).map(Arc::new));
            }
        }
    }

    async fn customer(&mut self, id: Uuid) -> Option<Arc<Target>> {
        if let Some((target, at)) = self.customers.get(&id)
            && at.elapsed() < FRESH
        {
            return target.clone();
        }
        let target = match self.ask(Kind::Customer, id).await {
            Some(Resource::Customer(customer)) => Target::of_customer(&customer).map(Arc::new),
            _ => None,
        };
        if self.customers.len() >= CUSTOMERS_MAX {
            self.customers.clear();
        }
        self.customers.insert(id, (target.clone(), Instant::now()));
        target
    }

    async fn activeflow(&mut self, id: Uuid) -> Option<Arc<Target>> {
        if let Some(target) = self.activeflows.get(&id) {
            return target.clone();
        }
        let target = match self.ask(Kind::Activeflow, id).await {
            Some(Resource::Activeflow(activeflow)) => Target::of_activeflow(&activeflow).map(Arc::new),
            _ => None,
        };
        self.remember(id, target.clone());
        target
    }

    fn remember(&mut self, id: Uuid, target: Option<Arc<Target>>) {
        if self.activeflows.len() >= ACTIVEFLOWS_MAX {
            self.activeflows.clear();
        }
        self.activeflows.insert(id, target);
    }

    async fn ask(&self, kind: Kind, id: Uuid) -> Option<Resource> {
        let repository = self.repository.clone();
        let asked = tokio::task::spawn_blocking(move || repository.get(kind, id)).await;
        asked.ok().and_then(Result::ok).flatten()
    }
}

/// The activeflow that an event's data names.
fn activeflow_of(resource: &Resource) -> Uuid {
    match resource {
        Resource::Call(call, _) => call.activeflow_id,
        Resource::Activeflow(activeflow) => activeflow.id,
        Resource::Recording(recording) => recording.activeflow_id,
        Resource::Conferencecall(conferencecall) => conferencecall.activeflow_id,
        _ => Uuid::nil(),
    }
}
