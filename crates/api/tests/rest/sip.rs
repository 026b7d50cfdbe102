//! SIP over WebSocket: who may come, what arrives and goes out, and how it ends. SIP itself is played by [`Phones`].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::{SipPatience, SipRefused, SipSocket, SipSockets};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::site::{Options, Site, site, site_with};
use crate::websocket::{BINARY, CLOSE, PING, PONG, TEXT, UPGRADE, WebSocket, close_code};

const PROTOCOL: &str = "Sec-WebSocket-Protocol: sip\r\n";

/// What plays SIP: it keeps what comes, and says what it is told to.
#[derive(Default)]
pub(crate) struct Phones {
    limits: PhoneLimits,
    open: Arc<Mutex<Vec<(SocketAddr, SocketAddr)>>>,
    taken: Arc<Mutex<Vec<Bytes>>>,
    senders: Mutex<Vec<mpsc::UnboundedSender<Bytes>>>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct PhoneLimits {
    max: Option<usize>,
    patience: Option<SipPatience>,
    is_behind: bool,
    ending: bool,
}

struct Phone {
    ends: (SocketAddr, SocketAddr),
    open: Arc<Mutex<Vec<(SocketAddr, SocketAddr)>>>,
    taken: Arc<Mutex<Vec<Bytes>>>,
    messages: mpsc::UnboundedReceiver<Bytes>,
    is_behind: bool,
}

impl SipSockets for Phones {
    fn open(&self, local: SocketAddr, remote: SocketAddr) -> Result<Box<dyn SipSocket>, SipRefused> {
        let mut open = self.open.lock().unwrap();
        if self.limits.ending {
            return Err(SipRefused::Ending);
        }
        match self.limits.max {
            Some(0) => return Err(SipRefused::AddressFull),
            Some(max) if open.len() >= max => return Err(SipRefused::Full),
            _ => open.push((local, remote)),
        }
        let (sender, messages) = mpsc::unbounded_channel();
        self.senders.lock().unwrap().push(sender);
        let (open, taken, is_behind) = (self.open.clone(), self.taken.clone(), self.limits.is_behind);
        Ok(Box::new(Phone { ends: (local, remote), open, taken, messages, is_behind }))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        origin != "https://evil.example"
    }

    fn patience(&self) -> SipPatience {
        self.limits.patience.unwrap_or_default()
    }
}

impl SipSocket for Phone {
    fn take(&mut self, message: Bytes) -> BoxFuture<'_, bool> {
        self.taken.lock().unwrap().push(message);
        Box::pin(async { !self.is_behind })
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(self.messages.recv())
    }

    fn close(&mut self) {
        self.messages.close();
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.open.lock().unwrap().retain(|ends| *ends != self.ends);
    }
}

impl Phones {
    pub(crate) fn new(limits: PhoneLimits) -> Phones {
        Phones { limits, ..Phones::default() }
    }

    /// To the last one that came.
    fn say(&self, message: &[u8]) {
        let senders = self.senders.lock().unwrap();
        senders.last().unwrap().send(Bytes::copy_from_slice(message)).unwrap();
    }

    fn hang_up(&self) {
        self.senders.lock().unwrap().clear();
    }

