//! Many callers on one socket, and one phone that registers. They share no code with the server but the digest's hash.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sip_core::digest::{Algorithm, ha1, response};

use crate::server::PASSWORD;

/// Where callers are.
const CALLER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What became of one call, as its caller knows it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    number: &'static str,
    sent: Instant,
    /// When the 200 arrived.
    pub(crate) answered: Option<Instant>,
    /// Where its sound goes.
    pub(crate) media: Option<SocketAddr>,
    /// The server has sent BYE.
    pub(crate) ended: bool,
}

pub(crate) struct Callers {
    socket: UdpSocket,
    pub(crate) rtp: UdpSocket,
    server: SocketAddr,
    /// By Call-ID.
    pub(crate) calls: BTreeMap<String, Attempt>,
    next: u32,
}

impl Callers {
    pub(crate) fn new(server: SocketAddr) -> Callers {
        let bind = || UdpSocket::bind((CALLER, 0)).unwrap();
        let socket = bind();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        Callers { socket, rtp: bind(), server, calls: BTreeMap::new(), next: std::process::id() * 10_000 }
    }

    /// Sends one INVITE.
    pub(crate) fn invite(&mut self, number: &'static str) {
        self.next += 1;
        let id = self.next.to_string();
        let attempt = Attempt { number, sent: Instant::now(), answered: None, media: None, ended: false };
        self.send_invite(&id, number);
        self.calls.insert(id, attempt);
    }

    fn send_invite(&self, id: &str, number: &str) {
        let port = self.rtp.local_addr().unwrap().port();
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 {CALLER}\r\ns=-\r\nc=IN IP4 {CALLER}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        );
        let to = format!("<sip:{number}@{}>", self.server);
        self.request("INVITE", id, number, &to, &body);
    }

    fn request(&self, method: &str, id: &str, number: &str, to: &str, body: &str) {
        let (own, server) = (self.socket.local_addr().unwrap(), self.server);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:test@{own}>;tag={id}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:test@{own}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}",
            length = body.len(),
        );
        self.socket.send_to(text.as_bytes(), server).unwrap();
    }

    /// Takes what has arrived until `time` has passed, and answers it.
    pub(crate) fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        let mut buffer = [0; 65_536];
        loop {
            if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                self.take(&text);
            }
            if Instant::now() >= end {
                return;
            }
        }
    }

    fn take(&mut self, text: &str) {
        let id = line(text, "Call-ID: ").to_owned();
        let Some(attempt) = self.calls.get_mut(&id) else { return };
        let number = attempt.number;
        if text.starts_with("BYE ") {
            attempt.ended = true;
            let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
            for name in ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "] {
                answer.push_str(&format!("{name}{}\r\n", line(text, name)));
            }
            self.socket.send_to(format!("{answer}Content-Length: 0\r\n\r\n").as_bytes(), self.server).unwrap();
        } else if text.starts_with("SIP/2.0 200") {
            let port = line(text, "m=audio ").split(' ').next().unwrap().parse().unwrap();
            attempt.answered.get_or_insert_with(Instant::now);
            attempt.media = Some(SocketAddr::new(self.server.ip(), port));
            self.request("ACK", &id, number, line(text, "To: "), "");
        } else if !text.starts_with("SIP/2.0 1") {
            panic!("a call was refused: {text}");
        }
    }

    /// Calls `number` so often, some at a time, and waits until all are up.
    pub(crate) fn call(&mut self, number: &'static str, count: usize) {
        let before = self.up();
        for _ in 0..count {
            self.invite(number);
            self.listen(Duration::from_millis(4));
        }
        let end = Instant::now() + Duration::from_secs(15);
        while self.up() < before + count {
            assert!(Instant::now() < end, "only {} of {} are up", self.up() - before, count);
            self.listen(Duration::from_millis(20));
            self.repeat_late_ones();
        }
    }

    /// As phones do after T1.
    fn repeat_late_ones(&mut self) {
        let late = Duration::from_millis(500);
        let mut again = Vec::new();
        for (id, attempt) in &mut self.calls {
            if attempt.answered.is_none() && attempt.sent.elapsed() > late {
                attempt.sent = Instant::now();
                again.push((id.clone(), attempt.number));
            }
        }
        for (id, number) in again {
            self.send_invite(&id, number);
        }
    }

    /// Calls that were answered and not ended.
    pub(crate) fn up(&self) -> usize {
        self.calls.values().filter(|attempt| attempt.answered.is_some() && !attempt.ended).count()
    }

    /// Sends one packet of sound on every call of `number`.
    pub(crate) fn talk(&self, number: &str, sequence: u16) {
        let mut packet = vec![0x80, 0];
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        packet.extend_from_slice(&7_u32.to_be_bytes());
        packet.extend_from_slice(&[0x20; 160]);
        for attempt in self.calls.values().filter(|attempt| attempt.number == number) {
            if let Some(media) = attempt.media {
                self.rtp.send_to(&packet, media).unwrap();
            }
        }
    }
}

/// Registers extension 1000 for ten minutes, with a contact or asking for what is registered; the 200.
pub(crate) fn register(server: SocketAddr, contact: Option<&str>) -> String {
    register_for(server, contact, 600)
}

/// The same for so many seconds.
pub(crate) fn register_for(server: SocketAddr, contact: Option<&str>, seconds: u32) -> String {
    let socket = UdpSocket::bind((CALLER, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let own = socket.local_addr().unwrap();
    let contact = contact.map(|uri| format!("Contact: <{uri}>\r\nExpires: {seconds}\r\n")).unwrap_or_default();
    let uri = format!("sip:{server}");
    let ask = |cseq: u32, authorization: &str| {
        let text = format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKr{cseq}{port};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:1000@{server}>;tag=1\r\nTo: <sip:1000@{server}>\r\nCall-ID: r{port}\r\nCSeq: {cseq} REGISTER\r\n\
             {contact}{authorization}Content-Length: 0\r\n\r\n",
            port = own.port(),
        );
        let mut buffer = [0; 8192];
        socket.send_to(text.as_bytes(), server).unwrap();
        let (length, _) = socket.recv_from(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let challenge = ask(1, "");
    assert!(challenge.starts_with("SIP/2.0 401"), "{challenge}");
    let word = |name: &str| {
        let challenge = line(&challenge, "WWW-Authenticate: ");
        challenge.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap().to_owned()
    };
    let (realm, nonce) = (word("realm"), word("nonce"));
    let secret = ha1(Algorithm::Md5, "1000", &realm, PASSWORD);
    let quality: (&[u8], &[u8]) = (b"00000001", b"c");
    let answer =
        response(Algorithm::Md5, secret.as_bytes(), nonce.as_bytes(), Some(quality), b"REGISTER", uri.as_bytes());
    let registered = ask(
        2,
        &format!(
            "Authorization: Digest username=\"1000\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{answer}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n"
        ),
    );
    assert!(registered.starts_with("SIP/2.0 200"), "{registered}");
    registered
}

/// What follows `start` on the first line that begins so.
fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no `{start}` in {text}"))
}
