//! URI comparison (RFC 3261 §19.1.4, RFC 3966 §4 for tel). It is not transitive, so it is a method and not `==`.

use super::escape::escaped_byte;
use super::{Scheme, Uri};
use crate::header::Params;

/// Parameters that match nothing when only one of the URIs has them. §19.1.4 names user, ttl, method and maddr in its
/// rules and transport in its examples.
const MUST_AGREE: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// Each parameter is looked for among all of the other URI: with more than this many, only the same text is the same URI,
/// so that comparing two hostile URIs stays cheap.
const MAX_COMPARED: usize = 64;

pub(super) fn matches(a: &Uri, b: &Uri) -> bool {
    if a == b {
        return true;
    }
    let is_long =
        |uri: &Uri| uri.params().iter().nth(MAX_COMPARED).is_some() || uri.headers().nth(MAX_COMPARED).is_some();
    if is_long(a) || is_long(b) {
        return false;
    }
    match (a.scheme(), b.scheme()) {
        (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => sip_matches(a, b),
        (Scheme::Tel, Scheme::Tel) => tel_matches(a, b),
        (Scheme::Other, Scheme::Other) => {
            a.scheme_text().eq_ignore_ascii_case(b.scheme_text()) && a.opaque() == b.opaque()
        }
        _ => false,
    }
}

fn sip_matches(a: &Uri, b: &Uri) -> bool {
    let hosts = match (a.host(), b.host()) {
        (Some(a), Some(b)) => a.matches(b),
        _ => false,
    };
    hosts
        && a.port() == b.port()
        && same_option(a.user(), b.user(), Case::Matters)
        && same_option(a.password(), b.password(), Case::Matters)
        && params_match(a.params(), b.params())
        && params_match(b.params(), a.params())
        && headers_match(a, b)
        && headers_match(b, a)
}

/// Each parameter of `a` that `b` has too is the same there; those that must agree are there.
fn params_match(a: Params<'_>, b: Params<'_>) -> bool {
    a.iter().all(|param| {
        let mut others = b.iter().filter(|other| same(param.name, other.name, Case::Ignored)).peekable();
        if others.peek().is_none() {
            return !MUST_AGREE.iter().any(|name| same(param.name, name, Case::Ignored));
        }
        others.any(|other| same(param.value.unwrap_or_default(), other.value.unwrap_or_default(), Case::Ignored))
    })
}

/// Each header of `a` is in `b` with the same value.
fn headers_match(a: &Uri, b: &Uri) -> bool {
    a.headers().all(|(name, value)| {
        b.headers().any(|(other_name, other_value)| {
            same(name.as_bytes(), other_name.as_bytes(), Case::Ignored)
                && same(value.as_bytes(), other_value.as_bytes(), Case::Matters)
        })
    })
}

/// RFC 3966 §4: visual separators do not count, parameters do, in any order and case.
fn tel_matches(a: &Uri, b: &Uri) -> bool {
    let digits = |uri: &Uri| -> Vec<u8> {
        let number = uri.user().unwrap_or_default().bytes();
        number.filter(|byte| !b"-.()".contains(byte)).map(|byte| byte.to_ascii_lowercase()).collect()
    };
    let covered = |a: &Uri, b: &Uri| {
        a.params().iter().all(|param| {
            b.params().find(&String::from_utf8_lossy(param.name)).is_some_and(|other| {
                same(param.value.unwrap_or_default(), other.value.unwrap_or_default(), Case::Ignored)
            })
        })
    };
    digits(a) == digits(b) && covered(a, b) && covered(b, a)
}

#[derive(Clone, Copy)]
enum Case {
    Matters,
    Ignored,
}

fn same_option(a: Option<&str>, b: Option<&str>, case: Case) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a.as_bytes(), b.as_bytes(), case),
        (None, None) => true,
        _ => false,
    }
}

/// Equal when every character that is not reserved is taken for its escape.
fn same(a: &[u8], b: &[u8], case: Case) -> bool {
    let (mut a, mut b) = (Units { rest: a }, Units { rest: b });
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if matches!(case, Case::Ignored) && a.folded() == b.folded() => {}
            _ => return false,
        }
    }
}

/// One character: plain, or an escape that must stay one because the character is reserved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Plain(u8),
    Reserved(u8),
}

