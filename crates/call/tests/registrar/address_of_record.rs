//! What stands after each REGISTER (RFC 3261 §10.3, spec/media.md §4).

use base::Now;
use call::registrar::{AddressOfRecord, BindingSettings, Registered};
use model::Binding;
use sip_core::register::Register;
use sip_core::uas::Rejection;
use sip_core::{Hop, Transport};
use uuid::Uuid;

use crate::phone::{at, from, request};

/// An address of record and the settings that it is changed under.
struct Desk {
    record: AddressOfRecord,
    settings: BindingSettings,
}

impl Desk {
    fn new() -> Desk {
        let (extension, customer) = (Uuid::from_u128(1), Uuid::from_u128(2));
        Desk { record: AddressOfRecord::new(extension, customer), settings: BindingSettings::default() }
    }

    fn try_register(&mut self, now: Now, call_id: &str, cseq: u32, lines: &str) -> Result<Registered, Rejection> {
        let register = Register::read(&request("REGISTER", call_id, cseq, lines))?;
        self.record.register(now, &register, &from("192.0.2.7:5060"), &self.settings)
    }

    fn register_over(&mut self, hop: &Hop, now: Now, call_id: &str, cseq: u32, lines: &str) {
        let register = Register::read(&request("REGISTER", call_id, cseq, lines)).expect("it can be read");
        self.record.register(now, &register, hop, &self.settings).expect("it is in order");
    }

    fn register(&mut self, now: Now, call_id: &str, cseq: u32, lines: &str) -> Registered {
        self.try_register(now, call_id, cseq, lines).expect("it is in order")
    }

    /// What a phone is told that asks: users and seconds.
    fn standing(&mut self, now: Now) -> Vec<(String, u64)> {
        let told = self.register(now, "query", 1, "");
        assert!(!told.changed);
        let user = |uri: &str| uri.trim_start_matches("sip:").split('@').next().unwrap().to_owned();
        told.contacts.iter().map(|contact| (user(&contact.uri), contact.expires_s)).collect()
    }
}

fn contact(user: &str) -> String {
    format!("Contact: <sip:{user}@192.0.2.7:5060>\n")
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(user, seconds)| ((*user).to_owned(), *seconds)).collect()
}

#[test]
fn a_binding_is_made_with_all_that_is_kept_of_it() {
    let mut desk = Desk::new();
    let made = desk.register(at(0), "c1", 7, "Contact: <sip:a@192.0.2.7:5060;ob>;q=0.5;+sip.instance=\"<urn:x>\"\n");
    let [binding] = &made.bindings[..] else { panic!("{made:?}") };
    assert!(made.changed && made.removed.is_empty());
    assert_eq!((binding.extension_id, binding.customer_id), (Uuid::from_u128(1), Uuid::from_u128(2)));
    assert_eq!((binding.contact.as_str(), binding.received.as_str()), ("sip:a@192.0.2.7:5060;ob", "192.0.2.7:5060"));
    assert_eq!((binding.listener, binding.local.as_str()), (1, "192.0.2.100:5060"));
    assert_eq!(binding.transport, "udp");
    assert_eq!((binding.call_id.as_str(), binding.cseq, binding.user_agent.as_str()), ("c1", 7, "Phone 1.0"));
    assert_eq!(binding.expires_us, at(3_600).wall_us);
    assert_eq!(binding.created_us, at(0).wall_us);
    assert_eq!(made.contacts[0].params, ";q=0.5;+sip.instance=\"<urn:x>\"");
    assert_eq!(made.contacts[0].expires_s, 3_600);
    assert!(desk.record.is_reached_at(at(0), "192.0.2.7:5060".parse().unwrap()));
    assert!(!desk.record.is_reached_at(at(0), "192.0.2.7:5061".parse().unwrap()));
}

#[test]
fn the_time_granted_is_between_a_minute_and_two_hours() {
    let mut desk = Desk::new();
    let mut granted = |cseq, lines: &str| {
        let made = desk.register(at(0), "c1", cseq, &format!("{}{lines}", contact("a")));
        made.contacts[0].expires_s
    };
    assert_eq!(granted(1, ""), 3_600);
    assert_eq!(granted(2, "Expires: 1\n"), 60);
    assert_eq!(granted(3, "Expires: 100\n"), 100);
    assert_eq!(granted(4, "Expires: 86400\n"), 7_200);
    assert_eq!(granted(5, "Expires: 99999999999\n"), 3_600);
}

