//! A caller with just enough SIP and RTP, which shares no code with the server.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Where callers are.
const CALLER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// One call, or an attempt.
pub(crate) struct Phone {
    socket: UdpSocket,
    pub(crate) rtp: UdpSocket,
    server: SocketAddr,
    number: String,
    id: u32,
    to: String,
}

impl Phone {
    pub(crate) fn new(server: SocketAddr, number: &str) -> Phone {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let bind = |wait| {
            let socket = UdpSocket::bind((CALLER, 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(wait))).unwrap();
            socket
        };
        let id = std::process::id() * 1000 + COUNT.fetch_add(1, Ordering::Relaxed);
        let to = format!("<sip:{number}@{server}>");
        Phone { socket: bind(3000), rtp: bind(20), server, number: number.to_owned(), id, to }
    }

    /// The offer that is right.
    pub(crate) fn offer(&self) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 {CALLER}\r\ns=-\r\nc=IN IP4 {CALLER}\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\na=ptime:20\r\n",
            self.rtp.local_addr().unwrap().port()
        )
    }

    pub(crate) fn request(&self, method: &str, cseq: u32, body: &str) -> Vec<u8> {
        let (own, id, number, server) = (self.socket.local_addr().unwrap(), self.id, &self.number, self.server);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        // The ACK of a refusal belongs to the INVITE's transaction, that of a 200 does not; here no 200 has CSeq 2.
        let branch = if method == "ACK" && cseq == 1 { "INVITE" } else { method };
        format!(
            "{method} sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}-{cseq}-{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:test@{own}>;tag={id}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:test@{own}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}",
            to = self.to,
            length = body.len(),
        )
        .into_bytes()
    }

    pub(crate) fn send(&self, message: &[u8]) {
        self.socket.send_to(message, self.server).unwrap();
    }

    /// The next message that begins like this; others are passed over.
    pub(crate) fn expect(&self, start: &str) -> String {
        let mut seen = Vec::new();
        let mut buffer = [0; 65_536];
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            let Ok((length, _)) = self.socket.recv_from(&mut buffer) else { break };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(start) {
                return text;
            }
            seen.push(text.lines().next().unwrap_or_default().to_owned());
        }
        panic!("`{start}` did not come to the caller of {}, only {seen:?}", self.number);
    }

    /// Sends INVITE with this body; the final status. A refusal is acknowledged.
    pub(crate) fn invite(&mut self, body: &str) -> (u16, String) {
        self.send(&self.request("INVITE", 1, body));
        loop {
            let text = self.expect("SIP/2.0 ");
            let status: u16 = text[8..11].parse().unwrap();
            if status >= 200 {
                self.to = line(&text, "To: ").to_owned();
                if status >= 300 {
                    self.send(&self.request("ACK", 1, ""));
                }
                return (status, text);
            }
        }
    }

    /// A call that is up; where its sound goes.
    pub(crate) fn call(&mut self) -> SocketAddr {
        let (status, text) = self.invite(&self.offer());
        assert_eq!(status, 200, "{text}");
        self.send(&String::from_utf8(self.request("ACK", 1, "")).unwrap().replace("-1-INVITE", "-1-ACK").into_bytes());
        let port = line(&text, "m=audio ").split(' ').next().unwrap().parse().unwrap();
        SocketAddr::new(IpAddr::V4(LOCAL), port)
    }

    pub(crate) fn hang_up(&self) {
        self.send(&self.request("BYE", 2, ""));
        let answer = self.expect("SIP/2.0 200");
        // A repeated 200 of the INVITE is not the answer.
        let answer = if answer.contains("2 BYE") { answer } else { self.expect("SIP/2.0 200") };
        assert!(answer.contains("CSeq: 2 BYE"), "{answer}");
    }

    /// The server's BYE, answered.
    pub(crate) fn is_hung_up(&self) {
        let bye = self.expect("BYE ");
        let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
        for name in ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "] {
            answer.push_str(&format!("{name}{}\r\n", line(&bye, name)));
        }
        self.send(format!("{answer}Content-Length: 0\r\n\r\n").as_bytes());
    }

    /// The payloads of PCMU that come within this time, with where they come from.
    pub(crate) fn hear(&self, time: Duration) -> Vec<(SocketAddr, Vec<u8>)> {
        let (end, mut heard) = (Instant::now() + time, Vec::new());
        let mut buffer = [0; 2048];
        while Instant::now() < end {
            match self.rtp.recv_from(&mut buffer) {
                Ok((length, from)) if length > 12 && buffer[1] & 0x7f == 0 => {
                    heard.push((from, buffer[12..length].to_vec()));
                }
                Ok(_) => {}
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
                }
            }
        }
        heard
    }
}

/// RTP with payload type 0.
pub(crate) fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

/// What follows `start` on the first line that begins so.
pub(crate) fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no `{start}` in {text}"))
}

pub(crate) fn eventually(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
