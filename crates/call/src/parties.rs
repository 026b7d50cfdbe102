//! Between whom a call is, as users are told (spec/resources.md §3): who calls, and what was dialled.
//!
//! A phone that has proven who it is calls as its extension. Everybody else calls from an open network, which is who is trusted
//! here to say who calls, be it by From or by P-Asserted-Identity (RFC 3325 §9.1): what a carrier asserts outweighs what the
//! caller wrote, unless the caller wants it kept from us (`Privacy: id`, RFC 3325 §9.3).

use model::{Address, AddressType};
use sip_core::{HeaderName, Message, NameAddr, Uri};

/// RFC 3325 §9.1: at most one sip or sips URI and one tel URI.
const ASSERTED_MAX: usize = 2;

/// The user part, percent-decoded unless it starts with `+` (spec/media.md §2). Of a telephone number, which is a `tel:` URI
/// or says `user=phone`, only the digits count: neither its visual separators nor its parameters (RFC 3966 §5.1.1;
/// carriers add `;npdi;rn=...`). Some phones say `user=phone` of every user, so a word keeps its dashes.
pub(crate) fn user_of(uri: &Uri) -> Option<String> {
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

/// What was dialled: the user part of the request URI. Of `conference:<id>` the id is a password by the grammar.
pub(crate) fn dialled_user(uri: &Uri) -> String {
    let user = user_of(uri).unwrap_or_default();
    match (user.as_str(), uri.password()) {
        ("conference" | "agent" | "extension", Some(id)) => format!("{user}:{id}"),
        _ => user,
    }
}

/// What the caller calls it whom it dials: the display name of To, if that names who was dialled. A call that was diverted on
/// its way has somebody else there.
pub(crate) fn dialled_name(invite: &Message, dialled: &str) -> String {
    let Ok(to) = invite.to() else { return String::new() };
    let is_dialled = to.uri().is_ok_and(|uri| dialled_user(&uri) == dialled);
    to.display_text().filter(|_| is_dialled).unwrap_or_default()
}

/// The calling party, typed `tel` (spec/media.md §2): user and display name. A caller without a user part is known by its
/// whole URI.
pub(crate) fn source(invite: &Message) -> Address {
    let mut asserted = asserted(invite);
    // A telephone number rather than an address that may be one.
    asserted.sort_by_key(|party| party.uri.is_sip());
    let from = Party::from(invite);
    let whole = from.as_ref().map(|from| from.uri.as_str().to_owned());
    let source = source_of(AddressType::Tel, asserted, from, user_of);
    match source.target.is_empty() {
        true => Address { target: whole.unwrap_or_default().into(), ..source },
        false => source,
    }
}

/// The calling party of a call to `conference.<base>`, typed `sip`: `user@domain` without port and parameters.
pub(crate) fn sip_source(invite: &Message) -> Address {
    let mut asserted = asserted(invite);
    asserted.retain(|party| party.uri.is_sip());
    let from = Party::from(invite);
    let target = |uri: &Uri| match (uri.user(), uri.host()) {
        (Some(user), Some(host)) => Some(format!("{user}@{host}")),
        (None, Some(host)) => Some(host.to_string()),
        _ => user_of(uri),
    };
    source_of(AddressType::Sip, asserted, from, target)
}

/// The first of the asserted parties that has a target, else From, which may have none.
fn source_of(
    kind: AddressType,
    asserted: Vec<Party>,
    from: Option<Party>,
    target: impl Fn(&Uri) -> Option<String>,
) -> Address {
    let (from_target, from_name) = match from {
        Some(from) => (target(&from.uri), from.name),
        None => (None, String::new()),
    };
    let mut asserted = asserted.into_iter().filter(|party| party.uri.user().is_some_and(|user| !user.is_empty()));
    match asserted.find_map(|party| Some((target(&party.uri)?, party.name))) {
        // Many carriers assert the number and leave the name in From. It is that number's only if it is the same one.
        Some((asserted, name)) if name.is_empty() && from_target.as_ref() == Some(&asserted) => {
            Address::new(kind, asserted, from_name)
        }
        Some((asserted, name)) => Address::new(kind, asserted, name),
        None => Address::new(kind, from_target.unwrap_or_default(), from_name),
    }
}

/// A URI and the name beside it.
struct Party {
    uri: Uri,
    name: String,
}

impl Party {
    fn of(address: &NameAddr) -> Option<Party> {
        let name = address.display_text().unwrap_or_default();
        Some(Party { uri: address.uri().ok()?, name })
    }

    fn from(invite: &Message) -> Option<Party> {
        Party::of(&invite.address(HeaderName::From).ok()??)
    }
}

/// Who calls as the network says that sent us the call. What cannot be read is passed over.
fn asserted(invite: &Message) -> Vec<Party> {
    if wants_no_identity(invite) {
        return Vec::new();
    }
    let addresses = invite.addresses(HeaderName::PAssertedIdentity).filter_map(Result::ok);
    addresses.filter_map(|address| Party::of(&address)).take(ASSERTED_MAX).collect()
}

/// RFC 3323 §4.2: the values of Privacy are separated by semicolons. Commas are understood, too.
fn wants_no_identity(invite: &Message) -> bool {
    let mut values =
        invite.headers(HeaderName::Privacy).flat_map(|value| value.split(|&octet| matches!(octet, b';' | b',')));
    values.any(|value| value.trim_ascii().eq_ignore_ascii_case(b"id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(from: &str, lines: &[&str]) -> Message {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\nTo: <sip:x@y>\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\n{lines}\r\n"
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
            ("sip:conference:c0ffee@10.0.0.1", "conference:c0ffee"),
            ("sip:conference%3Ac0ffee@10.0.0.1", "conference:c0ffee"),
            ("sip:extension:1001@10.0.0.1", "extension:1001"),
            ("sip:10.0.0.1", ""),
            ("tel:+1-202-555-0123", "+12025550123"),
            ("tel:7042;phone-context=example.com", "7042"),
        ] {
            assert_eq!(dialled_user(&Uri::parse(uri).unwrap()), user, "{uri}");
        }
    }

    /// Target and name.
    fn shown(address: &Address) -> (&str, &str) {
        (&address.target, &address.target_name)
    }

    #[test]
    fn a_caller_without_a_user_is_known_by_its_whole_uri() {
        for (from, target, name) in [
            ("<sip:10.0.0.2:5080>", "sip:10.0.0.2:5080", ""),
            ("Trunk <sip:10.0.0.2:5080>", "sip:10.0.0.2:5080", "Trunk"),
            ("\"Anonymous\" <sip:anonymous@anonymous.invalid>", "anonymous", "Anonymous"),
            ("<tel:+1-202-555-0123>", "+12025550123", ""),
            ("Ann <sip:ann%40home@example.com>", "ann@home", "Ann"),
        ] {
            let source = source(&invite(from, &[]));
            assert_eq!((source.kind, shown(&source)), (AddressType::Tel, (target, name)), "{from}");
        }
    }

    #[test]
    fn who_calls_a_conference_is_known_by_user_and_domain() {
        for (from, target, name) in [
            ("Bob <sip:bob@far.example:5070>", "bob@far.example", "Bob"),
            ("<sips:bob@far.example;transport=tls?Subject=x>", "bob@far.example", ""),
            ("<sip:bob:secret@10.0.0.2:5080;lr>", "bob@10.0.0.2", ""),
            ("<sip:bob@[2001:db8::1]:5080>", "bob@[2001:db8::1]", ""),
            ("<sip:ann%40home@example.com>", "ann%40home@example.com", ""),
            ("Trunk <sip:10.0.0.2:5080>", "10.0.0.2", "Trunk"),
            ("<tel:+1-202-555-0123>", "+12025550123", ""),
            ("Odd <urn:x:y>", "", "Odd"),
        ] {
            let source = sip_source(&invite(from, &[]));
            assert_eq!((source.kind, shown(&source)), (AddressType::Sip, (target, name)), "{from}");
        }
    }

    /// RFC 3325 §9.1, §9.3.
    #[test]
    fn what_is_asserted_outweighs_from_unless_it_is_private() {
        const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
        const BOB: &str = "Bob <sip:+12025550199@far.example>";
        const SIP: &str = "P-Asserted-Identity: \"Ann A.\" <sip:+12025550123@carrier.example:5061;user=phone>";
        const TEL: &str = "P-Asserted-Identity: <tel:+1-202-555-0123>";
        let anonymous = ("anonymous", "Anonymous");
        for (from, lines, expected) in [
            (ANONYMOUS, &[SIP][..], ("+12025550123", "Ann A.")),
            (ANONYMOUS, &[TEL], ("+12025550123", "")),
            (ANONYMOUS, &[SIP, "Privacy: id"], anonymous),
            (ANONYMOUS, &[SIP, "Privacy: header; ID;critical"], anonymous),
            (ANONYMOUS, &[SIP, "Privacy: header", "Privacy: user,id"], anonymous),
            (ANONYMOUS, &[SIP, "Privacy: none"], ("+12025550123", "Ann A.")),
            (ANONYMOUS, &[SIP, "Privacy: identity"], ("+12025550123", "Ann A.")),
            (BOB, &[SIP, "Privacy: id"], ("+12025550199", "Bob")),
            // The number before the address, whichever stands first.
            (BOB, &["P-Asserted-Identity: \"A\" <sip:ann@c.example>, <tel:+12025550123>"], ("+12025550123", "")),
            (
                BOB,
                &["P-Asserted-Identity: <tel:+12025550123>", "P-Asserted-Identity: <sip:ann@c.example>"],
                ("+12025550123", ""),
            ),
            // From's name is only that of From's number.
            (BOB, &[TEL], ("+12025550123", "")),
            (BOB, &["P-Asserted-Identity: <tel:+1-202-555-0199>"], ("+12025550199", "Bob")),
            (BOB, &["P-Asserted-Identity: \"B. Bob\" <tel:+12025550199>"], ("+12025550199", "B. Bob")),
            // What says nothing.
            (BOB, &["P-Asserted-Identity: "], ("+12025550199", "Bob")),
            (BOB, &["P-Asserted-Identity: <sip:carrier.example>"], ("+12025550199", "Bob")),
            (BOB, &["P-Asserted-Identity: <sip:@carrier.example>"], ("+12025550199", "Bob")),
            (BOB, &["P-Asserted-Identity: <<<,\"\\"], ("+12025550199", "Bob")),
            (BOB, &["P-Asserted-Identity: nobody, <sip:ann@c.example>"], ("ann", "")),
            // No asserted identity: RFC 3325 §9.2 is a wish of the caller.
            (BOB, &["P-Preferred-Identity: <tel:+12025550123>"], ("+12025550199", "Bob")),
        ] {
            let source = source(&invite(from, lines));
            assert_eq!((source.kind, shown(&source)), (AddressType::Tel, expected), "{from} {lines:?}");
        }
        let source = sip_source(&invite(ANONYMOUS, &["P-Asserted-Identity: <tel:+12025550123>", SIP]));
        assert_eq!(shown(&source), ("+12025550123@carrier.example", "Ann A."));
        let source = sip_source(&invite(ANONYMOUS, &[SIP, "Privacy: id"]));
        assert_eq!(shown(&source), ("anonymous@anonymous.invalid", "Anonymous"));
    }

    #[test]
    fn the_dialled_name_is_that_of_who_was_dialled() {
        let named = |to: &str, dialled: &str| {
            let text = format!(
                "INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: {to}\r\n\
                 Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
            );
            dialled_name(&Message::parse_datagram(text.into()).unwrap(), dialled)
        };
        for (to, dialled, name) in [
            ("\"Sales desk\" <sip:ivr@10.0.0.1>", "ivr", "Sales desk"),
            ("Sales <sip:i%76r@elsewhere:5080>", "ivr", "Sales"),
            ("Sales <tel:+1-202-555-0123>", "+12025550123", "Sales"),
            ("<sip:ivr@10.0.0.1>", "ivr", ""),
            ("\"\" <sip:ivr@10.0.0.1>", "ivr", ""),
            ("Sales <sip:other@10.0.0.1>", "ivr", ""),
            ("Sales <sip:10.0.0.1>", "ivr", ""),
        ] {
            assert_eq!(named(to, dialled), name, "{to}");
        }
    }
}
