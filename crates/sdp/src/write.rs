//! Writing a session description: v=, o=, s=, then everything in its order, with CRLF (RFC 8866 §9).

use std::fmt::{self, Write as _};

use crate::{Line, Media, Session};

/// Most of our descriptions are shorter.
const USUAL_BYTES: usize = 512;

impl Session {
    /// The description as it is sent: what `to_string` gives, without growing on the way.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(USUAL_BYTES);
        write!(text, "{self}").expect("a String takes every text");
        text
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=0\r\n")?;
        if let Some(origin) = &self.origin {
            write!(f, "o={origin}\r\n")?;
        }
        if let Some(name) = &self.name {
            write!(f, "s={name}\r\n")?;
        }
        self.lines.iter().try_for_each(|line| line.fmt(f))?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {}", self.kind, self.port)?;
        if let Some(count) = self.port_count {
            write!(f, "/{count}")?;
        }
        write!(f, " {}", self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Connection(connection) => write!(f, "c={connection}\r\n"),
            Line::Attribute(attribute) => write!(f, "a={attribute}\r\n"),
            Line::Other { kind, value } => write!(f, "{kind}={value}\r\n"),
        }
    }
}
