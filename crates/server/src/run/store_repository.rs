//! The store as the API and its webhooks see it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use api::{Cursors, Kind, Listing, Repository, RepositoryError, TimelineOf, WebhookJournal};
use model::{
    Accesskey, Activeflow, Agent, Confbridge, Conference, ConferenceStatus, Conferencecall, Customer, Extension, Flow,
    FlowType, LogBody, LogEntry, Number, Recording, ReferenceType, Resource,
};
use serde_json::Map;
use store::{
    Accepted, CallRecord, Filter, Listed, PAGE_SIZE_MAX, Page, Record, Store, StoreError, Stored, extension_key,
};
use uuid::Uuid;

use super::conference_keeper::{self, Turn};

/// How long a record waits for the disk.
const LOG_TIME: Duration = Duration::from_secs(5);

/// The store behind the API.
pub(super) struct StoreRepository(pub(super) Store, pub(super) Turn);

impl StoreRepository {
    fn resource<R: Stored>(&self, id: Uuid, wrap: fn(Arc<R>) -> Resource) -> Result<Option<Resource>, StoreError> {
        Ok(self.0.get::<R>(id)?.map(|found| wrap(Arc::new(found))))
    }

    fn record<R: Record>(&self, id: Uuid, wrap: fn(R) -> Resource) -> Result<Option<Resource>, StoreError> {
        Ok(self.0.record::<R>(id)?.map(wrap))
    }

    fn resources<R: Stored>(
        &self,
        listing: &Listing,
        wrap: fn(Arc<R>) -> Resource,
    ) -> Result<Vec<Resource>, StoreError> {
        let page = page_of(listing);
        let Listed { items, .. } = self.0.list::<R>(Some(listing.customer_id), &page, false)?;
        Ok(items.into_iter().map(|item| wrap(Arc::new(item))).collect())
    }

    /// Those that users made; the others are passed over.
    fn flows(&self, listing: &Listing) -> Result<Vec<Resource>, StoreError> {
        let (mut page, mut found) = (page_of(listing), Vec::new());
        loop {
            let Listed { items, next_page_token } = self.0.list::<Flow>(Some(listing.customer_id), &page, false)?;
            let own = items.into_iter().filter(|flow| flow.kind == FlowType::Flow);
            found.extend(own.map(|flow| Resource::Flow(Arc::new(flow))));
            if found.len() >= listing.limit || next_page_token.is_empty() {
                found.truncate(listing.limit);
                return Ok(found);
            }
            page = Page { size: PAGE_SIZE_MAX, token: next_page_token };
        }
    }

    fn records<R: Record>(&self, listing: &Listing, wrap: fn(R) -> Resource) -> Result<Vec<Resource>, StoreError> {
        let filter = Filter {
            flow_id: listing.flow_id.unwrap_or_default(),
            reference_id: listing.reference_id.unwrap_or_default(),
            status: listing.status.clone().unwrap_or_default(),
            ..Filter::default()
        };
        let page = page_of(listing);
        let Listed { items, .. } = self.0.records::<R>(Some(listing.customer_id), &filter, &page)?;
        Ok(items.into_iter().map(wrap).collect())
    }

    /// The log's own errors are those of a disk that takes nothing: nothing was changed then, unless it comes late.
    fn put_record(&self, record: &Resource, event: &str) -> Result<(), RepositoryError> {
        self.0.append_within(vec![entry(record, event)], LOG_TIME).map(drop).map_err(|error| match error {
            StoreError::Late => {
                // Whoever asked for a bridge was not told its id, nor are the loops: it must not stand when it comes.
                if let Resource::Confbridge(bridge) = record
                    && bridge.tm_delete.is_none()
                {
                    self.0.append(vec![withdrawn(bridge)]);
                }
                RepositoryError::Late
            }
            other => RepositoryError::Unavailable(other.to_string()),
        })
    }

    fn unique<R: Stored>(&self, key: &str, wrap: fn(Arc<R>) -> Resource) -> Result<Option<Resource>, StoreError> {
        Ok(self.0.find_unique::<R>(key)?.map(|found| wrap(Arc::new(found))))
    }
}

fn page_of(listing: &Listing) -> Page {
    let token = match listing.after {
        None => String::new(),
        Some(after) => match after.id {
            Some(id) => format!("{}_{}", after.tm_create, id.simple()),
            None => after.tm_create.to_string(),
        },
    };
    Page { size: listing.limit, token }
}

fn call(record: CallRecord) -> Resource {
    Resource::Call(Arc::new(record.call), record.action.map(Arc::new))
}

fn activeflow(record: Activeflow) -> Resource {
    Resource::Activeflow(Arc::new(record))
}

