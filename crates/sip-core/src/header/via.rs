//! Via (RFC 3261 §20.42, RFC 3581): where a message came through and where its responses go.

use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::params::push_param;
use super::text::{Span, take_token, trim, trim_end, trim_start};
use super::{HeaderError, HeaderProblem, Params};
use crate::uri::host::{Host, split_host, split_port};

/// What [`Via::with_source`] adds at most: both parameters, an IPv6 address and a port.
const NOTED_MAX: usize = 70;

/// One Via value: `SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1`. Holds a slice of the message and prints as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Via {
    text: Bytes,
    transport: Span,
    host: Span,
    port: Option<u16>,
    params: Span,
}

struct Parts<'a> {
    transport: &'a [u8],
    host: &'a [u8],
    port: Option<u16>,
    params: &'a [u8],
}

impl Via {
    /// Reads one value; white space may surround each sign (RFC 3261 §25.1, `LWS`).
    pub fn parse(value: impl Into<Bytes>) -> Result<Via, HeaderError> {
        let text: Bytes = value.into();
        let parts = Parts::find(&text)?;
        let [transport, host, params] = [parts.transport, parts.host, parts.params].map(|part| Span::of(&text, part));
        Ok(Via { port: parts.port, transport, host, params, text })
    }

    /// Whether [`Via::parse`] would read it.
    pub(crate) fn check(value: &[u8]) -> Result<(), HeaderError> {
        Parts::find(value).map(|_| ())
    }

    /// A Via of our own: `transport` as `UDP`, `sent_by` as it is to be printed, the branch, and `;rport` to ask for
    /// the port our packets are seen to come from (RFC 3581 §3).
    pub fn new(transport: &str, sent_by: SocketAddr, branch: &str) -> Via {
        let mut text = format!("SIP/2.0/{transport} {sent_by};rport").into_bytes();
        push_param(&mut text, "branch", Some(branch));
        Via::parse(text).expect("a token, an address and two parameters make a Via")
    }

    /// The transport as it came: `UDP`, `tcp`, `UNKNOWN`.
    pub fn transport(&self) -> &str {
        str_of(self.transport.get(&self.text))
    }

    /// The host of sent-by.
    pub fn host(&self) -> Host<'_> {
        Host::parse(str_of(self.host.get(&self.text)))
    }

    /// The port of sent-by, if it is there.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters.
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.get(&self.text))
    }

    /// The value of parameter `name` in any case: empty if it has none, `None` if it is not there.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        self.params().get(name)
    }

    /// The branch, if there is one that is not empty.
    pub fn branch(&self) -> Option<&str> {
        self.params().get_str("branch").filter(|branch| !branch.is_empty())
    }

    /// Whether the branch begins with RFC 3261's magic cookie, so that it alone names the transaction (§17.2.3).
    pub fn has_magic_cookie(&self) -> bool {
        self.branch().is_some_and(|branch| branch.starts_with("z9hG4bK"))
    }

    /// The address of `received`, with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params().get_str("received")?;
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse().ok()
    }

    /// Whether `rport` is there, with or without a value (RFC 3581).
    pub fn wants_rport(&self) -> bool {
        self.params().has("rport")
    }

    /// The port that `rport` carries, if it carries one.
    pub fn rport(&self) -> Option<u16> {
        self.params().get_str("rport")?.parse().ok()
    }

    /// The same Via as the one who received it from `source` must write it down: `received` if sent-by is not that
    /// address (RFC 3261 §18.2.1), `received` and `rport` with its value if `rport` was asked for (RFC 3581 §4).
    /// Values of these two that the sender made up are replaced.
    pub fn with_source(&self, source: SocketAddr) -> Via {
        let noted = self.text_with_source(source);
        noted.and_then(|text| Via::parse(text).ok()).unwrap_or_else(|| self.clone())
    }

    /// The text of [`Via::with_source`]; None if there is nothing to note.
    pub(crate) fn text_with_source(&self, source: SocketAddr) -> Option<Vec<u8>> {
        let source_ip = source.ip().to_canonical();
        let wants_rport = self.wants_rport();
        let same = matches!(self.host(), Host::Ip(ip) if ip.to_canonical() == source_ip);
        if same && !wants_rport && !self.params().has("received") {
            return None;
        }
        let end = if self.params.is_empty() { self.text.len() } else { self.params.start() };
        let mut text = Vec::with_capacity(self.text.len() + NOTED_MAX);
        text.extend_from_slice(trim_end(&self.text[..end]));
        for param in self.params() {
            if param.name.eq_ignore_ascii_case(b"received") || param.name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            text.push(b';');
            text.extend_from_slice(param.name);
            if let Some(value) = param.value {
                text.push(b'=');
                text.extend_from_slice(value);
            }
        }
        if !same || wants_rport {
            write!(text, ";received={source_ip}").expect("a Vec takes every text");
        }
        if wants_rport {
            write!(text, ";rport={}", source.port()).expect("a Vec takes every text");
        }
        Some(text)
    }

    /// The value as it came.
    pub fn as_bytes(&self) -> &Bytes {
        &self.text
    }
}

