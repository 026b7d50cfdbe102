//! One user's registration (RFC 3261 §10.2, §22): messages and time in, messages and what came of them out.

use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;

use super::accounts::Account;
use crate::args::Algorithm;
use crate::digest::{Challenge, Credentials, choose};
use crate::sip::incoming::{Incoming, Kind};

/// RFC 3261 §17.1.2.2: first and longest pause between repetitions.
pub(crate) const T1_NS: u64 = 500_000_000;
const T2_NS: u64 = 4_000_000_000;
/// A registrar that asks for credentials more often than this in one go is not answered any more.
const ATTEMPTS: u8 = 3;

/// What all users have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub run: u64,
    pub domain: String,
    pub expires: u32,
    pub algorithm: Algorithm,
    pub timeout_ns: u64,
    /// Sabotage: who leaves asks for more time instead.
    pub keeps: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The first registration.
    First,
    /// The same again, before it expires.
    Refresh,
    /// Its removal.
    Remove,
}

/// What a response means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing is decided yet.
    Wait,
    /// Send this: the credentials were asked for.
    Challenged { request: Bytes, stale: bool },
    /// 200; the binding as it is listed in it, with the seconds that are left, or `None`.
    Done { wish: Wish, listed: Option<u32>, took_ns: u64 },
    /// A challenge that is none, or of an algorithm that is not to be used.
    Unanswerable { why: String },
    /// Refused with this status.
    Refused { wish: Wish, status: u16, why: String },
}

/// A user and its registration.
#[derive(Debug)]
pub(crate) struct User {
    pub number: u32,
    pub account: Account,
    /// Its password is wrong: it must be refused.
    pub is_wrong: bool,
    pub registered: bool,
    /// Which socket it has.
    pub socket: u32,
    contact: SocketAddr,
    cseq: u32,
    nonce_count: u32,
    challenge: Option<Challenge>,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    wish: Wish,
    request: Bytes,
    /// CLOCK_REALTIME of the first request of this wish.
    began_ns: u64,
    repeat_ns: u64,
    give_up_ns: u64,
    attempts: u8,
}

impl User {
    pub(crate) fn new(number: u32, account: Account, is_wrong: bool, socket: u32, contact: SocketAddr) -> User {
        User {
            number,
            account,
            is_wrong,
            registered: false,
            socket,
            contact,
            cseq: 0,
            nonce_count: 0,
            challenge: None,
            pending: None,
        }
    }

    /// The number of the request that waits for its response.
    pub(crate) fn waiting_for(&self) -> Option<u32> {
        self.pending.as_ref().map(|_| self.cseq)
    }

    /// The request for `wish`.
    pub(crate) fn begin(&mut self, common: &Common, wish: Wish, now_ns: u64, realtime_ns: u64) -> Bytes {
        let request = self.write(common, wish);
        let give_up_ns = now_ns + common.timeout_ns;
        let (repeat_ns, began_ns) = (T1_NS, realtime_ns);
        self.pending = Some(Pending { wish, request: request.clone(), began_ns, repeat_ns, give_up_ns, attempts: 1 });
        request
    }

    /// The request goes out again: with the pause until the next time. `None` if it is given up.
    pub(crate) fn repeat(&mut self, now_ns: u64) -> Option<(Bytes, u64)> {
        let pending = self.pending.as_mut()?;
        if now_ns >= pending.give_up_ns {
            self.pending = None;
            return None;
        }
        pending.repeat_ns = (pending.repeat_ns * 2).min(T2_NS);
        Some((pending.request.clone(), pending.repeat_ns))
    }

