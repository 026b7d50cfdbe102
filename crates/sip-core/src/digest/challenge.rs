//! WWW-Authenticate and Proxy-Authenticate (RFC 3261 §20.44 and §20.27, RFC 8760 §2.2).

use super::Algorithm;
use crate::HeaderName;

/// In which role we ask: it decides status and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The server that the request is for, a registrar: 401, WWW-Authenticate (RFC 3261 §22.2).
    Server,
    /// A server on its way: 407, Proxy-Authenticate (RFC 3261 §22.3).
    Proxy,
}

impl Asker {
    /// The status of the response that carries the challenge.
    pub fn status(self) -> u16 {
        match self {
            Asker::Server => 401,
            Asker::Proxy => 407,
        }
    }

    /// The header of the challenge.
    pub fn header(self) -> HeaderName {
        match self {
            Asker::Server => HeaderName::WwwAuthenticate,
            Asker::Proxy => HeaderName::ProxyAuthenticate,
        }
    }
}

/// The values of the challenge's headers, one for each algorithm, in this order: a client takes the first that it knows
/// (RFC 8760 §2.4). `stale` says that the password was right and only the nonce too old, so that nobody is asked again.
pub fn challenges<'a>(
    realm: &str,
    nonce: &str,
    algorithms: &'a [Algorithm],
    stale: bool,
) -> impl Iterator<Item = String> + use<'a> {
    let start = format!("Digest realm={}, nonce={}", quoted(realm), quoted(nonce));
    let end = if stale { ", stale=true" } else { "" };
    algorithms.iter().map(move |algorithm| format!("{start}{end}, algorithm={algorithm}, qop=\"auth\""))
}

/// A quoted string (RFC 3261 §25.1); control characters become spaces.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() => quoted.push(' '),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_challenge_for_each_algorithm_in_the_order_given() {
        let both = [Algorithm::Sha256, Algorithm::Md5];
        let values: Vec<_> = challenges("a.example", "0f", &both, false).collect();
        assert_eq!(
            values,
            [
                "Digest realm=\"a.example\", nonce=\"0f\", algorithm=SHA-256, qop=\"auth\"",
                "Digest realm=\"a.example\", nonce=\"0f\", algorithm=MD5, qop=\"auth\"",
            ]
        );
        let stale: Vec<_> = challenges("a \"b\"\\\r\n", "0f", &both[1..], true).collect();
        assert_eq!(
            stale,
            ["Digest realm=\"a \\\"b\\\"\\\\  \", nonce=\"0f\", stale=true, algorithm=MD5, qop=\"auth\""]
        );
    }
}
