//! What messages are matched with: responses to requests of ours (RFC 3261 §17.1.3), requests to requests we know
//! (§17.2.3, with the rules for RFC 2543 clients), and copies of one request that came by different ways (§8.2.2.2).

use bytes::Bytes;

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

/// The key of a server transaction:
/// `prefix | method | 0` for a unique branch, `prefix | method | 0 | To tag` for RFC 2543.
pub(crate) struct RequestKey {
    bytes: Vec<u8>,
    prefix_length: usize,
    unique: bool,
}

impl RequestKey {
    /// The key of the transaction that `request` creates or repeats.
    pub(crate) fn of(request: &Identity<'_>) -> RequestKey {
        let branch = unique_branch(&request.via);
        let mut bytes = Vec::with_capacity(96);
        match branch {
            Some(branch) => {
                push(&mut bytes, branch.as_bytes());
                push_sent_by(&mut bytes, &request.via);
            }
            None => {
                // An empty branch first: it cannot be taken for a unique one.
                push(&mut bytes, b"");
                push(&mut bytes, request.uri.as_bytes());
                push(&mut bytes, request.call_id.as_bytes());
                push(&mut bytes, request.from_tag.unwrap_or_default().as_bytes());
                bytes.extend_from_slice(&request.cseq.to_be_bytes());
                push(&mut bytes, request.via.as_bytes());
            }
        }
        let prefix_length = bytes.len();
        push(&mut bytes, request.method.as_str().as_bytes());
        if branch.is_none() {
            bytes.extend_from_slice(request.to_tag.unwrap_or_default().as_bytes());
        }
        RequestKey { bytes, prefix_length, unique: branch.is_some() }
    }

    /// Method and, for RFC 2543, To tag included.
    pub(crate) fn full(&self) -> &[u8] {
        &self.bytes
    }

    /// What a request, its CANCEL and its ACK share.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.bytes[..self.prefix_length]
    }

    /// The part that all transactions of `method` with this prefix share.
    pub(crate) fn prefix_with(&self, method: &Method) -> Vec<u8> {
        let mut bytes = self.prefix().to_vec();
        push(&mut bytes, method.as_str().as_bytes());
        bytes
    }

    /// Whether the branch alone (with sent-by and method) names the transaction.
    pub(crate) fn is_unique(&self) -> bool {
        self.unique
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

/// Whether `key`, which begins with `prefix`, is that of a transaction of `method`.
pub(crate) fn is_of_method(key: &[u8], prefix: &[u8], method: &Method) -> bool {
    key.get(prefix.len()..)
        .and_then(|rest| rest.strip_prefix(method.as_str().as_bytes()))
        .is_some_and(|rest| rest.first() == Some(&0))
}

/// The key of a client transaction: branch and method, RFC 3261 §17.1.3. The branch is ours, so it is unique.
pub(crate) fn client_key(branch: &str, method: &Method) -> Bytes {
    let mut bytes = Vec::with_capacity(branch.len() + 16);
    push(&mut bytes, branch.as_bytes());
    bytes.extend_from_slice(method.as_str().as_bytes());
    bytes.into()
}

/// What copies of one request share: From tag, Call-ID and CSeq. None within dialogs, where copies are not looked for.
pub(crate) fn merge_key(request: &Identity<'_>) -> Option<Bytes> {
    if request.to_tag.is_some() {
        return None;
    }
    let mut bytes = Vec::with_capacity(96);
    push(&mut bytes, request.call_id.as_bytes());
    push(&mut bytes, request.from_tag.unwrap_or_default().as_bytes());
    push(&mut bytes, request.method.as_str().as_bytes());
    bytes.extend_from_slice(&request.cseq.to_be_bytes());
    Some(bytes.into())
}

/// The branch if it names the transaction. A branch of nothing but the cookie names none and is taken for RFC 2543's.
fn unique_branch(via: &Via) -> Option<&str> {
    via.branch().filter(|branch| via.has_magic_cookie() && branch.len() > crate::loop_of::MAGIC_COOKIE.len())
}

/// Host (in any case) and port; a missing port is the default one.
fn push_sent_by(bytes: &mut Vec<u8>, via: &Via) {
    match via.host() {
        Host::Name(name) => bytes.extend(name.bytes().map(|byte| byte.to_ascii_lowercase())),
        Host::Ip(ip) => bytes.extend_from_slice(ip.to_string().as_bytes()),
    }
    bytes.push(b':');
    bytes.extend_from_slice(&via.port().unwrap_or(5060).to_be_bytes());
    bytes.push(0);
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(part);
    bytes.push(0);
}