fn recording(record: Recording) -> Resource {
    Resource::Recording(Arc::new(record))
}

fn conferencecall(record: Conferencecall) -> Resource {
    Resource::Conferencecall(Arc::new(record))
}

fn confbridge(record: Confbridge) -> Resource {
    Resource::Confbridge(Arc::new(record))
}

fn told(error: StoreError) -> RepositoryError {
    match error {
        StoreError::Taken { .. } => RepositoryError::Taken,
        other => RepositoryError::Failed(other.to_string()),
    }
}

impl Repository for StoreRepository {
    fn get(&self, kind: Kind, id: Uuid) -> Result<Option<Resource>, RepositoryError> {
        match kind {
            Kind::Call => self.record(id, call),
            Kind::Activeflow => self.record(id, activeflow),
            Kind::Recording => self.record(id, recording),
            Kind::Conferencecall => self.record(id, conferencecall),
            Kind::Confbridge => self.record(id, confbridge),
            Kind::Conference => self.resource::<Conference>(id, Resource::Conference),
            Kind::Flow => self.resource::<Flow>(id, Resource::Flow),
            Kind::Number => self.resource::<Number>(id, Resource::Number),
            Kind::Extension => self.resource::<Extension>(id, Resource::Extension),
            Kind::Accesskey => self.resource::<Accesskey>(id, Resource::Accesskey),
            Kind::Agent => self.resource::<Agent>(id, Resource::Agent),
            Kind::Customer => self.resource::<Customer>(id, Resource::Customer),
        }
        .map_err(told)
    }

    fn list(&self, listing: &Listing) -> Result<Vec<Resource>, RepositoryError> {
        match listing.kind {
            Kind::Call => self.records(listing, call),
            Kind::Activeflow => self.records(listing, activeflow),
            Kind::Recording => self.records(listing, recording),
            Kind::Conferencecall => self.records(listing, conferencecall),
            Kind::Confbridge => self.records(listing, confbridge),
            Kind::Conference => self.resources::<Conference>(listing, Resource::Conference),
            Kind::Flow => self.flows(listing),
            Kind::Number => self.resources::<Number>(listing, Resource::Number),
            Kind::Extension => self.resources::<Extension>(listing, Resource::Extension),
            Kind::Accesskey => self.resources::<Accesskey>(listing, Resource::Accesskey),
            Kind::Agent => self.resources::<Agent>(listing, Resource::Agent),
            Kind::Customer => self.resources::<Customer>(listing, Resource::Customer),
        }
        .map_err(told)
    }

    fn put(&self, resource: &Resource, event: &str) -> Result<(), RepositoryError> {
        match resource {
            Resource::Conference(conference) => conference_keeper::put_rules(&self.0, &self.1, conference),
            Resource::Flow(flow) => self.0.put(&**flow),
            Resource::Number(number) => self.0.put(&**number),
            Resource::Extension(extension) => self.0.put(&**extension),
            Resource::Accesskey(key) => self.0.put(&**key),
            Resource::Agent(agent) => self.0.put(&**agent),
            Resource::Customer(customer) => self.0.put(&**customer),
            record => return self.put_record(record, event),
        }
        .map_err(told)
    }

    fn find(&self, kind: Kind, customer_id: Uuid, key: &str) -> Result<Option<Resource>, RepositoryError> {
        match kind {
            Kind::Number => self.unique::<Number>(key, Resource::Number),
            Kind::Extension => self.unique::<Extension>(&extension_key(customer_id, key), Resource::Extension),
            Kind::Accesskey => self.unique::<Accesskey>(key, Resource::Accesskey),
            Kind::Agent => self.unique::<Agent>(key, Resource::Agent),
            _ => Ok(None),
        }
        .map_err(told)
    }

    fn count(&self, kind: Kind, customer_id: Uuid) -> Result<u64, RepositoryError> {
        let by_hand = |resource: &Resource| matches!(resource, Resource::Confbridge(bridge) if bridge.is_by_hand());
        match kind {
            Kind::Call => Ok(self.0.count_live::<CallRecord>(customer_id, |_| true)),
            Kind::Activeflow => Ok(self.0.count_live::<Activeflow>(customer_id, |_| true)),
            Kind::Recording => Ok(self.0.count_live::<Recording>(customer_id, |_| true)),
            Kind::Conferencecall => Ok(self.0.count_live::<Conferencecall>(customer_id, |_| true)),
            Kind::Confbridge => Ok(self.0.count_live::<Confbridge>(customer_id, by_hand)),
            Kind::Conference => self.0.count::<Conference>(customer_id),
            Kind::Flow => self.0.count::<Flow>(customer_id),
            Kind::Number => self.0.count::<Number>(customer_id),
            Kind::Extension => self.0.count::<Extension>(customer_id),
            Kind::Accesskey => self.0.count::<Accesskey>(customer_id),
            Kind::Agent => self.0.count::<Agent>(customer_id),
            Kind::Customer => self.0.count::<Customer>(customer_id),
        }
        .map_err(told)
    }