    /// A response with this user's Call-ID.
    pub(crate) fn receive(&mut self, common: &Common, message: &Incoming, kernel_ns: u64) -> Outcome {
        let Kind::Response(status @ 200..) = message.kind else { return Outcome::Wait };
        if message.cseq_number() != Some(self.cseq) {
            return Outcome::Wait;
        }
        let Some(pending) = &mut self.pending else { return Outcome::Wait };
        let wish = pending.wish;
        if matches!(status, 401 | 407) {
            let challenge = choose(&message.challenges(status == 407), common.algorithm);
            let answered = pending.attempts > 1;
            if challenge.is_none() {
                self.pending = None;
                return Outcome::Unanswerable { why: message.start_line.clone() };
            }
            if let Some(challenge) = challenge
                && pending.attempts < ATTEMPTS
                && (!answered || challenge.stale)
            {
                pending.attempts += 1;
                let attempts = pending.attempts;
                let stale = challenge.stale;
                (self.challenge, self.nonce_count) = (Some(challenge), 0);
                let request = self.write(common, wish);
                if let Some(pending) = &mut self.pending {
                    pending.request = request.clone();
                    pending.repeat_ns = T1_NS;
                    pending.attempts = attempts;
                }
                return Outcome::Challenged { request, stale };
            }
        }
        let took_ns = kernel_ns.saturating_sub(pending.began_ns);
        self.pending = None;
        if status >= 300 {
            self.challenge = None;
            return Outcome::Refused { wish, status, why: message.start_line.clone() };
        }
        self.registered = wish != Wish::Remove;
        let uri = self.contact_uri();
        let listed = message.contacts_with_expires().into_iter().find(|(contact, _)| *contact == uri);
        Outcome::Done { wish, listed: listed.map(|(_, expires)| expires), took_ns }
    }

    fn contact_uri(&self) -> String {
        format!("sip:{}@{}", self.account.extension, self.contact)
    }

