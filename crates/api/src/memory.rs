//! A repository in memory, for tests and for trying the API without a disk. It forgets everything when it ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{LogBody, LogEntry, Resource, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::repository::{Kind, Listing, Repository, RepositoryError, TimelineOf};

/// Everything in one map.
#[derive(Debug, Default)]
pub struct MemoryRepository(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    resources: BTreeMap<(Kind, Uuid), Resource>,
    changes: u64,
    log: Vec<LogEntry>,
}

impl Kept {
    /// Recordings are of the flow that ran when they were made.
    fn flow_of(&self, resource: &Resource, public: &Value) -> Option<Uuid> {
        let Resource::Recording(recording) = resource else { return id_at(public, "flow_id") };
        match self.resources.get(&(Kind::Activeflow, recording.activeflow_id)) {
            Some(Resource::Activeflow(activeflow)) => Some(activeflow.flow_id),
            _ => None,
        }
    }
}

impl MemoryRepository {
    /// Adds an entry to the timelines; the first has sequence number 1.
    pub fn note(&self, entry: LogEntry) {
        self.kept().log.push(entry);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Repository for MemoryRepository {
    fn get(&self, kind: Kind, id: Uuid) -> Result<Option<Resource>, RepositoryError> {
        Ok(self.kept().resources.get(&(kind, id)).cloned())
    }

    fn list(&self, listing: &Listing) -> Result<Vec<Resource>, RepositoryError> {
        let kept = self.kept();
        let mut found: Vec<(Timestamp, Uuid, &Resource)> = kept
            .resources
            .iter()
            .filter(|((kind, _), _)| *kind == listing.kind)
            .filter_map(|((_, id), resource)| {
                let public = resource.to_public();
                let alive = public["tm_delete"].is_null();
                let flow_id = kept.flow_of(resource, &public);
                (alive && owner(&public) == listing.customer_id && passes(listing, &public, flow_id))
                    .then(|| (created(&public), *id, resource))
            })
            .filter(|(at, id, _)| match listing.after {
                None => true,
                Some(after) => match after.id {
                    None => *at < after.tm_create,
                    Some(last) => (*at, *id) < (after.tm_create, last),
                },
            })
            .collect();
        found.sort_by_key(|(at, id, _)| std::cmp::Reverse((*at, *id)));
        Ok(found.into_iter().take(listing.limit).map(|(_, _, resource)| resource.clone()).collect())
    }

    fn put(&self, resource: &Resource, _: &str) -> Result<(), RepositoryError> {
        let kind = Kind::of(resource).ok_or_else(|| RepositoryError::Failed("this is no resource".into()))?;
        let mut kept = self.kept();
        kept.changes += 1;
        kept.resources.insert((kind, resource.id()), resource.clone());
        Ok(())
    }

    fn find(&self, kind: Kind, customer_id: Uuid, key: &str) -> Result<Option<Resource>, RepositoryError> {
        let kept = self.kept();
        let found = kept.resources.iter().find(|((of, _), resource)| {
            *of == kind
                && match resource {
                    Resource::Number(number) => number.number == key && number.tm_delete.is_none(),
                    Resource::Extension(extension) => {
                        (extension.customer_id, extension.extension.as_str()) == (customer_id, key)
                            && extension.tm_delete.is_none()
                    }
                    Resource::Accesskey(accesskey) => accesskey.token_hash == key && accesskey.tm_delete.is_none(),
                    Resource::Agent(agent) => agent.username == key && agent.tm_delete.is_none(),
                    _ => false,
                }
        });
        Ok(found.map(|(_, resource)| resource.clone()))
    }

    fn count(&self, kind: Kind, customer_id: Uuid) -> Result<u64, RepositoryError> {
        let kept = self.kept();
        let counts = |resource: &Resource| {
            let public = resource.to_public();
            let over = kind == Kind::Confbridge && (public["status"] == "terminated" || public["reference_type"] != "");
            owner(&public) == customer_id && public["tm_delete"].is_null() && !over
        };
        Ok(kept.resources.iter().filter(|((of, _), resource)| *of == kind && counts(resource)).count() as u64)
    }

    fn changes(&self, _: Kind) -> u64 {
        self.kept().changes
    }

    fn timeline(
        &self,
        of: TimelineOf,
        id: Uuid,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, LogEntry)>, RepositoryError> {
        let kept = self.kept();
        let entries = (1..).zip(&kept.log).filter(|(sequence, entry)| {
            *sequence > after
                && match of {
                    TimelineOf::Call => entry.call_id == id,
                    TimelineOf::Activeflow => entry.activeflow_id == id,
                    TimelineOf::Conference | TimelineOf::Flow => is_about(entry, id),
                }
        });
        Ok(entries.take(limit).map(|(sequence, entry)| (sequence, entry.clone())).collect())
    }
}

/// Whether it is an event of this resource; those of participants are their conference's.
fn is_about(entry: &LogEntry, id: Uuid) -> bool {
    match &entry.body {
        LogBody::Event { resource: Resource::Conferencecall(participant), .. } => participant.conference_id == id,
        LogBody::Event { resource, .. } => resource.id() == id,
        LogBody::Note { .. } | LogBody::Change { .. } => false,
    }
}

fn owner(public: &Value) -> Uuid {
    id_at(public, "customer_id").unwrap_or_default()
}

fn created(public: &Value) -> Timestamp {
    public["tm_create"].as_str().and_then(|text| Timestamp::parse(text).ok()).unwrap_or_default()
}

fn passes(listing: &Listing, public: &Value, flow_id: Option<Uuid>) -> bool {
    let is_listed = listing.kind != Kind::Flow || public["type"] == "flow";
    let reference = if listing.kind == Kind::Call { "groupcall_id" } else { "reference_id" };
    is_listed
        && listing.reference_id.is_none_or(|id| id_at(public, reference) == Some(id))
        && listing.flow_id.is_none_or(|id| flow_id == Some(id))
        && listing.status.as_deref().is_none_or(|status| public["status"] == status)
}

fn id_at(public: &Value, key: &str) -> Option<Uuid> {
    public[key].as_str().and_then(|text| Uuid::parse_str(text).ok())
}
