//! TCP on the real loopback interface: what comes, what goes, and who is shown out.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use rcgen::CertifiedKey;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, ServerConfig};
use sip_core::{Hop, Message, Transport};
use sip_transport::{
    BindSockets, ConnectionLimits, Connections, Edge, Inlet, Push, Pushed, SipSender, StreamLimits, TcpTransport,
    UdpTransport,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(5);
const LIMITS: ConnectionLimits = ConnectionLimits { max: 100, max_per_address: 3, max_waiting_bytes: 100_000 };
const IDLE: StreamLimits = StreamLimits { idle: Duration::from_secs(3_600) };

/// A listener on a port of its own, what arrives there, and the way back.
struct Server {
    transport: TcpTransport,
    arrived: mpsc::UnboundedReceiver<(Message, Hop)>,
    sender: SipSender,
    edge: Arc<Edge>,
    undelivered: Arc<Mutex<Vec<Message>>>,
    closed: Arc<Mutex<Vec<Hop>>>,
}

impl Server {
    fn start(address: &str) -> Server {
        Server::start_with(address, |transport, inlet| transport.start(inlet, IDLE).unwrap())
    }

    fn start_with(address: &str, start: impl FnOnce(&mut TcpTransport, &Inlet)) -> Server {
        let udp = UdpTransport::bind(&[], &mut BindSockets).unwrap();
        let (sender, lost) = SipSender::new(udp.sender(), Connections::new(LIMITS)).with_lost_messages();
        let (lane, arrived) = mpsc::unbounded_channel();
        let push: Push = Arc::new(move |_, _, message, hop| {
            lane.send((message, hop)).unwrap();
            Pushed::Taken
        });
        let edge = Arc::new(Edge::new(1, 3));
        let closed = Arc::<Mutex<Vec<Hop>>>::default();
        let told = closed.clone();
        let inlet = Inlet::new(edge.clone(), push, sender.clone(), Arc::new(move |hop| told.lock().unwrap().push(hop)));
        let mut transport =
            TcpTransport::bind(Transport::Tcp, &[address.parse().unwrap()], 7, &mut BindSockets).unwrap();
        start(&mut transport, &inlet);
        let undelivered = Arc::<Mutex<Vec<Message>>>::default();
        let kept = undelivered.clone();
        let listening = transport.bound().to_vec();
        tokio::spawn(lost.redial(inlet, IDLE, listening, Arc::new(move |message| kept.lock().unwrap().push(message))));
        Server { transport, arrived, sender, edge, undelivered, closed }
    }

    fn address(&self) -> SocketAddr {
        self.transport.bound()[0]
    }

    async fn message(&mut self) -> (Message, Hop) {
        timeout(PATIENCE, self.arrived.recv()).await.unwrap().unwrap()
    }

    fn connections(&self) -> &Connections {
        self.sender.connections()
    }
}

fn text(start: &str, via: &str, body: &str) -> String {
    format!(
        "{start}\r\nVia: SIP/2.0/TCP {via};branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn options(body: &str) -> String {
    text("OPTIONS sip:a@b SIP/2.0", "127.0.0.1", body)
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 10_000];
    let length = timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn messages_arrive_however_they_are_split_and_answers_go_back_over_their_connection() {
    let mut server = Server::start("127.0.0.34:0");
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    let (first, second) = (options("hello"), options(""));
    let (head, tail) = first.split_at(40);
    client.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.write_all(format!("{tail}{second}\r\n\r\n").as_bytes()).await.unwrap();
    let (message, hop) = server.message().await;
    assert_eq!(message.as_bytes(), &first);
    let (local, remote) = (server.address(), client.local_addr().unwrap());
    assert_eq!(hop, Hop { transport: Transport::Tcp, listener: 7, local, remote });
    assert_eq!(server.message().await.0.as_bytes(), &second);
    assert_eq!(read(&mut client).await, "\r\n", "the ping is answered");
    assert!(server.sender.send(&hop, b"answer"));
    assert_eq!(read(&mut client).await, "answer");
    assert_eq!(server.edge.metrics().keep_alives.load(Relaxed), 1);
}

#[tokio::test]
async fn what_cannot_be_cut_is_answered_and_the_connection_closed() {
    let server = Server::start("127.0.0.34:0");
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    // What comes behind it must not throw the answer away by a reset.
    let broken = options("").replace("Content-Length: 0\r\n", "") + &"x".repeat(20_000);
    client.write_all(broken.as_bytes()).await.unwrap();
    let answer = read(&mut client).await;
    assert!(answer.starts_with("SIP/2.0 400 Content-Length is missing\r\n"), "{answer}");
    assert_eq!(read(&mut client).await, "", "closed");
    for garbage in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"] {
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        client.write_all(garbage).await.unwrap();
        assert_eq!(read(&mut client).await, "");
    }
    drop(client);
    wait_until("all are gone", || server.connections().count() == 0).await;
    assert_eq!(server.connections().metrics().broken.load(Relaxed), 3);
}

#[tokio::test]
async fn one_address_has_only_so_many_connections_and_gets_the_place_of_a_closed_one() {
    let server = Server::start("127.0.0.34:0");
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(TcpStream::connect(server.address()).await.unwrap());
    }
    wait_until("three are open", || server.connections().count() == 3).await;
    let mut refused = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(read(&mut refused).await, "");
    clients.pop();
    wait_until("two are open", || server.connections().count() == 2).await;
    let _client = TcpStream::connect(server.address()).await.unwrap();
    wait_until("three are open again", || server.connections().count() == 3).await;
    assert_eq!(server.connections().metrics().refused.load(Relaxed), 1);
}

