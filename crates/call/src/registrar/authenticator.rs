//! Who sent this request: REGISTER and the requests of registered phones.

use base::{LoopId, Now};
use model::PasswordDigests;
use serde::{Deserialize, Serialize};
use sip_core::digest::{Algorithm, Asker, Ha1, Malformed, NonceScope, NonceTable, ServerKey, Verdict, Verifier};
use sip_core::{HeaderName, Hop, Message, Method, uas};

use super::{GuardSettings, SourceGuard};

/// Nonces that one loop remembers: each phone has one or two. About 4 MB when full.
const MAX_NONCES: usize = 65_536;

/// How passwords are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DigestSettings {
    /// What is offered, the best first (RFC 8760 §2.4). Very old phones read only the first challenge: give them MD5 first.
    pub algorithms: Vec<Algorithm>,
    /// For how long a challenge may be answered, seconds. Afterwards a phone is given a new one, and nobody is asked.
    pub nonce_lifetime_s: u32,
    /// How those who guess are slowed.
    pub guard: GuardSettings,
}

impl Default for DigestSettings {
    fn default() -> Self {
        DigestSettings {
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            nonce_lifetime_s: 300,
            guard: GuardSettings::default(),
        }
    }
}

/// What one loop knows of who asked before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authenticator {
    key: ServerKey,
    owner: LoopId,
    nonces: NonceTable,
    /// The networks that guess.
    pub guard: SourceGuard,
    /// Why requests were refused so far.
    pub counters: RefusalCounters,
}

/// A request to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Neither ACK nor CANCEL, which cannot be challenged (RFC 3261 §22.1).
    pub request: &'a Message,
    /// Where it came from.
    pub hop: &'a Hop,
    /// The customer's realm, whatever host was dialled.
    pub realm: &'a str,
    /// 64 random bits of a strong generator, for the nonce of a challenge.
    pub random: u64,
    /// It comes from the address and port of a binding of whom it says it is
    /// ([`AddressOfRecord::is_reached_at`](super::AddressOfRecord::is_reached_at)).
    pub is_known_phone: bool,
    /// How to ask.
    pub settings: &'a DigestSettings,
}

/// Who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// This user of the realm.
    Known {
        /// As the extension is called.
        user: String,
    },
    /// Nobody whose request is taken.
    Refused(Refusal),
}

/// How to answer who is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The final response; the To tag and Server are the caller's matter.
    pub rejection: uas::Rejection,
    /// For how long the response is to be kept back. At most [`GuardSettings::max_wait_ms`] and one delay more.
    pub delay_ms: u64,
    /// For logs and counters only: what goes out must not tell.
    pub why: WhyRefused,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyRefused {
    /// It has no credentials: asked for them. Every phone begins so.
    Asked,
    /// The password is right, the nonce too old: asked again.
    Stale,
    /// The password is right, but this was sent before: asked again.
    Replayed,
    /// Wrong password.
    WrongPassword,
    /// No such user.
    UnknownUser,
    /// The password is right, but of another extension than the one to be registered.
    OtherAccount,
    /// The credentials cannot be read or do not fit the request.
    Malformed(Malformed),
    /// Too many mistakes came from there: not looked at.
    TooManyMistakes,
}

/// How many requests were refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalCounters {
    /// See [`WhyRefused::Asked`].
    pub asked: u64,
    /// See [`WhyRefused::Stale`].
    pub stale: u64,
    /// See [`WhyRefused::Replayed`].
    pub replayed: u64,
    /// See [`WhyRefused::WrongPassword`].
    pub wrong_password: u64,
    /// See [`WhyRefused::UnknownUser`].
    pub unknown_user: u64,
    /// See [`WhyRefused::OtherAccount`].
    pub other_account: u64,
    /// See [`WhyRefused::Malformed`].
    pub malformed: u64,
    /// See [`WhyRefused::TooManyMistakes`].
    pub too_many_mistakes: u64,
}

impl Authenticator {
    /// Of the loop `owner`; `key` is new randomness, since nothing is known of earlier nonces.
    pub fn new(key: ServerKey, owner: LoopId) -> Authenticator {
        Authenticator {
            key,
            owner,
            nonces: NonceTable::new(MAX_NONCES),
            guard: SourceGuard::default(),
            counters: RefusalCounters::default(),
        }
    }

