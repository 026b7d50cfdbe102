//! From a request URI to the flow that answers it (spec/media.md §1 and §2, as far as numbers go).

use model::{Address, AddressType, Flow, Number};
use sip_core::{HeaderName, Message, Uri};

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

/// What was dialled: the user part of the request URI.
pub(crate) fn dialled_user(request: &Message) -> String {
    request.uri().ok().and_then(|uri| user_of(&uri)).unwrap_or_default()
}

/// The user part, percent-decoded unless it starts with `+` (spec/media.md §2). Of a telephone number, which is a `tel:` URI
/// or says `user=phone`, only the digits count: neither its visual separators nor its parameters (RFC 3966 §5.1.1;
/// carriers add `;npdi;rn=...`). Some phones say `user=phone` of every user, so a word keeps its dashes.
fn user_of(uri: &Uri) -> Option<String> {
    let user = uri.user()?;
    let decoded = match user.starts_with('+') {
        true => user.to_owned(),
        false => uri.user_unescaped().unwrap_or_default().into_owned(),
    };
    let is_phone = uri.param("user").is_some_and(|value| value.eq_ignore_ascii_case("phone"));
    if uri.is_sip() && !is_phone {
        return Some(decoded);
    }
    let number = decoded.split(';').next().unwrap_or_default();
    let is_separator = |c: char| matches!(c, '-' | '.' | '(' | ')');
    match number.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#') || is_separator(c)) {
        true => Some(number.replace(is_separator, "")),
        false => Some(number.to_owned()),
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
        Ok(uri) => user_of(&uri).unwrap_or_else(|| uri.as_str().to_owned()),
        Err(_) => String::new(),
    };
    Address::new(AddressType::Tel, target, name)
}

/// The called party.
pub(crate) fn destination(user: &str) -> Address {
    Address::new(AddressType::Tel, user, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(uri: &str, from: &str) -> Message {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\nTo: <sip:x@y>\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
        );
        Message::parse_datagram(text.into()).unwrap()
    }

    #[test]
    fn the_dialled_user_is_what_a_number_is_called() {
        for (uri, user) in [
            ("sip:ivr@10.0.0.1", "ivr"),
            ("sip:i%76r@10.0.0.1", "ivr"),
            ("sip:%2B12025550123@10.0.0.1", "+12025550123"),
            ("sip:+12025550123@10.0.0.1;user=phone", "+12025550123"),
            ("sip:+1-(202)-555.0123@10.0.0.1;user=phone", "+12025550123"),
            ("sip:+12025550123;npdi;rn=+12025550000@10.0.0.1;user=phone", "+12025550123"),
            ("sip:a-b.c;d@10.0.0.1", "a-b.c;d"),
            ("sip:echo-test@10.0.0.1;user=phone", "echo-test"),
            ("sip:ivr:secret@10.0.0.1", "ivr"),
            ("sip:10.0.0.1", ""),
            ("tel:+1-202-555-0123", "+12025550123"),
            ("tel:7042;phone-context=example.com", "7042"),
        ] {
            assert_eq!(dialled_user(&invite(uri, "<sip:a@b>")), user, "{uri}");
        }
    }

    #[test]
    fn a_caller_without_a_user_is_known_by_its_whole_uri() {
        for (from, target, name) in [
            ("<sip:10.0.0.2:5080>", "sip:10.0.0.2:5080", ""),
            ("\"Anonymous\" <sip:anonymous@anonymous.invalid>", "anonymous", "Anonymous"),
            ("<tel:+1-202-555-0123>", "+12025550123", ""),
            ("Ann <sip:ann%40home@example.com>", "ann@home", "Ann"),
        ] {
            let source = source(&invite("sip:x@y", from));
            assert_eq!((source.target.as_str(), source.target_name.as_str()), (target, name), "{from}");
        }
    }
}