impl<'a> Parts<'a> {
    fn find(text: &'a [u8]) -> Result<Parts<'a>, HeaderError> {
        let error = |problem, part| HeaderError::new("Via", problem).at(text, part);
        let mut rest = trim(text);
        if let Some(line_end) = memchr::memchr2(b'\r', b'\n', rest) {
            return Err(error(HeaderProblem::LineBreak, &rest[line_end..]));
        }
        let mut transport: &[u8] = &[];
        for sign in 0..3 {
            let (token, after) = take_token(rest);
            if token.is_empty() {
                return Err(error(HeaderProblem::NotAToken, rest));
            }
            transport = token;
            rest = trim_start(after);
            if sign < 2 {
                rest = trim_start(rest.strip_prefix(b"/").ok_or(error(HeaderProblem::NotAToken, rest))?);
            }
        }
        let (host, rest) = split_host(rest).map_err(|problem| error(problem, rest))?;
        let (port, rest) = split_port(trim_start(rest)).map_err(|problem| error(problem, rest))?;
        let params = trim_start(rest);
        if !params.is_empty() && params[0] != b';' {
            return Err(error(HeaderProblem::TrailingText, params));
        }
        Params::new(params).check().map_err(|(problem, part)| error(problem, part))?;
        Ok(Parts { transport, host, port, params })
    }
}

/// Parts that were found to be tokens or hosts are text.
fn str_of(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.text))
    }
}

impl AsRef<[u8]> for Via {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Serialize for Via {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.text)
    }
}

impl<'de> Deserialize<'de> for Via {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Via, D::Error> {
        Via::parse(Bytes::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found_and_the_text_kept() {
        let text = "sip / 2.0 / udp  [2001:db8::1] : 5062 ; Branch = z9hG4bKx;ttl=1";
        let via = Via::parse(text).unwrap();
        assert_eq!((via.transport(), via.port(), via.branch()), ("udp", Some(5062), Some("z9hG4bKx")));
        assert_eq!(via.host().to_string(), "[2001:db8::1]");
        assert!(via.has_magic_cookie() && !via.wants_rport());
        assert_eq!(via.to_string(), text);
    }

    #[test]
    fn what_is_no_via_is_refused() {
        let check = |text: &'static str, problem: HeaderProblem| {
            assert_eq!(Via::parse(text).unwrap_err().problem, problem, "{text}");
        };
        check("", HeaderProblem::NotAToken);
        check("SIP/2.0", HeaderProblem::NotAToken);
        check("SIP/2.0/UDP", HeaderProblem::BadHost);
        check("SIP/2.0/UDP ;branch=1", HeaderProblem::BadHost);
        check("SIP/2.0/UDP a:b", HeaderProblem::BadPort);
        check("SIP/2.0/UDP a:65536", HeaderProblem::BadPort);
        check("SIP/2.0/UDP [::1", HeaderProblem::BadIpv6);
        check("SIP/2.0/UDP a b", HeaderProblem::TrailingText);
        check("SIP/2.0/UDP a;b=\"\r\nX: y\"", HeaderProblem::LineBreak);
        check("SIP/2.0/UDP a;branch=b\0", HeaderProblem::BadParameter);
        check("SIP/2.0/UDP a;;", HeaderProblem::EmptyParameter);
    }

    #[test]
    fn the_source_is_noted_when_it_differs_or_rport_asks_for_it() {
        let check = |via: &str, source: &str, expected: &str| {
            let noted = Via::parse(via.to_owned()).unwrap().with_source(source.parse().unwrap());
            assert_eq!(noted.to_string(), format!("SIP/2.0/UDP {expected}"), "{via} from {source}");
        };
        check("SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1:5060", "192.0.2.1;branch=b");
        check("SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1:9", "192.0.2.1;branch=b");
        check("SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.7:9", "192.0.2.1;branch=b;received=192.0.2.7");
        check("SIP/2.0/UDP a.example.com", "192.0.2.7:9", "a.example.com;received=192.0.2.7");
        check("SIP/2.0/UDP 192.0.2.1;rport;branch=b", "192.0.2.1:9", "192.0.2.1;branch=b;received=192.0.2.1;rport=9");
        check("SIP/2.0/UDP 192.0.2.1;rport=", "[::ffff:192.0.2.7]:9", "192.0.2.1;received=192.0.2.7;rport=9");
        check("SIP/2.0/UDP [2001:db8::1];rport", "[2001:db8::2]:9", "[2001:db8::1];received=2001:db8::2;rport=9");
        check("SIP/2.0/UDP 192.0.2.1;received=10.0.0.1;x=\"a;b\"", "192.0.2.1:5060", "192.0.2.1;x=\"a;b\"");
    }

    #[test]
    fn our_own_via_has_a_branch_and_asks_for_rport() {
        let via = Via::new("UDP", "[2001:db8::1]:5060".parse().unwrap(), "z9hG4bK00a1");
        assert_eq!(via.to_string(), "SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bK00a1");
        assert!(via.wants_rport() && via.rport().is_none());
        assert_eq!(rmp_serde::from_slice::<Via>(&rmp_serde::to_vec(&via).unwrap()).unwrap(), via);
    }
}
