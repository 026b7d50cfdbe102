//! The attributes that offer/answer reads, in typed form; all others as text (RFC 8866 §6).

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{Connection, Direction};

/// One a= line. What is malformed is kept as [`Attribute::Other`] and means nothing: one odd attribute ends no call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attribute {
    /// What a payload type means (RFC 8866 §6.6).
    Rtpmap {
        /// 0–127.
        payload_type: u8,
        /// Encoding name as written; compared without case.
        encoding: CompactString,
        /// RTP clock, Hz.
        clock_rate: u32,
        /// Number of channels for audio.
        parameters: Option<CompactString>,
    },
    /// Parameters of a format (RFC 8866 §6.15).
    Fmtp {
        /// As in the m= line.
        format: CompactString,
        /// The codec's own language.
        parameters: CompactString,
    },
    /// Packet length that the writer wants to receive, ms; a fraction is cut off (RFC 8866 §6.4).
    Ptime(u16),
    /// Longest packet that the writer can receive, ms (RFC 8866 §6.5).
    MaxPtime(u16),
    /// Where RTCP goes if not to the next port (RFC 3605).
    Rtcp {
        /// UDP port, not 0.
        port: u16,
        /// If other than the stream's.
        connection: Option<Connection>,
    },
    /// Who sends.
    Direction(Direction),
    /// Anything else.
    Other {
        /// Before the first colon.
        name: CompactString,
        /// After it.
        value: Option<CompactString>,
    },
}

impl Attribute {
    /// Reads the text behind `a=`.
    pub(crate) fn parse(text: &str) -> Attribute {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        typed(name, value)
            .unwrap_or_else(|| Attribute::Other { name: name.into(), value: value.map(CompactString::from) })
    }
}

fn typed(name: &str, value: Option<&str>) -> Option<Attribute> {
    match (lower_case(name.trim_ascii()).as_str(), value) {
        ("rtpmap", Some(value)) => rtpmap(value),
        ("fmtp", Some(value)) => {
            let (format, parameters) = value.split_once(' ')?;
            (!format.is_empty()).then(|| Attribute::Fmtp { format: format.into(), parameters: parameters.into() })
        }
        ("ptime", Some(value)) => milliseconds(value).map(Attribute::Ptime),
        ("maxptime", Some(value)) => milliseconds(value).map(Attribute::MaxPtime),
        ("rtcp", Some(value)) => rtcp(value),
        ("sendrecv", None) => Some(Attribute::Direction(Direction::SendRecv)),
        ("sendonly", None) => Some(Attribute::Direction(Direction::SendOnly)),
        ("recvonly", None) => Some(Attribute::Direction(Direction::RecvOnly)),
        ("inactive", None) => Some(Attribute::Direction(Direction::Inactive)),
        _ => None,
    }
}

fn lower_case(text: &str) -> CompactString {
    let mut text = CompactString::from(text);
    text.make_ascii_lowercase();
    text
}

fn rtpmap(value: &str) -> Option<Attribute> {
    let mut words = value.split_ascii_whitespace();
    let payload_type = words.next()?.parse().ok().filter(|number| *number <= 127)?;
    let mut parts = words.next()?.splitn(3, '/');
    let encoding = CompactString::from(parts.next()?);
    let clock_rate = parts.next()?.parse().ok()?;
    let parameters = parts.next().map(CompactString::from);
    if encoding.is_empty() || words.next().is_some() {
        return None;
    }
    Some(Attribute::Rtpmap { payload_type, encoding, clock_rate, parameters })
}

fn milliseconds(value: &str) -> Option<u16> {
    let whole = value.trim_ascii().split('.').next()?;
    whole.parse().ok().filter(|ms| *ms > 0)
}

fn rtcp(value: &str) -> Option<Attribute> {
    let mut words = value.split_ascii_whitespace().peekable();
    let port = words.next()?.parse().ok().filter(|port| *port > 0)?;
    let connection = match words.peek() {
        Some(_) => Some(Connection::parse(words)?),
        None => None,
    };
    Some(Attribute::Rtcp { port, connection })
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Rtpmap { payload_type, encoding, clock_rate, parameters } => {
                write!(f, "rtpmap:{payload_type} {encoding}/{clock_rate}")?;
                parameters.as_ref().map_or(Ok(()), |parameters| write!(f, "/{parameters}"))
            }
            Attribute::Fmtp { format, parameters } => write!(f, "fmtp:{format} {parameters}"),
            Attribute::Ptime(ms) => write!(f, "ptime:{ms}"),
            Attribute::MaxPtime(ms) => write!(f, "maxptime:{ms}"),
            Attribute::Rtcp { port, connection: None } => write!(f, "rtcp:{port}"),
            Attribute::Rtcp { port, connection: Some(connection) } => write!(f, "rtcp:{port} {connection}"),
            Attribute::Direction(direction) => direction.fmt(f),
            Attribute::Other { name, value: None } => f.write_str(name),
            Attribute::Other { name, value: Some(value) } => write!(f, "{name}:{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_and_written() {
        // The text as it comes, the text as it is written again, whether it was understood.
        #[track_caller]
        fn check(text: &str, written: &str, understood: bool) {
            let attribute = Attribute::parse(text);
            assert_eq!(attribute.to_string(), written);
            assert_eq!(!matches!(attribute, Attribute::Other { .. }), understood, "{attribute:?}");
            assert_eq!(Attribute::parse(written), attribute);
        }
        check("rtpmap:0 PCMU/8000", "rtpmap:0 PCMU/8000", true);
        check("rtpmap:111 opus/48000/2", "rtpmap:111 opus/48000/2", true);
        check("rtpmap: 101  telephone-event/8000 ", "rtpmap:101 telephone-event/8000", true);
        check("RTPMAP:8 pcma/8000/1", "rtpmap:8 pcma/8000/1", true);
        check("rtpmap:128 PCMU/8000", "rtpmap:128 PCMU/8000", false);
        check("rtpmap:0 PCMU", "rtpmap:0 PCMU", false);
        check("rtpmap:x PCMU/8000", "rtpmap:x PCMU/8000", false);
        check("rtpmap", "rtpmap", false);
        check("fmtp:101 0-15", "fmtp:101 0-15", true);
        check("fmtp:18 annexb=no; x= y", "fmtp:18 annexb=no; x= y", true);
        check("fmtp:101", "fmtp:101", false);
        check("ptime:20", "ptime:20", true);
        check("ptime: 20 ", "ptime:20", true);
        check("ptime:2.5", "ptime:2", true);
        check("ptime:0", "ptime:0", false);
        check("ptime:70000", "ptime:70000", false);
        check("maxptime:150", "maxptime:150", true);
        check("rtcp:53020", "rtcp:53020", true);
        check("rtcp:53020 IN IP6 2001:db8::1", "rtcp:53020 IN IP6 2001:db8::1", true);
        check("rtcp:0", "rtcp:0", false);
        check("rtcp:53020 IN IP4", "rtcp:53020 IN IP4", false);
        check("SendOnly", "sendonly", true);
        check("inactive ", "inactive", true);
        check("sendrecv:1", "sendrecv:1", false);
        check(
            "candidate:1 1 UDP 2130706431 10.0.0.1 8998 typ host",
            "candidate:1 1 UDP 2130706431 10.0.0.1 8998 typ host",
            false,
        );
        check("", "", false);
        check(":", ":", false);
    }
}
