//! Whole questions and answers of digest authentication: phones answer our challenges, and strangers try.
#![allow(clippy::unwrap_used, reason = "tests")]

use base::{LoopId, Now};
use bytes::Bytes;
use sip_core::digest::{
    Algorithm, Asker, Ha1, Malformed, NonceScope, NonceTable, ServerKey, Verdict, Verifier, ha1, response,
};
use sip_core::{HeaderName, Message, header::HeaderField};

const REALM: &str = "c1.registrar.example.com";
const BOTH: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

fn at(second: u64) -> Now {
    Now { mono_ns: 0, wall_us: second * 1_000_000 }
}

/// A server with one user, 1000, whose password is "secret".
struct Server {
    key: ServerKey,
    used: NonceTable,
    source: &'static str,
    md5: String,
    sha256: String,
}

impl Server {
    fn new() -> Server {
        let stored = |algorithm| ha1(algorithm, "1000", REALM, "secret");
        let (md5, sha256) = (stored(Algorithm::Md5), stored(Algorithm::Sha256));
        Server { key: ServerKey::new([9; 32]), used: NonceTable::new(16), source: "192.0.2.1", md5, sha256 }
    }

    fn verifier<'a>(key: &'a ServerKey, source: &str) -> Verifier<'a> {
        let scope = NonceScope { realm: REALM, source: source.parse().unwrap(), owner: LoopId(0) };
        Verifier { key, scope, algorithms: &BOTH }
    }

    /// The nonce of a new challenge that holds for a minute.
    fn nonce(&self, second: u64, random: u64) -> String {
        let rejection = Self::verifier(&self.key, self.source).challenge(at(second), Asker::Server, 60, random, false);
        let value = &rejection.headers[0].1;
        value.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    fn check(&mut self, second: u64, request: &Message) -> Verdict {
        let Server { key, used, source, md5, sha256 } = self;
        let lookup = |user: &str| (user == "1000").then_some(Ha1 { md5, sha256 });
        Self::verifier(key, source).check(at(second), request, used, lookup)
    }
}

/// What a phone puts into its credentials.
#[derive(Clone)]
struct Phone {
    user: &'static str,
    password: &'static str,
    algorithm: Algorithm,
    qop: bool,
}

const PHONE: Phone = Phone { user: "1000", password: "secret", algorithm: Algorithm::Sha256, qop: true };

impl Phone {
    fn credentials(&self, method: &str, nonce: &str, nc: u32) -> String {
        let uri = "sip:example.com";
        let secret = ha1(self.algorithm, self.user, REALM, self.password);
        let nc = format!("{nc:08x}");
        let quality: (&[u8], &[u8]) = (nc.as_bytes(), b"c0");
        let quality = self.qop.then_some(quality);
        let proof =
            response(self.algorithm, secret.as_bytes(), nonce.as_bytes(), quality, method.as_bytes(), uri.as_bytes());
        let count = if self.qop { format!(", qop=auth, nc={nc}, cnonce=\"c0\"") } else { String::new() };
        format!(
            "Digest username=\"{}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{proof}\", algorithm={}{count}",
            self.user, self.algorithm
        )
    }

    fn register(&self, nonce: &str, nc: u32) -> Message {
        register(&format!("Authorization: {}\r\n", self.credentials("REGISTER", nonce, nc)))
    }
}

fn register(lines: &str) -> Message {
    request("REGISTER", "sip:example.com", lines)
}

fn request(method: &str, uri: &str, lines: &str) -> Message {
    let text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:1000@example.com>;tag=1\r\n\
         To: <sip:1000@example.com>\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse_datagram(Bytes::from(text)).unwrap()
}

fn known() -> Verdict {
    Verdict::Ok { user: "1000".into() }
}

