//! Where calls go: a `sip:` URI with an address that can be called, and whether it may be.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// RFC 3261 §19.1.2: the port of a `sip:` URI without one.
const DEFAULT_PORT: u16 = 5060;

/// A callable URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The URI as given.
    pub uri: String,
    /// Where its requests are sent.
    pub address: SocketAddr,
}

impl Target {
    /// Reads `sip:user@host:port` or `sip:host`; the host may be a name. The error is a sentence for the user.
    pub(crate) fn parse(uri: &str) -> Result<Target, String> {
        if uri.bytes().any(|octet| octet <= b' ' || octet == 0x7f) {
            return Err(format!("`{uri}` has blanks or control characters"));
        }
        let (host, port) =
            host_and_port(uri).ok_or_else(|| format!("`{uri}` is not of the form sip:user@host:port (UDP only)"))?;
        let address = match host.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, port),
            Err(_) => (host, port)
                .to_socket_addrs()
                .map_err(|error| format!("`{host}` in `{uri}`: {error}"))?
                .min_by_key(SocketAddr::is_ipv6)
                .ok_or_else(|| format!("`{host}` in `{uri}` has no address"))?,
        };
        Ok(Target { uri: uri.to_owned(), address })
    }
}

/// The targets that patterns stand for: those without `{n}` one each, else `different` ones in turn, with the numbers from 1 on.
pub(crate) fn expand(patterns: &[String], different: u32) -> Result<Vec<Target>, String> {
    if !patterns.iter().any(|pattern| pattern.contains("{n")) {
        return patterns.iter().map(|uri| Target::parse(uri)).collect();
    }
    let numbered = (1..=different).zip(patterns.iter().cycle());
    numbered.map(|(number, pattern)| Target::parse(&with_number(pattern, number)?)).collect()
}

/// Writes `number` in place of `{n}`, and of `{n:WIDTH}` with zeros in front.
pub(crate) fn with_number(pattern: &str, number: u32) -> Result<String, String> {
    let Some((before, rest)) = pattern.split_once("{n") else { return Ok(pattern.to_owned()) };
    let wrong = || format!("`{pattern}` has {{n without a `}}`, or a width that is no number up to 32");
    let (width, after) = rest.split_once('}').ok_or_else(wrong)?;
    let width: usize = match width.strip_prefix(':') {
        Some(width) => width.parse().ok().filter(|width| *width <= 32).ok_or_else(wrong)?,
        None if width.is_empty() => 0,
        None => return Err(wrong()),
    };
    Ok(format!("{before}{number:0width$}{after}"))
}

/// The address in a Contact or Route URI if it is a literal one.
pub(crate) fn literal_address(uri: &str) -> Option<SocketAddr> {
    let (host, port) = host_and_port(uri)?;
    Some(SocketAddr::new(host.parse().ok()?, port))
}

/// Whether packets may go to `ip` without `--i-own-this-network`.
pub(crate) fn is_local(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn host_and_port(uri: &str) -> Option<(&str, u16)> {
    let scheme = uri.get(..4)?;
    if !scheme.eq_ignore_ascii_case("sip:") {
        return None;
    }
    // The user part may hold ; and ? (RFC 3261 §25.1), the host part may not: the user is taken off first.
    let rest = &uri[4..];
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host_port = &rest[..rest.find([';', '?']).unwrap_or(rest.len())];
    let (host, port) = if let Some(v6) = host_port.strip_prefix('[') {
        let (host, after) = v6.split_once(']')?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        }
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None => DEFAULT_PORT,
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_gives_the_address_to_call() {
        for (uri, address) in [
            ("sip:echo@127.0.0.1:5070", "127.0.0.1:5070"),
            ("SIP:127.0.0.1", "127.0.0.1:5060"),
            ("sip:a;b?c@127.0.0.1;transport=udp", "127.0.0.1:5060"),
            ("sip:x@[::1]:5061;lr", "[::1]:5061"),
        ] {
            assert_eq!(Target::parse(uri).unwrap().address, address.parse().unwrap(), "{uri}");
            assert_eq!(literal_address(uri), Some(address.parse().unwrap()), "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused_in_words() {
        for uri in [
            "echo@127.0.0.1",
            "sips:a@127.0.0.1",
            "sip:",
            "sip:a@127.0.0.1:99999",
            "sip:a b@127.0.0.1",
            "sip:a@[::1",
            "sip",
            "",
        ] {
            assert!(Target::parse(uri).unwrap_err().contains('`'), "{uri}");
        }
        assert_eq!(literal_address("sip:a@example.invalid"), None);
    }

    #[test]
    fn a_pattern_is_filled_with_numbers() {
        for (pattern, filled) in [("a{n}b", "a7b"), ("{n:4}", "0007"), ("plain", "plain")] {
            assert_eq!(with_number(pattern, 7).unwrap(), filled);
        }
        for wrong in ["{n", "{nx}", "{n:}", "{n:99}", "{n:-1}"] {
            assert!(with_number(wrong, 7).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_is_local() {
        for (ip, local) in
            [("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("10.0.0.1", false), ("0.0.0.0", false)]
        {
            assert_eq!(is_local(ip.parse().unwrap()), local, "{ip}");
        }
    }
}
