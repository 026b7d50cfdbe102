//! Making messages: new requests, responses to a request, and changed copies.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;

use super::fields::{Fields, FieldsBuilder, HeaderLine, names};
use super::{Message, StartLine};
use crate::Method;
use crate::header::text::{Span, is_token_byte, split_list};
use crate::header::{HeaderField, HeaderName, Via, address_parts};

/// Collects the lines of a message and writes them.
///
/// No value can add a line: each run of CR, LF and NUL in a value or reason becomes one space, such bytes (and other
/// controls and spaces) in a Request-URI are escaped as `%HH`, and a header whose name is not a token is not written.
/// Content-Length is always ours: it is written once, last, and fits the body.
#[derive(Clone)]
pub struct MessageBuilder {
    start: Start,
    /// Names and values one after the other; `lines` says which are (still) part of the message.
    scratch: Vec<u8>,
    lines: Vec<Line>,
    body: Bytes,
}

#[derive(Clone)]
enum Start {
    Request { method: Method, uri: Vec<u8> },
    Response { status: u16, reason: Vec<u8>, method: Method },
}

#[derive(Clone)]
struct Line {
    known: Option<HeaderName>,
    name: Range<usize>,
    value: Range<usize>,
}

impl MessageBuilder {
    /// A request without any header. The caller adds at least Via, From, To, Call-ID, CSeq and Max-Forwards.
    pub fn request(method: Method, uri: impl AsRef<[u8]>) -> MessageBuilder {
        let mut escaped = Vec::with_capacity(uri.as_ref().len());
        for &byte in uri.as_ref() {
            match byte {
                0..=b' ' | 0x7f => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                _ => escaped.push(byte),
            }
        }
        MessageBuilder::new(Start::Request { method, uri: escaped })
    }

    /// A response to `request` (RFC 3261 §8.2.6.2): its Via lines, From, To, Call-ID and CSeq, byte for byte (a folded
    /// one on one line). A status outside of 100 to 699 is brought to the nearer end.
    pub fn response_to(request: &Message, status: u16, reason: &str) -> MessageBuilder {
        MessageBuilder::answer(&request.fields, request.method.clone(), status, reason)
    }

    /// The same message to change: start line, all lines, body.
    pub fn from_message(message: &Message) -> MessageBuilder {
        let method = message.method.clone();
        let start = match message.start {
            StartLine::Request { uri } => Start::Request { method, uri: uri.get(message.as_bytes()).to_vec() },
            StartLine::Response { status, reason } => {
                Start::Response { method, status, reason: reason.get(message.as_bytes()).to_vec() }
            }
        };
        let mut builder = MessageBuilder { body: message.body(), ..MessageBuilder::new(start) };
        builder.copy_lines(&message.fields, |_| true);
        builder
    }

    /// The answer to a request that could not be read; only its bytes are wanted, so the method does not matter.
    pub(super) fn reply(fields: &Fields, status: u16, reason: &str) -> MessageBuilder {
        MessageBuilder::answer(fields, Method::Options, status, reason)
    }

    fn answer(fields: &Fields, method: Method, status: u16, reason: &str) -> MessageBuilder {
        let mut phrase = Vec::with_capacity(reason.len());
        push_clean(&mut phrase, reason.as_bytes());
        let status = status.clamp(100, 699);
        let mut builder = MessageBuilder::new(Start::Response { status, reason: phrase, method });
        builder.copy_lines(fields, |line| {
            use HeaderName::{CSeq, CallId, From, To, Via};
            matches!(line.known, Some(Via | From | To | CallId | CSeq))
        });
        builder
    }

    fn new(start: Start) -> MessageBuilder {
        MessageBuilder { start, scratch: Vec::with_capacity(512), lines: Vec::with_capacity(16), body: Bytes::new() }
    }

