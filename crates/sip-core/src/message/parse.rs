//! From the bytes of one message to a message (RFC 3261 §7, §18.3): find the lines, frame the body, then check what every later step
//! stands on. One pass over the bytes; a broken request keeps its lines so that it can be answered.

use bytes::Bytes;

use super::error::{ParseError, ParseReason};
use super::fields::{Fields, FieldsBuilder, HeaderLine, is_continuation};
use super::{Message, StartLine};
use crate::header::text::{Span, is_token, number, split_list};
use crate::header::{CSeq, HeaderError, HeaderName, HeaderProblem, Via, address_parts};
use crate::{Method, Uri};

/// The longest message that is read: no UDP datagram is longer, and over a stream none may be.
pub const MAX_MESSAGE_BYTES: usize = 65_536;

/// The most header lines a message may have; folded lines count once.
pub const MAX_HEADER_LINES: usize = 256;

impl Message {
    /// Reads one UDP datagram. Leading empty lines are skipped (§7.5), LF alone ends a line too, a missing
    /// Content-Length means the rest of the datagram, and bytes behind the body are ignored (§18.3).
    ///
    /// # Errors
    /// A [`ParseError`] for everything else: [`ParseReason::KeepAlive`] for a datagram of line ends only, a reason that
    /// can be answered by [`ParseError::reply`] for a broken request.
    pub fn parse_datagram(datagram: Bytes) -> Result<Message, ParseError> {
        let skipped = datagram.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(datagram.len());
        let text = datagram.slice(skipped..);
        if text.is_empty() || (text[0] == 0 && text.iter().all(|&byte| byte == 0)) {
            return Err(ParseError::new(ParseReason::KeepAlive, 0));
        }
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(ParseError::new(ParseReason::TooLong { bytes: text.len() }, 0));
        }
        Head::read(&text, MAX_HEADER_LINES)?.into_message(text, Check::Full)
    }

    /// Reads what a message of this process was written down as. A message that was built may lack headers that a
    /// received one must have and have more lines, so only their form is checked.
    pub(super) fn restore(text: Bytes) -> Result<Message, ParseError> {
        Head::read(&text, usize::MAX)?.into_message(text, Check::LinesOnly)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    Full,
    LinesOnly,
}

/// The lines of a message while its text is borrowed, and the first thing found wrong.
struct Head {
    start: Start,
    fields: FieldsBuilder,
    body_start: usize,
    problem: Option<(ParseReason, usize)>,
}

/// The start line; a broken request line is still known to be one.
enum Start {
    Request { method: Option<Method>, uri: Span },
    Response { status: u16, reason: Span },
}

impl Head {
    fn read(text: &[u8], max_lines: usize) -> Result<Head, ParseError> {
        let end = memchr::memchr(b'\n', text);
        let (first, after) = end.map_or((text, text.len()), |end| (without_cr(&text[..end]), end + 1));
        let (start, mut problem) = start_line(text, first)?;
        if end.is_none() {
            problem = Some((ParseReason::HeadersNotEnded, text.len()));
        } else if let Some(stray) = memchr::memchr(b'\r', first) {
            problem = problem.or(Some((ParseReason::BareCarriageReturn, stray)));
        }
        let mut head = Head { start, fields: FieldsBuilder::with_capacity(16), body_start: text.len(), problem };
        head.read_lines(text, after, max_lines);
        Ok(head)
    }

    fn read_lines(&mut self, text: &[u8], mut at: usize, max_lines: usize) {
        loop {
            let Some(mut end) = find_line_end(text, at) else {
                return self.note(ParseReason::HeadersNotEnded, text.len());
            };
            if without_cr(&text[at..end]).is_empty() {
                self.body_start = end + 1;
                return;
            }
            let mut folded = false;
            while text.get(end + 1).is_some_and(|&byte| is_continuation(byte)) {
                let Some(next) = find_line_end(text, end + 1) else {
                    return self.note(ParseReason::HeadersNotEnded, text.len());
                };
                (end, folded) = (next, true);
            }
            if self.fields.len() == max_lines {
                return self.note(ParseReason::TooManyHeaders, at);
            }
            self.read_line(text, at, without_cr(&text[at..end]), folded);
            at = end + 1;
        }
    }

    fn read_line(&mut self, text: &[u8], at: usize, line: &[u8], folded: bool) {
        // A CR alone ends a line for some readers: passed on inside a value it would smuggle in a header.
        if let Some(stray) = memchr::memchr_iter(b'\r', line).find(|&cr| line.get(cr + 1) != Some(&b'\n')) {
            return self.note(ParseReason::BareCarriageReturn, at + stray);
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return self.note(ParseReason::HeaderLine, at);
        };
        let name = without_blanks(&line[..colon]);
        if is_blank(&line[0]) || name.len() > 255 || !is_token(name) {
            return self.note(ParseReason::HeaderLine, at);
        }
        self.fields.push(text, name, &line[colon + 1..], folded);
    }

