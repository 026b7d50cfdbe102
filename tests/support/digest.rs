//! Digest authentication as a phone does it (RFC 7616 §3.4), written here and not taken from the code under test.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use sha2::Sha256;

/// The hash of a text in hex digits, with the algorithm of this name.
pub(crate) fn hash(algorithm: &str, text: &str) -> String {
    match algorithm {
        "MD5" => hex(&Md5::digest(text)),
        "SHA-256" => hex(&Sha256::digest(text)),
        other => panic!("no phone knows {other}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a server asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Challenge {
    pub(crate) realm: String,
    pub(crate) nonce: String,
    pub(crate) stale: bool,
}

impl Challenge {
    /// The challenge of a 401 or 407 for this algorithm.
    pub(crate) fn of(response: &str, algorithm: &str) -> Option<Challenge> {
        let asks = |line: &&str| line.starts_with("WWW-Authenticate:") || line.starts_with("Proxy-Authenticate:");
        let line = response.lines().filter(asks).find(|line| line.contains(&format!("algorithm={algorithm}")))?;
        let quoted = |name: &str| line.split(&format!("{name}=\"")).nth(1)?.split('"').next().map(str::to_owned);
        let stale = line.to_ascii_lowercase().contains("stale=true");
        Some(Challenge { realm: quoted("realm")?, nonce: quoted("nonce")?, stale })
    }

    /// The answer to it.
    pub(crate) fn answer(&self, account: &Account, method: &str, uri: &str, count: u32) -> String {
        let Account { user, password, algorithm, .. } = account;
        let Challenge { realm, nonce, .. } = self;
        let ha1 = hash(algorithm, &format!("{user}:{realm}:{password}"));
        let ha2 = hash(algorithm, &format!("{method}:{uri}"));
        let response = hash(algorithm, &format!("{ha1}:{nonce}:{count:08x}:7e57:auth:{ha2}"));
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm={algorithm}, qop=auth, nc={count:08x}, cnonce=\"7e57\""
        )
    }
}

/// An account at the server, and how far its phone has come with it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) algorithm: &'static str,
    /// Whose places it registers.
    pub(crate) to: String,
    /// CSeq number of the last REGISTER.
    pub(crate) cseq: u32,
    /// How often the nonce was used.
    pub(crate) count: u32,
    /// What the last challenge was, if one came.
    pub(crate) challenge: Option<Challenge>,
    /// The header lines that the last REGISTER had of its own.
    pub(crate) lines: String,
}

impl Account {
    pub(crate) fn new(user: &str, password: &str) -> Account {
        Account {
            user: user.to_owned(),
            password: password.to_owned(),
            algorithm: "SHA-256",
            to: user.to_owned(),
            cseq: 0,
            count: 0,
            challenge: None,
            lines: String::new(),
        }
    }

    /// Takes the challenge of a response. A new nonce is counted from one.
    pub(crate) fn learn(&mut self, response: &str) {
        let challenge = Challenge::of(response, self.algorithm);
        if challenge.is_some() && challenge != self.challenge {
            (self.challenge, self.count) = (challenge, 0);
        }
    }

    /// The value of Authorization for one more request; none before the first challenge.
    pub(crate) fn authorization(&mut self, method: &str, uri: &str) -> Option<String> {
        let challenge = self.challenge.clone()?;
        self.count += 1;
        Some(challenge.answer(self, method, uri, self.count))
    }
}