    /// Sets a header: its first line gets this value, further lines of it go, and if there is none it is added.
    #[must_use]
    pub fn header<'a>(mut self, name: impl Into<HeaderField<'a>>, value: impl AsRef<[u8]>) -> MessageBuilder {
        let field = name.into();
        match self.position(field) {
            Some(first) => {
                let value = self.put(value.as_ref());
                self.lines[first].value = value;
                let mut index = 0;
                let MessageBuilder { scratch, lines, .. } = &mut self;
                lines.retain(|line| {
                    index += 1;
                    index <= first + 1 || !is(scratch, line, field)
                });
                self
            }
            None => self.append(field, value),
        }
    }

    /// Adds a header line behind all others.
    #[must_use]
    pub fn append<'a>(mut self, name: impl Into<HeaderField<'a>>, value: impl AsRef<[u8]>) -> MessageBuilder {
        let at = self.lines.len();
        self.insert(at, name.into(), value.as_ref());
        self
    }

    /// Takes all lines of a header away.
    #[must_use]
    pub fn remove<'a>(mut self, name: impl Into<HeaderField<'a>>) -> MessageBuilder {
        let field = name.into();
        let MessageBuilder { scratch, lines, .. } = &mut self;
        lines.retain(|line| !is(scratch, line, field));
        self
    }

    /// Adds all lines that `message` has of this header, byte for byte: Record-Route into a dialog-forming response,
    /// Timestamp into a 100.
    #[must_use]
    pub fn copy<'a>(mut self, message: &Message, name: impl Into<HeaderField<'a>>) -> MessageBuilder {
        let field = name.into();
        self.copy_lines(&message.fields, |line| line.is(field));
        self
    }

    /// Puts a Via above all others.
    #[must_use]
    pub fn via(mut self, via: &Via) -> MessageBuilder {
        let at = self.position(HeaderName::Via.into()).unwrap_or(0);
        let name = self.put_as_is(HeaderName::Via.as_str().as_bytes());
        let value = self.put_as_is(via.as_bytes());
        self.lines.insert(at, Line { known: Some(HeaderName::Via), name, value });
        self
    }

    /// Puts this Via in the place of the topmost one.
    #[must_use]
    pub fn top_via(mut self, via: &Via) -> MessageBuilder {
        let Some(first) = self.position(HeaderName::Via.into()) else {
            return self.via(via);
        };
        let line = self.scratch[self.lines[first].value.clone()].to_vec();
        let mut values = split_list(&line);
        values.next();
        let start = self.put_as_is(via.as_bytes()).start;
        for other in values {
            self.scratch.extend_from_slice(b", ");
            self.scratch.extend_from_slice(other);
        }
        self.lines[first].value = start..self.scratch.len();
        self
    }

    /// Takes the topmost Via away.
    #[must_use]
    pub fn remove_top_via(mut self) -> MessageBuilder {
        let Some(first) = self.position(HeaderName::Via.into()) else {
            return self;
        };
        let line = self.scratch[self.lines[first].value.clone()].to_vec();
        let others: Vec<&[u8]> = split_list(&line).skip(1).collect();
        if others.is_empty() {
            self.lines.remove(first);
        } else {
            self.lines[first].value = self.put_as_is(&others.join(&b", "[..]));
        }
        self
    }

    /// Gives To this tag unless it has one (RFC 3261 §8.2.6.2). Bytes that are not those of a token are left out.
    #[must_use]
    pub fn to_tag(mut self, tag: &str) -> MessageBuilder {
        let Some(at) = self.position(HeaderName::To.into()) else {
            return self;
        };
        let mut value = self.scratch[self.lines[at].value.clone()].to_vec();
        if address_parts(&value).is_ok_and(|parts| parts.tag().is_some()) {
            return self;
        }
        value.extend_from_slice(b";tag=");
        value.extend(tag.bytes().filter(|&byte| is_token_byte(byte)));
        self.lines[at].value = self.put_as_is(&value);
        self
    }

    /// The body and its Content-Type.
    #[must_use]
    pub fn body(self, content_type: impl AsRef<[u8]>, body: impl Into<Bytes>) -> MessageBuilder {
        let mut builder = self.header(HeaderName::ContentType, content_type);
        builder.body = body.into();
        builder
    }

    /// No body and no Content-Type.
    #[must_use]
    pub fn without_body(self) -> MessageBuilder {
        let mut builder = self.remove(HeaderName::ContentType);
        builder.body = Bytes::new();
        builder
    }

    /// The method: a request's own, a response's from the request it answers.
    pub fn method(&self) -> &Method {
        match &self.start {
            Start::Request { method, .. } | Start::Response { method, .. } => method,
        }
    }

    /// Whether a line of this header has been put in.
    pub fn has<'a>(&self, name: impl Into<HeaderField<'a>>) -> bool {
        self.position(name.into()).is_some()
    }

    /// Writes the message.
    pub fn build(self) -> Message {
        let (text, head) = self.write_out();
        let method = match self.start {
            Start::Request { method, .. } | Start::Response { method, .. } => method,
        };
        Message { fields: head.fields.finish(text), start: head.start, method, body_start: head.body_start }
    }

    /// The bytes of [`MessageBuilder::build`].
    pub(super) fn write(self) -> Bytes {
        self.write_out().0
    }

    fn write_out(&self) -> (Bytes, Head) {
        let lines: usize = self.lines.iter().map(|line| line.name.len() + line.value.len() + 4).sum();
        let mut text = Vec::with_capacity(self.start_len() + lines + 32 + self.body.len());
        let start = self.write_start(&mut text);
        let mut fields = FieldsBuilder::with_capacity(self.lines.len() + 1);
        for line in &self.lines {
            let name = push(&mut text, &self.scratch[line.name.clone()]);
            text.extend_from_slice(b": ");
            let value = push(&mut text, &self.scratch[line.value.clone()]);
            text.extend_from_slice(b"\r\n");
            fields.push_known(line.known, name, value);
        }
        let name = push(&mut text, b"Content-Length");
        text.extend_from_slice(b": ");
        let value = push(&mut text, self.body.len().to_string().as_bytes());
        fields.push_known(Some(HeaderName::ContentLength), name, value);
        text.extend_from_slice(b"\r\n\r\n");
        let body_start = text.len();
        text.extend_from_slice(&self.body);
        (text.into(), Head { start, fields, body_start })
    }

    fn start_len(&self) -> usize {
        match &self.start {
            Start::Request { method, uri } => method.as_str().len() + uri.len() + 11,
            Start::Response { reason, .. } => reason.len() + 14,
        }
    }

    fn write_start(&self, text: &mut Vec<u8>) -> StartLine {
        match &self.start {
            Start::Request { method, uri } => {
                text.extend_from_slice(method.as_str().as_bytes());
                text.push(b' ');
                let uri = push(text, uri);
                text.extend_from_slice(b" SIP/2.0\r\n");
                StartLine::Request { uri }
            }
            Start::Response { status, reason, .. } => {
                let mut line = String::with_capacity(12);
                write!(line, "SIP/2.0 {status} ").expect("a String takes every text");
                text.extend_from_slice(line.as_bytes());
                let reason = push(text, reason);
                text.extend_from_slice(b"\r\n");
                StartLine::Response { status: *status, reason }
            }
        }
    }

    fn position(&self, field: HeaderField<'_>) -> Option<usize> {
        self.lines.iter().position(|line| is(&self.scratch, line, field))
    }

    fn insert(&mut self, at: usize, field: HeaderField<'_>, value: &[u8]) {
        let known = match field {
            HeaderField::Known(HeaderName::ContentLength) => return,
            HeaderField::Known(name) => Some(name),
            HeaderField::Text(_) => None,
        };
        if !field.is_valid() {
            return;
        }
        let name = self.put_as_is(field.as_str().as_bytes());
        let value = self.put(value);
        self.lines.insert(at, Line { known, name, value });
    }

    /// Lines of a message that was read: names are tokens, values hold no line end, so they are taken as they are.
    fn copy_lines(&mut self, fields: &Fields, wanted: impl Fn(&HeaderLine<'_>) -> bool) {
        for line in fields.lines() {
            if line.known == Some(HeaderName::ContentLength) || !wanted(&line) {
                continue;
            }
            let name = self.put_as_is(line.name);
            let value = self.put_as_is(line.value);
            self.lines.push(Line { known: line.known, name, value });
        }
    }

    /// For values that were read: they hold no line end, but NUL may be escaped in a quoted string.
    fn put_as_is(&mut self, value: &[u8]) -> Range<usize> {
        let start = self.scratch.len();
        self.scratch.extend_from_slice(value);
        start..self.scratch.len()
    }

    fn put(&mut self, value: &[u8]) -> Range<usize> {
        let start = self.scratch.len();
        push_clean(&mut self.scratch, value);
        start..self.scratch.len()
    }
}

struct Head {
    start: StartLine,
    fields: FieldsBuilder,
    body_start: usize,
}

fn is(scratch: &[u8], line: &Line, field: HeaderField<'_>) -> bool {
    names(field, line.known, &scratch[line.name.clone()])
}

fn push(text: &mut Vec<u8>, part: &[u8]) -> Span {
    let start = text.len();
    text.extend_from_slice(part);
    Span::new(start, text.len())
}

/// Without white space at either end, and each run of CR, LF and NUL as one space.
fn push_clean(text: &mut Vec<u8>, value: &[u8]) {
    let mut rest = value;
    while let [b' ' | b'\t' | b'\r' | b'\n' | 0, inner @ ..] | [inner @ .., b' ' | b'\t' | b'\r' | b'\n' | 0] = rest {
        rest = inner;
    }
    while let Some(at) = memchr::memchr3(b'\r', b'\n', 0, rest) {
        text.extend_from_slice(&rest[..at]);
        text.push(b' ');
        rest = &rest[at..];
        while let [b'\r' | b'\n' | 0, after @ ..] = rest {
            rest = after;
        }
    }
    text.extend_from_slice(rest);
}
