//! Random REGISTERs of a few phones, good and bad, to one address of record: what it says is always what it holds, a
//! written-down record goes on as the original, and nothing grows. Two seconds, or `FUZZ_SECONDS`.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../fuzz/cases.rs"]
mod cases;
#[path = "registrar/phone.rs"]
#[allow(dead_code, reason = "another test needs the rest")]
mod phone;

use std::cell::Cell;

use call::registrar::{AddressOfRecord, BindingSettings};
use cases::{Dice, cases, show};
use phone::{at, from, request};
use sip_core::Uri;
use sip_core::register::Register;
use uuid::Uuid;

const CONTACTS: &[&str] = &[
    "<sip:a@192.0.2.7:5060>",
    "<sip:%61@192.0.2.7:5060;x=1>;q=0.1",
    "<sip:b@192.0.2.7>;expires=0",
    "<sip:b@192.0.2.7>;expires=70",
    "sip:c@[2001:db8::1]",
    "<sips:d@example.com;transport=ws>;+sip.instance=\"<urn:uuid:1>\"",
    "<sip:i@192.0.2.9>;+sip.instance=\"<urn:uuid:1>\"",
    "<sip:j@192.0.2.9>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
    "<sip:e@192.0.2.9:5070>;expires=99999",
    "\"f\" <sip:f@192.0.2.9>;expires=x",
];
const OTHERS: &[&str] = &["*", "<sip:a@b", "<tel:1>", "<sip:g@192.0.2.7>;;", ","];

fn lines(dice: &mut Dice) -> String {
    let mut lines = String::new();
    for _ in 0..dice.below(5) {
        let contact = if dice.one_in(12) { dice.pick(OTHERS) } else { dice.pick(CONTACTS) };
        lines.push_str(&format!("Contact: {contact}\n"));
    }
    if dice.one_in(8) {
        lines = "Contact: *\nExpires: 0\n".to_owned();
    }
    if dice.one_in(4) {
        lines.push_str(dice.pick::<&str>(&["Expires: 0\n", "Expires: 61\n", "Expires: -1\n"]));
    }
    lines
}

#[test]
fn an_address_of_record_says_what_it_holds() {
    let taken = Cell::new(0u64);
    let ran = cases(2.0, 200, |_, dice| {
        let settings = BindingSettings { max_contacts: 1 + dice.below(4), ..BindingSettings::default() };
        let mut record = AddressOfRecord::new(Uuid::from_u128(1), Uuid::from_u128(2));
        let mut stored = Vec::new();
        let mut second = 0;
        let mut story = String::new();
        for cseq in 0..30 {
            second += dice.below(40) as u64;
            let call_id = dice.pick(&["c1", "c2", "c3"]);
            // Now and then one that was overtaken.
            let cseq = if dice.one_in(6) { cseq / 2 } else { cseq };
            let lines = lines(dice);
            story.push_str(&format!("{second} s {call_id} {cseq} {lines}\n"));
            show(story.clone());
            let hop = from(dice.pick::<&str>(&["192.0.2.7:5060", "[2001:db8::1]:5060"]));
            let Ok(register) = Register::read(&request("REGISTER", call_id, cseq, &lines)) else { continue };
            let written = rmp_serde::to_vec(&record).unwrap();
            let mut twin: AddressOfRecord = rmp_serde::from_slice(&written).unwrap();
            let before = record.clone();
            let outcome = record.register(at(second), &register, &hop, &settings);
            assert_eq!(twin.register(at(second), &register, &hop, &settings), outcome);
            assert_eq!(twin, record);
            let Ok(done) = outcome else {
                assert_eq!(record, before, "a refused REGISTER changes nothing");
                continue;
            };
            taken.set(taken.get() + 1);
            if done.changed {
                stored = done.bindings.clone();
            }
            assert_eq!(stored, record.to_store(), "the store knows what the record holds");
            assert_eq!(done.contacts.len(), stored.len());
            assert!(stored.len() <= settings.max_contacts);
            assert!(stored.is_sorted_by_key(|binding| binding.created_us));
            assert!(done.contacts.iter().all(|contact| (1..=7_200).contains(&contact.expires_s)));
            assert!(stored.iter().all(|binding| binding.expires_us > at(second).wall_us));
            let uris: Vec<Uri> = stored.iter().map(|binding| binding.contact.parse().unwrap()).collect();
            for (index, uri) in uris.iter().enumerate() {
                assert!(uris[index + 1..].iter().all(|other| !other.matches(uri)), "{uris:?}");
            }
            match record.next_deadline_ns(at(second)) {
                None => assert!(stored.is_empty()),
                Some(deadline_ns) => assert!(deadline_ns > at(second).mono_ns),
            }
        }
        let gone = record.expire(at(second + 7_200));
        assert!(record.is_empty() && gone == stored);
    });
    assert!(taken.get() > ran * 5, "too few are taken to say anything: {taken:?} in {ran}");
}
