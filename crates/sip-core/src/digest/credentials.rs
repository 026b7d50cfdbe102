//! Authorization and Proxy-Authorization (RFC 3261 §20.7 and §20.28): read where they lie, in any order, quoted or not.

use std::borrow::Cow;
use std::fmt;

use crate::header::text::{is_space, is_token, quoted_len, split_list, take_token, trim, trim_start, unquote};

/// More parameters than this are no credentials.
const MAX_PARAMS: usize = 32;

/// What a client says of itself. Texts are those between the quotes; only `username` and `realm`, which are looked up, have
/// their backslashes undone: the hash is over the text as it is written (RFC 7616 §3.4, `unq`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// Who it says it is.
    pub username: Cow<'a, [u8]>,
    /// For whom the password is.
    pub realm: Cow<'a, [u8]>,
    /// The challenge's nonce.
    pub nonce: &'a [u8],
    /// What it thinks it asks for.
    pub uri: &'a [u8],
    /// The proof, hex digits.
    pub response: &'a [u8],
    /// `None` means MD5.
    pub algorithm: Option<&'a [u8]>,
    /// `None` for a client that knows no qop.
    pub qop: Option<&'a [u8]>,
    /// The client's own random text; belongs to qop.
    pub cnonce: Option<&'a [u8]>,
    /// How often the client has used the nonce, hex digits; belongs to qop.
    pub nc: Option<&'a [u8]>,
}

/// Why a value is no digest credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// Another scheme, such as `Basic`: not for us, and no error of the client.
    OtherScheme,
    /// A part that is not `name=value`, or whose value is neither a token nor a quoted string.
    BadParameter,
    /// A parameter that we look at stands there twice: which one is meant?
    Twice(&'static str),
    /// A parameter that must be there is not.
    Missing(&'static str),
    /// More than 32 parameters.
    TooMany,
}

impl<'a> Credentials<'a> {
    /// Reads a header's value. Unknown parameters are passed over, `opaque` too, since our challenges have none.
    pub fn parse(value: &'a [u8]) -> Result<Credentials<'a>, CredentialsError> {
        let (scheme, rest) = take_token(trim(value));
        if !scheme.eq_ignore_ascii_case(b"digest") || !rest.first().is_some_and(|&byte| is_space(byte)) {
            return Err(CredentialsError::OtherScheme);
        }
        let mut found = Found::default();
        for (index, part) in split_list(rest).enumerate() {
            if index == MAX_PARAMS {
                return Err(CredentialsError::TooMany);
            }
            let (name, value) = param(part).ok_or(CredentialsError::BadParameter)?;
            found.take(name, value)?;
        }
        found.finish()
    }
}

/// `name=value` with white space around `=`; the value is a quoted string, or holds no quote and no control character.
/// Values that the grammar wants quoted are taken without, and the other way round.
fn param(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = take_token(part);
    let value = trim(trim_start(rest).strip_prefix(b"=")?);
    let whole = match value.first() {
        Some(b'"') => quoted_len(value) == Some(value.len()),
        _ => !value.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b' ')),
    };
    (is_token(name) && whole).then_some((name, value))
}

/// What stands between the quotes, as it is written.
fn inside(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        plain => plain,
    }
}

#[derive(Default)]
struct Found<'a> {
    values: [Option<&'a [u8]>; NAMES.len()],
}

const NAMES: [&str; 9] = ["username", "realm", "nonce", "uri", "response", "algorithm", "qop", "cnonce", "nc"];

