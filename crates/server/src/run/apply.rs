//! One application of provisioning: what files say becomes what the store has. What the API made under a name that a file has now
//! makes room for it, and what leaves the files is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use model::{Accesskey, Agent, Conference, Extension, Flow, Number, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Batch, Store, StoreError, Stored};
use uuid::Uuid;

use super::StartError;
use super::conference_keeper::{self, Turn};
use super::provided::Provided;
use crate::provision::{default_customer, derived_id};

/// What the application of provisioning did.
#[derive(Default)]
pub(super) struct Applied {
    /// Passwords that were made up, by extension: shown once.
    pub(super) new_passwords: Vec<(String, String)>,
    /// What is new, changed or gone.
    pub(super) changes: Vec<(Resource, &'static str)>,
}

/// Which resources came from files: those that leave the files are deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ledger {
    by_kind: BTreeMap<String, Vec<Uuid>>,
}

impl Ledger {
    fn has<R: Stored>(&self, id: Uuid) -> bool {
        self.by_kind.get(R::KIND).is_some_and(|ids| ids.contains(&id))
    }
}

impl Stored for Ledger {
    const KIND: &'static str = "provisioning";
    fn id(&self) -> Uuid {
        derived_id("provisioning", "ledger")
    }
    fn customer_id(&self) -> Uuid {
        default_customer()
    }
    fn tm_create(&self) -> Option<Timestamp> {
        Some(Timestamp::from_us(0))
    }
    fn tm_delete(&self) -> Option<Timestamp> {
        None
    }
}

/// One application of provisioning: first it is found out what changes, then all of it is written at once.
pub(super) struct Work<'a> {
    store: &'a Store,
    /// What the files provided before.
    before: Ledger,
    pub(super) now: Timestamp,
    pub(super) applied: Applied,
    ledger: Ledger,
    /// What is deleted, as those who are told are to see it: before what is new, which may have its name.
    gone: Vec<(Resource, &'static str)>,
    /// For the operator, when all is done.
    notices: Vec<String>,
}

