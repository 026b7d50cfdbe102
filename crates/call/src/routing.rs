//! From a request URI to the flow that answers it (spec/media.md §1 and §2, as far as numbers go).

use model::{Address, AddressType, Flow, Number};
use sip_core::{HeaderName, Message};

use crate::Snapshot;

/// Why no flow answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// No number of this name exists.
    UnknownNumber(String),
    /// The number has no flow, or one that does not exist.
    NoFlow(String),
}

impl std::fmt::Display for NoRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoRoute::UnknownNumber(user) => write!(f, "no number \"{user}\""),
            NoRoute::NoFlow(user) => write!(f, "number \"{user}\" has no flow"),
        }
    }
}

/// What was dialled: the user part of the request URI, percent-decoded unless it starts with `+`.
pub(crate) fn dialled_user(request: &Message) -> String {
    let Ok(uri) = request.uri() else { return String::new() };
    let user = uri.user().unwrap_or_default();
    match user.starts_with('+') {
        true => user.to_owned(),
        false => uri.user_unescaped().unwrap_or_default().into_owned(),
    }
}

/// The number that was dialled and its flow.
pub(crate) fn find<'a>(snapshot: &'a Snapshot, user: &str) -> Result<(&'a Number, &'a Flow), NoRoute> {
    let number = snapshot.numbers.get(user).ok_or_else(|| NoRoute::UnknownNumber(user.to_owned()))?;
    match snapshot.flows.get(&number.call_flow_id) {
        Some(flow) => Ok((number, flow)),
        None => Err(NoRoute::NoFlow(user.to_owned())),
    }
}

/// The calling party: From's user and display name, typed `tel` on this path (spec/media.md §2). A caller without a user
/// part is known by its whole URI.
pub(crate) fn source(invite: &Message) -> Address {
    let Ok(from) = invite.address(HeaderName::From) else { return Address::default() };
    let Some(from) = from else { return Address::default() };
    let name = from.display_text().unwrap_or_default();
    let target = match from.uri() {
        Ok(uri) => uri.user().map_or_else(|| uri.as_str().to_owned(), str::to_owned),
        Err(_) => String::new(),
    };
    Address::new(AddressType::Tel, target, name)
}

/// The called party.
pub(crate) fn destination(user: &str) -> Address {
    Address::new(AddressType::Tel, user, "")
}
