//! What is wrong with one header's value, in words for a log line and for the reason of a 400.

use std::fmt;

use super::HeaderName;

/// A value that could not be read as the type that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderError {
    /// The header (`To`) or part of the message (`Request-URI`) it is about.
    pub field: &'static str,
    /// What is wrong.
    pub problem: HeaderProblem,
    /// Where, in bytes from the start of the value.
    pub at: u32,
}

/// What can be wrong with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// There is no such header.
    Missing,
    /// There is nothing where a value must be.
    Empty,
    /// The closing double quote is missing.
    UnclosedQuote,
    /// The closing `>` is missing.
    UnclosedAngle,
    /// Something other than parameters follows the value.
    TrailingText,
    /// A parameter without a name, such as `;;`.
    EmptyParameter,
    /// A parameter's name has a byte that it may not have.
    BadParameter,
    /// A `?` in a URI that is not enclosed in `<>` (RFC 3261 §20.10).
    NeedsAngles,
    /// Digits were expected.
    NotANumber,
    /// The number is larger than the field allows.
    OutOfRange,
    /// A token was expected.
    NotAToken,
    /// The URI has no scheme.
    NoScheme,
    /// The URI has a byte that must be escaped in it (white space, control, `<`, `>`, `"`).
    BadUriByte,
    /// The host is empty or has a byte that no host has.
    BadHost,
    /// The text between `[` and `]` is not an IPv6 address.
    BadIpv6,
    /// The port is not a number up to 65535.
    BadPort,
    /// A line break where the value must stand on one line.
    LineBreak,
    /// The text is not UTF-8 where only ASCII has a meaning.
    NotText,
    /// `*` where an address was expected.
    Star,
}

impl HeaderError {
    pub(crate) fn new(field: &'static str, problem: HeaderProblem) -> HeaderError {
        HeaderError { field, problem, at: 0 }
    }

    /// The same error, found at `part` of `whole`.
    pub(crate) fn at(self, whole: &[u8], part: &[u8]) -> HeaderError {
        let at = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
        HeaderError { at: at as u32, ..self }
    }

    /// The same error, told of `name`.
    pub(crate) fn of(self, name: HeaderName) -> HeaderError {
        HeaderError { field: name.as_str(), ..self }
    }
}

impl fmt::Display for HeaderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeaderProblem::Missing => "is missing",
            HeaderProblem::Empty => "has no value",
            HeaderProblem::UnclosedQuote => "has a quoted string that is not closed",
            HeaderProblem::UnclosedAngle => "has a < without its >",
            HeaderProblem::TrailingText => "has text that belongs to nothing",
            HeaderProblem::EmptyParameter => "has a semicolon without a parameter",
            HeaderProblem::BadParameter => "has a parameter that is not a name or name=value",
            HeaderProblem::NeedsAngles => "has a URI with ? that must stand in <>",
            HeaderProblem::NotANumber => "is not a number",
            HeaderProblem::OutOfRange => "has a number that is too large",
            HeaderProblem::NotAToken => "lacks a token",
            HeaderProblem::NoScheme => "has a URI without a scheme",
            HeaderProblem::BadUriByte => "has a URI with a byte that must be escaped",
            HeaderProblem::BadHost => "has a bad host",
            HeaderProblem::BadIpv6 => "has a bad IPv6 address",
            HeaderProblem::BadPort => "has a bad port",
            HeaderProblem::LineBreak => "has a line break",
            HeaderProblem::NotText => "has bytes that are not text",
            HeaderProblem::Star => "is * where an address must be",
        })
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)?;
        match self.at {
            0 => Ok(()),
            at => write!(f, " (byte {at} of its value)"),
        }
    }
}

impl std::error::Error for HeaderError {}
