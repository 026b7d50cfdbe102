//! Hand-written messages for tests: lines end in LF in the source and in CRLF on the wire.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod generate;
pub(crate) mod touch;

use bytes::Bytes;
use sip_core::{Message, ParseError};

/// `text` with CRLF line ends; `{length}` is the length of what follows the first empty line.
pub(crate) fn wire(text: &str) -> Bytes {
    let text = text.trim_start_matches('\n').replace('\n', "\r\n");
    let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
    Bytes::from(text.replace("{length}", &body.to_string()))
}

pub(crate) fn parse(text: &str) -> Result<Message, ParseError> {
    Message::parse_datagram(wire(text))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A request with the usual headers; `extra` header lines (each ended by LF) and a body follow them.
pub(crate) fn request(start: &str, extra: &str, body: &str) -> String {
    let method = start.split(' ').next().unwrap_or_default();
    format!(
        "{start}\n\
         Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKtest1;rport\n\
         Max-Forwards: 70\n\
         From: <sip:caller@example.net>;tag=from1\n\
         To: <sip:callee@example.com>\n\
         Call-ID: call-1@192.0.2.9\n\
         CSeq: 7 {method}\n\
         {extra}Content-Length: {{length}}\n\n{body}"
    )
}

/// An INVITE of about 1 KB as a trunk sends it, with SDP.
pub(crate) fn invite_1kb() -> Bytes {
    Bytes::from_static(include_bytes!("invite_1kb.sip"))
}
