//! Who asks: which requests must prove who sent them, and what they are told otherwise (spec/media.md §2 and §4).
//!
//! Extensions cannot be found out by asking. What somebody is told who has not proven who he is does not depend on which there
//! are: a REGISTER is asked for a password whatever its To says. A call reaches numbers and direct addresses from an open
//! network; for everything else it is asked (407) if it looks like one of a phone of ours or is sent to their domain, and told that
//! nothing is there (404) if not. From elsewhere every call is asked. Where there is no extension at all nobody is asked: 404, and
//! 403 from elsewhere.

use std::net::IpAddr;

use base::Now;
use sip_core::digest::{Credentials, CredentialsError, ServerKey};
use sip_core::{HeaderName, Hop, Host, Message, Method, uas};
use uuid::Uuid;

use super::Control;
use super::admission::NotTaken;
use super::registrar::note;
use crate::cell::{Panicked, guarded};
use crate::domain::Domain;
use crate::registrar::{Authenticator, Identity, Question, Refusal, WhyRefused};
use crate::routing::Caller;
use crate::{Effect, NoteKind, Settings};

/// Characters of a claimed user name that a note repeats.
const NAME_MAX: usize = 64;

impl Control {
    /// Who sends this INVITE. Credentials are looked at wherever they come from. Without them a call from an open network
    /// may go on, and one from elsewhere is asked for a password if there is anybody who could have one.
    pub(super) fn caller(
        &mut self,
        now: Now,
        invite: &Message,
        hop: &Hop,
        effects: &mut Vec<Effect>,
    ) -> Result<Caller, NotTaken> {
        let settings = &self.snapshot.settings;
        if named_user(invite, &settings.registrar.realm).is_some() {
            return Ok(Caller::Phone(self.identify(now, invite, hop, effects)?));
        }
        let source = hop.remote.ip().to_canonical();
        // A phone on this machine may use its address for the outside, towards that address or a loopback one; nobody else can
        // (RFC 1812 §5.3.7: such a source, and such a destination, is dropped when it comes from elsewhere).
        let local = hop.local.ip().to_canonical();
        let from_here = (source == local || local.is_loopback()) && is_open(&IpAddr::from([127, 0, 0, 1]), settings);
        if from_here || is_open(&source, settings) {
            return Ok(Caller::Anyone);
        }
        if self.snapshot.extensions.is_empty() {
            let why = format!("{source} is in no network from which calls are taken without a password");
            return Err(NotTaken::new(uas::Rejection::new(403), why));
        }
        Ok(Caller::Phone(self.identify(now, invite, hop, effects)?))
    }

    /// Whether a caller who dialled what is not for everybody is asked who he is, instead of being told that nothing is
    /// there: when the request looks like that of a phone of ours, or is sent to the domain of their registrar (spec/media.md §2).
    /// Nothing of it depends on which extensions exist.
    pub(super) fn may_be_a_phone(&self, invite: &Message) -> bool {
        let is_to_phones = || {
            let realm = &self.snapshot.settings.registrar.realm;
            invite.uri().is_ok_and(|uri| Domain::of(&uri, realm) == Domain::Registrar)
        };
        !self.snapshot.extensions.is_empty() && (calls_its_own_server(invite).unwrap_or(false) || is_to_phones())
    }

