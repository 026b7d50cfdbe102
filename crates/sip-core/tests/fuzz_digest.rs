//! Mutated credentials and REGISTERs: nothing panics, and nothing but the right password is ever taken. Two seconds, or
//! `FUZZ_SECONDS`.

#[path = "../../../fuzz/cases.rs"]
mod cases;
mod wire;

use std::cell::Cell;

use base::{LoopId, Now};
use cases::{Dice, cases, show};
use sip_core::Message;
use sip_core::digest::{
    Algorithm, Credentials, Ha1, NonceScope, NonceTable, ServerKey, Verdict, Verifier, ha1, response,
};
use sip_core::register::{MAX_CONTACTS, MAX_KEPT_BYTES, Register, Wish, accepted};

const REALM: &str = "a.example";
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b",",
    b"=",
    b" ",
    b"<",
    b">",
    b";",
    b"*",
    b"Digest ",
    b"realm=",
    b"username=",
    b"nc=",
    b"qop=auth",
    b"\xff",
    b"Expires: 0\r\n",
    b"Contact: ",
    b"\r\n ",
    b"expires=",
    b"99999999999999999999",
];

fn now() -> Now {
    Now { mono_ns: 0, wall_us: 1_000_000_000 }
}

fn verifier(key: &ServerKey) -> Verifier<'_> {
    let scope = NonceScope { realm: REALM, source: [192, 0, 2, 1].into(), owner: LoopId(0) };
    Verifier { key, scope, algorithms: &[Algorithm::Sha256, Algorithm::Md5] }
}

/// A REGISTER with credentials that are right for 1000.
fn seed(key: &ServerKey, algorithm: Algorithm, contact: &str) -> (Vec<u8>, String) {
    let nonce = sip_core::digest::Nonce::new(2_000, 7).write(key, &verifier(key).scope);
    let secret = ha1(algorithm, "1000", REALM, "secret");
    let quality: (&[u8], &[u8]) = (b"00000001", b"c0");
    let uri = b"sip:example.com";
    let proof = response(algorithm, secret.as_bytes(), nonce.as_bytes(), Some(quality), b"REGISTER", uri);
    let lines = format!(
        "Authorization: Digest username=\"1000\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:example.com\", \
         response=\"{proof}\", algorithm={algorithm}, qop=auth, nc=00000001, cnonce=\"c0\"\n{contact}"
    );
    let text = wire::request("REGISTER sip:example.com SIP/2.0", &lines, "");
    (wire::wire(&text).to_vec(), proof)
}

fn mutate(dice: &mut Dice, seeds: &[(Vec<u8>, String)]) -> Vec<u8> {
    let mut bytes = dice.pick(seeds).0.clone();
    let others: Vec<&[u8]> = seeds.iter().map(|(bytes, _)| &bytes[..]).collect();
    dice.mutate(&mut bytes, PIECES, &others);
    bytes
}

#[test]
fn no_mutated_register_breaks_the_reader_or_opens_the_door() {
    let key = ServerKey::new([3; 32]);
    let contacts = ["Contact: <sip:1000@192.0.2.1>;expires=60;q=0.5\nExpires: 120\n", "Contact: *\nExpires: 0\n"];
    let seeds: Vec<_> = [Algorithm::Sha256, Algorithm::Md5]
        .into_iter()
        .flat_map(|algorithm| contacts.map(|contact| seed(&key, algorithm, contact)))
        .collect();
    let stored = [Algorithm::Md5, Algorithm::Sha256].map(|algorithm| ha1(algorithm, "1000", REALM, "secret"));
    let (taken, checked) = (Cell::new(0u64), Cell::new(0u64));
    let ran = cases(2.0, 1000, |number, dice| {
        let bytes = if number < seeds.len() as u64 { seeds[number as usize].0.clone() } else { mutate(dice, &seeds) };
        show(bytes.clone());
        if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let _ = Credentials::parse(&bytes[end..]);
        }
        let Ok(request) = Message::parse_datagram(bytes.clone().into()) else { return };
        checked.set(checked.get() + 1);
        let mut used = NonceTable::new(4);
        let lookup = |user: &str| (user == "1000").then_some(Ha1 { md5: &stored[0], sha256: &stored[1] });
        let verdict = verifier(&key).check(now(), &request, &mut used, lookup);
        if matches!(verdict, Verdict::Ok { .. }) {
            taken.set(taken.get() + 1);
            let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            assert!(seeds.iter().any(|(_, proof)| text.contains(proof.as_str())), "a proof that nobody made was taken");
        }
        let Ok(register) = Register::read(&request) else { return };
        if let Wish::Update(wishes) = register.wish {
            assert!(!wishes.is_empty() && wishes.len() <= MAX_CONTACTS);
            let listed: Vec<_> = wishes
                .into_iter()
                .map(|wish| {
                    assert!(wish.uri.as_str().len() <= MAX_KEPT_BYTES && wish.params.len() <= 3 * MAX_KEPT_BYTES);
                    let uri = wish.uri.to_string();
                    sip_core::register::ListedContact { uri, params: wish.params, expires_s: 60 }
                })
                .collect();
            let response = accepted(&request, &listed).to_tag("00t").build();
            let read = Message::parse_datagram(response.as_bytes().clone()).expect("a 200 can be read");
            let Ok(sip_core::Contacts::List(contacts)) = read.contacts() else { panic!("{response}") };
            assert_eq!(contacts.len(), listed.len(), "{response}");
        }
    });
    assert!(ran < 1000 || (taken.get() > 0 && checked.get() * 10 > ran), "{taken:?} of {checked:?} of {ran}");
}