#[test]
fn a_fourth_contact_removes_the_oldest_of_three() {
    let mut desk = Desk::new();
    for (second, user) in ["a", "b", "c"].into_iter().enumerate() {
        desk.register(at(second as u64), user, 1, &contact(user));
    }
    // The oldest is who came first, however lately it was refreshed.
    desk.register(at(10), "a", 2, &contact("a"));
    let made = desk.register(at(20), "d", 1, &contact("d"));
    assert_eq!(made.removed.len(), 1);
    assert!(made.removed[0].contact.starts_with("sip:a@"));
    assert_eq!(desk.standing(at(20)), pairs(&[("b", 3_581), ("c", 3_582), ("d", 3_600)]));
    let many: String = ["e", "f", "g", "h"].map(contact).concat();
    let made = desk.register(at(30), "e", 1, &many);
    assert_eq!((made.bindings.len(), made.removed.len()), (3, 4));
    assert_eq!(desk.standing(at(30)), pairs(&[("f", 3_600), ("g", 3_600), ("h", 3_600)]));
}

#[test]
fn whose_connection_is_closed_makes_room_before_the_oldest() {
    let mut desk = Desk::new();
    let over = |port: u16| Hop { transport: Transport::Tls, ..from(&format!("192.0.2.7:{port}")) };
    desk.register(at(0), "live", 1, &contact("live"));
    for port in [1, 2] {
        desk.register_over(&over(port), at(port.into()), &format!("c{port}"), 1, &contact(&format!("tls{port}")));
    }
    desk.record.connection_closed(&over(2));
    let made = desk.register(at(5), "new", 1, &contact("new"));
    assert!(made.removed[0].contact.starts_with("sip:tls2@"), "{made:?}");
    // Whoever is back is live again.
    desk.record.connection_closed(&over(1));
    desk.register_over(&over(1), at(6), "c1", 2, &contact("tls1"));
    let made = desk.register(at(7), "newer", 1, &contact("newer"));
    assert!(made.removed[0].contact.starts_with("sip:live@"), "{made:?}");
    // After a restart no connection is open.
    desk.record = AddressOfRecord::restore(Uuid::from_u128(1), Uuid::from_u128(2), made.bindings);
    let made = desk.register(at(8), "newest", 1, &contact("newest"));
    assert!(made.removed[0].contact.starts_with("sip:tls1@"), "{made:?}");
}

#[test]
fn a_refresh_keeps_the_binding_and_its_age() {
    let mut desk = Desk::new();
    desk.register(at(0), "c1", 1, &contact("a"));
    // Another spelling of the same URI (RFC 3261 §19.1.4), from another Call-ID after the phone was started again.
    let made = desk.register(at(50), "c2", 1, "Contact: <sip:%61@192.0.2.7:5060;x=y>;expires=120\n");
    assert_eq!((made.bindings.len(), made.removed.len(), desk.record.len()), (1, 0, 1));
    assert_eq!(made.bindings[0].created_us, at(0).wall_us);
    assert_eq!(made.bindings[0].expires_us, at(170).wall_us);
    assert_eq!(made.bindings[0].call_id, "c2");
    assert_eq!(made.contacts[0].uri, "sip:%61@192.0.2.7:5060;x=y");
    desk.register(at(60), "c2", 2, "Contact: <sip:a@192.0.2.7:5062>\n");
    assert_eq!(desk.record.len(), 2, "another port is another contact");
}

#[test]
fn an_instance_that_comes_from_elsewhere_takes_its_own_place_and_nobody_elses() {
    let mut desk = Desk::new();
    let phone = |port: u16, more: &str| format!("Contact: <sip:a@192.0.2.7:{port};transport=tls>{more}\n");
    let instance = ";+sip.instance=\"<urn:uuid:1>\"";
    desk.register(at(0), "live", 1, &contact("live"));
    let made = desk.register(at(1), "c1", 1, &phone(1_000, instance));
    let old = made.bindings[1].clone();
    for (second, port) in (2..6).zip(2_000..) {
        let made = desk.register(at(second), &format!("c{port}"), 1, &phone(port, instance));
        assert_eq!((made.bindings.len(), made.removed.len()), (2, 1), "{port}");
        assert_eq!(made.bindings[1].created_us, old.created_us, "it keeps its age");
        assert!(made.bindings[1].contact.contains(&port.to_string()));
    }
    // RFC 5626 §4.2: each reg-id is a flow of its own; another instance is another phone.
    let first = format!("{instance};reg-id=1");
    assert_eq!(desk.register(at(7), "f1", 1, &phone(3_000, &first)).bindings.len(), 3);
    let made = desk.register(at(8), "f1", 2, &phone(3_001, &first));
    assert_eq!((made.bindings.len(), made.removed.len()), (3, 1));
    assert_eq!(desk.register(at(9), "f2", 1, &phone(3_002, ";reg-id=1")).removed.len(), 1, "too many");
    assert!(!desk.record.bindings(at(9)).any(|place| place.contact.starts_with("sip:live@")));
}

