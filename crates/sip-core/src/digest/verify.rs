//! Whether a request comes from whom it says.

use std::fmt;

use base::Now;
use subtle::ConstantTimeEq;

use super::{
    Algorithm, Asker, Credentials, CredentialsError, Nonce, NonceScope, NonceTable, ServerKey, Use, challenges,
    response, same_resource,
};
use crate::uas::Rejection;
use crate::{HeaderName, Message};

/// Credentials for our realm that are looked at in one request; each costs a few hashes.
const MAX_CREDENTIALS: usize = 4;

/// H(A1) of one user's password, small hex letters; empty where there is none of that algorithm.
#[derive(Clone, Copy)]
pub struct Ha1<'a> {
    /// With MD5.
    pub md5: &'a str,
    /// With SHA-256.
    pub sha256: &'a str,
}

impl fmt::Debug for Ha1<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(..)")
    }
}

/// Asks for passwords and checks what comes: all that does not change from request to request of one source.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// What nonces are made with.
    pub key: &'a ServerKey,
    /// What nonces are bound to, and the realm.
    pub scope: NonceScope<'a>,
    /// What is offered and accepted, in this order.
    pub algorithms: &'a [Algorithm],
}

/// What the credentials of a request are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are right, for the first time.
    Ok {
        /// Who it is.
        user: String,
    },
    /// There are none for this realm with an algorithm that was offered: ask.
    Absent,
    /// The password is right; the nonce is too old or not ours: ask again with `stale=true`.
    Stale,
    /// The password is right; they came before: ask again with `stale=true`, which helps an honest client only.
    Replayed,
    /// The password is wrong. Answer as [`Verdict::UnknownUser`].
    WrongPassword,
    /// There is no such user. Answer as [`Verdict::WrongPassword`].
    UnknownUser,
    /// They are no credentials: 400.
    Malformed(Malformed),
}

/// Why credentials cannot be checked. None of it depends on whether the user exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They cannot be read.
    Unreadable(CredentialsError),
    /// The user is not UTF-8.
    UserNotText,
    /// The digest-uri is not what is asked for (RFC 7616 §3.4.6): see [`same_resource`].
    OtherUri,
    /// A qop that was not offered.
    Qop,
    /// qop without cnonce or nc, or an nc that is not 1 to 8 hex digits of at least one.
    Count,
}

impl Verifier<'_> {
    /// The response that asks for a password: 401 or 407 with one challenge for each algorithm. Its nonce holds for
    /// `lifetime_s` seconds; `random` comes from a strong generator.
    pub fn challenge(&self, now: Now, asker: Asker, lifetime_s: u32, random: u64, stale: bool) -> Rejection {
        let nonce = Nonce::new(second(now) + u64::from(lifetime_s), random).write(self.key, &self.scope);
        challenges(self.scope.realm, &nonce, self.algorithms, stale)
            .fold(Rejection::new(asker.status()), |rejection, value| rejection.with(asker.header(), value))
    }

    /// Checks the Authorization and Proxy-Authorization lines of `request` that are for our realm; those for others do not
    /// matter. `lookup` is called with what a client says it is; a user that it does not know costs the same work. A right
    /// answer is noted in `used`. A request that is repeated by the transport must not come here twice: the transaction
    /// layer answers it.
    pub fn check<'h>(
        &self,
        now: Now,
        request: &Message,
        used: &mut NonceTable,
        lookup: impl Fn(&str) -> Option<Ha1<'h>>,
    ) -> Verdict {
        let mut verdict = Verdict::Absent;
        let mut looked_at = 0;
        let lines = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
        for value in lines.into_iter().flat_map(|name| request.headers(name)) {
            let credentials = match Credentials::parse(value) {
                Ok(credentials) if credentials.realm.as_ref() == self.scope.realm.as_bytes() => credentials,
                Ok(_) | Err(CredentialsError::OtherScheme) => continue,
                Err(error) => {
                    verdict.improve(Verdict::Malformed(Malformed::Unreadable(error)));
                    continue;
                }
            };
            if looked_at == MAX_CREDENTIALS {
                break;
            }
            looked_at += 1;
            verdict.improve(self.check_one(now, request, &credentials, used, &lookup));
            if matches!(verdict, Verdict::Ok { .. }) {
                break;
            }
        }
        verdict
    }

    fn check_one<'h>(
        &self,
        now: Now,
        request: &Message,
        credentials: &Credentials<'_>,
        used: &mut NonceTable,
        lookup: &impl Fn(&str) -> Option<Ha1<'h>>,
    ) -> Verdict {
        let named = credentials.algorithm.map_or(Some(Algorithm::Md5), Algorithm::parse);
        let Some(algorithm) = named.filter(|algorithm| self.algorithms.contains(algorithm)) else {
            return Verdict::Absent;
        };
        let (user, count) = match readable(request, credentials) {
            Ok(readable) => readable,
            Err(malformed) => return Verdict::Malformed(malformed),
        };
        // The decoy is made for everybody, so that its making tells nothing.
        let decoy = self.key.decoy_ha1(algorithm, self.scope.realm, user.as_bytes());
        let stored = lookup(user).map(|ha1| match algorithm {
            Algorithm::Sha256 => ha1.sha256,
            Algorithm::Md5 => ha1.md5,
        });
        let stored = stored.filter(|ha1| ha1.len() == algorithm.hex_len());
        let expected = response(
            algorithm,
            stored.unwrap_or(&decoy).as_bytes(),
            credentials.nonce,
            count.map(|count| (count.nc_text, count.cnonce)),
            request.method().as_str().as_bytes(),
            credentials.uri,
        );
        let nonce = Nonce::read(credentials.nonce, self.key, &self.scope);
        let right = bool::from(expected.as_bytes().ct_eq(&credentials.response.to_ascii_lowercase()));
        match (stored, right, nonce) {
            (None, _, _) => Verdict::UnknownUser,
            (Some(_), false, _) => Verdict::WrongPassword,
            (Some(_), true, None) => Verdict::Stale,
            (Some(_), true, Some(nonce)) => match used.note(second(now), nonce, count.map(|count| count.nc)) {
                Use::Fresh => Verdict::Ok { user: user.to_owned() },
                Use::Stale => Verdict::Stale,
                Use::Repeated => Verdict::Replayed,
            },
        }
    }
}

