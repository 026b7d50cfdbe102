//! What 20,000 registered phones cost: under 3 KB each, nonces and all, and a refresh leaves nothing behind.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tester's clock, for the figure that is printed"
)]
#![allow(clippy::print_stderr, reason = "the figures")]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; everything is passed on to the system's allocator")]

#[path = "registrar/phone.rs"]
mod phone;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::{LoopId, Now};
use call::registrar::{AddressOfRecord, Authenticator, BindingSettings, DigestSettings, Identity, Question};
use model::PasswordDigests;
use phone::{REALM, answer, at, from, request};
use sip_core::digest::{Algorithm, ServerKey, ha1};
use sip_core::register::Register;
use uuid::Uuid;

struct Counting;

/// Bytes that are allocated now. The only test of this file is alone in its process.
static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to `System` with unchanged arguments, so its guarantees are ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `System`, by the function above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PHONES: usize = 20_000;
const REFRESHES: u32 = 5_000;

#[test]
fn twenty_thousand_phones_take_less_than_3_kb_each() {
    let stored = |algorithm| ha1(algorithm, "1000", REALM, "secret");
    let digests = PasswordDigests { md5: stored(Algorithm::Md5), sha256: stored(Algorithm::Sha256) };
    let (settings, bindings) = (DigestSettings::default(), BindingSettings::default());
    let mut authenticator = Authenticator::new(ServerKey::new([5; 32]), LoopId(0));
    let mut records = BTreeMap::new();
    let mut random = 0;
    let spent = Cell::new(Duration::ZERO);
    let mut identify = |now: Now, request: &_, hop: &_| {
        random += 1;
        let question = Question { request, hop, realm: REALM, random, is_known_phone: false, settings: &settings };
        authenticator.identify(now, &question, |user| (user == "1000").then_some(&digests))
    };
    let mut register = |phone: usize, now: Now, cseq: u32, challenge: Option<String>| -> String {
        let hop = from(&format!("10.0.{}.{}:5060", phone / 250, phone % 250));
        let call_id = format!("5f0d6a71-93b2-4c1e-{phone:012}@10.0.{}.{}", phone / 250, phone % 250);
        let challenge = challenge.unwrap_or_else(|| match identify(now, &request("REGISTER", &call_id, 1, ""), &hop) {
            Identity::Refused(refusal) => refusal.rejection.headers[0].1.clone(),
            Identity::Known { .. } => panic!("nobody said who he is"),
        });
        let lines = format!(
            "Contact: <sip:1000@10.0.{}.{}:5060;transport=udp;line=7f3a9c>;+sip.instance=\"<urn:uuid:{phone:032}>\"\n\
             Authorization: {}\n",
            phone / 250,
            phone % 250,
            answer(&challenge, "1000", "secret", "REGISTER", cseq)
        );
        let request = request("REGISTER", &call_id, cseq + 1, &lines);
        let begun = Instant::now();
        assert!(matches!(identify(now, &request, &hop), Identity::Known { .. }));
        let id = Uuid::from_u128(phone as u128);
        let record = records.entry(id).or_insert_with(|| AddressOfRecord::new(id, Uuid::nil()));
        let registered = record.register(now, &Register::read(&request).unwrap(), &hop, &bindings).unwrap();
        spent.set(spent.get() + begun.elapsed());
        assert_eq!((registered.contacts.len(), registered.bindings.len()), (1, 1));
        challenge
    };
    let before = HELD.load(Ordering::Relaxed);
    for phone in 0..PHONES {
        register(phone, at(0), 1, None);
    }
    let each = (HELD.load(Ordering::Relaxed) - before) / PHONES;
    let challenge = register(0, at(1), 3, None);
    let held = HELD.load(Ordering::Relaxed);
    spent.set(Duration::ZERO);
    for cseq in 0..REFRESHES {
        register(0, at(1), 4 + cseq, Some(challenge.clone()));
    }
    let each_us = spent.get().as_micros() / u128::from(REFRESHES);
    eprintln!("{each} bytes for a registered phone, {each_us} us for a refresh");
    assert!(each < 3_072, "{each} bytes for a registered phone");
    assert!(HELD.load(Ordering::Relaxed) < held + 1_024, "refreshes leave nothing behind");
}