    fn write(&mut self, common: &Common, wish: Wish) -> Bytes {
        self.cseq += 1;
        let Common { run, domain, .. } = common;
        let (cseq, number, extension) = (self.cseq, self.number, &self.account.extension);
        let expires = if wish == Wish::Remove && !common.keeps { 0 } else { common.expires };
        let mut text = String::with_capacity(768);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{run:x}-{number}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{extension}@{domain}>;tag=r{number}-{cseq}\r\nTo: <sip:{extension}@{domain}>\r\n\
             Call-ID: {run:x}-{number}@{ip}\r\nCSeq: {cseq} REGISTER\r\nContact: <{contact}>\r\nExpires: {expires}\r\n\
             User-Agent: flowswitch-load\r\n",
            via = self.contact,
            ip = self.contact.ip(),
            contact = self.contact_uri(),
        );
        if let Some(challenge) = &self.challenge {
            self.nonce_count += 1;
            let with = Credentials {
                user: extension,
                password: &self.account.password,
                method: "REGISTER",
                uri: &format!("sip:{domain}"),
                cnonce: &format!("{run:x}{number:x}{cseq:x}"),
                count: self.nonce_count,
            };
            let _ = write!(text, "Authorization: {}\r\n", challenge.answer(with));
        }
        text.push_str("Content-Length: 0\r\n\r\n");
        Bytes::from(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n";

    fn rig() -> (Common, User) {
        let common = Common {
            run: 7,
            domain: "example.test".to_owned(),
            expires: 600,
            algorithm: Algorithm::Offered,
            timeout_ns: 2_000_000_000,
            keeps: false,
        };
        let account = Account { extension: "1000".to_owned(), password: "secret".to_owned() };
        (common, User::new(3, account, false, 0, "127.0.0.2:5555".parse().unwrap()))
    }

    fn response(request: &Bytes, status: &str, headers: &str) -> Incoming {
        let request = std::str::from_utf8(request).unwrap();
        let copied = request.lines().filter(|line| {
            ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|name| line.starts_with(&format!("{name}:")))
        });
        let copied: Vec<&str> = copied.collect();
        let text = format!("SIP/2.0 {status}\r\n{}\r\n{headers}Content-Length: 0\r\n\r\n", copied.join("\r\n"));
        Incoming::parse(Bytes::from(text), "127.0.0.1:5060".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_challenge_is_answered_once_and_the_contact_of_the_200_is_read() {
        let (common, mut user) = rig();
        let first = user.begin(&common, Wish::First, 0, 100);
        assert!(!String::from_utf8_lossy(&first).contains("Authorization"));
        let outcome = user.receive(&common, &response(&first, "401 Unauthorized", CHALLENGE), 150);
        let Outcome::Challenged { request, stale: false } = outcome else { panic!("{outcome:?}") };
        assert!(String::from_utf8_lossy(&request).contains("CSeq: 2 REGISTER"));
        assert!(String::from_utf8_lossy(&request).contains("nc=00000001"));
        let contacts = "Contact: <sip:else@127.0.0.9>;expires=5, <sip:1000@127.0.0.2:5555>;expires=599\r\n";
        let outcome = user.receive(&common, &response(&request, "200 OK", contacts), 900);
        assert_eq!(outcome, Outcome::Done { wish: Wish::First, listed: Some(599), took_ns: 800 });
        // The next one goes out with credentials at once.
        let refresh = user.begin(&common, Wish::Refresh, 0, 100);
        assert!(String::from_utf8_lossy(&refresh).contains("nc=00000002"));
        let stale = CHALLENGE.replace("qop", "stale=true, qop");
        let outcome = user.receive(&common, &response(&refresh, "401 Unauthorized", &stale), 150);
        assert!(matches!(outcome, Outcome::Challenged { stale: true, .. }), "{outcome:?}");
    }

    #[test]
    fn a_second_challenge_that_is_not_stale_is_a_refusal() {
        let (common, mut user) = rig();
        let first = user.begin(&common, Wish::First, 0, 100);
        let challenged = user.receive(&common, &response(&first, "401 Unauthorized", CHALLENGE), 150);
        let Outcome::Challenged { request, .. } = challenged else { panic!() };
        let outcome = user.receive(&common, &response(&request, "401 Unauthorized", CHALLENGE), 150);
        assert!(matches!(outcome, Outcome::Refused { status: 401, .. }), "{outcome:?}");
        assert_eq!(user.waiting_for(), None);
    }

    #[test]
    fn a_401_without_a_challenge_that_can_be_answered_is_told_as_such() {
        let (mut common, mut user) = rig();
        common.algorithm = Algorithm::Sha256;
        for headers in ["", CHALLENGE] {
            let first = user.begin(&common, Wish::First, 0, 100);
            let outcome = user.receive(&common, &response(&first, "401 Unauthorized", headers), 150);
            assert!(matches!(outcome, Outcome::Unanswerable { .. }), "{outcome:?}");
        }
    }

    #[test]
    fn a_contact_that_is_not_listed_and_a_response_of_another_request_are_seen() {
        let (common, mut user) = rig();
        let first = user.begin(&common, Wish::First, 0, 100);
        let second = user.begin(&common, Wish::First, 0, 100);
        assert_eq!(user.receive(&common, &response(&first, "200 OK", ""), 900), Outcome::Wait);
        assert_eq!(user.receive(&common, &response(&second, "100 Trying", ""), 900), Outcome::Wait);
        let outcome =
            user.receive(&common, &response(&second, "200 OK", "Contact: <sip:1000@127.0.0.2:5556>\r\n"), 900);
        assert!(matches!(outcome, Outcome::Done { listed: None, .. }), "{outcome:?}");
    }

    #[test]
    fn a_request_is_repeated_at_doubled_pauses_until_it_is_given_up() {
        let (common, mut user) = rig();
        let first = user.begin(&common, Wish::First, 0, 100);
        assert_eq!(user.repeat(T1_NS), Some((first.clone(), 2 * T1_NS)));
        assert_eq!(user.repeat(3 * T1_NS), Some((first, 4 * T1_NS)));
        assert_eq!(user.repeat(2_000_000_000), None);
        assert_eq!(user.waiting_for(), None);
    }
}
