//! Reading a session description: tolerant of line ends, order and missing lines, strict about what media depends on.

use std::borrow::Cow;

use compact_str::CompactString;

use crate::limits::{MAX_BYTES, MAX_FORMATS, MAX_LINES, MAX_MEDIA};
use crate::{Attribute, Connection, Line, Media, Origin, Problem, SdpError, Session};

impl Session {
    /// Reads a description (RFC 8866 §9).
    ///
    /// Lines end with CRLF or LF, empty ones are passed over. `v=0` comes first; o=, s= and t= may be missing; the other
    /// lines may stand in any order. Octets that are not UTF-8 become `?`. Limits are in [`crate::limits`].
    ///
    /// # Errors
    /// [`SdpError`] names the line and what was expected there.
    pub fn parse(body: &[u8]) -> Result<Session, SdpError> {
        let mut session = Session::default();
        let (mut lines, mut bytes) = (0, 0);
        for (index, raw) in to_text(body).split('\n').enumerate() {
            let line = raw.trim_end_matches('\r');
            if line.is_empty() {
                continue;
            }
            let error = |problem| SdpError { line: index + 1, problem };
            lines += 1;
            bytes += line.len();
            if lines > MAX_LINES {
                return Err(error(Problem::TooManyLines));
            }
            if bytes > MAX_BYTES {
                return Err(error(Problem::TooLarge));
            }
            if lines == 1 {
                version(line).map_err(error)?;
            } else {
                session.take_line(line).map_err(error)?;
            }
        }
        if lines == 0 { Err(SdpError { line: 1, problem: Problem::Empty }) } else { Ok(session) }
    }

    fn take_line(&mut self, line: &str) -> Result<(), Problem> {
        let (kind, value) = split(line)?;
        if kind == 'm' {
            if self.media.len() == MAX_MEDIA {
                return Err(Problem::TooManyMedia);
            }
            self.media.push(media(value)?);
            return Ok(());
        }
        if let Some(media) = self.media.last_mut() {
            media.lines.push(any_line(kind, value)?);
            return Ok(());
        }
        match kind {
            'v' => return Err(Problem::Repeated('v')),
            'o' if self.origin.is_some() => return Err(Problem::Repeated('o')),
            'o' => self.origin = Some(Origin::parse(value).ok_or(Problem::Origin)?),
            's' if self.name.is_some() => return Err(Problem::Repeated('s')),
            's' => self.name = Some(value.into()),
            _ => self.lines.push(any_line(kind, value)?),
        }
        Ok(())
    }
}

/// RFC 8866 §5: the default is UTF-8. What is not cannot be shown; one `?` stands for it, so that the text never grows.
fn to_text(body: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text.replace('\u{fffd}', "?")),
    }
}

fn version(line: &str) -> Result<(), Problem> {
    match split(line)? {
        ('v', value) if value.trim_ascii() == "0" => Ok(()),
        _ => Err(Problem::NotVersionZero),
    }
}

fn split(line: &str) -> Result<(char, &str), Problem> {
    if let Some(octet) = line.bytes().find(|octet| matches!(octet, 0 | b'\r')) {
        return Err(Problem::ForbiddenOctet(octet));
    }
    match line.as_bytes() {
        [kind, b'=', ..] if kind.is_ascii_alphabetic() => Ok((char::from(*kind), &line[2..])),
        _ => Err(Problem::NotALine),
    }
}

fn any_line(kind: char, value: &str) -> Result<Line, Problem> {
    Ok(match kind {
        'c' => Line::Connection(Connection::parse(value.split_ascii_whitespace()).ok_or(Problem::Connection)?),
        'a' => Line::Attribute(Attribute::parse(value)),
        _ => Line::Other { kind, value: value.into() },
    })
}

