//! The query of a request: `a=1&b=two`, percent-decoded, with `+` for a blank. Of a repeated name the first counts.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::problem::Problem;

/// Longest query, bytes; further ones are refused.
const MAX_BYTES: usize = 8_192;

/// The pairs of a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// The query of `uri`.
    pub(crate) fn of(uri: &Uri) -> Result<Query, Problem> {
        let text = uri.query().unwrap_or_default();
        if text.len() > MAX_BYTES {
            return Err(Problem::parameter("query", format!("the query is longer than {MAX_BYTES} bytes")));
        }
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => Ok((name, value)),
                _ => Err(Problem::parameter("query", "the query is not percent-encoded UTF-8")),
            }
        });
        pairs.collect::<Result<_, _>>().map(Query)
    }

    /// The value of `name`; none when it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// All names, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of `name`, which may be empty; none when it is missing.
    fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The id given as `name`. An empty one is refused: who wants to narrow a list and has no id would be shown all of it.
    pub(crate) fn id(&self, name: &str) -> Result<Option<Uuid>, Problem> {
        self.given(name)
            .map(|text| Uuid::parse_str(text).map_err(|_| Problem::parameter(name, format!("{name} must be a UUID"))))
            .transpose()
    }

    /// The word given as `name`, which must be one of `allowed`; an empty one is none of them.
    pub(crate) fn word(&self, name: &str, allowed: &[&str]) -> Result<Option<String>, Problem> {
        match self.given(name) {
            None => Ok(None),
            Some(word) if allowed.contains(&word) => Ok(Some(word.to_owned())),
            Some(_) => Err(Problem::parameter(name, format!("{name} must be one of {}", allowed.join(", ")))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Problem> {
        Query::of(&parts.uri)
    }
}

/// Percent-decoding; none for broken escapes and for what is no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        octets.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                (digit(rest.next()?)? * 16 + digit(rest.next()?)?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Problem> {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    #[test]
    fn values_are_decoded_and_the_first_of_a_name_counts() {
        let query = query("a=1%2B1+x&b&a=2&&c=%C3%BC").unwrap();
        assert_eq!(query.get("a"), Some("1+1 x"));
        assert_eq!(query.get("b"), None);
        assert_eq!(query.get("c"), Some("ü"));
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%ff", &"a".repeat(MAX_BYTES + 1)] {
            assert_eq!(query(text).unwrap_err().reason, "INVALID_REQUEST_PARAMETER", "{text}");
        }
    }

    #[test]
    fn ids_and_words_are_checked() {
        for wrong in ["id=1", "id=", "id"] {
            assert!(query(wrong).unwrap().id("id").is_err(), "{wrong}");
        }
        assert_eq!(query("").unwrap().id("id").unwrap(), None);
        for wrong in ["s=odd", "s="] {
            assert!(query(wrong).unwrap().word("s", &["even"]).is_err(), "{wrong}");
        }
        assert_eq!(query("s=even").unwrap().word("s", &["even"]).unwrap().as_deref(), Some("even"));
    }
}