    /// The extension that proves to have sent this request.
    pub(super) fn identify(
        &mut self,
        now: Now,
        request: &Message,
        hop: &Hop,
        effects: &mut Vec<Effect>,
    ) -> Result<String, NotTaken> {
        let settings = &self.snapshot.settings.registrar;
        let question = Question {
            request,
            hop,
            realm: &settings.realm,
            random: self.random.next_u64(),
            is_known_phone: self.is_known_phone(now, request, hop),
            settings: &settings.digest,
        };
        let (authenticator, extensions) = (&mut self.registrar.authenticator, &self.snapshot.extensions);
        let lookup = |user: &str| extensions.get(user).map(|extension| &extension.ha1);
        match guarded(|| authenticator.identify(now, &question, lookup)) {
            Ok(Identity::Known { user }) => Ok(user),
            Ok(Identity::Refused(Refusal { rejection, delay_ms, why })) => {
                if let Some(why) = mistake(why) {
                    let user = named_user(request, &settings.realm).unwrap_or_default();
                    let user = user.chars().take(NAME_MAX).collect();
                    let method = request.method().as_str().to_owned();
                    let kind = NoteKind::WrongPassword { user, remote: hop.remote, method, why: why.to_owned() };
                    effects.push(note(now, Uuid::nil(), kind));
                }
                let why = match why {
                    WhyRefused::Malformed(malformed) => malformed.to_string(),
                    // Asking is nothing to tell; mistakes are told above; the rest is counted.
                    _ => String::new(),
                };
                Err(NotTaken { rejection, why, delay_ms })
            }
            Err(Panicked(words)) => {
                self.counters.panics += 1;
                self.forget_nonces();
                Err(NotTaken::new(uas::Rejection::new(500), format!("a panic: {words}")))
            }
        }
    }

    /// What was being changed when it panicked is not used any more: phones are asked once more.
    fn forget_nonces(&mut self) {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.random.bytes16());
        key[16..].copy_from_slice(&self.random.bytes16());
        let counters = self.registrar.authenticator.counters;
        self.registrar.authenticator = Authenticator::new(ServerKey::new(key), self.owner);
        self.registrar.authenticator.counters = counters;
    }

    /// Whether it comes from exactly where the phone that it claims to be is registered. Other loops' phones are not known
    /// here: their calls are strangers' until they have proven themselves, which matters only where passwords are guessed.
    fn is_known_phone(&self, now: Now, request: &Message, hop: &Hop) -> bool {
        let name = match request.method() {
            Method::Register => HeaderName::To,
            _ => HeaderName::From,
        };
        let uri = request.address(name).ok().flatten().and_then(|address| address.uri().ok());
        let user = uri.as_ref().and_then(|uri| uri.user_unescaped());
        let extension = user.and_then(|user| self.snapshot.extensions.get(user.as_ref()));
        extension.is_some_and(|extension| self.registrar.is_reached_at(now, extension, hop.remote))
    }
}

/// The user that credentials for this realm name; empty where they cannot be read; none without any.
fn named_user(request: &Message, realm: &str) -> Option<String> {
    let lines = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
    lines.into_iter().flat_map(|name| request.headers(name)).find_map(|value| match Credentials::parse(value) {
        Ok(credentials) if credentials.realm.as_ref() == realm.as_bytes() => {
            Some(String::from_utf8_lossy(&credentials.username).into_owned())
        }
        Ok(_) | Err(CredentialsError::OtherScheme) => None,
        Err(_) => Some(String::new()),
    })
}

/// Phones dial at the server that they are set to and say that they are from there: From and the request URI name the same
/// host and port. A trunk or another server says that it is from itself.
fn calls_its_own_server(invite: &Message) -> Option<bool> {
    let (to, from) = (invite.uri().ok()?, invite.from().ok()?.uri().ok()?);
    let same_host = match (to.host()?, from.host()?) {
        (Host::Name(to), Host::Name(from)) => to.eq_ignore_ascii_case(from),
        (to, from) => to == from,
    };
    let port = |port: Option<u16>| port.unwrap_or(5_060);
    Some(same_host && (from.port().is_none() || port(from.port()) == port(to.port())))
}

/// In plain words, when somebody was wrong about a password.
fn mistake(why: WhyRefused) -> Option<&'static str> {
    match why {
        WhyRefused::WrongPassword => Some("the password is wrong"),
        WhyRefused::UnknownUser => Some("there is no such extension"),
        WhyRefused::OtherAccount => Some("the password is right, but of another extension"),
        WhyRefused::Asked
        | WhyRefused::Stale
        | WhyRefused::Replayed
        | WhyRefused::Malformed(_)
        | WhyRefused::TooManyMistakes => None,
    }
}

/// Whether calls from there are taken without a password.
fn is_open(source: &IpAddr, settings: &Settings) -> bool {
    settings.open_networks.iter().any(|network| network.contains(source))
}
