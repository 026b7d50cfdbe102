//! SIP, SIPS, tel and other URIs (RFC 3261 §19.1, RFC 3966). Escapes are left alone; printing gives the bytes that came.

mod compare;
mod escape;
pub(crate) mod host;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::header::text::{Span, trim};
use crate::header::{HeaderError, HeaderProblem, Params};

pub use escape::{escape_user, unescape};
pub use host::Host;

/// A URI. `==` compares the text; [`Uri::matches`] compares as RFC 3261 §19.1.4 says.
#[derive(Clone)]
pub struct Uri {
    text: Bytes,
    parts: Parts,
}

/// The kind of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other: `urn:`, `http:`, one nobody knows.
    Other,
}

#[derive(Clone, Copy)]
struct Parts {
    scheme: Scheme,
    scheme_text: Span,
    /// Everything behind the colon.
    opaque: Span,
    user: Option<Span>,
    password: Option<Span>,
    host: Option<Span>,
    port: Option<u16>,
    params: Span,
    headers: Span,
}

impl Uri {
    /// Reads a URI of any scheme. Refused: white space, control characters, `<`, `>`, `"`, bytes that are not UTF-8,
    /// and for sip and sips a bad host, port or parameter list.
    pub fn parse(text: impl Into<Bytes>) -> Result<Uri, HeaderError> {
        let text: Bytes = text.into();
        let inner = trim(&text);
        let text = if inner.len() == text.len() { text } else { text.slice_ref(inner) };
        let parts = Parts::find(&text)?;
        Ok(Uri { text, parts })
    }

    /// Whether [`Uri::parse`] would read it.
    pub(crate) fn check(text: &[u8]) -> Result<(), HeaderError> {
        Parts::find(text).map(|_| ())
    }

    /// `sip:user@host:port` with the user escaped where needed.
    pub fn sip(user: Option<&str>, host: Host<'_>, port: Option<u16>) -> Result<Uri, HeaderError> {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            text.push_str(&escape_user(user));
            text.push('@');
        }
        text.push_str(&host.to_string());
        if let Some(port) = port {
            text.push_str(&format!(":{port}"));
        }
        Uri::parse(text)
    }

    /// The kind of URI.
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The scheme in the case it came in, without the colon.
    pub fn scheme_text(&self) -> &str {
        self.part(self.parts.scheme_text)
    }

    /// Whether it is `sip:` or `sips:`.
    pub fn is_sip(&self) -> bool {
        matches!(self.parts.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// Everything behind the scheme's colon.
    pub fn opaque(&self) -> &str {
        self.part(self.parts.opaque)
    }

    /// sip, sips: the user part as it came, escapes kept. tel: the number. `None` if there is none.
    pub fn user(&self) -> Option<&str> {
        self.parts.user.map(|span| self.part(span))
    }

    /// The user part with its escapes undone, for looking it up; what is then not UTF-8 becomes U+FFFD.
    pub fn user_unescaped(&self) -> Option<Cow<'_, str>> {
        self.user().map(|user| match unescape(user.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(user),
            Cow::Owned(plain) => Cow::Owned(String::from_utf8_lossy(&plain).into_owned()),
        })
    }

    /// The password of a sip or sips URI, escapes kept.
    pub fn password(&self) -> Option<&str> {
        self.parts.password.map(|span| self.part(span))
    }

    /// The host of a sip or sips URI.
    pub fn host(&self) -> Option<Host<'_>> {
        self.parts.host.map(|span| Host::parse(self.part(span)))
    }

    /// The port, if it is written down. Absent is not 5060 (RFC 3261 §19.1.4).
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The parameters of a sip, sips or tel URI.
    pub fn params(&self) -> Params<'_> {
        Params::new(self.parts.params.get(&self.text))
    }

    /// The value of URI parameter `name` in any case: empty if it has none, `None` if it is not there.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().get_str(name)
    }

    /// The headers behind `?`, as name and value, escapes kept.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = self.part(self.parts.headers);
        text.split('&').filter(|header| !header.is_empty()).map(|header| header.split_once('=').unwrap_or((header, "")))
    }

    /// The same URI without `?headers`: those are for making a request and may not stand in a Request-URI
    /// (RFC 3261 §19.1.5).
    pub fn without_headers(&self) -> Uri {
        if self.parts.headers.is_empty() {
            return self.clone();
        }
        let end = self.parts.headers.start() - 1;
        Uri::parse(self.text.slice(..end)).unwrap_or_else(|_| self.clone())
    }

    /// RFC 3261 §19.1.4 (sip, sips) and RFC 3966 §4 (tel); other schemes must be the same text, and so must URIs with more
    /// than 64 parameters or headers.
    pub fn matches(&self, other: &Uri) -> bool {
        compare::matches(self, other)
    }

    /// The URI as it came.
    pub fn as_str(&self) -> &str {
        // The text was found to be UTF-8 when it was read.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The URI as it came.
    pub fn as_bytes(&self) -> &Bytes {
        &self.text
    }

    fn part(&self, span: Span) -> &str {
        std::str::from_utf8(span.get(&self.text)).unwrap_or_default()
    }
}

