//! What provisioning may keep in the store, kind by kind: what a file cannot know of it stays as the store has it.

use std::sync::Arc;

use model::{
    Accesskey, Agent, Conference, ConferenceStatus, Customer, Extension, Flow, Number, NumberStatus, Resource,
    Timestamp,
};
use store::Stored;

/// A resource that files may provide.
pub(super) trait Provided: Stored + Clone + PartialEq {
    /// Names of its events: created, changed, deleted.
    const EVENTS: [&'static str; 3];
    /// Its times of creation, change and deletion.
    fn times(&mut self) -> (&mut Option<Timestamp>, &mut Option<Timestamp>, &mut Option<Timestamp>);
    /// Takes over what the file cannot know.
    fn keep(&mut self, _known: &Self) {}
    /// Whether what is known is over, so that the file opens another one.
    fn begins_anew(&self, _known: &Self) -> bool {
        false
    }
    /// What makes it dialable; none for what cannot be dialled.
    fn direct_hash(&mut self) -> Option<&mut String> {
        None
    }
    /// Says of itself that it is deleted, where it has words for that.
    fn bury(&mut self) {}
    /// As an entry of the log has it.
    fn into_resource(self) -> Resource;
}

macro_rules! provided {
    (
        $name:ident, $created:literal, $updated:literal, $deleted:literal $(, $new:ident, $known:ident => $keep:block)?
        $(; hash $hash:ident)? $(; gone $gone:ident => $bury:block)? $(; anew $anew:ident)?
    ) => {
        impl Provided for $name {
            const EVENTS: [&'static str; 3] = [$created, $updated, $deleted];
            fn times(&mut self) -> (&mut Option<Timestamp>, &mut Option<Timestamp>, &mut Option<Timestamp>) {
                (&mut self.tm_create, &mut self.tm_update, &mut self.tm_delete)
            }
            $(fn keep(&mut self, $known: &Self) {
                let $new = self;
                $keep
            })?
            $(fn bury(&mut self) {
                let $gone = self;
                $bury
            })?
            $(fn direct_hash(&mut self) -> Option<&mut String> {
                Some(&mut self.$hash)
            })?
            $(fn begins_anew(&self, known: &Self) -> bool {
                $anew(self, known)
            })?
            fn into_resource(self) -> Resource {
                Resource::$name(Arc::new(self))
            }
        }
    };
}

provided!(Flow, "flow_created", "flow_updated", "flow_deleted", new, known => {
    new.direct_hash = known.direct_hash.clone();
}; hash direct_hash);
provided!(Number, "number_created", "number_updated", "number_deleted", new, known => {
    (new.tm_purchase, new.tm_renew, new.metadata) = (known.tm_purchase, known.tm_renew, known.metadata);
}; gone number => {
    number.status = NumberStatus::Deleted;
});
provided!(Extension, "extension_created", "extension_updated", "extension_deleted", new, known => {
    new.direct_hash = known.direct_hash.clone();
}; hash direct_hash);
provided!(Conference, "conference_created", "conference_updated", "conference_deleted", new, known => {
    new.direct_hash = known.direct_hash.clone();
    // The bridge is the one that calls may be in, whoever has opened the conference first.
    new.confbridge_id = known.confbridge_id;
    new.tm_create = known.tm_create;
    new.keep_run(known);
}; hash direct_hash; gone conference => {
    (conference.status, conference.tm_end) = (ConferenceStatus::Terminated, conference.tm_end.or(conference.tm_delete));
}; anew is_over);

/// A conference that has ended is opened again where the file still has one, unless the file itself gives it no more time.
fn is_over(file: &Conference, known: &Conference) -> bool {
    let now = file.tm_create.unwrap_or_default();
    let as_long = Conference { tm_create: known.tm_create, ..file.clone() };
    known.status == ConferenceStatus::Terminated && !as_long.is_past(now)
}

// It ends as long after its creation as the file says.
provided!(Accesskey, "accesskey_created", "accesskey_updated", "accesskey_deleted", new, known => {
    if let (Some(expire), Some(at), Some(created)) = (&mut new.tm_expire, new.tm_create, known.tm_create) {
        *expire = Timestamp::from_us(expire.as_us() - at.as_us() + created.as_us());
    }
});
provided!(Agent, "agent_created", "agent_updated", "agent_deleted");
provided!(Customer, "customer_created", "customer_updated", "customer_deleted", new, known => {
    if new.webhook_secret.is_empty() {
        new.webhook_secret = known.webhook_secret.clone();
    }
    new.metadata = known.metadata;
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use store::{Store, StoreConfig};
    use uuid::Uuid;

    use super::*;
    use crate::provision::{Provisioned, ProvisionedKey, default_customer};
    use crate::run::conference_keeper::Turn;
    use crate::run::resources::Resources;

    fn opened(name: &str) -> (Store, Resources) {
        let folder = std::env::temp_dir().join(format!("flowswitch-provided-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(StoreConfig::new(folder)).unwrap().store;
        (store.clone(), Resources::new(store, "example.com".into(), Turn::default()))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_us(seconds * 1_000_000)
    }

    #[test]
    fn a_key_of_a_file_ends_so_long_after_it_was_made_however_often_the_file_is_read() {
        let (store, resources) = opened("key");
        let key = |expire| ProvisionedKey { id: Uuid::from_u128(1), expire, ..ProvisionedKey::default() };
        let expires = |expire, now| {
            let provisioned = Provisioned { accesskeys: vec![key(expire)], ..Provisioned::default() };
            resources.apply(&provisioned, at(now)).unwrap();
            store.get::<Accesskey>(Uuid::from_u128(1)).unwrap().unwrap().tm_expire
        };
        assert_eq!(expires(60, 1_000), Some(at(1_060)));
        assert_eq!(expires(60, 1_050), Some(at(1_060)));
        assert_eq!(expires(90, 1_055), Some(at(1_090)));
        assert_eq!(expires(0, 1_058), None);
    }

    #[test]
    fn a_flow_of_a_file_can_be_dialled_and_keeps_its_hash() {
        let (store, resources) = opened("hash");
        let flow = |name: &str| -> Flow {
            let body: model::FlowBody = serde_json::from_value(json!({"name": name})).unwrap();
            body.into_flow(Uuid::from_u128(2), default_customer(), Vec::new(), at(1))
        };
        let hash = |name: &str| {
            let flows = BTreeMap::from([(Uuid::from_u128(2), flow(name))]);
            resources.apply(&Provisioned { flows, ..Provisioned::default() }, at(1)).unwrap();
            store.get::<Flow>(Uuid::from_u128(2)).unwrap().unwrap().direct_hash
        };
        let first = hash("one");
        assert!(first.starts_with("direct.") && first.len() == 19, "{first}");
        assert_eq!(hash("two"), first);
    }

    #[test]
    fn a_conference_of_a_file_ends_once_and_is_opened_again_by_a_file_that_gives_it_more_time() {
        let (store, resources) = opened("conference");
        let id = Uuid::from_u128(5);
        let apply = |timeout, now| {
            let tm_create = Some(at(now));
            let conference = Conference { id, timeout, confbridge_id: Uuid::max(), tm_create, ..Conference::default() };
            let conferences = BTreeMap::from([(id, conference)]);
            let applied = resources.apply(&Provisioned { conferences, ..Provisioned::default() }, at(now)).unwrap();
            let conference = store.get::<Conference>(id).unwrap().unwrap();
            (conference, applied.changes.into_iter().map(|(_, event)| event).collect::<Vec<_>>())
        };
        let (first, _) = apply(60, 1_000);
        let guest = Conference { conferencecall_ids: vec![Uuid::max()], ..first.clone() };
        store.put(&guest).unwrap();
        assert_eq!(apply(60, 1_010), (guest, vec![]), "who is in it stays");
        let over = Conference { status: ConferenceStatus::Terminated, tm_end: Some(at(1_060)), ..first.clone() };
        store.put(&over).unwrap();
        assert_eq!(apply(60, 1_100), (over.clone(), vec![]), "its time is up, by the file, too");
        let (again, events) = apply(300, 1_100);
        assert_eq!(
            (again.status, again.tm_end, events),
            (ConferenceStatus::Progressing, None, vec!["conference_created"])
        );
        assert_eq!((again.tm_create, &again.direct_hash), (Some(at(1_100)), &first.direct_hash));

        resources.apply(&Provisioned::default(), at(1_200)).unwrap();
        let gone = store.get::<Conference>(id).unwrap().unwrap();
        assert_eq!(
            (gone.status, gone.tm_end, gone.tm_delete),
            (ConferenceStatus::Terminated, Some(at(1_200)), Some(at(1_200)))
        );
    }

    #[test]
    fn a_number_that_leaves_its_file_says_that_it_is_deleted() {
        let (store, resources) = opened("number");
        let number = Number { id: Uuid::from_u128(3), number: "100".into(), ..Number::default() };
        let numbers = BTreeMap::from([(number.number.clone(), number)]);
        resources.apply(&Provisioned { numbers, ..Provisioned::default() }, at(1)).unwrap();
        resources.apply(&Provisioned::default(), at(2)).unwrap();
        let gone = store.get::<Number>(Uuid::from_u128(3)).unwrap().unwrap();
        assert_eq!((gone.status, gone.tm_delete), (NumberStatus::Deleted, Some(at(2))));
    }

    fn number(id: u128, number: &str) -> Number {
        Number {
            id: Uuid::from_u128(id),
            customer_id: default_customer(),
            number: number.into(),
            tm_create: Some(at(1)),
            ..Number::default()
        }
    }

    fn apply(resources: &Resources, numbers: &[Number], now: u64) -> Result<Vec<String>, String> {
        let numbers = numbers.iter().map(|number| (number.number.clone(), number.clone())).collect();
        let applied = resources.apply(&Provisioned { numbers, ..Provisioned::default() }, at(now));
        let told = |changes: Vec<(Resource, &str)>| {
            let numbers = changes.into_iter().filter(|(_, event)| event.starts_with("number"));
            numbers.map(|(resource, event)| format!("{event} {}", resource.id().as_u128())).collect()
        };
        applied.map(|applied| told(applied.changes)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_api_made_makes_room_for_what_a_file_says_later() {
        let (store, resources) = opened("taken-over");
        let noted = Number { tm_renew: Some(at(7)), ..number(9, "sales") };
        store.put(&noted).unwrap();
        let token = "vb_0123456789abcdefghijklmnopqrstuv";
        let hash = api::token_hash(token);
        let theirs = Accesskey {
            id: Uuid::from_u128(19),
            customer_id: default_customer(),
            token_hash: hash.clone(),
            tm_create: Some(at(1)),
            ..Accesskey::default()
        };
        store.put(&theirs).unwrap();
        let phone = Extension {
            id: Uuid::from_u128(29),
            customer_id: default_customer(),
            extension: "1000".into(),
            domain_name: crate::run::resources::realm("example.com"),
            direct_hash: "direct.0123456789ab".into(),
            ha1: model::PasswordDigests { md5: "m".into(), sha256: "s".into() },
            tm_create: Some(at(1)),
            ..Extension::default()
        };
        store.put(&phone).unwrap();
        let body = model::ExtensionBody { id: Uuid::from_u128(2), extension: "1000".into(), ..Default::default() };
        let provisioned = Provisioned {
            numbers: BTreeMap::from([("sales".into(), number(1, "sales"))]),
            accesskeys: vec![ProvisionedKey {
                id: Uuid::from_u128(3),
                token: token.into(),
                expire: 60,
                ..ProvisionedKey::default()
            }],
            extensions: BTreeMap::from([("1000".into(), body)]),
            ..Provisioned::default()
        };
        let applied = resources.apply(&provisioned, at(100)).unwrap();
        let events: Vec<_> = applied.changes.iter().map(|(_, event)| *event).collect();
        assert_eq!(events[..3], ["number_deleted", "extension_deleted", "accesskey_deleted"]);
        assert!(applied.new_passwords.is_empty(), "the phone keeps the password that it has");
        let sales = store.find_unique::<Number>("sales").unwrap().unwrap();
        assert_eq!((sales.id, sales.tm_renew), (Uuid::from_u128(1), Some(at(7))));
        let gone = store.get::<Number>(noted.id).unwrap().unwrap();
        assert_eq!((gone.status, gone.tm_delete), (NumberStatus::Deleted, Some(at(100))));
        let key = store.find_unique::<Accesskey>(&hash).unwrap().unwrap();
        assert_eq!((key.id, key.tm_expire), (Uuid::from_u128(3), Some(at(160))));
        let found = store.find_unique::<Extension>(&store::extension_key(default_customer(), "1000")).unwrap().unwrap();
        assert_eq!((found.id, &found.ha1, &found.direct_hash), (Uuid::from_u128(2), &phone.ha1, &phone.direct_hash));
        assert!(resources.apply(&provisioned, at(101)).unwrap().changes.is_empty(), "doing so again changes nothing");
    }

    #[test]
    fn numbers_of_a_file_may_change_places_and_what_leaves_makes_room() {
        let (store, resources) = opened("places");
        assert_eq!(apply(&resources, &[number(1, "a"), number(2, "b")], 1).unwrap().len(), 2);
        let swapped = apply(&resources, &[number(1, "b"), number(2, "a")], 2).unwrap();
        assert_eq!(swapped, ["number_updated 2", "number_updated 1"]);
        assert_eq!(
            apply(&resources, &[number(3, "a"), number(1, "b")], 3).unwrap(),
            ["number_deleted 2", "number_created 3"]
        );
        assert_eq!(store.all::<Number>().unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_had_changes_nothing_at_all() {
        let (store, resources) = opened("refused");
        apply(&resources, &[number(1, "stays")], 1).unwrap();
        let before = store.all::<Number>().unwrap();
        store.put(&Number { customer_id: Uuid::max(), ..number(8, "theirs") }).unwrap();
        let refused = apply(&resources, &[number(2, "a"), number(3, "theirs"), number(4, "z")], 2).unwrap_err();
        assert!(refused.contains(&Uuid::from_u128(3).to_string()), "{refused}");
        assert!(refused.contains(&Uuid::from_u128(8).to_string()), "{refused}");
        let mut left = store.all::<Number>().unwrap();
        left.retain(|number| number.customer_id == default_customer());
        assert_eq!(left, before);
        assert_eq!(apply(&resources, &[], 3).unwrap(), ["number_deleted 1"], "and it is still known to be of a file");
    }
}
