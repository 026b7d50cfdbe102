//! Where a request may carry its credentials; the first place that has some counts (spec/resources.md §2).

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::problem::Problem;
use crate::query::Query;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) text: String,
    /// It stood where only access keys may.
    pub(crate) key_only: bool,
}

/// Cookie `token`, query `token`, `Authorization: Bearer`, cookie `accesskey`, query `accesskey`.
pub(crate) fn of(parts: &Parts) -> Result<Option<Credential>, Problem> {
    let query = Query::of(&parts.uri)?;
    let token = cookie(&parts.headers, "token")
        .or_else(|| query.get("token").map(str::to_owned))
        .or_else(|| bearer(&parts.headers));
    if let Some(text) = token {
        return Ok(Some(Credential { text, key_only: false }));
    }
    let key = cookie(&parts.headers, "accesskey").or_else(|| query.get("accesskey").map(str::to_owned));
    Ok(key.map(|text| Credential { text, key_only: true }))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.trim_matches('"').to_owned())
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn found(query: &str, cookies: &str, bearer: &str) -> Option<Credential> {
        let mut request = Request::get(format!("/x?{query}"));
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        if !bearer.is_empty() {
            request = request.header("authorization", bearer);
        }
        of(&request.body(()).unwrap().into_parts().0).unwrap()
    }

    #[test]
    fn the_first_place_counts() {
        let places = ("token=b&accesskey=e", "x=1; token=a; accesskey=d", "Bearer c");
        let cases = [
            (places, "a", false),
            ((places.0, "accesskey=d", places.2), "b", false),
            (("accesskey=e", "accesskey=d", "bearer c"), "c", false),
            (("accesskey=e", "accesskey=d", ""), "d", true),
            (("accesskey=e", "", "Basic x"), "e", true),
        ];
        for ((query, cookies, bearer), text, key_only) in cases {
            assert_eq!(found(query, cookies, bearer), Some(Credential { text: text.into(), key_only }));
        }
        assert_eq!(found("token=", "token=", "Bearer "), None);
    }
}