impl Parts {
    fn find(text: &[u8]) -> Result<Parts, HeaderError> {
        let error = |problem, part| HeaderError::new("URI", problem).at(text, part);
        if let Some(at) = text.iter().position(|&byte| byte <= b' ' || byte == 0x7f || b"<>\"".contains(&byte)) {
            return Err(error(HeaderProblem::BadUriByte, &text[at..]));
        }
        if !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(error(HeaderProblem::NotText, text));
        }
        let colon = scheme_len(text).ok_or(error(HeaderProblem::NoScheme, text))?;
        let (scheme_text, opaque) = (&text[..colon], &text[colon + 1..]);
        if opaque.is_empty() {
            return Err(error(HeaderProblem::Empty, opaque));
        }
        let scheme = match scheme_text.len() {
            3 if scheme_text.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            4 if scheme_text.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            3 if scheme_text.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        let mut parts = Parts {
            scheme,
            scheme_text: Span::of(text, scheme_text),
            opaque: Span::of(text, opaque),
            user: None,
            password: None,
            host: None,
            port: None,
            params: Span::default(),
            headers: Span::default(),
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => parts.find_sip(text, opaque),
            Scheme::Tel => parts.find_tel(text, opaque),
            Scheme::Other => Ok(()),
        }
        .map_err(|(problem, part)| error(problem, part))?;
        Ok(parts)
    }

    /// `[user[:password]@]host[:port][;params][?headers]`. An `@` can stand nowhere but behind the user, while the user
    /// itself may hold `;`, `?` and `/` (RFC 4475 §3.1.1.2), so the `@` is looked for first.
    fn find_sip<'a>(&mut self, text: &'a [u8], opaque: &'a [u8]) -> Result<(), (HeaderProblem, &'a [u8])> {
        let mut rest = opaque;
        if let Some(at) = memchr::memchr(b'@', opaque) {
            let (userinfo, after) = (&opaque[..at], &opaque[at + 1..]);
            let user = match memchr::memchr(b':', userinfo) {
                Some(colon) => {
                    self.password = Some(Span::of(text, &userinfo[colon + 1..]));
                    &userinfo[..colon]
                }
                None => userinfo,
            };
            self.user = Some(Span::of(text, user));
            rest = after;
        }
        let (host, after) = host::split_host(rest).map_err(|problem| (problem, rest))?;
        self.host = Some(Span::of(text, host));
        let (port, after) = host::split_port(after).map_err(|problem| (problem, after))?;
        self.port = port;
        let params = match memchr::memchr(b'?', after) {
            Some(mark) => {
                self.headers = Span::of(text, &after[mark + 1..]);
                &after[..mark]
            }
            None => after,
        };
        self.find_params(text, params)
    }

    fn find_tel<'a>(&mut self, text: &'a [u8], opaque: &'a [u8]) -> Result<(), (HeaderProblem, &'a [u8])> {
        let end = memchr::memchr(b';', opaque).unwrap_or(opaque.len());
        let (number, params) = opaque.split_at(end);
        if number.is_empty() {
            return Err((HeaderProblem::Empty, number));
        }
        self.user = Some(Span::of(text, number));
        self.find_params(text, params)
    }

    fn find_params<'a>(&mut self, text: &'a [u8], params: &'a [u8]) -> Result<(), (HeaderProblem, &'a [u8])> {
        match params.first() {
            None => return Ok(()),
            Some(b';') => Params::new(params).check()?,
            Some(_) => return Err((HeaderProblem::BadHost, params)),
        }
        self.params = Span::of(text, params);
        Ok(())
    }
}

/// The length of `scheme` before its colon (RFC 3261 §25.1: a letter, then letters, digits, `+`, `-`, `.`).
fn scheme_len(text: &[u8]) -> Option<usize> {
    let colon = text.iter().position(|&byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))?;
    (text[colon] == b':' && colon > 0 && text[0].is_ascii_alphabetic()).then_some(colon)
}

