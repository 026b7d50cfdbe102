//! Messages out of a stream of bytes (RFC 3261 §18.3): each is as long as its Content-Length says, and line ends between them
//! are keep-alives (RFC 5626 §3.5.1).

use bytes::Bytes;

use super::error::{ParseError, ParseReason};
use super::parse::{MAX_MESSAGE_BYTES, body_length, check_start_line};
use crate::header::text::is_token;

/// A buffer that has grown beyond this is given back when it is empty.
const KEPT_BYTES: usize = 8 * 1024;

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamPart {
    /// The bytes of one message, for [`Message::parse_datagram`](super::Message::parse_datagram). It may still be broken, but where
    /// it ends was sure.
    Message(Bytes),
    /// A double line end, to be answered by a single one (RFC 5626 §4.4.1).
    Ping,
}

/// Cuts a stream into messages. The same bytes give the same parts however they are split. Holds at most
/// [`MAX_MESSAGE_BYTES`] and what was fed last, if all parts are taken out after each feeding.
#[derive(Debug, Default)]
pub struct MessageStream {
    buffer: Vec<u8>,
    /// Line ends since the last part; two are a ping.
    line_ends: u8,
    /// Where the line begins that was not seen to its end; 0 until the start line is in.
    line_start: usize,
    /// No line ends before this.
    searched: usize,
    /// Length of the message in the buffer, as soon as its headers are in.
    message_length: Option<usize>,
    failed: bool,
}

impl MessageStream {
    /// Bytes that arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next part that is in; none until more is fed.
    ///
    /// # Errors
    /// What is no SIP, is too long or does not say how long it is. Where the next message begins is not known then: nothing
    /// comes any more, and the connection is to be closed, after [`ParseError::reply`] where that gives an answer.
    pub fn next_part(&mut self) -> Result<Option<StreamPart>, ParseError> {
        if self.failed {
            return Ok(None);
        }
        let part = self.cut();
        if part.is_err() {
            *self = MessageStream { failed: true, ..MessageStream::default() };
        }
        part
    }

    /// Whether a message has begun and not ended. True only between feedings, when all parts are taken out.
    pub fn is_amid_message(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn cut(&mut self) -> Result<Option<StreamPart>, ParseError> {
        if self.searched == 0 && self.skip_line_ends()? {
            return Ok(Some(StreamPart::Ping));
        }
        if self.message_length.is_none() {
            self.message_length = self.find_length()?;
        }
        let Some(length) = self.message_length.filter(|&length| length <= self.buffer.len()) else {
            return Ok(None);
        };
        // A copy of just its size: messages are kept for the length of a transaction.
        let message = Bytes::copy_from_slice(&self.buffer[..length]);
        self.buffer.drain(..length);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        (self.line_start, self.searched, self.message_length) = (0, 0, None);
        Ok(Some(StreamPart::Message(message)))
    }

    /// Drops line ends before a message (RFC 3261 §7.5). True: they were a ping.
    fn skip_line_ends(&mut self) -> Result<bool, ParseError> {
        let mut skipped = 0;
        while let Some(&byte) = self.buffer.get(skipped) {
            match byte {
                b'\r' => {}
                b'\n' => self.line_ends += 1,
                // Each message begins with a token: the name of a method, or `SIP`.
                byte if is_token(&[byte]) => {
                    self.line_ends = 0;
                    break;
                }
                _ => return Err(ParseError::new(ParseReason::NotSip, 0)),
            }
            skipped += 1;
            if self.line_ends == 2 {
                break;
            }
        }
        self.buffer.drain(..skipped);
        let is_ping = self.line_ends == 2;
        if is_ping {
            self.line_ends = 0;
        }
        Ok(is_ping)
    }

    /// The length of the message in the buffer, if its headers are in.
    fn find_length(&mut self) -> Result<Option<usize>, ParseError> {
        while let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let end = self.searched + found;
            let line = &self.buffer[self.line_start..end];
            if self.line_start == 0 {
                // Who speaks another protocol is told at once, not when the headers end.
                check_start_line(line)?;
            } else if matches!(line, b"" | b"\r") {
                let head = Bytes::copy_from_slice(&self.buffer[..=end]);
                let head_length = head.len();
                return Ok(Some(head_length + body_length(head)?));
            }
            (self.line_start, self.searched) = (end + 1, end + 1);
            if end >= MAX_MESSAGE_BYTES {
                break;
            }
        }
        self.searched = self.buffer.len();
        match self.buffer.len() > MAX_MESSAGE_BYTES {
            true => Err(ParseError::new(ParseReason::TooLong { bytes: MAX_MESSAGE_BYTES + 1 }, 0)),
            false => Ok(None),
        }
    }
}
