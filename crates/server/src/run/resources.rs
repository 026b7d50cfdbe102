//! Resources between their three places: the files of provisioning, the store, the loops' snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use api::Publish;
use call::{Input, Snapshot};
use model::{
    Accesskey, Agent, Confbridge, Conference, Customer, Extension, ExtensionBody, Flow, LogBody, LogEntry, Number,
    PasswordDigests, Resource, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use sip_core::digest::{Algorithm, ha1};
use store::{Batch, Store, StoreError, Stored, extension_key};
use uuid::Uuid;

use super::StartError;
use super::conference_keeper::{self, Turn};
use super::lanes::LaneSender;
use super::provided::Provided;
use super::steps::Steps;
use crate::provision::{Provisioned, ProvisionedAgent, ProvisionedKey, default_customer, derived_id};

/// Applies provisioning and passes changes on.
#[derive(Clone)]
pub(super) struct Resources {
    store: Store,
    /// The base domain.
    domain: String,
    /// Conferences are written by others, too.
    turn: Turn,
}

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

/// The digest realm of the default customer.
pub(super) fn realm(domain: &str) -> String {
    format!("{}.registrar.{domain}", default_customer())
}

impl Resources {
    pub(super) fn new(store: Store, domain: String, turn: Turn) -> Resources {
        Resources { store, domain, turn }
    }

    /// Puts what the files say into the store, all of it or, when it fails, nothing. Doing so again changes nothing.
    pub(super) fn apply(&self, provisioned: &Provisioned, now: Timestamp) -> Result<Applied, StartError> {
        let before = self.store.get::<Ledger>(Ledger::default().id())?.unwrap_or_default();
        let mut work = Work {
            store: &self.store,
            before,
            now,
            applied: Applied::default(),
            ledger: Ledger::default(),
            gone: Vec::new(),
            notices: Vec::new(),
        };
        let customer = provisioned.customer.clone().unwrap_or_else(|| Customer {
            id: default_customer(),
            name: "default".into(),
            tm_create: Some(now),
            ..Customer::default()
        });
        if provisioned.customer.is_some() || self.store.get::<Customer>(customer.id)?.is_none() {
            work.put(customer)?;
        }
        provisioned.flows.values().try_for_each(|flow| work.put(flow.clone()))?;
        provisioned.numbers.values().try_for_each(|number| work.put(number.clone()))?;
        provisioned.conferences.values().try_for_each(|conference| work.put(conference.clone()))?;
        for body in provisioned.extensions.values() {
            let extension = self.extension(&mut work, body)?;
            work.put(extension)?;
        }
        provisioned.accesskeys.iter().try_for_each(|key| work.put(accesskey(key, now)))?;
        for entry in &provisioned.agents {
            let agent = agent(&self.store, entry, now)?;
            work.put(agent)?;
        }
        work.remove_what_left()?;
        let mut applied = work.write(&self.turn)?;
        match self.remove_unused_flows(now) {
            Ok(gone) => applied.changes.extend(gone),
            Err(error) => tracing::warn!("flows that no conference needs any more could not be deleted: {error}"),
        }
        Ok(applied)
    }

    fn remove_unused_flows(&self, now: Timestamp) -> Result<Vec<(Resource, &'static str)>, StoreError> {
        let mut gone = Vec::new();
        for id in super::conference_flows::unused(&self.store, now)? {
            if let Some(flow) = deleted::<Flow>(&self.store, id, now)? {
                self.store.put(&flow)?;
                gone.push((flow.into_resource(), Flow::EVENTS[2]));
            }
        }
        Ok(gone)
    }

    /// The account of a phone. Without a password in the file the one that it has stays; if it has none, one is made up.
    fn extension(&self, work: &mut Work<'_>, body: &ExtensionBody) -> Result<Extension, StartError> {
        let known = match self.store.get::<Extension>(body.id)?.filter(|known| known.tm_delete.is_none()) {
            None => self.store.find_unique::<Extension>(&extension_key(default_customer(), &body.extension))?,
            known => known,
        };
        let realm = realm(&self.domain);
        // Digests are of the name, too.
        let fits = |known: &Extension| known.domain_name == realm && known.extension == body.extension;
        let ha1 = match known.filter(|known| body.password.is_empty() && fits(known)) {
            Some(known) => known.ha1,
            None => {
                let mut password = body.password.clone();
                if password.is_empty() {
                    password = new_password()?;
                    work.applied.new_passwords.push((body.extension.clone(), password.clone()));
                }
                digests(&body.extension, &realm, &password)
            }
        };
        Ok(Extension {
            id: body.id,
            customer_id: default_customer(),
            extension: body.extension.clone(),
            name: body.name.clone(),
            detail: body.detail.clone(),
            domain_name: realm,
            direct_hash: String::new(),
            ha1,
            tm_create: Some(work.now),
            ..Extension::default()
        })
    }

    /// Fills in what the store has.
    pub(super) fn fill(&self, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        snapshot.flows = self.store.all::<Flow>()?.into_iter().map(|flow| (flow.id, flow)).collect();
        let numbers = self.store.all::<Number>()?.into_iter();
        snapshot.numbers = numbers.map(|number| (number.number.clone(), number)).collect();
        let extensions = self.store.all::<Extension>()?.into_iter();
        snapshot.extensions = extensions.map(|extension| (extension.extension.clone(), extension)).collect();
        let conferences = self.store.all::<Conference>()?.into_iter();
        snapshot.conferences = conferences.map(|conference| (conference.id, conference)).collect();
        Ok(())
    }

    /// What signs the customer's webhooks; empty: nothing does.
    pub(super) fn webhook_secret(&self) -> Result<String, StoreError> {
        Ok(self.store.get::<Customer>(default_customer())?.map(|customer| customer.webhook_secret).unwrap_or_default())
    }

    /// Makes an access key if there is none at all: the administrator's, shown once.
    pub(super) fn first_key(&self, now: Timestamp) -> Result<Option<String>, StartError> {
        if !self.store.all::<Accesskey>()?.is_empty() {
            return Ok(None);
        }
        let token = format!("vb_{}", random_text(32)?);
        let key = ProvisionedKey {
            id: model::random_id(&mut base::Random::from_seed(random_octets()?)),
            name: "administrator".into(),
            detail: "made at the first start".into(),
            token: token.clone(),
            expire: 0,
        };
        self.store.put(&accesskey(&key, now))?;
        Ok(Some(token))
    }
}

/// One application of provisioning: first it is found out what changes, then all of it is written at once.
struct Work<'a> {
    store: &'a Store,
    /// What the files provided before.
    before: Ledger,
    now: Timestamp,
    applied: Applied,
    ledger: Ledger,
    /// What is deleted, as those who are told are to see it: before what is new, which may have its name.
    gone: Vec<(Resource, &'static str)>,
    /// For the operator, when all is done.
    notices: Vec<String>,
}

impl Work<'_> {
    /// An unchanged resource stays as it was; a changed one keeps its time of creation.
    fn put<R: Provided>(&mut self, mut new: R) -> Result<(), StartError> {
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
    fn remove_what_left(&mut self) -> Result<(), StartError> {
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
    fn write(self, turn: &Turn) -> Result<Applied, StartError> {
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
fn deleted<R: Provided>(store: &Store, id: Uuid, now: Timestamp) -> Result<Option<R>, StoreError> {
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

fn accesskey(key: &ProvisionedKey, now: Timestamp) -> Accesskey {
    Accesskey {
        id: key.id,
        customer_id: default_customer(),
        name: key.name.clone(),
        detail: key.detail.clone(),
        token_prefix: key.token.chars().take(11).collect(),
        token_hash: api::token_hash(&key.token),
        tm_expire: (key.expire > 0).then(|| Timestamp::from_us(now.as_us() + key.expire * 1_000_000)),
        tm_create: Some(now),
        ..Accesskey::default()
    }
}

/// A password that still fits keeps its hash: hashing takes time and would look like a change.
fn agent(store: &Store, entry: &ProvisionedAgent, now: Timestamp) -> Result<Agent, StartError> {
    let known = store.get::<Agent>(entry.id)?.filter(|known| known.tm_delete.is_none());
    let password_hash = match known {
        Some(known) if api::is_password(&entry.password, &known.password_hash) => known.password_hash,
        _ => api::hash_password(&entry.password)?,
    };
    Ok(Agent {
        id: entry.id,
        customer_id: default_customer(),
        username: entry.username.clone(),
        password_hash,
        name: entry.name.clone(),
        detail: entry.detail.clone(),
        permission: entry.permission,
        tm_create: Some(now),
        ..Agent::default()
    })
}

fn digests(user: &str, realm: &str, password: &str) -> PasswordDigests {
    PasswordDigests {
        md5: ha1(Algorithm::Md5, user, realm, password),
        sha256: ha1(Algorithm::Sha256, user, realm, password),
    }
}

fn random_octets() -> Result<[u8; 32], StartError> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(|error| format!("no randomness: {error}"))?;
    Ok(octets)
}

fn random_text(length: usize) -> Result<String, StartError> {
    Ok(base::Random::from_seed(random_octets()?).token(length))
}

/// Long enough that nobody guesses it, short enough to be typed into a phone.
fn new_password() -> Result<String, StartError> {
    random_text(16)
}

/// Tells the loops and the log of what the API has changed.
pub(super) struct Publisher {
    pub(super) store: Store,
    pub(super) senders: Vec<LaneSender>,
    pub(super) steps: Steps,
}

impl Publish for Publisher {
    fn changed(&self, resource: Resource, event: &str) {
        tell(&self.store, &self.senders, &[(resource, event)]);
    }

    fn in_one_step(&self, step: &mut dyn FnMut()) {
        let _turn = self.steps.change();
        step();
    }
}

/// A key that nobody can guess. Without randomness there is none, and the server does not start.
pub(super) fn new_secret() -> Result<Vec<u8>, StartError> {
    Ok(random_octets()?.to_vec())
}

/// Tells the loops and the log of changes that are durable. A bridge that was made by hand is a record, which the log has by then.
/// Bridges and conferences go ahead of the letters of calls that want to come in: the call's loop may know of one before the loop
/// that has to let it in.
pub(super) fn tell(store: &Store, senders: &[LaneSender], changes: &[(Resource, &str)]) {
    let at_us = super::clock::now().wall_us;
    let mut entries = Vec::new();
    for (resource, event) in changes {
        if let Resource::Confbridge(bridge) = resource {
            senders.iter().for_each(|sender| sender.letter(made_by_hand(bridge)));
            continue;
        }
        let customer_id = owner(resource);
        for sender in senders {
            let changed = Input::Changed(Box::new(resource.clone()));
            match resource {
                Resource::Conference(_) => sender.letter(changed),
                _ => sender.wish(changed),
            }
        }
        let body = LogBody::Event { name: (*event).to_owned().into(), resource: resource.clone(), extra: Map::new() };
        let (call_id, activeflow_id) = (Uuid::nil(), Uuid::nil());
        entries.push(LogEntry { at_us, customer_id, call_id, activeflow_id, body });
    }
    if !entries.is_empty() {
        store.append(entries);
    }
}

/// What the loops are told of a bridge that was made by hand.
pub(super) fn made_by_hand(bridge: &Confbridge) -> Input {
    Input::Changed(Box::new(Resource::Confbridge(Arc::new(bridge.clone()))))
}

/// Whose a resource is.
pub(super) fn owner(resource: &Resource) -> Uuid {
    match resource {
        Resource::Call(call, _) => call.customer_id,
        Resource::Activeflow(activeflow) => activeflow.customer_id,
        Resource::Recording(recording) => recording.customer_id,
        Resource::Conference(conference) => conference.customer_id,
        Resource::Conferencecall(call) => call.customer_id,
        Resource::Confbridge(bridge) => bridge.customer_id,
        Resource::Flow(flow) => flow.customer_id,
        Resource::Number(number) => number.customer_id,
        Resource::Extension(extension) => extension.customer_id,
        Resource::Accesskey(key) => key.customer_id,
        Resource::Agent(agent) => agent.customer_id,
        Resource::Customer(customer) => customer.id,
        Resource::Dtmf { .. } => Uuid::nil(),
    }
}

#[cfg(test)]
mod tests {
    use store::StoreConfig;

    use super::*;
    use crate::run::lanes::{LaneSizes, lanes};

    /// With two loops the one that has a call may know of a conference before the other one, which has to let the call in.
    #[test]
    fn a_new_conference_is_told_ahead_of_the_letters_of_those_who_come() {
        let folder = std::env::temp_dir().join(format!("flowswitch-tell-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(StoreConfig::new(folder)).unwrap().store;
        let (sender, receiver) = lanes(LaneSizes { dialog: 4, new_work: 4, api: 4 });
        let changes = [
            (Resource::Flow(Arc::default()), "flow_created"),
            (Resource::Conference(Arc::default()), "conference_created"),
            (Resource::Confbridge(Arc::default()), "confbridge_created"),
        ];
        tell(&store, std::slice::from_ref(&sender), &changes);
        sender.letter(Input::Timeout);
        let kinds: Vec<_> = std::iter::from_fn(|| receiver.try_next())
            .map(|input| match input {
                Input::Changed(resource) => api::Kind::of(&resource).map(api::Kind::collection),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [Some("conferences"), Some("confbridges"), None, Some("flows")]);
    }
}
