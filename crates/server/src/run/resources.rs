//! Resources between their three places: the files of provisioning, the store, the loops' snapshots.

use call::Snapshot;
use model::{
    Accesskey, Agent, Conference, Customer, Extension, ExtensionBody, Flow, Number, PasswordDigests, Resource,
    Timestamp,
};
use sip_core::digest::{Algorithm, ha1};
use store::{Store, StoreError, extension_key};

use super::StartError;
use super::apply::{Applied, Work, deleted};
use super::conference_keeper::Turn;
use super::provided::Provided;
use super::publisher;
use crate::provision::{Provisioned, ProvisionedAgent, ProvisionedKey, default_customer};

/// Applies provisioning and passes changes on.
#[derive(Clone)]
pub(super) struct Resources {
    store: Store,
    /// The base domain.
    domain: String,
    /// Conferences are written by others, too.
    turn: Turn,
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
        let mut work = Work::begin(&self.store, now)?;
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
        let kept = accesskey(&key, now);
        self.store.put(&kept)?;
        // A repair finds it in the log.
        publisher::tell(&self.store, &[], &[(kept.into_resource(), Accesskey::EVENTS[0])]);
        Ok(Some(token))
    }
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

/// A key that nobody can guess. Without randomness there is none, and the server does not start.
pub(super) fn new_secret() -> Result<[u8; 32], StartError> {
    random_octets()
}

#[cfg(test)]
mod tests {
    use store::StoreConfig;

    use super::*;

    #[test]
    fn a_repair_of_a_lost_database_brings_the_first_key_back() {
        let folder = std::env::temp_dir().join(format!("flowswitch-first-key-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let open = || Store::open(StoreConfig::new(&folder)).unwrap().store;
        let keys = |store: &Store| store.all::<Accesskey>().unwrap();
        let resources = Resources::new(open(), "example.org".into(), Turn::default());
        let token = resources.first_key(Timestamp::from_us(7)).unwrap().unwrap();
        let made = keys(&resources.store);
        resources.store.settle().unwrap();
        resources.store.close();
        drop(resources);
        for name in ["flowswitch.sqlite", "flowswitch.sqlite-wal", "flowswitch.sqlite-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        store::repair(&folder).unwrap();
        let found = keys(&open());
        assert_eq!(found, made);
        assert_eq!(found[0].token_hash, api::token_hash(&token));
        let again = Resources::new(open(), "example.org".into(), Turn::default());
        assert_eq!(again.first_key(Timestamp::from_us(8)).unwrap(), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
