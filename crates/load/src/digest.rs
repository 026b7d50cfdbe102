//! Digest authentication as a client answers it (RFC 7616, RFC 8760), written apart from the server's.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::args::Algorithm;

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    /// `qop="auth"` is offered; without it the answer is that of RFC 2069.
    pub qop_auth: bool,
    pub stale: bool,
    pub sha256: bool,
}

/// The first of `values` (each of a WWW-Authenticate or Proxy-Authenticate header) that `algorithm` allows.
pub(crate) fn choose(values: &[String], algorithm: Algorithm) -> Option<Challenge> {
    values.iter().filter_map(|value| read(value)).find(|challenge| match algorithm {
        Algorithm::Offered => true,
        Algorithm::Md5 => !challenge.sha256,
        Algorithm::Sha256 => challenge.sha256,
    })
}

/// Reads one challenge; `None` if it is not Digest, not complete or of an unknown algorithm.
fn read(value: &str) -> Option<Challenge> {
    let (scheme, rest) = value.trim().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let (mut realm, mut nonce, mut opaque) = (None, None, None);
    let (mut qop_auth, mut stale, mut sha256) = (false, false, false);
    for (name, value) in parameters(rest) {
        match name.to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value),
            "nonce" => nonce = Some(value),
            "opaque" => opaque = Some(value),
            "qop" => qop_auth = value.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")),
            "stale" => stale = value.eq_ignore_ascii_case("true"),
            "algorithm" if value.eq_ignore_ascii_case("SHA-256") => sha256 = true,
            "algorithm" if value.eq_ignore_ascii_case("MD5") => sha256 = false,
            "algorithm" => return None,
            _ => {}
        }
    }
    Some(Challenge { realm: realm?, nonce: nonce?, opaque, qop_auth, stale, sha256 })
}

/// `name=value` and `name="value"`, separated by commas; a backslash in quotes takes the next character as it is.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        let name: String = std::iter::from_fn(|| rest.next_if(|one| *one != '=' && *one != ',')).collect();
        let mut value = String::new();
        if rest.next_if_eq(&'=').is_some() {
            while rest.next_if(|one| one.is_whitespace()).is_some() {}
            if rest.next_if_eq(&'"').is_some() {
                while let Some(one) = rest.next().filter(|one| *one != '"') {
                    value.extend(if one == '\\' { rest.next() } else { Some(one) });
                }
            }
            value.extend(std::iter::from_fn(|| rest.next_if(|one| *one != ',')));
        }
        if !name.trim().is_empty() {
            found.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        if rest.next().is_none() {
            return found;
        }
    }
}

/// Who answers, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    /// Ours, new for each answer.
    pub cnonce: &'a str,
    /// How often this nonce was used, from 1.
    pub count: u32,
}

impl Challenge {
    /// The value of the Authorization header.
    pub(crate) fn answer(&self, with: Credentials<'_>) -> String {
        let Credentials { user, password, method, uri, cnonce, count } = with;
        let (realm, nonce) = (&self.realm, &self.nonce);
        let secret = self.hash(&format!("{user}:{realm}:{password}"));
        let request = self.hash(&format!("{method}:{uri}"));
        let response = if self.qop_auth {
            self.hash(&format!("{secret}:{nonce}:{count:08x}:{cnonce}:auth:{request}"))
        } else {
            self.hash(&format!("{secret}:{nonce}:{request}"))
        };
        let algorithm = if self.sha256 { "SHA-256" } else { "MD5" };
        let (user, realm, nonce) = (quoted(user), quoted(realm), quoted(nonce));
        let mut text = format!(
            "Digest username={user}, realm={realm}, nonce={nonce}, uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}"
        );
        if self.qop_auth {
            text.push_str(&format!(", qop=auth, nc={count:08x}, cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = &self.opaque {
            text.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        text
    }

    fn hash(&self, text: &str) -> String {
        if self.sha256 { hex(&Sha256::digest(text)) } else { hex(&Md5::digest(text)) }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1, both algorithms.
    #[test]
    fn the_example_of_the_standard_is_answered_as_the_standard_says() {
        let common = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                      nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                      opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let values =
            [format!("{common}, algorithm=SHA-256"), format!("{common}, algorithm=MD5"), "Basic realm=x".into()];
        let with = Credentials {
            user: "Mufasa",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            count: 1,
        };
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            (Algorithm::Offered, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let answer = choose(&values, algorithm).unwrap().answer(with);
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            assert!(answer.contains("nc=00000001") && answer.contains("opaque=\"FQhe/"), "{answer}");
        }
    }

    /// RFC 2069's example with the answer of its erratum 749.
    #[test]
    fn a_challenge_without_qop_is_answered_in_the_old_way() {
        let value = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"".to_owned();
        let with = Credentials {
            user: "Mufasa",
            password: "CircleOfLife",
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "",
            count: 1,
        };
        let answer = choose(&[value], Algorithm::Offered).unwrap().answer(with);
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        assert!(!answer.contains("qop"), "{answer}");
    }

    #[test]
    fn quotes_commas_and_odd_spacing_are_read_and_what_cannot_be_answered_is_left_out() {
        let challenge = read("digest  nonce=abc ,realm = \"a \\\"b\\\", c\",stale=TRUE,qop=auth").unwrap();
        assert_eq!((challenge.nonce.as_str(), challenge.realm.as_str()), ("abc", "a \"b\", c"));
        assert!(challenge.stale && challenge.qop_auth && !challenge.sha256);
        for wrong in ["", "Digest", "Digest realm=x", "Basic realm=x, nonce=y", "Digest realm=x,nonce=y,algorithm=X-99"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        for odd in ["Digest realm=\"", "Digest =,,=\"\\", "Digest \"realm\"=x"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