#[tokio::test]
async fn who_sends_garbage_takes_no_more_sockets_than_there_may_be_of_one_address() {
    let server = Server::start("127.0.0.34:0");
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        // Refused ones may be closed already.
        let _ = client.write_all(b"\0").await;
        clients.push(client);
    }
    wait_until("all were looked at", || {
        let metrics = server.connections().metrics();
        metrics.opened.load(Relaxed) + metrics.refused.load(Relaxed) == 20
    })
    .await;
    // Ours read away what the others may still say, for 2 s.
    assert_eq!(server.connections().metrics().opened.load(Relaxed), 3);
    assert_eq!(server.connections().count(), 3, "they are open until then");
    drop(clients);
    wait_until("all are closed", || server.connections().count() == 0).await;
}

#[tokio::test]
async fn a_response_whose_connection_is_gone_goes_to_the_port_of_sent_by_over_a_new_one() {
    let mut server = Server::start("127.0.0.34:0");
    let phone = TcpListener::bind("127.0.0.35:0").await.unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.35:0".parse().unwrap()).unwrap();
    let mut client = socket.connect(server.address()).await.unwrap();
    client.write_all(options("").as_bytes()).await.unwrap();
    let (_, hop) = server.message().await;
    drop(client);
    wait_until("it is gone", || !server.connections().is_open(&hop)).await;
    let sent_by = phone.local_addr().unwrap().to_string();
    let response = text("SIP/2.0 200 OK", &sent_by, "");
    assert!(server.sender.send(&hop, response.as_bytes()) && server.sender.send(&hop, response.as_bytes()));
    let (mut stream, from) = timeout(PATIENCE, phone.accept()).await.unwrap().unwrap();
    assert_eq!(from.ip(), server.address().ip(), "from the address that the phone knows");
    let mut both = vec![0; 2 * response.len()];
    timeout(PATIENCE, stream.read_exact(&mut both)).await.unwrap().unwrap();
    assert_eq!(both, response.repeat(2).into_bytes());
    // The new connection serves both ways.
    stream.write_all(options("again").as_bytes()).await.unwrap();
    let (message, new_hop) = server.message().await;
    assert_eq!((&message.body()[..], new_hop), (b"again".as_slice(), hop.towards(phone.local_addr().unwrap())));
    assert_eq!(server.connections().metrics().dialled.load(Relaxed), 1);
}

#[tokio::test]
async fn a_request_that_reaches_nobody_is_given_back() {
    let server = Server::start("127.0.0.34:0");
    let nobody = TcpListener::bind("127.0.0.35:0").await.unwrap().local_addr().unwrap();
    let hop = Hop {
        transport: Transport::Tcp,
        listener: 7,
        local: server.address(),
        remote: "127.0.0.35:9".parse().unwrap(),
    };
    let refused = text(&format!("OPTIONS sip:a@{nobody} SIP/2.0"), "127.0.0.34", "");
    let unreachable = text("OPTIONS sip:a@phone.invalid SIP/2.0", "127.0.0.34", "");
    assert!(server.sender.send(&hop, refused.as_bytes()) && server.sender.send(&hop, unreachable.as_bytes()));
    wait_until("both are given back", || server.undelivered.lock().unwrap().len() == 2).await;
    assert_eq!(server.connections().metrics().dial_errors.load(Relaxed), 1);
    assert_eq!(server.connections().count(), 0);
}

