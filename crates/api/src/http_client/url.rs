//! Addresses: `http` or `https`, a host, a path.

use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderValue, Uri};

use super::Failure;

/// Longest address, bytes.
const MAX_BYTES: usize = 4_096;

/// An address that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as the header `Host` shows them.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
    /// The same as requests need it.
    pub(super) target: Uri,
    /// The authority as requests need it.
    pub(super) host_header: HeaderValue,
}

/// Whether a text is such an address, and if not, why.
pub(crate) fn check_url(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        Ok(_) => Ok(()),
        Err(Failure::Url(what)) => Err(what),
        Err(other) => Err(other.to_string()),
    }
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Url, Failure> {
        let wrong = |what: &str| Failure::Url(what.to_owned());
        if text.len() > MAX_BYTES {
            return Err(wrong("it is too long"));
        }
        let uri: Uri = text.trim().parse().map_err(|_| wrong("it must look like https://example.com/path"))?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong("it must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("the host is missing"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user name in the address is not supported"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        let port = match authority.port_u16() {
            Some(port) if port > 0 => port,
            None if authority.host().len() == authority.as_str().len() => {
                if tls {
                    443
                } else {
                    80
                }
            }
            _ => return Err(wrong("the port must be 1 to 65535")),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let target = PathAndQuery::try_from(path.as_str()).map_err(|error| wrong(&error.to_string()))?.into();
        let authority = authority.as_str().to_owned();
        let host_header = HeaderValue::from_str(&authority).map_err(|error| wrong(&error.to_string()))?;
        Ok(Url { tls, host, port, authority, path, target, host_header })
    }

    /// The address that a `Location` means (RFC 3986 §5.2, without `..`).
    pub(crate) fn join(&self, location: &str) -> Result<Url, Failure> {
        let scheme = if self.tls { "https" } else { "http" };
        if location.contains("://") {
            Url::parse(location)
        } else if location.starts_with("//") {
            Url::parse(&format!("{scheme}:{location}"))
        } else if location.starts_with('/') {
            Url::parse(&format!("{scheme}://{}{location}", self.authority))
        } else {
            let path = self.path.split('?').next().unwrap_or("/");
            let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
            Url::parse(&format!("{scheme}://{}{folder}{location}", self.authority))
        }
    }

    /// Whether a connection to `other` serves this one too.
    pub(crate) fn same_place(&self, other: &Url) -> bool {
        (self.tls, self.port) == (other.tls, other.port) && self.host.eq_ignore_ascii_case(&other.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, tls, host, port, path) in [
            ("http://a.b", false, "a.b", 80, "/"),
            ("https://a.b/c?d=e", true, "a.b", 443, "/c?d=e"),
            ("HTTP://a.b:81?x", false, "a.b", 81, "/?x"),
            ("http://[::1]:8080/x", false, "::1", 8080, "/x"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.tls, url.host.as_str(), url.port, url.path.as_str()), (tls, host, port, path), "{text}");
        }
        for text in [
            "",
            "x",
            "/x",
            "ftp://a",
            "http://",
            "http://:80/",
            "http://a:0/",
            "http://a:65536/",
            "http://a:/",
            "http://u:p@a/",
            "http://a b/",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn redirects_are_followed_from_where_they_were_found() {
        let url = Url::parse("https://a.b/c/d?e=f").unwrap();
        for (location, authority, path) in
            [("/x", "a.b", "/x"), ("x?y", "a.b", "/c/x?y"), ("//c.d/x", "c.d", "/x"), ("http://e.f:1/", "e.f:1", "/")]
        {
            let joined = url.join(location).unwrap();
            assert_eq!((joined.authority.as_str(), joined.path.as_str()), (authority, path), "{location}");
        }
    }
}
