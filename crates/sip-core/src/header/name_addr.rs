//! Addresses with names (RFC 3261 §20.10): From, To, Contact, Route, Record-Route, Refer-To, P-Asserted-Identity.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{Span, is_space, quoted_len, trim, trim_start, unquote};
use super::{HeaderError, HeaderProblem, Params};
use crate::Uri;

/// `"Display name" <uri>;params` or `uri;params`. Without `<>` the parameters belong to the header, not to the URI
/// (RFC 3261 §20.10), so a tag is found there too. Holds a slice of the message and prints as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    text: Bytes,
    display: Span,
    uri: Span,
    params: Span,
}

/// The parts of an address, each a slice of the text they were found in.
pub(crate) struct Parts<'a> {
    /// The display name as it came, with its quotes.
    pub(crate) display: &'a [u8],
    /// What stands in `<>`, or the bare URI.
    pub(crate) uri: &'a [u8],
    /// From the first semicolon on, or empty.
    pub(crate) params: &'a [u8],
}

impl NameAddr {
    /// Reads one address. The URI is found but not read: see [`NameAddr::uri`].
    pub fn parse(value: impl Into<Bytes>) -> Result<NameAddr, HeaderError> {
        let text: Bytes = value.into();
        let parts = Parts::find(&text)?;
        let [display, uri, params] = [parts.display, parts.uri, parts.params].map(|part| Span::of(&text, part));
        Ok(NameAddr { text, display, uri, params })
    }

    /// An address made of its parts. Quotes are put around the display name; CR and LF in it become spaces.
    pub fn new(display_name: Option<&str>, uri: &Uri) -> NameAddr {
        let mut text = String::new();
        if let Some(name) = display_name {
            text.push('"');
            for letter in name.chars() {
                match letter {
                    '"' | '\\' => text.extend(['\\', letter]),
                    '\r' | '\n' | '\0' => text.push(' '),
                    _ => text.push(letter),
                }
            }
            text.push_str("\" ");
        }
        let start = text.len();
        text.push('<');
        text.push_str(uri.as_str());
        text.push('>');
        let uri = Span::new(start + 1, text.len() - 1);
        let display = Span::new(0, start.saturating_sub(1));
        NameAddr { text: text.into(), display, uri, params: Span::default() }
    }

    /// The same address with `;name=value` (or `;name`) put behind it. Bytes of the value that are not those of a
    /// token or an address are left out, so nothing but one parameter is added.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> NameAddr {
        let mut text = trim(&self.text).to_vec();
        super::params::push_param(&mut text, name, value);
        NameAddr::parse(text).unwrap_or_else(|_| self.clone())
    }

    /// The same address without parameters: what an answer's From or a dialog's remote identity begins with.
    pub fn without_params(&self) -> NameAddr {
        let end = if self.params.is_empty() { self.text.len() } else { self.params.start() };
        NameAddr { text: self.text.slice(..end), params: Span::default(), ..*self }
    }

    /// The display name without quotes and backslashes; `None` if there is none or it is empty.
    pub fn display_name(&self) -> Option<Cow<'_, [u8]>> {
        Some(unquote(self.display.get(&self.text))).filter(|name| !name.is_empty())
    }

    /// [`NameAddr::display_name`] as text; bytes that are not UTF-8 become U+FFFD.
    pub fn display_text(&self) -> Option<String> {
        self.display_name().map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    /// The URI, read. Errors name the byte within the URI.
    pub fn uri(&self) -> Result<Uri, HeaderError> {
        Uri::parse(self.text.slice(self.uri.range()))
    }

    /// The URI as it came.
    pub fn uri_bytes(&self) -> &[u8] {
        self.uri.get(&self.text)
    }

    /// The parameters of the header (not of the URI).
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.get(&self.text))
    }

    /// The value of parameter `name` in any case: empty if it has none, `None` if it is not there.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        self.params().get(name)
    }

    /// The tag (RFC 3261 §19.3), if it is there and not empty.
    pub fn tag(&self) -> Option<&str> {
        self.params().get_str("tag").filter(|tag| !tag.is_empty())
    }

    /// Whether the URI has the `lr` parameter: a loose router's Route (RFC 3261 §19.1.1).
    pub fn is_loose_route(&self) -> bool {
        self.uri().is_ok_and(|uri| uri.params().has("lr"))
    }

    /// The value as it came.
    pub fn as_bytes(&self) -> &Bytes {
        &self.text
    }
}

impl<'a> Parts<'a> {
    pub(crate) fn find(text: &'a [u8]) -> Result<Parts<'a>, HeaderError> {
        let error = |problem, part| HeaderError::new("address", problem).at(text, part);
        let value = trim(text);
        if value.is_empty() {
            return Err(error(HeaderProblem::Empty, value));
        }
        if value == b"*" {
            return Err(error(HeaderProblem::Star, value));
        }
        if let Some(line_end) = memchr::memchr2(b'\r', b'\n', value) {
            return Err(error(HeaderProblem::LineBreak, &value[line_end..]));
        }
        let parts = match bracket(value).map_err(|(problem, part)| error(problem, part))? {
            Some(open) => {
                let display = trim(&value[..open]);
                let inside = &value[open + 1..];
                let close = memchr::memchr(b'>', inside).ok_or(error(HeaderProblem::UnclosedAngle, inside))?;
                Parts { display, uri: trim(&inside[..close]), params: trim_start(&inside[close + 1..]) }
            }
            None => {
                let end = value.iter().position(|&byte| byte == b';' || is_space(byte)).unwrap_or(value.len());
                let uri = &value[..end];
                if let Some(mark) = memchr::memchr(b'?', uri) {
                    return Err(error(HeaderProblem::NeedsAngles, &uri[mark..]));
                }
                Parts { display: &[], uri, params: trim_start(&value[end..]) }
            }
        };
        if parts.uri.is_empty() {
            return Err(error(HeaderProblem::Empty, parts.uri));
        }
        if !parts.params.is_empty() && parts.params[0] != b';' {
            return Err(error(HeaderProblem::TrailingText, parts.params));
        }
        Params::new(parts.params).check().map_err(|(problem, part)| error(problem, part))?;
        Ok(parts)
    }

    pub(crate) fn tag(&self) -> Option<&'a str> {
        Params::new(self.params).get_str("tag").filter(|tag| !tag.is_empty())
    }
}