impl Work<'_> {
    /// Begins one, by what the store knows of the last.
    pub(super) fn begin(store: &Store, now: Timestamp) -> Result<Work<'_>, StoreError> {
        Ok(Work {
            store,
            before: store.get::<Ledger>(Ledger::default().id())?.unwrap_or_default(),
            now,
            applied: Applied::default(),
            ledger: Ledger::default(),
            gone: Vec::new(),
            notices: Vec::new(),
        })
    }

    /// An unchanged resource stays as it was; a changed one keeps its time of creation.
    pub(super) fn put<R: Provided>(&mut self, mut new: R) -> Result<(), StartError> {
        self.ledger.by_kind.entry(R::KIND.to_owned()).or_default().push(new.id());
        let mut known = self.store.get::<R>(new.id())?.filter(|known| known.tm_delete().is_none());
        if known.as_ref().and_then(Stored::unique_key) != new.unique_key() {
            self.take_over(&mut new)?;
        }
        if let Some(over) = known.as_mut().filter(|known| new.begins_anew(known)) {
            // All that is left of the one before.
            if let (Some(hash), Some(kept)) = (new.direct_hash(), over.direct_hash()) {
                hash.clone_from(kept);
            }
            known = None;
        }
        if let Some(known) = &known {
            new.keep(known);
        }
        if let Some(hash) = new.direct_hash().filter(|hash| hash.is_empty()) {
            *hash = api::direct_hash();
        }
        let event = match known {
            Some(mut known) => {
                let (create, update, _) = known.times();
                let (created, updated) = (*create, *update);
                *new.times().0 = created;
                *new.times().1 = updated;
                if new == known {
                    return Ok(());
                }
                *new.times().1 = Some(self.now);
                R::EVENTS[1]
            }
            None => R::EVENTS[0],
        };
        self.applied.changes.push((new.into_resource(), event));
        Ok(())
    }

    /// What the API made under the name that a file has now makes room for it, and what the file cannot know goes over to it.
    fn take_over<R: Provided>(&mut self, new: &mut R) -> Result<(), StartError> {
        let Some(key) = new.unique_key() else { return Ok(()) };
        let Some(mut other) = self.store.find_unique::<R>(&key)? else { return Ok(()) };
        // What came from files leaves them with this change, or has another name by it.
        if other.id() == new.id() || self.before.has::<R>(other.id()) {
            return Ok(());
        }
        let (kind, id, other_id) = (R::KIND, new.id(), other.id());
        if other.customer_id() != new.customer_id() {
            return Err(
                format!("{kind} {id} of a file cannot be had: {other_id} of another customer has its name").into()
            );
        }
        let mut kept = other.clone();
        // As if it had been made now: the key of a file ends by the file's time.
        *kept.times().0 = *new.times().0;
        new.keep(&kept);
        bury(&mut other, self.now);
        self.gone.push((other.into_resource(), R::EVENTS[2]));
        self.notices.push(format!("{kind}: {id} of a file has taken the place of {other_id}, which the API had made"));
        Ok(())
    }

    /// Deletes what the files provided before and do not any more.
    pub(super) fn remove_what_left(&mut self) -> Result<(), StartError> {
        for (kind, ids) in self.before.by_kind.clone() {
            let stays: BTreeSet<Uuid> = self.ledger.by_kind.get(&kind).into_iter().flatten().copied().collect();
            for id in ids.into_iter().filter(|id| !stays.contains(id)) {
                match kind.as_str() {
                    Flow::KIND => self.remove::<Flow>(id)?,
                    Number::KIND => self.remove::<Number>(id)?,
                    Extension::KIND => self.remove::<Extension>(id)?,
                    Conference::KIND => self.remove::<Conference>(id)?,
                    Accesskey::KIND => self.remove::<Accesskey>(id)?,
                    Agent::KIND => self.remove::<Agent>(id)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn remove<R: Provided>(&mut self, id: Uuid) -> Result<(), StoreError> {
        let gone = deleted::<R>(self.store, id, self.now)?;
        self.gone.extend(gone.map(|gone| (gone.into_resource(), R::EVENTS[2])));
        Ok(())
    }

    /// Writes what has changed. Conferences are written by the loops, too: nobody else writes one meanwhile.
    pub(super) fn write(self, turn: &Turn) -> Result<Applied, StartError> {
        let Work { store, before, mut applied, ledger, gone, notices, .. } = self;
        applied.changes.splice(0..0, gone);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::default();
        for (resource, _) in &applied.changes {
            add(&mut batch, store, resource)?;
        }
        if before != ledger {
            batch.add(&ledger)?;
        }
        store.put_all(batch)?;
        notices.iter().for_each(|notice| tracing::warn!("{notice}"));
        Ok(applied)
    }
}

/// The resource as it is when it is deleted; none: it is so already, or was never there.
pub(super) fn deleted<R: Provided>(store: &Store, id: Uuid, now: Timestamp) -> Result<Option<R>, StoreError> {
    let known = store.get::<R>(id)?.filter(|known| known.tm_delete().is_none());
    Ok(known.map(|mut known| {
        bury(&mut known, now);
        known
    }))
}

fn bury<R: Provided>(known: &mut R, now: Timestamp) {
    known.times().2.replace(now);
    known.bury();
}

/// Adds one provided resource to those that are written.
fn add(batch: &mut Batch, store: &Store, resource: &Resource) -> Result<(), StartError> {
    match resource {
        Resource::Flow(flow) => batch.add(&**flow)?,
        Resource::Number(number) => batch.add(&**number)?,
        Resource::Extension(extension) => batch.add(&**extension)?,
        Resource::Conference(conference) => batch.add(&conference_keeper::rules(store, conference)?)?,
        Resource::Accesskey(key) => batch.add(&**key)?,
        Resource::Agent(agent) => batch.add(&**agent)?,
        Resource::Customer(customer) => batch.add(&**customer)?,
        other => return Err(format!("{} is no resource of a file", other.id()).into()),
    }
    Ok(())
}