    /// Who sent the request. `lookup` finds the digests of a user of the realm. REGISTER is asked with 401, and must be
    /// for the address of record of who sends it (RFC 3261 §10.3 step 4); other requests are asked with 407. Credentials
    /// are taken from Authorization and Proxy-Authorization alike (spec/media.md §4).
    pub fn identify<'d>(
        &mut self,
        now: Now,
        question: &Question<'_>,
        lookup: impl Fn(&str) -> Option<&'d PasswordDigests>,
    ) -> Identity {
        let Question { request, hop, settings, is_known_phone, .. } = *question;
        let (source, guard) = (hop.remote.ip(), &settings.guard);
        if let Err(retry_after_s) = self.guard.admit(now, source, is_known_phone, guard) {
            let rejection = uas::Rejection::unavailable(retry_after_s);
            return self.refuse(WhyRefused::TooManyMistakes, rejection, 0);
        }
        let scope = NonceScope { realm: question.realm, source, owner: self.owner };
        let verifier = Verifier { key: &self.key, scope, algorithms: &settings.algorithms };
        let lookup = |user: &str| lookup(user).map(|digests| Ha1 { md5: &digests.md5, sha256: &digests.sha256 });
        let verdict = verifier.check(now, request, &mut self.nonces, lookup);
        let asker = match request.method() {
            Method::Register => Asker::Server,
            _ => Asker::Proxy,
        };
        let ask = |stale| verifier.challenge(now, asker, settings.nonce_lifetime_s, question.random, stale);
        match verdict {
            Verdict::Ok { user } if is_for_other_account(request, &user) => {
                self.refuse(WhyRefused::OtherAccount, uas::Rejection::new(403), 0)
            }
            Verdict::Ok { user } => Identity::Known { user },
            Verdict::Stale => {
                let rejection = ask(true);
                self.refuse(WhyRefused::Stale, rejection, 0)
            }
            Verdict::Replayed => {
                let rejection = ask(true);
                self.refuse(WhyRefused::Replayed, rejection, 0)
            }
            Verdict::Absent => {
                let rejection = ask(false);
                let delay_ms = match is_known_phone {
                    true => 0,
                    false => self.guard.other_answer(now, source, guard),
                };
                self.refuse(WhyRefused::Asked, rejection, delay_ms)
            }
            Verdict::WrongPassword | Verdict::UnknownUser => {
                let delay_ms = self.guard.mistake(now, source, is_known_phone, guard);
                let why = match verdict {
                    Verdict::UnknownUser => WhyRefused::UnknownUser,
                    _ => WhyRefused::WrongPassword,
                };
                self.refuse(why, uas::Rejection::new(403), delay_ms)
            }
            Verdict::Malformed(malformed) => {
                let delay_ms = self.guard.other_answer(now, source, guard);
                let rejection = uas::Rejection::bad_request(malformed.to_string());
                self.refuse(WhyRefused::Malformed(malformed), rejection, delay_ms)
            }
        }
    }

    /// Nonces that are remembered: a gauge. Those that have ended go now.
    pub fn nonces(&mut self, now: Now) -> usize {
        self.nonces.drop_ended(now.wall_us / 1_000_000);
        self.nonces.len()
    }

    fn refuse(&mut self, why: WhyRefused, rejection: uas::Rejection, delay_ms: u64) -> Identity {
        let counters = &mut self.counters;
        let counter = match why {
            WhyRefused::Asked => &mut counters.asked,
            WhyRefused::Stale => &mut counters.stale,
            WhyRefused::Replayed => &mut counters.replayed,
            WhyRefused::WrongPassword => &mut counters.wrong_password,
            WhyRefused::UnknownUser => &mut counters.unknown_user,
            WhyRefused::OtherAccount => &mut counters.other_account,
            WhyRefused::Malformed(_) => &mut counters.malformed,
            WhyRefused::TooManyMistakes => &mut counters.too_many_mistakes,
        };
        *counter += 1;
        Identity::Refused(Refusal { rejection, delay_ms, why })
    }
}

/// Whether a REGISTER is for somebody else than its sender.
fn is_for_other_account(request: &Message, user: &str) -> bool {
    if request.method() != &Method::Register {
        return false;
    }
    let to = request.address(HeaderName::To).ok().flatten().and_then(|to| to.uri().ok());
    to.is_none_or(|to| to.user_unescaped().is_none_or(|to| to != user))
}
