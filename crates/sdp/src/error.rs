//! Why a text is not a session description, and where.

use std::fmt;

use crate::limits;

/// A line that cannot be read. The SIP answer to it is 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpError {
    /// Number of the line, from 1, empty lines counted.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nothing in the text at all.
    Empty,
    /// More than [`limits::MAX_BYTES`].
    TooLarge,
    /// More than [`limits::MAX_LINES`].
    TooManyLines,
    /// More than [`limits::MAX_MEDIA`].
    TooManyMedia,
    /// More than [`limits::MAX_FORMATS`].
    TooManyFormats,
    /// Not of the form `<letter>=<value>`.
    NotALine,
    /// NUL, or CR inside of a line (RFC 8866 §9, byte-string).
    ForbiddenOctet(u8),
    /// The first line is not `v=0`.
    NotVersionZero,
    /// A second line of a type that stands once.
    Repeated(char),
    /// o= without its six parts.
    Origin,
    /// c= without its three parts.
    Connection,
    /// m= with fewer than three parts.
    Media,
    /// The port of an m= line is not a number from 0 to 65535, or the number of ports is not one.
    Port,
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session description line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for SdpError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Empty => f.write_str("there is no line at all"),
            Problem::TooLarge => write!(f, "more than {} octets", limits::MAX_BYTES),
            Problem::TooManyLines => write!(f, "more than {} lines", limits::MAX_LINES),
            Problem::TooManyMedia => write!(f, "more than {} m= lines", limits::MAX_MEDIA),
            Problem::TooManyFormats => write!(f, "more than {} formats in one m= line", limits::MAX_FORMATS),
            Problem::NotALine => f.write_str("expected <letter>=<value>"),
            Problem::ForbiddenOctet(octet) => write!(f, "octet 0x{octet:02x} is not allowed in a line"),
            Problem::NotVersionZero => f.write_str("expected v=0 first"),
            Problem::Repeated(kind) => write!(f, "a second {kind}= line"),
            Problem::Origin => f.write_str("expected o=<user> <id> <version> <nettype> <addrtype> <address>"),
            Problem::Connection => f.write_str("expected c=<nettype> <addrtype> <address>"),
            Problem::Media => f.write_str("expected m=<media> <port> <transport> <format> ..."),
            Problem::Port => f.write_str("the port of an m= line must be 0 to 65535, with /<number of ports> if any"),
        }
    }
}