/// Where the `<` of a name-addr stands; `None` for a bare URI.
fn bracket(value: &[u8]) -> Result<Option<usize>, (HeaderProblem, &[u8])> {
    if value[0] != b'"' {
        // A quote in the middle of an unquoted name would leave open where the name ends.
        return match memchr::memchr2(b'<', b'"', value) {
            Some(at) if value[at] == b'<' => Ok(Some(at)),
            Some(at) if !value[..at].contains(&b';') => Err((HeaderProblem::UnclosedQuote, &value[at..])),
            _ => Ok(None),
        };
    }
    let end = quoted_len(value).ok_or((HeaderProblem::UnclosedQuote, value))?;
    let rest = trim_start(&value[end..]);
    match rest.first() {
        Some(b'<') => Ok(Some(value.len() - rest.len())),
        _ => Err((HeaderProblem::UnclosedAngle, rest)),
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.text))
    }
}

impl AsRef<[u8]> for NameAddr {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Serialize for NameAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.text)
    }
}

impl<'de> Deserialize<'de> for NameAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NameAddr, D::Error> {
        NameAddr::parse(Bytes::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The Contact headers of a message (RFC 3261 §20.10).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contacts {
    /// `*`: all bindings of the address of record (RFC 3261 §10.2.2).
    All,
    /// The addresses in order; empty if there is no Contact.
    List(Vec<NameAddr>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_uri_and_parameters_are_told_apart() {
        let check = |text: &'static str, name: Option<&str>, uri: &str, params: &str| {
            let address = NameAddr::parse(text).unwrap();
            assert_eq!(address.display_text().as_deref(), name, "{text}");
            assert_eq!(address.uri_bytes(), uri.as_bytes(), "{text}");
            assert_eq!(address.params().as_bytes(), params.as_bytes(), "{text}");
            assert_eq!(address.to_string(), text);
        };
        check("<sip:a@b>", None, "sip:a@b", "");
        check("sip:a@b", None, "sip:a@b", "");
        check("sip:a@b;tag=1;x", None, "sip:a@b", ";tag=1;x");
        check("sip:a@b ; tag=1", None, "sip:a@b", "; tag=1");
        check("sip:a@b;q=\"<\"", None, "sip:a@b", ";q=\"<\"");
        check("A B <sip:a@b;lr?x=y>;tag=1", Some("A B"), "sip:a@b;lr?x=y", ";tag=1");
        check("\"A; <B>\"<sip:a@b> ;tag=1", Some("A; <B>"), "sip:a@b", ";tag=1");
        check("\"\" <sip:a@b>", None, "sip:a@b", "");
        check("  \"\\\"\" <tel:1>", Some("\""), "tel:1", "");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let check = |text: &'static str, problem: HeaderProblem| {
            assert_eq!(NameAddr::parse(text).unwrap_err().problem, problem, "{text}");
        };
        check("", HeaderProblem::Empty);
        check(" ", HeaderProblem::Empty);
        check("<>", HeaderProblem::Empty);
        check(";tag=1", HeaderProblem::Empty);
        check("*", HeaderProblem::Star);
        check("<sip:a@b", HeaderProblem::UnclosedAngle);
        check("\"A\" sip:a@b", HeaderProblem::UnclosedAngle);
        check("\"A <sip:a@b>", HeaderProblem::UnclosedQuote);
        check("A \"B <sip:a@b>", HeaderProblem::UnclosedQuote);
        check("<sip:a@b> x", HeaderProblem::TrailingText);
        check("sip:a@b x", HeaderProblem::TrailingText);
        check("sip:a@b?x=y", HeaderProblem::NeedsAngles);
        check("\"a\r\nVia: x\" <sip:a@b>", HeaderProblem::LineBreak);
        check("<sip:a@b>;;", HeaderProblem::EmptyParameter);
    }

    #[test]
    fn addresses_are_made_so_that_they_read_back() {
        let uri: Uri = "sip:a@b;x".parse().unwrap();
        let made = NameAddr::new(Some("A \"B\" \\\r\nVia: x"), &uri);
        assert_eq!(made.to_string(), "\"A \\\"B\\\" \\\\  Via: x\" <sip:a@b;x>");
        assert_eq!(made, NameAddr::parse(made.as_bytes().clone()).unwrap());
        let tagged = NameAddr::new(None, &uri).with_param("tag", Some("00a1;x=\r\n"));
        assert_eq!(tagged.to_string(), "<sip:a@b;x>;tag=00a1x");
        assert_eq!(tagged.without_params().to_string(), "<sip:a@b;x>");
        assert_eq!(tagged.without_params(), NameAddr::new(None, &uri));
        let written = rmp_serde::to_vec(&tagged).unwrap();
        assert_eq!(rmp_serde::from_slice::<NameAddr>(&written).unwrap(), tagged);
    }
}