    fn changes(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Conference => self.0.changes::<Conference>(),
            Kind::Flow => self.0.changes::<Flow>(),
            Kind::Number => self.0.changes::<Number>(),
            Kind::Extension => self.0.changes::<Extension>(),
            Kind::Accesskey => self.0.changes::<Accesskey>(),
            Kind::Agent => self.0.changes::<Agent>(),
            Kind::Customer => self.0.changes::<Customer>(),
            Kind::Call | Kind::Activeflow | Kind::Recording | Kind::Conferencecall | Kind::Confbridge => {
                self.0.accepted_seq()
            }
        }
    }

    fn timeline(
        &self,
        _: TimelineOf,
        id: Uuid,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, LogEntry)>, RepositoryError> {
        let entries = self.0.timeline(id).map_err(told)?.into_iter();
        let behind = entries.filter(|accepted| accepted.seq > after);
        Ok(behind.take(limit).map(|Accepted { seq, entry }| (seq, entry)).collect())
    }
}

/// A record that the API changes is written as the log's entry that says so.
fn entry(resource: &Resource, event: &str) -> LogEntry {
    let (customer_id, call_id, activeflow_id) = match resource {
        Resource::Call(call, _) => (call.customer_id, call.id, call.activeflow_id),
        // As its loop says it: webhooks keep the order of all that has one call.
        Resource::Activeflow(run) if run.reference_type == ReferenceType::Call => {
            (run.customer_id, run.reference_id, run.id)
        }
        Resource::Activeflow(run) => (run.customer_id, Uuid::nil(), run.id),
        Resource::Recording(recording) => (recording.customer_id, recording.reference_id, recording.activeflow_id),
        other => (super::publisher::owner(other), Uuid::nil(), Uuid::nil()),
    };
    let body = LogBody::Event { name: event.to_owned().into(), resource: resource.clone(), extra: Map::new() };
    LogEntry { at_us: super::clock::now().wall_us, customer_id, call_id, activeflow_id, body }
}

/// The end of a bridge that has never begun.
fn withdrawn(bridge: &Confbridge) -> LogEntry {
    let mut bridge = bridge.clone();
    bridge.status = ConferenceStatus::Terminated;
    (bridge.tm_update, bridge.tm_delete) = (bridge.tm_create, bridge.tm_create);
    entry(&confbridge(bridge), "confbridge_deleted")
}

/// The event log as webhooks read it again.
pub(super) struct StoreJournal(pub(super) Store);

impl WebhookJournal for StoreJournal {
    fn read(&self, after: u64, most: usize) -> io::Result<Vec<Accepted>> {
        let read = match self.0.read_from(after + 1, most) {
            // What was thrown away can be sent to nobody: they go on with the oldest that there is.
            Err(StoreError::Gone { first_seq }) => self.0.read_from(first_seq, most),
            other => other,
        };
        read.map_err(io::Error::other)
    }

    fn last(&self) -> io::Result<u64> {
        Ok(self.0.accepted_seq())
    }
}

/// How far webhooks have got: the cursors of the store.
pub(super) struct StoreCursors(pub(super) Store);

impl Cursors for StoreCursors {
    fn load(&self) -> io::Result<BTreeMap<String, u64>> {
        Ok(self.0.cursors())
    }

    fn save(&self, cursors: &BTreeMap<String, u64>) -> io::Result<()> {
        let before = self.0.cursors();
        for (name, seq) in cursors.iter().filter(|(name, seq)| before.get(*name) != Some(seq)) {
            self.0.set_cursor(name, *seq).map_err(io::Error::other)?;
        }
        for name in before.keys().filter(|name| !cursors.contains_key(*name)) {
            self.0.remove_cursor(name).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Webhooks take all of a call over one lane, and its other events over another would come in any order.
    #[test]
    fn the_deletion_of_a_run_stands_among_the_events_of_its_call() {
        let (call_id, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |reference_type| {
            let run = Activeflow { id, reference_type, reference_id: call_id, ..Activeflow::default() };
            let LogEntry { call_id, activeflow_id, .. } = entry(&activeflow(run), "activeflow_deleted");
            (call_id, activeflow_id)
        };
        assert_eq!(of(ReferenceType::Call), (call_id, id));
        assert_eq!(of(ReferenceType::Recording), (Uuid::nil(), id));
    }
}
