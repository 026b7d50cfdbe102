//! Who is taken for whom, and what strangers can learn.

use base::{LoopId, Now};
use call::registrar::{Authenticator, DigestSettings, Identity, Question, Refusal, WhyRefused};
use model::PasswordDigests;
use sip_core::digest::{Algorithm, Malformed, ServerKey, ha1};
use sip_core::{HeaderName, Message};

use crate::phone::{REALM, answer, at, from, request};

/// A loop with one user, 1000, whose password is "secret".
struct Door {
    authenticator: Authenticator,
    settings: DigestSettings,
    digests: PasswordDigests,
    random: u64,
    is_known_phone: bool,
}

impl Door {
    fn new() -> Door {
        let stored = |algorithm| ha1(algorithm, "1000", REALM, "secret");
        Door {
            authenticator: Authenticator::new(ServerKey::new([5; 32]), LoopId(0)),
            settings: DigestSettings::default(),
            digests: PasswordDigests { md5: stored(Algorithm::Md5), sha256: stored(Algorithm::Sha256) },
            random: 0,
            is_known_phone: false,
        }
    }

    fn ask(&mut self, now: Now, request: &Message, remote: &str) -> Identity {
        self.random += 1;
        let question = Question {
            request,
            hop: &from(remote),
            realm: REALM,
            random: self.random,
            is_known_phone: self.is_known_phone,
            settings: &self.settings,
        };
        let digests = &self.digests;
        self.authenticator.identify(now, &question, |user| (user == "1000").then_some(digests))
    }

    fn refused(&mut self, now: Now, request: &Message, remote: &str) -> Refusal {
        match self.ask(now, request, remote) {
            Identity::Refused(refusal) => refusal,
            Identity::Known { user } => panic!("{user} was taken"),
        }
    }

    /// The challenge for MD5 to a request without credentials.
    fn challenge(&mut self, now: Now, method: &str, remote: &str) -> String {
        let refusal = self.refused(now, &request(method, "c1", 1, ""), remote);
        assert_eq!(refusal.why, WhyRefused::Asked);
        refusal.rejection.headers.last().unwrap().1.clone()
    }
}

const HOME: &str = "192.0.2.7:5060";

fn with(method: &str, cseq: u32, header: &str, credentials: &str) -> Message {
    request(method, "c1", cseq, &format!("{header}: {credentials}\nContact: <sip:1000@192.0.2.7>\n"))
}

fn known() -> Identity {
    Identity::Known { user: "1000".into() }
}

#[test]
fn a_register_is_asked_with_401_and_a_call_with_407_and_either_header_answers() {
    for (method, status, header) in
        [("REGISTER", 401, HeaderName::WwwAuthenticate), ("INVITE", 407, HeaderName::ProxyAuthenticate)]
    {
        for answer_in in ["Authorization", "Proxy-Authorization"] {
            let mut door = Door::new();
            let refusal = door.refused(at(0), &request(method, "c1", 1, ""), HOME);
            assert_eq!((refusal.rejection.status, refusal.delay_ms), (status, 0));
            assert!(refusal.rejection.headers.iter().all(|(name, _)| *name == header));
            assert_eq!(refusal.rejection.headers.len(), 2);
            for (nc, (_, challenge)) in refusal.rejection.headers.iter().enumerate() {
                let credentials = answer(challenge, "1000", "secret", method, 1 + nc as u32);
                assert_eq!(door.ask(at(1), &with(method, 2, answer_in, &credentials), HOME), known());
            }
            assert_eq!(door.authenticator.nonces(at(1)), 1);
            assert_eq!(door.authenticator.nonces(at(400)), 0);
        }
    }
}

#[test]
fn nobody_can_tell_a_user_who_is_not_there_from_a_wrong_password() {
    let (mut door, mut other) = (Door::new(), Door::new());
    for second in 0..200 {
        let challenge = door.challenge(at(second * 7), "REGISTER", HOME);
        assert_eq!(other.challenge(at(second * 7), "REGISTER", HOME), challenge);
        let wrong = with("REGISTER", 2, "Authorization", &answer(&challenge, "1000", "guess", "REGISTER", 1));
        let unknown = with("REGISTER", 2, "Authorization", &answer(&challenge, "2000", "secret", "REGISTER", 1));
        let wrong = (door.refused(at(second * 7 + 1), &wrong, HOME), wrong);
        let unknown = (other.refused(at(second * 7 + 1), &unknown, HOME), unknown);
        assert_eq!(wrong.0.delay_ms, unknown.0.delay_ms, "after {second}");
        if wrong.0.why == WhyRefused::TooManyMistakes {
            assert_eq!(unknown.0, wrong.0);
            continue;
        }
        assert_eq!((wrong.0.why, unknown.0.why), (WhyRefused::WrongPassword, WhyRefused::UnknownUser));
        let bytes = |(refusal, request): &(Refusal, Message)| {
            refusal.rejection.response_to(request).to_tag("00t").build().as_bytes().clone()
        };
        assert_eq!(bytes(&wrong), bytes(&unknown));
        assert!(bytes(&wrong).starts_with(b"SIP/2.0 403 Forbidden\r\n"));
    }
    assert_eq!(door.authenticator.counters.wrong_password, other.authenticator.counters.unknown_user);
    assert!(door.authenticator.guard.delayed > 50);
}

