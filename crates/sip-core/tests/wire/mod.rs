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
    wire(
        "INVITE sip:+12025550123@flowswitch.example.com;user=phone SIP/2.0\n\
         Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK-524287-1---8f2a6c5d1e9b7a43;rport\n\
         Via: SIP/2.0/TCP 10.20.30.40:52111;branch=z9hG4bK7d3f0a19c4;received=203.0.113.77\n\
         Max-Forwards: 69\n\
         Record-Route: <sip:198.51.100.20;lr;ftag=as4f2b81c7>\n\
         Contact: <sip:alice@10.20.30.40:52111;transport=tcp;ob>\n\
         To: <sip:+12025550123@flowswitch.example.com;user=phone>\n\
         From: \"Alice Example\" <sip:+12025550199@carrier.example.net>;tag=as4f2b81c7\n\
         Call-ID: 5f0d6a71-93b2-4c4e-a8a6-0f6de2c1b9d4@10.20.30.40\n\
         CSeq: 20117 INVITE\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE\n\
         Supported: replaces, timer\n\
         User-Agent: Trunk Gateway 4.2\n\
         Content-Type: application/sdp\n\
         Content-Length: {length}\n\
         \n\
         v=0\n\
         o=- 3948572 1 IN IP4 10.20.30.40\n\
         s=call\n\
         c=IN IP4 10.20.30.40\n\
         t=0 0\n\
         m=audio 40000 RTP/AVP 0 8 101\n\
         a=rtpmap:0 PCMU/8000\n\
         a=rtpmap:8 PCMA/8000\n\
         a=rtpmap:101 telephone-event/8000\n\
         a=fmtp:101 0-16\n\
         a=ptime:20\n\
         a=sendrecv\n",
    )
}
