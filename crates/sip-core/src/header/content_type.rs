//! Content-Type and other media types (RFC 3261 §20.15).

use std::fmt;

use bytes::Bytes;

use super::text::{Span, take_token, trim, trim_start, unquote};
use super::{HeaderError, HeaderProblem, Params};

/// A media type with its parameters: `multipart/mixed;boundary="b1"`.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentType {
    text: Bytes,
    kind: Span,
    subtype: Span,
    params: Span,
}

impl ContentType {
    /// Reads `type/subtype *(;name=value)`; white space may surround each sign.
    pub fn parse(value: impl Into<Bytes>) -> Result<ContentType, HeaderError> {
        let text: Bytes = value.into();
        let error = |problem, part| HeaderError::new("Content-Type", problem).at(&text, part);
        let (kind, rest) = take_token(trim(&text));
        let after_slash = trim_start(rest).strip_prefix(b"/").ok_or(error(HeaderProblem::NotAToken, rest))?;
        let (subtype, rest) = take_token(trim_start(after_slash));
        if kind.is_empty() || subtype.is_empty() {
            return Err(error(HeaderProblem::NotAToken, rest));
        }
        let params = trim_start(rest);
        if !params.is_empty() && params[0] != b';' {
            return Err(error(HeaderProblem::TrailingText, params));
        }
        Params::new(params).check().map_err(|(problem, part)| error(problem, part))?;
        let spans = [kind, subtype, params].map(|part| Span::of(&text, part));
        Ok(ContentType { kind: spans[0], subtype: spans[1], params: spans[2], text })
    }

    /// Whether it is `kind/subtype`, in any case and with any parameters.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.get(&self.text).eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.get(&self.text).eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// [`ContentType::is`] with both names in one: `application/sdp`.
    pub fn is_of(&self, essence: &str) -> bool {
        essence.split_once('/').is_some_and(|(kind, subtype)| self.is(kind, subtype))
    }

    /// `type/subtype` in small letters, without parameters.
    pub fn essence(&self) -> String {
        let part = |span: Span| String::from_utf8_lossy(span.get(&self.text)).to_ascii_lowercase();
        format!("{}/{}", part(self.kind), part(self.subtype))
    }

    /// The parameters.
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.get(&self.text))
    }

    /// The value of parameter `name` without quotes, such as a multipart's `boundary`.
    pub fn param(&self, name: &str) -> Option<std::borrow::Cow<'_, [u8]>> {
        self.params().get(name).map(unquote)
    }

    /// The value as it came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_in_any_case_and_parameters_unquoted() {
        let sdp = ContentType::parse("Application / SDP ; charset=utf-8").unwrap();
        assert!(sdp.is("application", "sdp"));
        assert_eq!(sdp.essence(), "application/sdp");
        let mixed = ContentType::parse("multipart/mixed;boundary=\"a;b\"").unwrap();
        assert_eq!(mixed.param("BOUNDARY").unwrap().as_ref(), b"a;b");
        assert_eq!(mixed.param("x"), None);
        for bad in ["", "application", "application/", "/sdp", "application/sdp x", "a/b;;"] {
            assert!(ContentType::parse(bad).is_err(), "{bad}");
        }
    }
}
