//! What messages are matched with: responses to requests of ours (RFC 3261 §17.1.3), requests to requests we know
//! (§17.2.3, with the rules for RFC 2543 clients), and copies of one request that came by different ways (§8.2.2.2).

use std::hash::Hasher;
use std::net::IpAddr;

use base::Random;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::{Host, Message, Method, Via};

/// The parts of a request that matching needs, read once.
pub(crate) struct Identity<'a> {
    pub(crate) method: &'a Method,
    uri: &'a str,
    pub(crate) via: Via,
    call_id: &'a str,
    from_tag: Option<&'a str>,
    pub(crate) to_tag: Option<&'a str>,
    cseq: u32,
}

impl<'a> Identity<'a> {
    /// None for what could not be answered: no readable Via or CSeq, or no request at all.
    pub(crate) fn of(request: &'a Message) -> Option<Identity<'a>> {
        Some(Identity {
            method: request.method(),
            uri: request.request_uri()?,
            via: request.top_via().ok()?,
            call_id: request.call_id(),
            from_tag: request.from_tag(),
            to_tag: request.to_tag(),
            cseq: request.cseq().ok()?.number,
        })
    }
}

/// What makes the hashes of one endpoint unpredictable: nobody can choose requests whose keys meet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct KeySecret([u64; 2]);

impl KeySecret {
    pub(crate) fn new(random: &mut Random) -> KeySecret {
        KeySecret([random.next_u64(), random.next_u64()])
    }

    fn hasher(self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0[0], self.0[1])
    }
}

/// 128 bits that stand for a text of a stranger's: short to keep and quick to compare, whatever the text's length.
pub(crate) type Fingerprint = [u64; 2];

fn fingerprint(hasher: &SipHasher13) -> Fingerprint {
    let hash = hasher.finish128();
    [hash.h1, hash.h2]
}

/// What the key of a server transaction says of its method: ACK and CANCEL look for others than their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Invite,
    Cancel,
    Other,
}

/// What a key is found by, in the order of the table: what is asked for stands together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// What a request, its CANCEL and its ACK share.
    pub(crate) shared: Fingerprint,
    /// Shared part, method and, for RFC 2543, To tag.
    pub(crate) whole: Fingerprint,
}

/// The key of a server transaction: by branch and sent-by, or by all that RFC 2543 compares.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct RequestKey {
    place: Place,
    kind: Kind,
    unique: bool,
}

impl RequestKey {
    /// The key of the transaction that `request` creates or repeats.
    pub(crate) fn of(request: &Identity<'_>, secret: KeySecret) -> RequestKey {
        RequestKey::with_method(request, request.method, secret)
    }

    /// The key that the INVITE has which `ack` acknowledges; in RFC 2543's way only its shared part.
    pub(crate) fn of_acknowledged(ack: &Identity<'_>, secret: KeySecret) -> RequestKey {
        RequestKey::with_method(ack, &Method::Invite, secret)
    }

    fn with_method(request: &Identity<'_>, method: &Method, secret: KeySecret) -> RequestKey {
        let branch = unique_branch(&request.via);
        let mut hasher = secret.hasher();
        match branch {
            Some(branch) => {
                push(&mut hasher, branch.as_bytes());
                push_sent_by(&mut hasher, &request.via);
            }
            None => {
                // An empty branch first: it cannot be taken for a unique one.
                push(&mut hasher, b"");
                push(&mut hasher, request.uri.as_bytes());
                push(&mut hasher, request.call_id.as_bytes());
                push(&mut hasher, request.from_tag.unwrap_or_default().as_bytes());
                hasher.write(&request.cseq.to_be_bytes());
                push(&mut hasher, request.via.as_bytes());
            }
        }
        let shared = fingerprint(&hasher);
        push(&mut hasher, method.as_str().as_bytes());
        if branch.is_none() {
            push(&mut hasher, request.to_tag.unwrap_or_default().as_bytes());
        }
        let kind = match method {
            Method::Invite => Kind::Invite,
            Method::Cancel => Kind::Cancel,
            _ => Kind::Other,
        };
        RequestKey { place: Place { shared, whole: fingerprint(&hasher) }, kind, unique: branch.is_some() }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn is_of_invite(&self) -> bool {
        self.kind == Kind::Invite
    }

    pub(crate) fn is_of_cancel(&self) -> bool {
        self.kind == Kind::Cancel
    }

    /// Whether the branch alone (with sent-by and method) names the transaction.
    pub(crate) fn is_unique(&self) -> bool {
        self.unique
    }
}

/// The key of a client transaction: branch and method, RFC 3261 §17.1.3. The branch is ours, so it is unique.
pub(crate) fn client_key(branch: &str, method: &Method) -> Bytes {
    let method = method.as_str();
    let mut bytes = Vec::with_capacity(branch.len() + 1 + method.len());
    bytes.extend_from_slice(branch.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(method.as_bytes());
    bytes.into()
}

/// What copies of one request share: From tag, Call-ID and CSeq. None within dialogs, where copies are not looked for.
pub(crate) fn merge_key(request: &Identity<'_>, secret: KeySecret) -> Option<Fingerprint> {
    if request.to_tag.is_some() {
        return None;
    }
    let mut hasher = secret.hasher();
    push(&mut hasher, request.call_id.as_bytes());
    push(&mut hasher, request.from_tag.unwrap_or_default().as_bytes());
    push(&mut hasher, request.method.as_str().as_bytes());
    hasher.write(&request.cseq.to_be_bytes());
    Some(fingerprint(&hasher))
}

/// The branch if it names the transaction. A branch of nothing but the cookie names none and is taken for RFC 2543's.
fn unique_branch(via: &Via) -> Option<&str> {
    via.branch().filter(|branch| via.has_magic_cookie() && branch.len() > crate::loop_of::MAGIC_COOKIE.len())
}

/// Host (in any case) and port; a missing port is the default one.
fn push_sent_by(hasher: &mut SipHasher13, via: &Via) {
    let host = via.host();
    // A name of four letters is no IPv4 address.
    hasher.write_u8(u8::from(matches!(host, Host::Name(_))));
    match host {
        Host::Name(name) => name.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase())),
        Host::Ip(IpAddr::V4(ip)) => hasher.write(&ip.octets()),
        Host::Ip(IpAddr::V6(ip)) => hasher.write(&ip.octets()),
    }
    hasher.write_u8(b':');
    hasher.write(&via.port().unwrap_or(5060).to_be_bytes());
}

/// A part and its end.
fn push(hasher: &mut SipHasher13, part: &[u8]) {
    hasher.write(part);
    hasher.write_u8(0);
}
