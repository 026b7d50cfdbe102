//! A session description in typed form: what offer/answer reads is typed, everything else stays as it came, in its place.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{Attribute, Connection, Direction, Origin};

/// A session description (RFC 8866 §5). `to_string` writes it with CRLF line ends.
///
/// No text in it may hold CR, LF or NUL; [`Session::parse`] sees to that for what comes from the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// o=, which some devices leave out.
    pub origin: Option<Origin>,
    /// s=
    pub name: Option<CompactString>,
    /// All other lines above the first m=, in their order.
    pub lines: Vec<Line>,
    /// The media descriptions, in their order. RFC 3264 §8: a stream is known by its place.
    pub media: Vec<Media>,
}

/// One media description: an m= line and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// `audio`, `video`, `image`, `application` ...
    pub kind: CompactString,
    /// Transport port; 0 refuses or disables the stream.
    pub port: u16,
    /// Number of port pairs, where written.
    pub port_count: Option<u16>,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl` ...
    pub protocol: CompactString,
    /// RTP payload types, or whatever the transport has; best first.
    pub formats: Vec<CompactString>,
    /// The lines below, in their order.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// c=
    Connection(Connection),
    /// a=
    Attribute(Attribute),
    /// Any other letter.
    Other {
        /// The letter before `=`.
        kind: char,
        /// The rest, as it came.
        value: CompactString,
    },
}

impl Session {
    /// The connection address of a stream: its own or the session's.
    pub fn connection_of<'a>(&'a self, media: &'a Media) -> Option<&'a Connection> {
        let find = |lines: &'a [Line]| {
            lines.iter().find_map(|line| match line {
                Line::Connection(connection) => Some(connection),
                _ => None,
            })
        };
        find(&media.lines).or_else(|| find(&self.lines))
    }

    /// The direction of a stream: its own, the session's, or both ways.
    pub fn direction_of(&self, media: &Media) -> Direction {
        self.inherited(media, |attribute| match attribute {
            Attribute::Direction(direction) => Some(*direction),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// a=ptime of a stream, or the session's, ms.
    pub fn ptime_of(&self, media: &Media) -> Option<u16> {
        self.inherited(media, |attribute| match attribute {
            Attribute::Ptime(ms) => Some(*ms),
            _ => None,
        })
    }

    /// a=maxptime of a stream, or the session's, ms.
    pub fn maxptime_of(&self, media: &Media) -> Option<u16> {
        self.inherited(media, |attribute| match attribute {
            Attribute::MaxPtime(ms) => Some(*ms),
            _ => None,
        })
    }

    /// The text of the first t= line.
    pub fn timing(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| match line {
            Line::Other { kind: 't', value } => Some(value.as_str()),
            _ => None,
        })
    }

    fn inherited<T>(&self, media: &Media, read: impl Fn(&Attribute) -> Option<T>) -> Option<T> {
        attributes(&media.lines).find_map(&read).or_else(|| attributes(&self.lines).find_map(&read))
    }
}

impl Media {
    /// The attributes of this stream alone.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        attributes(&self.lines)
    }

    /// Whether it is of this kind, in any case.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

fn attributes(lines: &[Line]) -> impl Iterator<Item = &Attribute> {
    lines.iter().filter_map(|line| match line {
        Line::Attribute(attribute) => Some(attribute),
        _ => None,
    })
}
