//! Hosts and ports (RFC 3261 §25.1 `hostport`, with the IPv6 grammar as corrected by RFC 5954).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::header::HeaderProblem;
use crate::header::text::{number, trim_start};

/// A host of a URI or a Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// A name, in the case it came in.
    Name(&'a str),
    /// An IPv4 address, or an IPv6 address that stood in brackets.
    Ip(IpAddr),
}

impl<'a> Host<'a> {
    /// Reads the text of a host; what is no address is a name.
    pub fn parse(text: &'a str) -> Host<'a> {
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return ipv6(inner).map_or(Host::Name(text), |ip| Host::Ip(IpAddr::V6(ip)));
        }
        text.parse::<Ipv4Addr>().map_or(Host::Name(text), |ip| Host::Ip(IpAddr::V4(ip)))
    }

    /// The address, if it is one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::Ip(ip) => Some(ip),
        }
    }

    /// Whether both are the same address, or the same name in any case (RFC 3261 §19.1.4, RFC 5954 §4.2).
    pub fn matches(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Host::Ip(a), Host::Ip(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// RFC 5118 §4.10: RFC 3261's grammar allowed a third colon before an embedded IPv4 address; such a host is understood.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    match text.parse() {
        Ok(ip) => Some(ip),
        Err(_) if text.contains(":::") => text.replacen(":::", "::", 1).parse().ok(),
        Err(_) => None,
    }
}

/// The host at the start of `text`, brackets included, and what follows.
pub(crate) fn split_host(text: &[u8]) -> Result<(&[u8], &[u8]), HeaderProblem> {
    if text.first() == Some(&b'[') {
        let end = memchr::memchr(b']', text).ok_or(HeaderProblem::BadIpv6)?;
        let inner = std::str::from_utf8(&text[1..end]).map_err(|_| HeaderProblem::BadIpv6)?;
        ipv6(inner).ok_or(HeaderProblem::BadIpv6)?;
        return Ok(text.split_at(end + 1));
    }
    let end = text.iter().position(|&byte| !is_host_byte(byte)).unwrap_or(text.len());
    if end == 0 {
        return Err(HeaderProblem::BadHost);
    }
    Ok(text.split_at(end))
}

/// `:port` at the start of `text`, if there is a colon, and what follows. White space may follow the colon.
pub(crate) fn split_port(text: &[u8]) -> Result<(Option<u16>, &[u8]), HeaderProblem> {
    let Some(after) = text.strip_prefix(b":") else {
        return Ok((None, text));
    };
    let after = trim_start(after);
    let end = after.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(after.len());
    let port = number(&after[..end]).and_then(|port| u16::try_from(port).ok()).ok_or(HeaderProblem::BadPort)?;
    Ok((Some(port), &after[end..]))
}

/// Letters, digits, `.` and `-`; `_` is not allowed by the grammar but found in the names of containers and hosts.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}