fn media(value: &str) -> Result<Media, Problem> {
    let mut words = value.split_ascii_whitespace();
    let mut word = || words.next().ok_or(Problem::Media);
    let (kind, port, protocol) = (word()?, word()?, word()?);
    let (port, port_count) = match port.split_once('/') {
        Some((port, count)) => (port, Some(count.parse().map_err(|_| Problem::Port)?)),
        None => (port, None),
    };
    // RFC 8866 §9 asks for a format; a disabled stream comes without one from some devices.
    let formats: Vec<CompactString> = words.take(MAX_FORMATS + 1).map(CompactString::from).collect();
    if formats.len() > MAX_FORMATS {
        return Err(Problem::TooManyFormats);
    }
    Ok(Media {
        kind: kind.into(),
        port: port.parse().map_err(|_| Problem::Port)?,
        port_count,
        protocol: protocol.into(),
        formats,
        lines: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

    const ALL_LINES: &str = "v=0\r\n\
        o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n\
        s=Call to John Smith\r\n\
        i=SDP Offer #1\r\n\
        u=http://www.jdoe.example.com/home.html\r\n\
        e=Jane Doe <jane@jdoe.example.com>\r\n\
        p=+1 617 555-6011\r\n\
        c=IN IP4 198.51.100.1\r\n\
        b=AS:64\r\n\
        t=0 0\r\n\
        r=7d 1h 0 25h\r\n\
        k=clear:x\r\n\
        x=of the future\r\n\
        a=charset:UTF-8\r\n\
        m=audio 49170 RTP/AVP 0\r\n\
        i=voice\r\n\
        a=X-unknown: with  spaces \r\n\
        y=also unknown\r\n\
        a=sendonly\r\n\
        m=video 51372/2 RTP/AVP 99\r\n\
        c=IN IP6 2001:db8::2\r\n\
        a=rtpmap:99 h263-1998/90000\r\n";

    #[test]
    fn every_line_survives_in_its_place() {
        let session = Session::parse(ALL_LINES.as_bytes()).unwrap();
        assert_eq!(session.to_string(), ALL_LINES);
        assert_eq!(session.timing(), Some("0 0"));
        assert_eq!(session.media[1].port_count, Some(2));
    }

    #[test]
    fn line_ends_and_empty_lines_make_no_difference() {
        let session = Session::parse(ALL_LINES.as_bytes()).unwrap();
        let lf = ALL_LINES.replace("\r\n", "\n");
        assert_eq!(Session::parse(lf.as_bytes()).unwrap(), session);
        assert_eq!(Session::parse(lf.trim_end().as_bytes()).unwrap(), session);
        assert_eq!(Session::parse(ALL_LINES.replace("\r\n", "\r\n\r\n").as_bytes()).unwrap(), session);
        assert_eq!(Session::parse(ALL_LINES.replace("\r\n", "\r\r\n").as_bytes()).unwrap(), session);
    }

    #[test]
    fn a_stream_inherits_what_it_does_not_say_itself() {
        let text = "v=0\nc=IN IP4 192.0.2.1\na=inactive\na=ptime:30\na=maxptime:60\n\
            m=audio 4000 RTP/AVP 0\n\
            m=audio 4002 RTP/AVP 0\nc=IN IP4 192.0.2.2\na=ptime:10\na=maxptime:40\na=recvonly\n";
        let session = Session::parse(text.as_bytes()).unwrap();
        let seen: Vec<_> = session
            .media
            .iter()
            .map(|media| {
                let ip = session.connection_of(media).and_then(Connection::ip).unwrap().to_string();
                (ip, session.direction_of(media), session.ptime_of(media), session.maxptime_of(media))
            })
            .collect();
        assert_eq!(seen[0], ("192.0.2.1".into(), Direction::Inactive, Some(30), Some(60)));
        assert_eq!(seen[1], ("192.0.2.2".into(), Direction::RecvOnly, Some(10), Some(40)));
    }

    #[test]
    fn errors_name_the_line_and_what_was_expected() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let error = Session::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("session description line {expected}"));
        }
        check("", "1: there is no line at all");
        check("\r\n\r\n", "1: there is no line at all");
        check("o=- 1 1 IN IP4 1.2.3.4\r\n", "1: expected v=0 first");
        check("v=1\r\n", "1: expected v=0 first");
        check("v=0\r\nv=0\r\n", "2: a second v= line");
        check("v=0\r\ns=a\r\ns=b\r\n", "3: a second s= line");
        check("v=0\n\no=- 1 1 IN IP4 a\no=- 1 1 IN IP4 a\n", "4: a second o= line");
        check("v=0\no=- 1 1 IN IP4\n", "2: expected o=<user> <id> <version> <nettype> <addrtype> <address>");
        check("v=0\nc=IN 192.0.2.1\n", "2: expected c=<nettype> <addrtype> <address>");
        check("v=0\nm=audio\n", "2: expected m=<media> <port> <transport> <format> ...");
        let port = "2: the port of an m= line must be 0 to 65535, with /<number of ports> if any";
        check("v=0\nm=audio 65536 RTP/AVP 0\n", port);
        check("v=0\nm=audio -1 RTP/AVP 0\n", port);
        check("v=0\nm=audio 4000/x RTP/AVP 0\n", port);
        check("v=0\nhello\n", "2: expected <letter>=<value>");
        check("v=0\n =x\n", "2: expected <letter>=<value>");
        check("v=0\na=x\ry\n", "2: octet 0x0d is not allowed in a line");
        check("v=0\na=x\0y\n", "2: octet 0x00 is not allowed in a line");
        check(&format!("v=0\n{}", "a=x\n".repeat(1000)), "1001: more than 1000 lines");
        check(&format!("v=0\n{}", "m=audio 0 RTP/AVP 0\n".repeat(65)), "66: more than 64 m= lines");
        check(&format!("v=0\nm=audio 0 RTP/AVP{}\n", " 0".repeat(129)), "2: more than 128 formats in one m= line");
        check(&format!("v=0\na={}\n", "x".repeat(65_535)), "2: more than 65535 octets");
    }

    #[test]
    fn a_user_name_with_spaces_is_still_an_origin() {
        let session = Session::parse(b"v=0\no=Front Desk 1 2 IN IP4 192.0.2.1\n").unwrap();
        assert_eq!(session.origin.unwrap().user, "Front Desk");
    }

    #[test]
    fn octets_that_are_not_utf8_do_not_end_the_call() {
        let session = Session::parse(b"v=0\r\ns=Caf\xe9\r\n").unwrap();
        assert_eq!(session.name.as_deref(), Some("Caf?"));
    }
}
