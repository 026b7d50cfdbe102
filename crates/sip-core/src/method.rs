//! Request methods (RFC 3261 §7.1): the known ones as variants, every other token kept as it came.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::header::text::is_token;

/// The method of a request. Tokens are case-sensitive: `invite` is an extension method, not INVITE (RFC 3261 §7.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13 and §17.1.1.3.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 6086.
    Info,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3515.
    Refer,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// Any other token.
    Other(ExtensionMethod),
}

/// A method token that is none of the known ones; made only by [`Method::parse`], so it never repeats a known one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionMethod(Box<str>);

const KNOWN: [(&str, Method); 14] = [
    ("INVITE", Method::Invite),
    ("ACK", Method::Ack),
    ("BYE", Method::Bye),
    ("CANCEL", Method::Cancel),
    ("OPTIONS", Method::Options),
    ("REGISTER", Method::Register),
    ("PRACK", Method::Prack),
    ("UPDATE", Method::Update),
    ("INFO", Method::Info),
    ("SUBSCRIBE", Method::Subscribe),
    ("NOTIFY", Method::Notify),
    ("REFER", Method::Refer),
    ("MESSAGE", Method::Message),
    ("PUBLISH", Method::Publish),
];

impl Method {
    /// The method that `token` names; `None` if it is not a token (RFC 3261 §25.1).
    pub fn parse(token: &[u8]) -> Option<Method> {
        if let Some((_, method)) = KNOWN.iter().find(|(text, _)| text.as_bytes() == token) {
            return Some(method.clone());
        }
        if !is_token(token) {
            return None;
        }
        std::str::from_utf8(token).ok().map(|text| Method::Other(ExtensionMethod(text.into())))
    }

    /// The token as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Options => "OPTIONS",
            Method::Register => "REGISTER",
            Method::Prack => "PRACK",
            Method::Update => "UPDATE",
            Method::Info => "INFO",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Refer => "REFER",
            Method::Message => "MESSAGE",
            Method::Publish => "PUBLISH",
            Method::Other(ExtensionMethod(text)) => text,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ExtensionMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a token, so it cannot be a method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAMethod;

impl fmt::Display for NotAMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a method must be a token (letters, digits and -.!%*_+`'~)")
    }
}

impl std::error::Error for NotAMethod {}

impl FromStr for Method {
    type Err = NotAMethod;

    fn from_str(token: &str) -> Result<Method, NotAMethod> {
        Method::parse(token.as_bytes()).ok_or(NotAMethod)
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_method_is_read_from_the_text_it_prints() {
        for (text, method) in KNOWN {
            assert_eq!(Method::parse(text.as_bytes()), Some(method.clone()));
            assert_eq!(method.as_str(), text);
        }
    }

    #[test]
    fn methods_are_case_sensitive_and_any_token_is_one() {
        let lower = Method::parse(b"invite").unwrap();
        assert_ne!(lower, Method::Invite);
        assert_eq!(lower.as_str(), "invite");
        let odd = b"!interesting-Method0123456789_*+`.%indeed'~";
        assert_eq!(Method::parse(odd).unwrap().as_str().as_bytes(), odd);
        for bad in ["", "IN VITE", "INV@ITE", "INVITE\r", "\u{e9}"] {
            assert_eq!(Method::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