impl Unit {
    fn folded(self) -> Unit {
        match self {
            Unit::Plain(byte) => Unit::Plain(byte.to_ascii_lowercase()),
            reserved => reserved,
        }
    }
}

struct Units<'a> {
    rest: &'a [u8],
}

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        if let Some(byte) = escaped_byte(self.rest) {
            self.rest = &self.rest[3..];
            let reserved = b";/?:@&=+$,%".contains(&byte);
            return Some(if reserved { Unit::Reserved(byte) } else { Unit::Plain(byte) });
        }
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(Unit::Plain(*first))
    }
}

#[cfg(test)]
mod tests {
    use crate::Uri;

    fn check(a: &str, b: &str, expected: bool) {
        let (a, b): (Uri, Uri) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(a.matches(&b), expected, "{a} {b}");
        assert_eq!(b.matches(&a), expected, "{b} {a}");
    }

    #[test]
    fn sip_uris_that_are_the_same() {
        check("sip:%61lice@atlanta.example;transport=TCP", "sip:alice@AtlanTa.Example;Transport=tcp", true);
        check("sip:carol@chicago.example", "sip:carol@chicago.example;newparam=5", true);
        check("sip:carol@chicago.example", "sip:carol@chicago.example;security=on", true);
        check("sip:carol@chicago.example;newparam=5", "sip:carol@chicago.example;security=on", true);
        check(
            "sip:b.example;transport=tcp;method=REGISTER?to=sip:bob%40b.example",
            "sip:b.example;method=REGISTER;transport=tcp?to=sip:bob%40b.example",
            true,
        );
        check("sip:a@b.example?subject=x%20y&priority=urgent", "sip:a@b.example?priority=urgent&subject=x%20y", true);
        check("sip:[2001:db8::1]", "SIP:[2001:DB8:0::1]", true);
        check("sip:a%3Bb@c", "sip:a%3bb@c", true);
    }

    #[test]
    fn sip_uris_that_differ() {
        check("SIP:ALICE@AtlanTa.Example;Transport=udp", "sip:alice@AtlanTa.Example;Transport=UDP", false);
        check("sip:bob@b.example", "sip:bob@b.example:5060", false);
        check("sip:bob@b.example", "sip:bob@b.example;transport=udp", false);
        check("sip:bob@b.example", "sip:bob@b.example:6000;transport=tcp", false);
        check("sip:carol@c.example", "sip:carol@c.example?Subject=next%20meeting", false);
        check("sip:carol@c.example;security=on", "sip:carol@c.example;security=off", false);
        check("sip:bob@phone21.example.com", "sip:bob@192.0.2.4", false);
        check("sip:b.example", "sip:bob@b.example", false);
        check("sip:bob@b.example", "sip:bob:secret@b.example", false);
        check("sip:bob@b.example", "sips:bob@b.example", false);
        check("sip:b.example;maddr=192.0.2.1", "sip:b.example", false);
        check("sip:a%3Bb@c", "sip:a;b@c", false);
        check("sip:a@b?x=1", "sip:a@b?x=2", false);
    }

    #[test]
    fn endless_parameter_lists_are_compared_as_text_only() {
        let uri = |mark: &str| format!("sip:a@b{}", (0..9_000).map(|i| format!(";{mark}{i}")).collect::<String>());
        check(&uri("x"), &uri("x"), true);
        check(&uri("x"), &uri("y"), false);
        let few = |mark: &str| format!("sip:a@b?{}", (0..64).map(|i| format!("{mark}{i}&")).collect::<String>());
        check(&few("x"), &few("X"), true);
        check(&(few("x") + "x64"), &(few("X") + "X64"), false);
    }

    #[test]
    fn tel_and_other_uris() {
        check("tel:+1-212-555-0101", "tel:+1(212)5550101", true);
        check("tel:5550101;phone-context=+1;ext=2", "tel:555-0101;EXT=2;phone-context=+1", true);
        check("tel:5550101", "tel:5550101;ext=2", false);
        check("tel:5550101", "tel:5550102", false);
        check("URN:service:sos", "urn:service:sos", true);
        check("urn:service:sos", "urn:service:fire", false);
        check("tel:5550101", "sip:5550101@example.com", false);
    }
}
