//! The hashes of RFC 7616 §3.4, and whether a digest-uri means the resource that is asked for.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::Algorithm;
use crate::Uri;
use crate::uri::Scheme;

/// H(A1) of RFC 7616 §3.4.2 in small hex letters: H(user ":" realm ":" password). Within its realm it is as good as the
/// password.
pub fn ha1(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> String {
    hash(algorithm, [user.as_bytes(), realm.as_bytes(), password.as_bytes()])
}

/// The response of RFC 7616 §3.4.1 in small hex letters. `quality` is nc and cnonce as they are written when qop is `auth`;
/// `None` for a client that knows no qop (RFC 2069).
pub fn response(
    algorithm: Algorithm,
    ha1: &[u8],
    nonce: &[u8],
    quality: Option<(&[u8], &[u8])>,
    method: &[u8],
    uri: &[u8],
) -> String {
    let ha2 = hash(algorithm, [method, uri]);
    match quality {
        Some((nc, cnonce)) => hash(algorithm, [ha1, nonce, nc, cnonce, b"auth", ha2.as_bytes()]),
        None => hash(algorithm, [ha1, nonce, ha2.as_bytes()]),
    }
}

/// Whether `digest_uri` means the resource of `request_uri` (RFC 7616 §3.4.6): for sip and sips the same user, escapes undone,
/// and the same host. Ports, parameters and headers may differ, since phones leave them out and proxies on the way change
/// them (RFC 3261 §22.4); so may sip and sips. Other URIs compare as RFC 3261 §19.1.4 and RFC 3966 §4 say.
pub fn same_resource(digest_uri: &[u8], request_uri: &str) -> bool {
    if digest_uri == request_uri.as_bytes() {
        return true;
    }
    let (Ok(theirs), Ok(asked)) = (Uri::parse(digest_uri.to_vec()), request_uri.parse::<Uri>()) else { return false };
    match (theirs.scheme(), asked.scheme()) {
        (Scheme::Sip | Scheme::Sips, Scheme::Sip | Scheme::Sips) => {
            let hosts = theirs.host().zip(asked.host());
            theirs.user_unescaped() == asked.user_unescaped() && hosts.is_some_and(|(a, b)| a.matches(b))
        }
        _ => theirs.matches(&asked),
    }
}

/// The hash of the parts with `:` between them.
fn hash<const N: usize>(algorithm: Algorithm, parts: [&[u8]; N]) -> String {
    match algorithm {
        Algorithm::Sha256 => hex(&joined(Sha256::new(), parts).finalize()),
        Algorithm::Md5 => hex(&joined(Md5::new(), parts).finalize()),
    }
}

fn joined<D: md5::Digest, const N: usize>(mut hasher: D, parts: [&[u8]; N]) -> D {
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    hasher
}

/// Small hex letters.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_rfc_7616_come_out_with_both_algorithms() {
        let answer = |algorithm| {
            let ha1 = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
            let nonce = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            let quality: (&[u8], &[u8]) = (b"00000001", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
            response(algorithm, ha1.as_bytes(), nonce, Some(quality), b"GET", b"/dir/index.html")
        };
        assert_eq!(answer(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(answer(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    /// RFC 2617 §3.5, and RFC 2069 §2.4 with the response that its erratum gives.
    #[test]
    fn the_examples_of_rfc_2617_and_rfc_2069_come_out() {
        let nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let with = |password, quality| {
            let ha1 = ha1(Algorithm::Md5, "Mufasa", "testrealm@host.com", password);
            response(Algorithm::Md5, ha1.as_bytes(), nonce, quality, b"GET", b"/dir/index.html")
        };
        let quality: (&[u8], &[u8]) = (b"00000001", b"0a4f113b");
        assert_eq!(with("Circle Of Life", Some(quality)), "6629fae49393a05397450978507c4ef1");
        assert_eq!(with("CircleOfLife", None), "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn a_digest_uri_means_the_same_resource_when_user_and_host_agree() {
        let check = |digest_uri: &str, request_uri: &str, expected| {
            assert_eq!(same_resource(digest_uri.as_bytes(), request_uri), expected, "{digest_uri} {request_uri}");
        };
        check("sip:1000@example.com", "sip:1000@example.com", true);
        check("sip:1000@EXAMPLE.com", "sip:1000@example.com:5070;transport=udp", true);
        check("sips:%31000@example.com", "sip:1000@example.com", true);
        check("sip:example.com", "sip:example.com;lr", true);
        check("sip:[2001:db8::1]:5060", "sip:[2001:DB8:0::1]", true);
        check("tel:+1-202-555-0123", "tel:+12025550123", true);
        check("sip:1001@example.com", "sip:1000@example.com", false);
        check("sip:example.com", "sip:1000@example.com", false);
        check("sip:1000@example.org", "sip:1000@example.com", false);
        check("tel:1000", "sip:1000@example.com", false);
        check("", "sip:1000@example.com", false);
        check("/dir", "sip:1000@example.com", false);
    }
}
