//! Why a datagram is no message, and the stateless answer to it where one is due (RFC 3261 §21.4.1, §8.2.7).

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::MessageBuilder;
use super::fields::Fields;
use super::status::reason_phrase;
use crate::header::{HeaderError, HeaderName, Via};

/// A datagram that could not be read. Says what and where; for a request it keeps what an answer needs.
#[derive(Clone)]
pub struct ParseError {
    /// What is wrong. Of several things, the first.
    pub reason: ParseReason,
    /// Where, in bytes from the start of the message (leading empty lines not counted).
    pub at: u32,
    reply_to: Option<Box<Fields>>,
}

/// What can be wrong with a datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseReason {
    /// Nothing but line ends (RFC 5626 §3.5.1) or zero bytes: a keep-alive, not an error of anyone.
    KeepAlive,
    /// The first line is neither a request line nor a status line.
    NotSip,
    /// Longer than [`super::MAX_MESSAGE_BYTES`].
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// More than [`super::MAX_HEADER_LINES`] header lines.
    TooManyHeaders,
    /// A CR that no LF follows, in the start line or a header.
    BareCarriageReturn,
    /// The version is SIP, but not 2.0 (505).
    UnsupportedVersion,
    /// The method is not a token.
    BadMethod,
    /// The status code is not a number from 100 to 699.
    BadStatus,
    /// The empty line after the headers is missing: probably a cut-off datagram.
    HeadersNotEnded,
    /// A header line without a name and a colon.
    HeaderLine,
    /// Content-Length is not a number of at most ten digits.
    ContentLength,
    /// Two Content-Length headers that differ.
    ContentLengthConflict,
    /// A message on a stream has no Content-Length (RFC 3261 §18.3).
    LengthMissing,
    /// Content-Length says more than there is.
    BodyCutOff {
        /// What Content-Length says.
        declared: u64,
        /// Bytes behind the empty line.
        present: usize,
    },
    /// A header that may stand only once stands there again.
    Repeated(HeaderName),
    /// A header without which no transaction can be formed, or the Request-URI, is missing or cannot be read.
    Header(HeaderError),
    /// The method of CSeq is not that of the request line (RFC 3261 §8.1.1.5).
    MethodMismatch,
}

impl ParseError {
    pub(super) fn new(reason: ParseReason, at: usize) -> ParseError {
        ParseError { reason, at: at as u32, reply_to: None }
    }

    pub(super) fn answered_from(self, fields: Fields) -> ParseError {
        ParseError { reply_to: Some(Box::new(fields)), ..self }
    }

    /// Whether the datagram is a keep-alive, to be ignored.
    pub fn is_keep_alive(&self) -> bool {
        self.reason == ParseReason::KeepAlive
    }

    /// The status code that tells the sender: 505 for another version, 513 for what is too long, else 400.
    pub fn status(&self) -> u16 {
        match self.reason {
            ParseReason::TooLong { .. } => 513,
            ParseReason::UnsupportedVersion => 505,
            _ => 400,
        }
    }

    /// Whether [`ParseError::reply`] gives an answer.
    pub fn can_reply(&self) -> bool {
        self.reply_to.is_some()
    }

    /// The topmost Via of a request that can be answered, if it can be read.
    pub fn top_via(&self) -> Option<Via> {
        let fields = self.reply_to.as_ref()?;
        let value = fields.values(HeaderName::Via.into()).next()?;
        Via::parse(fields.share(value)).ok()
    }

    /// The stateless answer to a broken request that came from `source`, to be sent there. It copies Via, From, To,
    /// Call-ID and CSeq as far as they are there; the same request always gets the same To tag (RFC 3261 §8.2.7).
    /// `None` for responses, ACK, and what has neither Via nor CSeq.
    pub fn reply(&self, source: SocketAddr) -> Option<Bytes> {
        let fields = self.reply_to.as_ref()?;
        let reason = match self.status() {
            400 => self.reason.to_string(),
            status => reason_phrase(status).into(),
        };
        let mut reply = MessageBuilder::reply(fields, self.status(), &reason);
        if let Some(via) = self.top_via() {
            reply = reply.top_via(&via.with_source(source));
        }
        Some(reply.to_tag(&stateless_tag(fields)).write())
    }
}

/// A tag that depends on nothing but the request: FNV-1a over what identifies its transaction. It begins with letters
/// that are no hex digits, so it is never taken for a tag that a control loop made.
fn stateless_tag(fields: &Fields) -> String {
    let names = [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq];
    let hash = names.iter().flat_map(|&name| fields.first(name.into())).flatten();
    let hash = hash
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("sl{hash:016x}")
}

impl fmt::Display for ParseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseReason::KeepAlive => f.write_str("keep-alive"),
            ParseReason::NotSip => f.write_str("not a SIP message"),
            ParseReason::TooLong { bytes } => write!(f, "{bytes} bytes are too long"),
            ParseReason::TooManyHeaders => write!(f, "more than {} header lines", super::MAX_HEADER_LINES),
            ParseReason::BareCarriageReturn => f.write_str("CR without LF in a header"),
            ParseReason::UnsupportedVersion => f.write_str("SIP version is not 2.0"),
            ParseReason::BadMethod => f.write_str("method is not a token"),
            ParseReason::BadStatus => f.write_str("status code is not a number from 100 to 699"),
            ParseReason::HeadersNotEnded => f.write_str("no empty line after the headers"),
            ParseReason::HeaderLine => f.write_str("header line without name and colon"),
            ParseReason::ContentLength => f.write_str("Content-Length is not a number"),
            ParseReason::ContentLengthConflict => f.write_str("Content-Length stands there twice and differs"),
            ParseReason::LengthMissing => f.write_str("Content-Length is missing"),
            ParseReason::BodyCutOff { declared, present } => {
                write!(f, "Content-Length is {declared} but the body has {present} bytes")
            }
            ParseReason::Repeated(name) => write!(f, "{name} stands there more than once"),
            ParseReason::Header(error) => error.fmt(f),
            ParseReason::MethodMismatch => f.write_str("CSeq names another method"),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {} of the message)", self.reason, self.at)
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseError")
            .field("reason", &self.reason)
            .field("at", &self.at)
            .field("can_reply", &self.can_reply())
            .finish()
    }
}

impl std::error::Error for ParseError {}