    fn note(&mut self, reason: ParseReason, at: usize) {
        self.problem.get_or_insert((reason, at));
    }

    fn into_message(self, mut text: Bytes, check: Check) -> Result<Message, ParseError> {
        let Head { start, fields, body_start, problem } = self;
        let mut fields = fields.finish(text.clone());
        let request_method = match &start {
            Start::Request { method, .. } => method.clone(),
            Start::Response { .. } => None,
        };
        let found = problem.map_or(Ok(()), Err).and_then(|()| {
            if let Some(length) =
                content_length(&fields, text.len() - body_start).map_err(|reason| (reason, body_start))?
            {
                text.truncate(body_start + length);
            }
            let method = match check {
                Check::Full => check_fields(&fields, request_method.as_ref())
                    .and_then(|method| check_uri(&text, &start).map(|()| method))
                    .map_err(|(reason, part)| (reason, offset_of(&text, part))),
                Check::LinesOnly => {
                    let cseq = fields.first(HeaderName::CSeq.into()).unwrap_or_default();
                    let written = CSeq::parse(cseq).map(|cseq| cseq.method);
                    request_method.clone().map_or(written, Ok).map_err(|error| (ParseReason::Header(error), 0))
                }
            }?;
            Ok(method)
        });
        match found {
            Ok(method) => {
                fields.text = text;
                let start = match start {
                    Start::Request { uri, .. } => StartLine::Request { uri },
                    Start::Response { status, reason } => StartLine::Response { status, reason },
                };
                Ok(Message { fields, start, method, body_start })
            }
            Err((reason, at)) => Err(broken(&start, fields, reason, at)),
        }
    }
}

/// What is told of a message with these lines, so that it can be answered where that is due.
fn broken(start: &Start, fields: Fields, reason: ParseReason, at: usize) -> ParseError {
    let error = ParseError::new(reason, at);
    let answerable = matches!(start, Start::Request { method, .. } if method != &Some(Method::Ack))
        && [HeaderName::Via, HeaderName::CSeq].iter().all(|&name| fields.first(name.into()).is_some());
    if answerable { error.answered_from(fields) } else { error }
}

/// Whether `line` begins a message.
///
/// # Errors
/// Why not.
pub(super) fn check_start_line(line: &[u8]) -> Result<(), ParseError> {
    start_line(line, without_cr(line)).map(drop)
}

/// The length of the body that follows `head`, a start line and headers up to their empty line, on a stream.
///
/// # Errors
/// It does not say, or so much that the whole would be longer than [`MAX_MESSAGE_BYTES`]: where the next message begins is not
/// known (RFC 3261 §18.3).
pub(super) fn body_length(head: Bytes) -> Result<usize, ParseError> {
    let Head { start, fields, problem, .. } = Head::read(&head, MAX_HEADER_LINES)?;
    let fields = fields.finish(head.clone());
    let (reason, at) = match declared_length(&fields) {
        Ok(Some(declared)) => {
            let bytes = usize::try_from(declared).unwrap_or(usize::MAX).saturating_add(head.len());
            if bytes <= MAX_MESSAGE_BYTES {
                return Ok(bytes - head.len());
            }
            (ParseReason::TooLong { bytes }, head.len())
        }
        // Lines behind the first one too many were not read.
        Ok(None) => problem.unwrap_or((ParseReason::LengthMissing, head.len())),
        Err(reason) => (reason, head.len()),
    };
    Err(broken(&start, fields, reason, at))
}

/// RFC 3261 §7.1, §7.2. More than one space between the parts and spaces behind them are tolerated (RFC 4475 §3.1.2.9, §3.1.2.10).
fn start_line(text: &[u8], line: &[u8]) -> Result<(Start, Option<(ParseReason, usize)>), ParseError> {
    let line = without_blanks(line);
    if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
        return status_line(text, line).map(|start| (start, None)).map_err(|reason| ParseError::new(reason, 0));
    }
    let not_sip = || ParseError::new(ParseReason::NotSip, 0);
    let first_blank = line.iter().position(is_blank).ok_or_else(not_sip)?;
    let last_blank = line.iter().rposition(is_blank).ok_or_else(not_sip)?;
    let (method, version) = (&line[..first_blank], &line[last_blank + 1..]);
    if first_blank == last_blank || version.len() < 5 || !version[..4].eq_ignore_ascii_case(b"SIP/") {
        return Err(not_sip());
    }
    let uri = Span::of(text, without_blanks(&line[first_blank..last_blank]));
    let method = Method::parse(method);
    let problem = match method {
        _ if !version.eq_ignore_ascii_case(b"SIP/2.0") => Some((ParseReason::UnsupportedVersion, last_blank + 1)),
        None => Some((ParseReason::BadMethod, 0)),
        Some(_) => None,
    };
    Ok((Start::Request { method, uri }, problem))
}