/// nc and cnonce of a client that counts.
#[derive(Clone, Copy)]
struct Count<'a> {
    nc: u32,
    nc_text: &'a [u8],
    cnonce: &'a [u8],
}

/// What can be said against credentials without knowing any user.
fn readable<'a>(
    request: &Message,
    credentials: &'a Credentials<'_>,
) -> Result<(&'a str, Option<Count<'a>>), Malformed> {
    let user = std::str::from_utf8(&credentials.username).map_err(|_| Malformed::UserNotText)?;
    if !same_resource(credentials.uri, request.request_uri().unwrap_or_default()) {
        return Err(Malformed::OtherUri);
    }
    let count = match (credentials.qop, credentials.nc, credentials.cnonce) {
        (None, _, _) => None,
        (Some(qop), _, _) if !qop.eq_ignore_ascii_case(b"auth") => return Err(Malformed::Qop),
        (Some(_), Some(nc_text), Some(cnonce)) => {
            let nc = std::str::from_utf8(nc_text).ok().filter(|text| text.len() <= 8 && !text.starts_with('+'));
            let nc = nc.and_then(|text| u32::from_str_radix(text, 16).ok()).filter(|&nc| nc > 0);
            Some(Count { nc: nc.ok_or(Malformed::Count)?, nc_text, cnonce })
        }
        (Some(_), _, _) => return Err(Malformed::Count),
    };
    Ok((user, count))
}

fn second(now: Now) -> u64 {
    now.wall_us / 1_000_000
}

impl Verdict {
    /// Of several credentials the best counts.
    fn improve(&mut self, other: Verdict) {
        if other.rank() > self.rank() {
            *self = other;
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Verdict::Absent => 0,
            Verdict::Malformed(_) => 1,
            // The two count as one, so that their order tells nothing.
            Verdict::UnknownUser | Verdict::WrongPassword => 2,
            Verdict::Replayed => 3,
            Verdict::Stale => 4,
            Verdict::Ok { .. } => 5,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Unreadable(error) => write!(f, "Authorization {error}"),
            Malformed::UserNotText => f.write_str("Authorization has a username that is not text"),
            Malformed::OtherUri => f.write_str("Authorization is for another URI"),
            Malformed::Qop => f.write_str("Authorization has a qop that was not offered"),
            Malformed::Count => f.write_str("Authorization has qop without a good nc and cnonce"),
        }
    }
}
