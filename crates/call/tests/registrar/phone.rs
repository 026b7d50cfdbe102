//! A phone of the tests: its messages as text, its answers to challenges by its own reading of them.

use base::Now;
use bytes::Bytes;
use sip_core::digest::{Algorithm, ha1, response};
use sip_core::{Hop, Message, Transport};

pub(crate) const REALM: &str = "c1.registrar.example.com";

/// A moment, in seconds since the tests began.
pub(crate) fn at(second: u64) -> Now {
    Now { mono_ns: 50_000_000_000 + second * 1_000_000_000, wall_us: 1_800_000_000_000_000 + second * 1_000_000 }
}

/// Over UDP from this address.
pub(crate) fn from(remote: &str) -> Hop {
    let local = "192.0.2.100:5060".parse().unwrap();
    Hop { transport: Transport::Udp, listener: 1, local, remote: remote.parse().unwrap() }
}

/// A request for extension 1000 with these header lines, each ended by LF.
pub(crate) fn request(method: &str, call_id: &str, cseq: u32, lines: &str) -> Message {
    let lines = lines.replace('\n', "\r\n");
    let text = format!(
        "{method} sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{cseq}\r\n\
         From: <sip:1000@example.com>;tag=f1\r\nTo: <sip:1000@example.com>\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\nUser-Agent: Phone 1.0\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    Message::parse_datagram(Bytes::from(text)).unwrap()
}

/// The credentials of `user` for a challenge of the server.
pub(crate) fn answer(challenge: &str, user: &str, password: &str, method: &str, nc: u32) -> String {
    let word = |name: &str| {
        let value = challenge.split(&format!("{name}=")).nth(1).unwrap();
        value.split(',').next().unwrap().trim_matches('"').to_owned()
    };
    let (realm, nonce) = (word("realm"), word("nonce"));
    let algorithm = Algorithm::parse(word("algorithm").as_bytes()).unwrap();
    let (secret, nc) = (ha1(algorithm, user, &realm, password), format!("{nc:08x}"));
    let quality: (&[u8], &[u8]) = (nc.as_bytes(), b"c0ffee");
    let uri = "sip:example.com";
    let proof =
        response(algorithm, secret.as_bytes(), nonce.as_bytes(), Some(quality), method.as_bytes(), uri.as_bytes());
    format!(
        "Digest username=\"{user}\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{uri}\",response=\"{proof}\",\
         algorithm={algorithm},cnonce=\"c0ffee\",qop=auth,nc={nc}"
    )
}