fn status_line(text: &[u8], line: &[u8]) -> Result<Start, ParseReason> {
    let version_end = line.iter().position(is_blank).ok_or(ParseReason::BadStatus)?;
    if !line[..version_end].eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(ParseReason::UnsupportedVersion);
    }
    let rest = without_blanks(&line[version_end..]);
    let code_end = rest.iter().position(is_blank).unwrap_or(rest.len());
    let (code, reason) = rest.split_at(code_end);
    let status = number(code).filter(|_| code.len() == 3).and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| (100..700).contains(status)).ok_or(ParseReason::BadStatus)?;
    Ok(Start::Response { status, reason: Span::of(text, without_blanks(reason)) })
}

/// RFC 3261 §20.14. `present` bytes follow the empty line.
fn content_length(fields: &Fields, present: usize) -> Result<Option<usize>, ParseReason> {
    match declared_length(fields)? {
        Some(declared) if declared > present as u64 => Err(ParseReason::BodyCutOff { declared, present }),
        length => Ok(length.map(|length| length as usize)),
    }
}

/// What Content-Length says; none if it is not there.
fn declared_length(fields: &Fields) -> Result<Option<u64>, ParseReason> {
    let mut length = None;
    for value in fields.all(HeaderName::ContentLength.into()) {
        let declared = number(value).ok_or(ParseReason::ContentLength)?;
        if length.is_some_and(|before| before != declared) {
            return Err(ParseReason::ContentLengthConflict);
        }
        length = Some(declared);
    }
    Ok(length)
}

type Found<'a> = (ParseReason, &'a [u8]);

/// What transactions and dialogs stand on (RFC 3261 §8.1.1): these five can be read and stand there once.
fn check_fields<'a>(fields: &'a Fields, request_method: Option<&Method>) -> Result<Method, Found<'a>> {
    let (mut via, mut from, mut to, mut call_id, mut cseq, mut max_forwards) = (None, None, None, None, None, None);
    for HeaderLine { known, value, .. } in fields.lines() {
        let (name, slot) = match known {
            Some(HeaderName::Via) => {
                via.get_or_insert(value);
                continue;
            }
            Some(name @ HeaderName::From) => (name, &mut from),
            Some(name @ HeaderName::To) => (name, &mut to),
            Some(name @ HeaderName::CallId) => (name, &mut call_id),
            Some(name @ HeaderName::CSeq) => (name, &mut cseq),
            Some(name @ HeaderName::MaxForwards) => (name, &mut max_forwards),
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err((ParseReason::Repeated(name), value));
        }
    }
    let needed = |value: Option<&'a [u8]>, name: HeaderName| {
        value.ok_or((ParseReason::Header(HeaderError::new(name.as_str(), HeaderProblem::Missing)), &[][..]))
    };
    let via = needed(via, HeaderName::Via)?;
    Via::check(split_list(via).next().unwrap_or_default()).map_err(|error| (ParseReason::Header(error), via))?;
    for (value, name) in [(from, HeaderName::From), (to, HeaderName::To)] {
        let value = needed(value, name)?;
        address_parts(value).map_err(|error| (ParseReason::Header(error.of(name)), value))?;
    }
    let call_id = needed(call_id, HeaderName::CallId)?;
    check_call_id(call_id)
        .map_err(|problem| (ParseReason::Header(HeaderError::new(HeaderName::CallId.as_str(), problem)), call_id))?;
    let cseq = needed(cseq, HeaderName::CSeq)?;
    let method = CSeq::parse(cseq).map_err(|error| (ParseReason::Header(error), cseq))?.method;
    match request_method {
        Some(request_method) if *request_method != method => Err((ParseReason::MethodMismatch, cseq)),
        _ => Ok(method),
    }
}

/// RFC 3261 §20.8. Anything but white space and control characters is taken; it is compared byte by byte. A control character
/// could not be written back, so nobody would know our requests as of this call.
fn check_call_id(value: &[u8]) -> Result<(), HeaderProblem> {
    if value.is_empty() {
        return Err(HeaderProblem::Empty);
    }
    if value.iter().any(|byte| byte.is_ascii_whitespace()) {
        return Err(HeaderProblem::TrailingText);
    }
    if value.iter().any(u8::is_ascii_control) {
        return Err(HeaderProblem::NotText);
    }
    std::str::from_utf8(value).map(|_| ()).map_err(|_| HeaderProblem::NotText)
}

fn check_uri<'a>(text: &'a [u8], start: &Start) -> Result<(), Found<'a>> {
    match start {
        Start::Request { uri, .. } => {
            let uri = uri.get(text);
            let told = |error| (ParseReason::Header(HeaderError { field: "Request-URI", ..error }), uri);
            Uri::check(uri).map_err(told)
        }
        Start::Response { .. } => Ok(()),
    }
}

/// Where `part` begins; 0 for what lies outside of the text (unfolded values, missing headers).
fn offset_of(text: &[u8], part: &[u8]) -> usize {
    let at = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    if at < text.len() { at } else { 0 }
}

fn find_line_end(text: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', text.get(from..)?).map(|at| from + at)
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn without_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