    async fn until_open(&self, count: usize) {
        let patience = Instant::now() + Duration::from_secs(5);
        while self.open.lock().unwrap().len() != count {
            assert!(Instant::now() < patience, "not {count}, but {:?}", self.open.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_taken(&self, count: usize) -> Vec<Bytes> {
        let patience = Instant::now() + Duration::from_secs(5);
        while self.taken.lock().unwrap().len() < count {
            assert!(Instant::now() < patience, "{:?}", self.taken.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.taken.lock().unwrap().clone()
    }
}

async fn connect(site: &Site) -> WebSocket {
    WebSocket::open(site.address, "/sip", PROTOCOL).await.0
}

/// Status and reason of the answer to an upgrade that is refused.
async fn refusal(site: &Site, more: &str) -> (u16, String, String) {
    let answer = site.raw("GET", "/sip", &format!("{UPGRADE}{more}"), b"").await;
    let (status, reason) = answer.refusal();
    (status, reason, answer.head)
}

#[tokio::test]
async fn frames_are_messages_both_ways_and_need_no_access_key() {
    let site = site().await;
    let (mut phone, head) = WebSocket::open(site.address, "/sip", "Sec-WebSocket-Protocol: xmpp, sip\r\n").await;
    assert!(head.to_lowercase().contains("\r\nsec-websocket-protocol: sip\r\n"), "{head}");
    let ends = site.phones.open.lock().unwrap()[0];
    assert_eq!(ends, (phone.0.peer_addr().unwrap(), phone.0.local_addr().unwrap()));
    phone.send(TEXT, b"OPTIONS sip:a").await;
    phone.send(BINARY, b"OPTIONS sip:\xff").await;
    phone.send(TEXT, b"\r\n\r\n").await;
    // One message in three frames, with a ping in between.
    phone.send(0x01, b"OPT").await;
    phone.send(0x00, b"IONS").await;
    phone.send(PING, b"!").await;
    phone.send(0x80, b" sip:b").await;
    let expected: [&[u8]; 4] = [b"OPTIONS sip:a", b"OPTIONS sip:\xff", b"\r\n\r\n", b"OPTIONS sip:b"];
    assert_eq!(site.phones.until_taken(4).await, expected);
    assert_eq!(phone.receive().await, Some((PONG, b"!".to_vec())));
    for (message, kind) in [(&b"SIP/2.0 200 OK"[..], TEXT), (b"SIP/2.0 200 \xff", BINARY), (b"\r\n", TEXT)] {
        site.phones.say(message);
        assert_eq!(phone.receive().await, Some((kind, message.to_vec())));
    }
}

#[tokio::test]
async fn who_does_not_say_sip_or_is_no_websocket_is_told_so() {
    let site = site().await;
    for more in ["", "Sec-WebSocket-Protocol: xmpp\r\n", "Sec-WebSocket-Protocol: sips, sipx\r\n"] {
        let (status, reason, _) = refusal(&site, more).await;
        assert_eq!((status, reason.as_str()), (400, "SUBPROTOCOL_REQUIRED"), "{more}");
    }
    let answer = site.raw("GET", "/sip", PROTOCOL, b"").await;
    assert_eq!(answer.refusal().0, 426);
    assert!(answer.head.contains("upgrade: websocket"), "{}", answer.head);
    let others = UPGRADE.replace("Version: 13", "Version: 8");
    let answer = site.raw("GET", "/sip", &format!("{PROTOCOL}{others}"), b"").await;
    assert_eq!(answer.refusal().0, 426);
    assert!(answer.head.contains("sec-websocket-version: 13"), "{}", answer.head);
    assert!(site.phones.open.lock().unwrap().is_empty());
    // Two headers are as good as one with two names.
    let more = "Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Protocol: sip\r\n";
    WebSocket::open(site.address, "/sip", more).await;
}

#[tokio::test]
async fn pages_of_a_forbidden_origin_may_not_connect() {
    let site = site().await;
    let (status, reason, _) = refusal(&site, &format!("{PROTOCOL}Origin: https://evil.example\r\n")).await;
    assert_eq!((status, reason.as_str()), (403, "ORIGIN_NOT_ALLOWED"));
    WebSocket::open(site.address, "/sip", &format!("{PROTOCOL}Origin: https://good.example\r\n")).await;
}

#[tokio::test]
async fn where_there_is_no_room_that_is_said() {
    let limits = |max, ending| PhoneLimits { max: Some(max), ending, ..PhoneLimits::default() };
    for (phones, status, reason) in [
        (limits(1, false), 503, "SERVICE_UNAVAILABLE"),
        (limits(0, false), 429, "TOO_MANY_CONNECTIONS"),
        (limits(9, true), 503, "SERVICE_UNAVAILABLE"),
    ] {
        let site = site_with(Options { phones, ..Options::default() }).await;
        let first = if phones.max == Some(1) { Some(connect(&site).await) } else { None };
        let refused = refusal(&site, PROTOCOL).await;
        assert_eq!((refused.0, refused.1.as_str()), (status, reason));
        assert!(refused.2.contains("retry-after: 5"), "{}", refused.2);
        if first.is_some() {
            drop(first);
            site.phones.until_open(0).await;
            connect(&site).await;
        }
    }
}

#[tokio::test]
async fn a_connection_of_sip_takes_no_place_of_http_and_is_not_idle() {
    let idle = Some(Duration::from_secs(1));
    let site = site_with(Options { max_connections: Some(2), idle, ..Options::default() }).await;
    let mut phones = Vec::new();
    for _ in 0..20 {
        phones.push(connect(&site).await);
    }
    // Silent for much longer than HTTP may be.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let metrics = String::from_utf8(site.get("/metrics").await.octets).unwrap();
    assert!(metrics.contains("\nflowswitch_http_connections 1\n"), "{metrics}");
    assert!(metrics.contains("\nflowswitch_http_connections_delayed_total 0\n"), "{metrics}");
    for phone in &mut phones {
        phone.send(TEXT, b"\r\n\r\n").await;
    }
    site.phones.until_taken(20).await;
    drop(phones);
    site.phones.until_open(0).await;
    let metrics = String::from_utf8(site.get("/metrics").await.octets).unwrap();
    assert!(metrics.contains("\nflowswitch_http_connections 1\n"), "{metrics}");
}

#[tokio::test]
async fn who_answers_no_ping_is_gone_and_who_does_stays() {
    let patience = SipPatience { ping: Duration::from_millis(200), ..SipPatience::default() };
    let phones = PhoneLimits { patience: Some(patience), ..PhoneLimits::default() };
    let site = site_with(Options { phones, ..Options::default() }).await;
    let (mut alive, _silent) = (connect(&site).await, connect(&site).await);
    let until = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < until {
        assert_eq!(alive.receive().await, Some((PING, Vec::new())));
        alive.send(PONG, b"").await;
    }
    site.phones.until_open(1).await;
    alive.send(TEXT, b"still here").await;
    assert_eq!(site.phones.until_taken(1).await, ["still here"]);
}

#[tokio::test]
async fn who_reads_nothing_is_given_up() {
    let patience = SipPatience { write: Duration::from_millis(100), ..SipPatience::default() };
    let phones = PhoneLimits { patience: Some(patience), ..PhoneLimits::default() };
    let site = site_with(Options { phones, ..Options::default() }).await;
    let _deaf = connect(&site).await;
    // More than the system's buffers take.
    for _ in 0..400 {
        site.phones.say(&[b'x'; 60_000]);
    }
    site.phones.until_open(0).await;
}

#[tokio::test]
async fn a_connection_ends_by_a_close_frame_whoever_ends_it() {
    let site = site().await;
    let mut phone = connect(&site).await;
    site.phones.hang_up();
    let (kind, payload) = phone.receive().await.unwrap();
    assert_eq!((kind, close_code(&payload)), (CLOSE, 1001));
    site.phones.until_open(0).await;
    phone.send(CLOSE, &payload).await;
    assert_eq!(phone.receive().await, None);

    let mut phone = connect(&site).await;
    phone.send(CLOSE, &1000u16.to_be_bytes()).await;
    let (kind, payload) = phone.receive().await.unwrap();
    assert_eq!((kind, close_code(&payload)), (CLOSE, 1000));
    assert_eq!(phone.receive().await, None);
    site.phones.until_open(0).await;
}

#[tokio::test]
async fn where_there_is_no_room_for_a_message_the_connection_ends() {
    let phones = PhoneLimits { is_behind: true, ..PhoneLimits::default() };
    let site = site_with(Options { phones, ..Options::default() }).await;
    let mut phone = connect(&site).await;
    phone.send(TEXT, b"BYE").await;
    let (kind, payload) = phone.receive().await.unwrap();
    assert_eq!((kind, close_code(&payload)), (CLOSE, 1013));
}

#[tokio::test]
async fn what_is_longer_than_64_kib_or_no_websocket_ends_the_connection() {
    let site = site().await;
    let longest = vec![b'x'; 65_536];
    let mut phone = connect(&site).await;
    phone.send(TEXT, &longest).await;
    assert_eq!(site.phones.until_taken(1).await[0].len(), 65_536);
    for (first, payload, code) in [
        // Too long in one frame, and in two.
        (TEXT, [&longest[..], b"x"].concat(), 1009),
        (0x01, longest.clone(), 1009),
        // Text that is not UTF-8.
        (TEXT, b"\xff\xfe".to_vec(), 1007),
        // A reserved kind of frame.
        (0x83, b"x".to_vec(), 1002),
    ] {
        let mut phone = connect(&site).await;
        phone.send(first, &payload).await;
        if first == 0x01 {
            phone.send(0x80, b"x").await;
        }
        let answer = timeout(Duration::from_secs(3), phone.receive()).await.expect("an end");
        let (kind, payload) = answer.unwrap();
        assert_eq!((kind, close_code(&payload)), (CLOSE, code));
    }
    // Without a mask, which clients must use (RFC 6455 §5.1).
    let mut bare = connect(&site).await;
    bare.0.write_all(&[TEXT, 2, b'h', b'i']).await.unwrap();
    assert_eq!(bare.receive().await.unwrap().0, CLOSE);
    assert_eq!(site.phones.taken.lock().unwrap().len(), 1);
}

/// Random octets after the upgrade, as frames that are whole and as anything at all.
#[test]
fn random_frames_harm_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let site = runtime.block_on(site());
    let frames =
        proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..300), any::<bool>()), 1..12);
    proptest!(ProptestConfig::with_cases(200), |(frames in frames)| {
        runtime.block_on(async {
            let mut phone = connect(&site).await;
            for (first, payload, is_whole) in frames {
                let sent = match is_whole {
                    true => {
                        let mut frame = vec![first, 0x80 | payload.len().min(125) as u8, 0, 0, 0, 0];
                        frame.extend(&payload[..payload.len().min(125)]);
                        phone.0.write_all(&frame).await
                    }
                    false => phone.0.write_all(&payload).await,
                };
                if sent.is_err() {
                    break;
                }
            }
            let _ = phone.0.shutdown().await;
            let mut rest = Vec::new();
            let end = timeout(Duration::from_secs(5), phone.0.read_to_end(&mut rest)).await;
            assert!(end.is_ok(), "the connection hangs");
        });
    });
    runtime.block_on(async {
        site.phones.until_open(0).await;
        let mut phone = connect(&site).await;
        site.phones.taken.lock().unwrap().clear();
        phone.send(TEXT, b"hello").await;
        assert_eq!(site.phones.until_taken(1).await, ["hello"]);
        // And a whole request where a frame should be.
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        let request =
            format!("GET /sip HTTP/1.1\r\nHost: x\r\n{UPGRADE}{PROTOCOL}\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("an end");
        assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    });
}