#[test]
fn a_phone_answers_with_either_algorithm_and_with_or_without_qop() {
    let mut server = Server::new();
    let phones = BOTH.into_iter().flat_map(|algorithm| [true, false].map(|qop| Phone { algorithm, qop, ..PHONE }));
    for (random, phone) in phones.enumerate() {
        let nonce = server.nonce(1_000, random as u64);
        assert_eq!(server.check(1_001, &phone.register(&nonce, 1)), known());
    }
}

#[test]
fn credentials_are_taken_from_either_header_among_those_for_other_realms() {
    let mut server = Server::new();
    for (random, header) in ["Authorization", "Proxy-Authorization"].into_iter().enumerate() {
        let nonce = server.nonce(1_000, random as u64);
        let ours = PHONE.credentials("REGISTER", &nonce, 1);
        let theirs = ours.replace(REALM, "other.example.com");
        let lines =
            format!("{header}: {theirs}\r\n{header}: Basic YTpi\r\n{header}: {ours}\r\n{header}: Digest broken\r\n");
        assert_eq!(server.check(1_001, &register(&lines)), known());
        assert_eq!(server.check(1_001, &register(&format!("{header}: {theirs}\r\n"))), Verdict::Absent);
    }
    assert_eq!(server.check(1_001, &register("")), Verdict::Absent);
    let unknown = PHONE.credentials("REGISTER", "0", 1).replace("SHA-256", "SHA-512-256");
    assert_eq!(server.check(1_001, &register(&format!("Authorization: {unknown}\r\n"))), Verdict::Absent);
}

#[test]
fn a_challenge_names_both_algorithms_in_the_response() {
    let key = ServerKey::new([9; 32]);
    for (asker, status, header) in
        [(Asker::Server, 401, HeaderName::WwwAuthenticate), (Asker::Proxy, 407, HeaderName::ProxyAuthenticate)]
    {
        let rejection = Server::verifier(&key, "192.0.2.1").challenge(at(1_000), asker, 60, 1, true);
        let response = rejection.response_to(&register("")).build();
        assert_eq!(response.status(), Some(status));
        let values: Vec<_> = response.headers(HeaderField::from(header)).map(String::from_utf8_lossy).collect();
        assert_eq!(values.len(), 2);
        assert!(values[0].contains("algorithm=SHA-256") && values[1].contains("algorithm=MD5"), "{values:?}");
        assert!(values.iter().all(|value| value.contains("stale=true") && value.contains("qop=\"auth\"")));
    }
}

#[test]
fn wrong_words_are_wrong_whoever_says_them() {
    let mut server = Server::new();
    let nonce = server.nonce(1_000, 1);
    let wrong = Phone { password: "guess", ..PHONE };
    let unknown = Phone { user: "2000", ..PHONE };
    assert_eq!(server.check(1_001, &wrong.register(&nonce, 1)), Verdict::WrongPassword);
    assert_eq!(server.check(1_001, &unknown.register(&nonce, 1)), Verdict::UnknownUser);
    assert!(server.used.is_empty(), "a nonce is remembered only for who knows the password");
    assert_eq!(server.check(1_001, &PHONE.register(&nonce, 1)), known());
    let other_method = PHONE.credentials("INVITE", &nonce, 2);
    assert_eq!(server.check(1_001, &register(&format!("Authorization: {other_method}\r\n"))), Verdict::WrongPassword);
    let cut = PHONE.credentials("REGISTER", &nonce, 2).replace(", algorithm", "0, algorithm");
    assert_eq!(
        server.check(1_001, &register(&format!("Authorization: {cut}\r\n"))),
        Verdict::Malformed(Malformed::Unreadable(sip_core::digest::CredentialsError::BadParameter))
    );
}

#[test]
fn an_account_without_a_password_of_that_algorithm_opens_to_nobody() {
    let mut server = Server::new();
    server.sha256.clear();
    let nonce = server.nonce(1_000, 1);
    assert_eq!(server.check(1_001, &PHONE.register(&nonce, 1)), Verdict::UnknownUser);
    let empty = response(Algorithm::Sha256, b"", nonce.as_bytes(), None, b"REGISTER", b"sip:example.com");
    let forged = format!(
        "Authorization: Digest username=\"1000\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:example.com\", \
         response=\"{empty}\", algorithm=SHA-256\r\n"
    );
    assert_eq!(server.check(1_001, &register(&forged)), Verdict::UnknownUser);
}