#[test]
fn what_one_register_says_of_an_instance_stands_beside_each_other() {
    let mut desk = Desk::new();
    let of = |user: &str, more: &str| format!("Contact: <sip:{user}@192.0.2.7>;+sip.instance=\"<urn:x>\"{more}\n");
    let made = desk.register(at(0), "c1", 5, &(of("four", "") + &of("six", "")));
    assert_eq!((made.bindings.len(), made.removed.len()), (2, 0));
    // A phone whose address has changed takes the old one back with the new one, in whatever order.
    let made = desk.register(at(1), "c1", 6, &(of("new", "") + &of("four", ";expires=0")));
    assert_eq!(made.bindings.len(), 2, "{made:?}");
    assert!(desk.try_register(at(2), "c1", 4, &of("late", "")).is_err(), "it was overtaken by what stands");
    let done = desk.register(at(3), "c2", 1, &of("other", ""));
    desk.record.undo(at(3), &done.undo);
    let mut standing = desk.standing(at(3));
    standing.sort();
    assert_eq!(standing, pairs(&[("new", 3_598), ("six", 3_597)]), "taken back where the store has failed");
}

#[test]
fn expires_0_removes_one_and_a_star_all() {
    let mut desk = Desk::new();
    let all: String = ["a", "b", "c"].map(contact).concat();
    desk.register(at(0), "c1", 1, &all);
    let made = desk.register(at(1), "c1", 2, "Contact: <sip:b@192.0.2.7:5060>;expires=0\n");
    assert_eq!((made.contacts.len(), made.bindings.len(), made.removed.len()), (2, 2, 1));
    assert!(made.changed);
    let made = desk.register(at(1), "c1", 3, "Contact: <sip:nobody@192.0.2.7>\nExpires: 0\n");
    assert!(!made.changed, "what does not stand cannot be removed");
    assert_eq!(desk.standing(at(1)), pairs(&[("a", 3_599), ("c", 3_599)]));
    assert!(desk.try_register(at(1), "c1", 4, "Contact: *\n").is_err());
    let made = desk.register(at(1), "c1", 5, "Contact: *\nExpires: 0\n");
    assert_eq!((made.contacts.len(), made.bindings.len(), made.removed.len()), (0, 0, 2));
    assert!(desk.record.is_empty() && desk.record.next_deadline_ns(at(1)).is_none());
}

#[test]
fn a_register_that_was_overtaken_changes_nothing() {
    let mut desk = Desk::new();
    let both = contact("a") + &contact("b");
    desk.register(at(0), "c1", 5, &both);
    let before = desk.record.clone();
    for (cseq, lines) in [
        (5, contact("a")),
        (4, contact("a")),
        (4, contact("new") + "Contact: <sip:b@192.0.2.7:5060>;expires=0\n"),
        (5, "Contact: *\nExpires: 0\n".to_owned()),
    ] {
        let rejection = desk.try_register(at(1), "c1", cseq, &lines).unwrap_err();
        assert_eq!((rejection.status, rejection.reason()), (500, "CSeq is not higher than before"), "{cseq} {lines}");
        assert_eq!(desk.record, before);
    }
    assert!(desk.register(at(1), "c1", 6, &contact("a")).changed);
    assert!(desk.register(at(1), "c2", 1, &contact("a")).changed, "another Call-ID has another order");
    assert!(desk.register(at(1), "c1", 6, "Contact: *\nExpires: 0\n").changed, "b saw 5, a is of c2");
    desk.register(at(1), "c1", 7, &contact("a"));
    assert!(desk.register(at(3_601), "c1", 1, &contact("a")).changed, "what has expired has no order");
}

#[test]
fn bindings_expire_at_their_deadline() {
    let mut desk = Desk::new();
    desk.register(at(0), "c1", 1, "Contact: <sip:a@192.0.2.7>;expires=60\n");
    desk.register(at(0), "c2", 1, "Contact: <sip:b@192.0.2.7>;expires=90\n");
    assert_eq!(desk.record.next_deadline_ns(at(10)), Some(at(60).mono_ns));
    assert!(desk.record.expire(at(59)).is_empty());
    assert_eq!(desk.record.bindings(at(60)).count(), 1, "an expired one is not rung though the timer is late");
    let gone = desk.record.expire(at(60));
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].contact, "sip:a@192.0.2.7");
    assert_eq!(desk.record.next_deadline_ns(at(60)), Some(at(90).mono_ns));
    let told = desk.register(at(95), "c3", 1, "");
    assert_eq!((told.removed.len(), told.contacts.len(), told.changed), (1, 0, true));
}

