//! Where media goes: the c= line (RFC 8866 §5.7), also used by a=rtcp (RFC 3605).

use std::fmt;
use std::net::IpAddr;

use compact_str::{CompactString, ToCompactString};
use serde::{Deserialize, Serialize};

/// A connection address as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// `IN`.
    pub network: CompactString,
    /// `IP4` or `IP6`.
    pub address_type: CompactString,
    /// An IP address or host name; a multicast address may be followed by `/<ttl>/<number>`.
    pub address: CompactString,
}

impl Connection {
    /// `IN IP4 …` or `IN IP6 …`.
    pub fn new(ip: IpAddr) -> Connection {
        let address_type = if ip.is_ipv4() { "IP4" } else { "IP6" };
        Connection { network: "IN".into(), address_type: address_type.into(), address: ip.to_compact_string() }
    }

    /// The address, unless it is a host name or of a network that is not the Internet.
    pub fn ip(&self) -> Option<IpAddr> {
        if !self.network.eq_ignore_ascii_case("IN") {
            return None;
        }
        let address = self.address.split('/').next().unwrap_or_default();
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        bare.parse().ok()
    }

    /// Whether it says "send nothing": 0.0.0.0 (RFC 3264 §8.4), ::, or a name below `invalid` (RFC 6157 §5.1).
    pub fn is_hold(&self) -> bool {
        match self.ip() {
            Some(ip) => ip.is_unspecified(),
            None => ends_with_in_any_case(&self.address, ".invalid"),
        }
    }

    pub(crate) fn parse<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Connection> {
        let (network, address_type, address) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() {
            return None;
        }
        Some(Connection { network: network.into(), address_type: address_type.into(), address: address.into() })
    }
}

fn ends_with_in_any_case(text: &str, end: &str) -> bool {
    text.len() >= end.len() && text.as_bytes()[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.network, self.address_type, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_form() {
        #[track_caller]
        fn check(text: &str, ip: Option<&str>, hold: bool) {
            let connection = Connection::parse(text.split_ascii_whitespace()).unwrap();
            assert_eq!(connection.ip().map(|ip| ip.to_string()).as_deref(), ip);
            assert_eq!(connection.is_hold(), hold);
        }
        check("IN IP4 192.0.2.1", Some("192.0.2.1"), false);
        check("in ip4 192.0.2.1", Some("192.0.2.1"), false);
        check("IN IP4 224.2.1.1/127/3", Some("224.2.1.1"), false);
        check("IN IP6 2001:db8::1", Some("2001:db8::1"), false);
        check("IN IP6 [2001:db8::1]", Some("2001:db8::1"), false);
        check("IN IP4 0.0.0.0", Some("0.0.0.0"), true);
        check("IN IP6 ::", Some("::"), true);
        check("IN IP4 media.example.com", None, false);
        check("IN IP6 hold.invalid", None, true);
        check("ATM NSAP 47.0091", None, false);
    }
}
