//! HTTP/1.1 messages (RFC 9112) as far as a tester needs them: a head, and a body by length, in chunks, or up to the end.

use std::io::{self, BufRead, Read};

/// The longest head, and the longest line in a body of chunks.
const LONGEST_HEAD: u64 = 64 << 10;

/// A start line and its header fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub start: String,
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        let mut words = self.start.split(' ');
        words.next().filter(|version| version.starts_with("HTTP/1."))?;
        words.next()?.parse().ok().filter(|status| (100..1000).contains(status))
    }

    /// Whether the connection ends with this message.
    pub(crate) fn closes(&self) -> bool {
        self.field("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// The next head; `None` if the connection ended before it.
pub(crate) fn read_head(from: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut head = Head::default();
    let mut rest = from.take(LONGEST_HEAD);
    loop {
        let mut line = String::new();
        if rest.read_line(&mut line)? == 0 {
            let nothing = head.start.is_empty() && rest.limit() > 0;
            return if nothing { Ok(None) } else { Err(wrong("the head has no end")) };
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() && head.start.is_empty() {
            continue;
        }
        if line.is_empty() {
            return Ok(Some(head));
        }
        if head.start.is_empty() {
            head.start = line.to_owned();
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| wrong("a header field has no colon"))?;
            head.fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

/// The body that belongs to `head`, of `limit` octets at most.
pub(crate) fn read_body(from: &mut impl BufRead, head: &Head, limit: u64) -> io::Result<Vec<u8>> {
    let status = head.status();
    if matches!(status, Some(100..200 | 204 | 304)) {
        return Ok(Vec::new());
    }
    if head.field("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return read_chunks(from, limit);
    }
    let length = match head.field("Content-Length") {
        Some(length) => length.parse::<u64>().map_err(|_| wrong("Content-Length is no number"))?,
        None if status.is_some() => limit + 1,
        None => 0,
    };
    let told = head.field("Content-Length").is_some();
    if told && length > limit {
        return Err(wrong("the body is too long"));
    }
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if told && (body.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if body.len() as u64 > limit { Err(wrong("the body is too long")) } else { Ok(body) }
}

fn read_chunks(from: &mut impl BufRead, limit: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        from.take(LONGEST_HEAD).read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| wrong("the size of a chunk is no number"))?;
        if size.saturating_add(body.len() as u64) > limit {
            return Err(wrong("the body is too long"));
        }
        if size == 0 {
            break;
        }
        let before = body.len() as u64;
        from.take(size).read_to_end(&mut body)?;
        if body.len() as u64 != before + size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        from.take(2).read_line(&mut line)?;
    }
    // Trailers, up to an empty line.
    loop {
        let mut line = String::new();
        if from.take(LONGEST_HEAD).read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(body);
        }
    }
}

fn wrong(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Vec<(Head, String)>> {
        let mut from = io::Cursor::new(text);
        let mut all = Vec::new();
        while let Some(head) = read_head(&mut from)? {
            let body = read_body(&mut from, &head, 20)?;
            all.push((head, String::from_utf8(body).unwrap()));
        }
        Ok(all)
    }

    #[test]
    fn messages_follow_each_other_on_one_connection() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc\
                    HTTP/1.1 204 No Content\r\n\r\n\
                    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n\
                    HTTP/1.0 404 Not\r\nConnection: close\r\n\r\nto the end";
        let all = read(text).unwrap();
        let bodies: Vec<&str> = all.iter().map(|(_, body)| body.as_str()).collect();
        assert_eq!(bodies, ["abc", "", "abcde", "to the end"]);
        assert_eq!(all[3].0.status(), Some(404));
        assert!(all[3].0.closes() && !all[0].0.closes());
        let request = read("POST / HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(request[1].0.start, "GET /b HTTP/1.1");
    }

    #[test]
    fn what_is_cut_too_long_or_nonsense_is_an_error() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n\r\nmuch more than twenty octets",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 200 OK\r\nnothing here\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"x".repeat(70_000)).is_err());
    }
}