impl<'a> Found<'a> {
    fn take(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), CredentialsError> {
        let Some(at) = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name)) else {
            return Ok(());
        };
        match self.values[at].replace(value) {
            Some(_) => Err(CredentialsError::Twice(NAMES[at])),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Credentials<'a>, CredentialsError> {
        let [username, realm, nonce, uri, response, algorithm, qop, cnonce, nc] = self.values;
        let missing = CredentialsError::Missing;
        Ok(Credentials {
            username: unquote(username.ok_or(missing("username"))?),
            realm: unquote(realm.ok_or(missing("realm"))?),
            nonce: inside(nonce.ok_or(missing("nonce"))?),
            uri: inside(uri.ok_or(missing("uri"))?),
            response: inside(response.ok_or(missing("response"))?),
            algorithm: algorithm.map(inside),
            qop: qop.map(inside),
            cnonce: cnonce.map(inside),
            nc: nc.map(inside),
        })
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialsError::OtherScheme => f.write_str("is not of the scheme Digest"),
            CredentialsError::BadParameter => f.write_str("has a parameter that is not name=value"),
            CredentialsError::Twice(name) => write!(f, "has {name} twice"),
            CredentialsError::Missing(name) => write!(f, "has no {name}"),
            CredentialsError::TooMany => write!(f, "has more than {MAX_PARAMS} parameters"),
        }
    }
}

impl std::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = r#"Digest username="1000", realm="a.example", nonce="0f", uri="sip:a.example", response="ab""#;

    #[test]
    fn parameters_may_come_in_any_order_quoted_or_not_and_with_unknown_ones() {
        let usual = Credentials::parse(USUAL.as_bytes()).unwrap();
        assert_eq!((usual.username.as_ref(), usual.uri), (&b"1000"[..], &b"sip:a.example"[..]));
        assert_eq!((usual.algorithm, usual.qop, usual.cnonce, usual.nc), (None, None, None, None));
        for odd in [
            "dIGEST response=ab ,uri=sip:a.example,nonce = 0f,realm=a.example,username=1000",
            "Digest\tUSERNAME=\"1000\",,  x=y, opaque=\"\", realm = \"a.example\" ,nonce=\"0f\",uri=\"sip:a.example\",response=\"ab\",",
        ] {
            assert_eq!(Credentials::parse(odd.as_bytes()).as_ref(), Ok(&usual), "{odd}");
        }
        let full = format!("{USUAL}, algorithm=\"MD5\", qop=\"auth\", nc=\"00000001\", cnonce=\"a,b=\\\"c\"");
        let full = Credentials::parse(full.as_bytes()).unwrap();
        assert_eq!((full.algorithm, full.qop), (Some(&b"MD5"[..]), Some(&b"auth"[..])));
        assert_eq!((full.nc, full.cnonce), (Some(&b"00000001"[..]), Some(&b"a,b=\\\"c"[..])));
    }

    #[test]
    fn what_is_looked_up_has_its_backslashes_undone() {
        let text = USUAL.replace("\"1000\"", r#""a \"b\" \\c""#);
        assert_eq!(Credentials::parse(text.as_bytes()).unwrap().username.as_ref(), br#"a "b" \c"#);
    }

    #[test]
    fn what_is_no_digest_credentials_is_named() {
        let check = |text: &str, expected| assert_eq!(Credentials::parse(text.as_bytes()), Err(expected), "{text}");
        check("", CredentialsError::OtherScheme);
        check("Basic YTpi", CredentialsError::OtherScheme);
        check("Digest", CredentialsError::OtherScheme);
        check("Digest=x", CredentialsError::OtherScheme);
        check("Digest ", CredentialsError::OtherScheme);
        check("Digest ,", CredentialsError::Missing("username"));
        check(&USUAL.replace("nonce", "nonsense"), CredentialsError::Missing("nonce"));
        check(&format!("{USUAL}, Realm=b"), CredentialsError::Twice("realm"));
        check(&format!("{USUAL}, x"), CredentialsError::BadParameter);
        check(&format!("{USUAL}, =x"), CredentialsError::BadParameter);
        check(&format!("{USUAL}, x=\"y\"z"), CredentialsError::BadParameter);
        check(&format!("{USUAL}, x=\"y"), CredentialsError::BadParameter);
        check(&format!("{USUAL}, Digest {}", &USUAL[7..]), CredentialsError::BadParameter);
        check(&format!("{USUAL}{}", ", x=y".repeat(28)), CredentialsError::TooMany);
    }
}