#[test]
fn what_was_sent_before_is_a_replay_and_the_next_count_is_not() {
    let mut server = Server::new();
    let nonce = server.nonce(1_000, 1);
    let first = PHONE.register(&nonce, 1);
    assert_eq!(server.check(1_001, &first), known());
    assert_eq!(server.check(1_002, &first), Verdict::Replayed);
    assert_eq!(server.check(1_002, &PHONE.register(&nonce, 2)), known());
    assert_eq!(server.check(1_002, &PHONE.register(&nonce, 2)), Verdict::Replayed);
    let old = Phone { qop: false, ..PHONE };
    let nonce = server.nonce(1_000, 2);
    assert_eq!(server.check(1_001, &old.register(&nonce, 0)), known());
    assert_eq!(server.check(1_001, &old.register(&nonce, 0)), Verdict::Replayed);
}

#[test]
fn a_nonce_is_stale_when_its_time_is_over_or_it_came_from_elsewhere() {
    let mut server = Server::new();
    let nonce = server.nonce(1_000, 1);
    assert_eq!(server.check(1_059, &PHONE.register(&nonce, 1)), known());
    assert_eq!(server.check(1_060, &PHONE.register(&nonce, 2)), Verdict::Stale);
    let wrong = Phone { password: "guess", ..PHONE };
    assert_eq!(server.check(1_060, &wrong.register(&nonce, 2)), Verdict::WrongPassword, "stale=true is for who knows");
    assert_eq!(server.check(1_001, &PHONE.register("invented", 1)), Verdict::Stale);
    let nonce = server.nonce(1_000, 2);
    server.source = "198.51.100.1";
    assert_eq!(server.check(1_001, &PHONE.register(&nonce, 1)), Verdict::Stale);
}

#[test]
fn credentials_for_another_resource_or_with_a_bad_count_are_malformed_for_everybody() {
    let mut server = Server::new();
    let nonce = server.nonce(1_000, 1);
    for phone in [PHONE, Phone { user: "2000", ..PHONE }] {
        let usual = phone.credentials("REGISTER", &nonce, 1);
        let mut check = |credentials: String, malformed| {
            let verdict = server.check(1_001, &register(&format!("Authorization: {credentials}\r\n")));
            assert_eq!(verdict, Verdict::Malformed(malformed), "{credentials}");
        };
        check(usual.replace("uri=\"sip:example.com", "uri=\"sip:example.org"), Malformed::OtherUri);
        check(usual.replace("qop=auth", "qop=auth-int"), Malformed::Qop);
        check(usual.replace("nc=00000001", "nc=00000000"), Malformed::Count);
        check(usual.replace("nc=00000001", "nc=+1"), Malformed::Count);
        check(usual.replace("nc=00000001", "nc=000000001"), Malformed::Count);
        check(usual.replace("nc=00000001, ", ""), Malformed::Count);
        check(usual.replace(", cnonce=\"c0\"", ""), Malformed::Count);
    }
}

#[test]
fn many_credentials_in_one_request_cost_no_more_than_a_few() {
    let mut server = Server::new();
    let nonce = server.nonce(1_000, 1);
    let wrong = Phone { password: "guess", ..PHONE }.credentials("REGISTER", &nonce, 1);
    let right = PHONE.credentials("REGISTER", &nonce, 1);
    let lines =
        |wrongs: usize| format!("{}Authorization: {right}\r\n", format!("Authorization: {wrong}\r\n").repeat(wrongs));
    assert_eq!(server.check(1_001, &register(&lines(4))), Verdict::WrongPassword);
    assert_eq!(server.check(1_001, &register(&lines(3))), known());
}