impl PartialEq for Uri {
    fn eq(&self, other: &Uri) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl AsRef<[u8]> for Uri {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl FromStr for Uri {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Uri, HeaderError> {
        Uri::parse(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Uri, D::Error> {
        Uri::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_sip_uri_is_found() {
        let uri: Uri = "SiPs:al%69ce:pa;ss@[2001:db8::1]:5061;transport=tcp;lr?subject=a%20b&to=x".parse().unwrap();
        assert_eq!((uri.scheme(), uri.scheme_text()), (Scheme::Sips, "SiPs"));
        assert_eq!((uri.user(), uri.password()), (Some("al%69ce"), Some("pa;ss")));
        assert_eq!(uri.user_unescaped().unwrap(), "alice");
        assert_eq!((uri.host().unwrap().to_string().as_str(), uri.port()), ("[2001:db8::1]", Some(5061)));
        assert_eq!((uri.param("Transport"), uri.param("lr"), uri.param("x")), (Some("tcp"), Some(""), None));
        assert_eq!(uri.headers().collect::<Vec<_>>(), [("subject", "a%20b"), ("to", "x")]);
        assert_eq!(uri.without_headers().as_str(), "SiPs:al%69ce:pa;ss@[2001:db8::1]:5061;transport=tcp;lr");
    }

    #[test]
    fn short_and_foreign_uris_are_read_and_printed_as_they_came() {
        let check = |text: &str, user: Option<&str>, host: Option<&str>| {
            let uri: Uri = text.parse().unwrap();
            assert_eq!(uri.user(), user, "{text}");
            assert_eq!(uri.host().map(|host| host.to_string()).as_deref(), host, "{text}");
            assert_eq!(uri.to_string(), text);
            assert_eq!(rmp_serde::from_slice::<Uri>(&rmp_serde::to_vec(&uri).unwrap()).unwrap(), uri);
        };
        check("sip:example.com", None, Some("example.com"));
        check("sip:my_host", None, Some("my_host"));
        check("sip:@192.0.2.1", Some(""), Some("192.0.2.1"));
        check("sip:a;b?c/d@example.com:05060", Some("a;b?c/d"), Some("example.com"));
        check("tel:+1-212-555-0101;ext=5", Some("+1-212-555-0101"), None);
        check("urn:service:sos", None, None);
        check("http://example.com/a?b", None, None);
        check("sip:\u{fc}ser@example.com", Some("\u{fc}ser"), Some("example.com"));
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        let check = |text: &'static [u8], problem: HeaderProblem| {
            assert_eq!(Uri::parse(text).unwrap_err().problem, problem, "{}", String::from_utf8_lossy(text));
        };
        check(b"", HeaderProblem::NoScheme);
        check(b"example.com", HeaderProblem::NoScheme);
        check(b"1a:b", HeaderProblem::NoScheme);
        check(b":b", HeaderProblem::NoScheme);
        check(b"sip:", HeaderProblem::Empty);
        check(b"tel:;x", HeaderProblem::Empty);
        check(b"sip:a b@c", HeaderProblem::BadUriByte);
        check(b"sip:a@b\r\nVia:x", HeaderProblem::BadUriByte);
        check(b"<sip:a@b>", HeaderProblem::BadUriByte);
        check(b"sip:a@", HeaderProblem::BadHost);
        check(b"sip:a@b@c", HeaderProblem::BadHost);
        check(b"sip:a@b/c", HeaderProblem::BadHost);
        check(b"sip:a@b:", HeaderProblem::BadPort);
        check(b"sip:a@b:99999", HeaderProblem::BadPort);
        check(b"sip:a@[::1]x", HeaderProblem::BadHost);
        check(b"sip:a@b;;c", HeaderProblem::EmptyParameter);
        check(b"sip:\xe9@b", HeaderProblem::NotText);
    }

    #[test]
    fn a_made_uri_escapes_its_user() {
        let uri = Uri::sip(Some("a b@c"), Host::Ip("2001:db8::1".parse().unwrap()), Some(5070)).unwrap();
        assert_eq!(uri.as_str(), "sip:a%20b%40c@[2001:db8::1]:5070");
        assert_eq!(Uri::sip(None, Host::Name("x.example"), None).unwrap().as_str(), "sip:x.example");
        assert!(Uri::sip(None, Host::Name("x\r\ny"), None).is_err());
    }
}