#[test]
fn an_old_or_used_nonce_is_asked_for_again_without_blame() {
    let mut door = Door::new();
    let challenge = door.challenge(at(0), "REGISTER", HOME);
    let first = with("REGISTER", 2, "Authorization", &answer(&challenge, "1000", "secret", "REGISTER", 1));
    assert_eq!(door.ask(at(1), &first, HOME), known());
    for (second, nc, why) in [(2, 1, WhyRefused::Replayed), (300, 2, WhyRefused::Stale)] {
        let credentials = answer(&challenge, "1000", "secret", "REGISTER", nc);
        let refusal = door.refused(at(second), &with("REGISTER", 3, "Authorization", &credentials), HOME);
        assert_eq!((refusal.rejection.status, refusal.delay_ms, refusal.why), (401, 0, why));
        let again = &refusal.rejection.headers[1].1;
        assert!(again.contains("stale=true"), "{again}");
        let credentials = answer(again, "1000", "secret", "REGISTER", 1);
        assert_eq!(door.ask(at(second), &with("REGISTER", 4, "Authorization", &credentials), HOME), known());
    }
    assert!(door.authenticator.guard.is_empty());
}

#[test]
fn what_was_overheard_is_worth_nothing_elsewhere() {
    let mut door = Door::new();
    let challenge = door.challenge(at(0), "REGISTER", HOME);
    let overheard = with("REGISTER", 2, "Authorization", &answer(&challenge, "1000", "secret", "REGISTER", 1));
    assert_eq!(door.refused(at(1), &overheard, "203.0.113.9:5060").why, WhyRefused::Stale);
    assert_eq!(door.ask(at(1), &overheard, HOME), known());
    let mut other_loop = Door::new();
    other_loop.authenticator = Authenticator::new(ServerKey::new([5; 32]), LoopId(1));
    assert_eq!(other_loop.refused(at(1), &overheard, HOME).why, WhyRefused::Stale);
}

#[test]
fn who_registers_another_extension_is_refused() {
    let mut door = Door::new();
    let stored = |algorithm| ha1(algorithm, "1000", REALM, "secret");
    door.digests = PasswordDigests { md5: stored(Algorithm::Md5), sha256: stored(Algorithm::Sha256) };
    let challenge = door.challenge(at(0), "REGISTER", HOME);
    let credentials = answer(&challenge, "1000", "secret", "REGISTER", 1);
    let text = with("REGISTER", 2, "Authorization", &credentials).to_string();
    let other = text.replace("To: <sip:1000@", "To: <sip:1001@");
    let refusal = door.refused(at(1), &Message::parse_datagram(other.into_bytes().into()).unwrap(), HOME);
    assert_eq!((refusal.rejection.status, refusal.why), (403, WhyRefused::OtherAccount));
    let credentials = answer(&challenge, "1000", "secret", "REGISTER", 2);
    let escaped =
        with("REGISTER", 2, "Authorization", &credentials).to_string().replace("To: <sip:1000@", "To: <sip:%31000@");
    assert_eq!(door.ask(at(1), &Message::parse_datagram(escaped.into_bytes().into()).unwrap(), HOME), known());
}

#[test]
fn credentials_that_do_not_fit_the_request_are_a_400() {
    let mut door = Door::new();
    let challenge = door.challenge(at(0), "REGISTER", HOME);
    let credentials = answer(&challenge, "1000", "secret", "REGISTER", 1).replace("qop=auth", "qop=auth-int");
    let refusal = door.refused(at(1), &with("REGISTER", 2, "Authorization", &credentials), HOME);
    assert_eq!((refusal.rejection.status, refusal.why), (400, WhyRefused::Malformed(Malformed::Qop)));
    assert_eq!(refusal.rejection.reason(), "Authorization has a qop that was not offered");
}

#[test]
fn a_guesser_is_slowed_and_the_registered_phone_beside_him_is_not() {
    let mut door = Door::new();
    let challenge = door.challenge(at(0), "REGISTER", HOME);
    let mut looked_at = 0;
    for cseq in 0..1_000 {
        let guess = answer(&challenge, "1000", &format!("guess{cseq}"), "REGISTER", 1);
        let refusal = door.refused(at(1), &with("REGISTER", cseq, "Authorization", &guess), "192.0.2.7:40000");
        match refusal.why {
            WhyRefused::WrongPassword => looked_at += 1,
            why => {
                assert_eq!(why, WhyRefused::TooManyMistakes);
                assert_eq!(refusal.rejection.status, 503);
                assert!(refusal.rejection.headers.iter().any(|(name, _)| *name == HeaderName::RetryAfter));
            }
        }
    }
    assert!(looked_at < 15, "{looked_at}");
    let right = with("REGISTER", 2, "Authorization", &answer(&challenge, "1000", "secret", "REGISTER", 1));
    assert_eq!(door.refused(at(1), &right, HOME).why, WhyRefused::TooManyMistakes);
    door.is_known_phone = true;
    assert_eq!(door.ask(at(1), &right, HOME), known());
    door.is_known_phone = false;
    let right = with("REGISTER", 3, "Authorization", &answer(&challenge, "1000", "secret", "REGISTER", 2));
    assert_eq!(door.ask(at(20), &right, HOME), known(), "the line is short again");
}

#[test]
fn a_restored_authenticator_goes_on() {
    let mut door = Door::new();
    let challenge = door.challenge(at(0), "REGISTER", HOME);
    let first = with("REGISTER", 2, "Authorization", &answer(&challenge, "1000", "secret", "REGISTER", 1));
    assert_eq!(door.ask(at(1), &first, HOME), known());
    let written = rmp_serde::to_vec(&door.authenticator).unwrap();
    door.authenticator = rmp_serde::from_slice(&written).unwrap();
    assert_eq!(door.refused(at(1), &first, HOME).why, WhyRefused::Replayed);
}