#[test]
fn the_parameters_of_a_contact_outlive_a_restart() {
    let mut desk = Desk::new();
    let line = "Contact: <sip:a@192.0.2.7:5060>;q=0.7;expires=120;+sip.instance=\"<urn:uuid:1>\"\n";
    let made = desk.register(at(0), "c1", 7, line);
    desk.record = AddressOfRecord::restore(Uuid::from_u128(1), Uuid::from_u128(2), made.bindings);
    let told = desk.register(at(1), "query", 1, "");
    assert_eq!(told.contacts[0].params, ";q=0.7;+sip.instance=\"<urn:uuid:1>\"");
}

/// Eleven values stood there before the parameters did.
#[test]
fn a_binding_that_an_older_server_stored_is_read() {
    let mut desk = Desk::new();
    let binding = desk.register(at(0), "c1", 7, &contact("a")).bindings.remove(0);
    let mut stored = rmp_serde::to_vec(&binding).unwrap();
    assert_eq!((stored[0], stored.split_off(stored.len() - 5)), (0x90 + 13, b"\xa0\xa3udp".to_vec()), "an array of 13");
    stored[0] = 0x90 + 11;
    assert_eq!(rmp_serde::from_slice::<Binding>(&stored).unwrap(), binding, "before there were parameters");
    stored[0] = 0x90 + 12;
    stored.push(0xa0);
    assert_eq!(rmp_serde::from_slice::<Binding>(&stored).unwrap(), binding, "before there was another transport");
}

#[test]
fn a_restart_brings_back_what_was_stored() {
    let mut desk = Desk::new();
    let made: Vec<_> = ["a", "b", "c"].map(|user| (user, contact(user))).into_iter().enumerate().collect();
    let mut stored = Vec::new();
    for (second, (user, lines)) in made {
        stored = desk.register(at(second as u64), user, 3, &lines).bindings;
    }
    stored.reverse();
    let restored = AddressOfRecord::restore(Uuid::from_u128(1), Uuid::from_u128(2), stored);
    assert_eq!(restored, desk.record);
    desk.record = restored;
    assert!(desk.try_register(at(9), "a", 3, &contact("a")).is_err(), "the order outlives the restart");
    assert!(desk.register(at(9), "d", 1, &contact("d")).removed[0].contact.starts_with("sip:a@"));
    let written = rmp_serde::to_vec(&desk.record).unwrap();
    assert_eq!(rmp_serde::from_slice::<AddressOfRecord>(&written).unwrap(), desk.record);
}

#[test]
fn what_could_not_be_stored_is_taken_back_and_what_came_later_stands() {
    let mut desk = Desk::new();
    let all: String = ["a", "b", "c"].map(contact).concat();
    desk.register(at(0), "c1", 1, &all);
    let stored = desk.record.clone();
    // One refreshed by another spelling, one removed, one new, and the oldest pushed out by it.
    let wish = "Contact: <sip:%63@192.0.2.7:5060;x=y>;expires=120\nContact: <sip:b@192.0.2.7:5060>;expires=0\n";
    let changed = desk.register(at(5), "c1", 2, &(wish.to_owned() + &contact("d") + &contact("e")));
    assert_eq!(changed.removed.len(), 2, "{changed:?}");
    let mut back = desk.record.clone();
    back.undo(at(6), &changed.undo);
    assert_eq!(back, stored);

    desk.register(at(7), "c1", 3, &(contact("d") + &contact("b")));
    desk.record.undo(at(8), &changed.undo);
    let standing = desk.standing(at(8));
    let has = |name: &str| standing.iter().find(|(user, _)| user == name).map(|(_, seconds)| *seconds);
    assert_eq!([has("d"), has("b")], [Some(3_599); 2], "the phone was told that these stand");
    assert_eq!(
        [has("a"), has("c"), has("e")],
        [Some(3_592), None, None],
        "one pushed out comes back, by whom it was new goes"
    );

    let gone = desk.register(at(9), "c1", 4, "Contact: *\nExpires: 0\n");
    assert!(desk.record.is_empty());
    desk.record.undo(at(5_000), &gone.undo);
    assert!(desk.record.is_empty(), "their time is over meanwhile");
}