#[tokio::test]
async fn a_request_to_who_calls_itself_by_our_address_is_given_back() {
    let server = Server::start("127.0.0.34:0");
    let (local, remote) = (server.address(), "127.0.0.34:9".parse().unwrap());
    let hop = Hop { transport: Transport::Tcp, listener: 7, local, remote };
    let bye = text(&format!("OPTIONS sip:a@{local} SIP/2.0"), "127.0.0.34", "");
    assert!(server.sender.send(&hop, bye.as_bytes()));
    wait_until("it is given back", || server.undelivered.lock().unwrap().len() == 1).await;
    assert_eq!(server.connections().metrics().dialled.load(Relaxed), 0);
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_where_somebody_has_registered_over_it() {
    let mut server = Server::start("127.0.0.34:0");
    let mut hops = Vec::new();
    for said in [options(""), options("").replace("OPTIONS", "REGISTER")] {
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        hops.push(server.message().await.1);
    }
    wait_until("both are gone", || server.connections().count() == 0).await;
    assert_eq!(*server.closed.lock().unwrap(), hops[1..]);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_half_a_message_is_closed_in_time() {
    let server = Server::start("127.0.0.34:0");
    for (said, seconds) in [("", 30), ("\r\n\r\n", 30), ("OPTIONS sip:a@b SIP/2.0\r\n", 20), (&options(""), 3_600)] {
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        let started = tokio::time::Instant::now();
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        let elapsed = started.elapsed().as_secs();
        assert!((seconds - 1..=seconds + 1).contains(&elapsed), "{said:?}: {elapsed}");
    }
    assert_eq!(server.connections().metrics().timed_out.load(Relaxed), 4);
}

/// A server's side and a client's that trusts it.
fn tls() -> (Arc<ArcSwap<ServerConfig>>, TlsConnector) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["phone.test".to_owned()]).unwrap();
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    (Arc::new(ArcSwap::from_pointee(server)), TlsConnector::from(Arc::new(client)))
}

#[tokio::test]
async fn over_tls_messages_come_and_go_and_who_speaks_something_else_is_closed() {
    let (config, connector) = tls();
    let start = |transport: &mut TcpTransport, inlet: &Inlet| transport.start_tls(inlet, IDLE, &[config]).unwrap();
    let mut server = Server::start_with("127.0.0.34:0", start);
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut client = connector.connect("phone.test".try_into().unwrap(), stream).await.unwrap();
    client.write_all(options("secret").as_bytes()).await.unwrap();
    let (message, hop) = server.message().await;
    assert_eq!(&message.body()[..], b"secret");
    assert!(server.sender.send(&hop, b"answer"));
    let mut answer = [0; 6];
    timeout(PATIENCE, client.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"answer");
    let mut plain = TcpStream::connect(server.address()).await.unwrap();
    plain.write_all(options("").as_bytes()).await.unwrap();
    let mut alert = Vec::new();
    // A reset is as good.
    let _ = timeout(PATIENCE, plain.read_to_end(&mut alert)).await.unwrap();
    wait_until("one is left", || server.connections().count() == 1).await;
    assert_eq!(server.connections().metrics().handshake_errors.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_finish_the_handshake_is_closed_after_five_seconds() {
    let (config, _) = tls();
    let start = |transport: &mut TcpTransport, inlet: &Inlet| transport.start_tls(inlet, IDLE, &[config]).unwrap();
    let server = Server::start_with("127.0.0.34:0", start);
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    let started = tokio::time::Instant::now();
    let _ = client.read_to_end(&mut Vec::new()).await;
    assert!((4..=6).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert_eq!(server.connections().metrics().handshake_errors.load(Relaxed), 1);
}

#[tokio::test]
async fn what_was_sent_is_written_before_all_connections_are_closed() {
    let mut server = Server::start("127.0.0.34:0");
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.write_all(options("").as_bytes()).await.unwrap();
    let (_, hop) = server.message().await;
    server.sender.send(&hop, b"last words");
    server.connections().close_all();
    let mut all = String::new();
    timeout(PATIENCE, client.read_to_string(&mut all)).await.unwrap().unwrap();
    assert_eq!(all, "last words");
}

#[tokio::test]
async fn an_address_in_use_is_named_with_its_section() {
    let server = Server::start("127.0.0.34:0");
    let error = TcpTransport::bind(Transport::Tcp, &[server.address()], 0, &mut BindSockets).unwrap_err();
    let begin = format!("SIP cannot listen on TCP {} (section sip.tcp): Address already in use", server.address());
    assert!(error.to_string().starts_with(&begin), "{error}");
}
