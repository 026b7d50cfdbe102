//! SIP messages (RFC 3261 §7): offsets over the bytes that came, headers typed only when asked for.

mod build;
#[cfg(test)]
mod build_test;
mod error;
mod fields;
mod parse;
mod serialize;
mod status;
mod stream;
mod typed;

use std::fmt;

use bytes::Bytes;

use crate::Method;
use crate::header::HeaderField;
use crate::header::text::Span;
use fields::Fields;

pub use build::MessageBuilder;
pub use error::{ParseError, ParseReason};
pub use fields::HeaderLine;
pub use parse::{MAX_HEADER_LINES, MAX_MESSAGE_BYTES};
pub use status::reason_phrase;
pub use stream::{MessageStream, StreamPart};

/// A request or a response. Cloning shares the bytes. A message that came from [`Message::parse_datagram`] has a Via,
/// From, To, Call-ID and CSeq that can be read, and its CSeq fits its method; one that was built has what was put in.
#[derive(Clone)]
pub struct Message {
    fields: Fields,
    start: StartLine,
    method: Method,
    body_start: usize,
}

#[derive(Clone, Copy)]
enum StartLine {
    Request { uri: Span },
    Response { status: u16, reason: Span },
}

impl Message {
    /// The whole message as it came or will go.
    pub fn as_bytes(&self) -> &Bytes {
        &self.fields.text
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// Whether it is a response.
    pub fn is_response(&self) -> bool {
        matches!(self.start, StartLine::Response { .. })
    }

    /// The method: a request's own, a response's from CSeq.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// A request's Request-URI as it came.
    pub fn request_uri(&self) -> Option<&str> {
        match self.start {
            StartLine::Request { uri } => std::str::from_utf8(uri.get(&self.fields.text)).ok(),
            StartLine::Response { .. } => None,
        }
    }

    /// A response's status code, 100 to 699.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        }
    }

    /// A response's reason phrase as it came; it may be empty.
    pub fn reason(&self) -> Option<&[u8]> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { reason, .. } => Some(reason.get(&self.fields.text)),
        }
    }

    /// The value of the first line of this header (long or compact name, any case), unfolded and trimmed.
    pub fn header<'a>(&self, name: impl Into<HeaderField<'a>>) -> Option<&[u8]> {
        self.fields.first(name.into())
    }

    /// [`Message::header`] as text; bytes that are not UTF-8 become U+FFFD.
    pub fn header_text<'a>(&self, name: impl Into<HeaderField<'a>>) -> Option<std::borrow::Cow<'_, str>> {
        self.header(name).map(String::from_utf8_lossy)
    }

    /// The values of all lines of this header, in order, each unfolded and trimmed.
    pub fn headers<'a>(&self, name: impl Into<HeaderField<'a>>) -> impl Iterator<Item = &[u8]> {
        self.fields.all(name.into())
    }

    /// The comma-separated values of all lines of this header, in order; commas in quotes and `<>` do not separate
    /// (RFC 3261 §7.3.1). Only for headers whose grammar is such a list.
    pub fn values<'a>(&self, name: impl Into<HeaderField<'a>>) -> impl Iterator<Item = &[u8]> {
        self.fields.values(name.into())
    }

    /// All header lines in order.
    pub fn lines(&self) -> impl Iterator<Item = HeaderLine<'_>> {
        self.fields.lines()
    }

    /// The body; empty if there is none.
    pub fn body(&self) -> Bytes {
        self.fields.text.slice(self.body_start..)
    }
}

/// Two messages are the same if their bytes are.
impl PartialEq for Message {
    fn eq(&self, other: &Message) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}
