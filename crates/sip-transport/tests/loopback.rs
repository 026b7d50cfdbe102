//! The transport on the real loopback interface.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{Hop, Transport};
use sip_transport::{BindSockets, Edge, ListenerConfig, Pushed, UdpTransport};

const PATIENCE: Duration = Duration::from_secs(5);

fn bind(address: &str) -> UdpTransport {
    UdpTransport::bind(&[ListenerConfig::new(address.parse().unwrap())], &mut BindSockets).unwrap()
}

/// A listener whose datagrams come out of a channel.
fn listen(address: &str) -> (UdpTransport, Receiver<(Bytes, Hop)>) {
    let mut transport = bind(address);
    let (sender, receiver) = mpsc::channel();
    transport.start(Arc::new(move |bytes, hop| drop(sender.send((bytes, hop))))).unwrap();
    (transport, receiver)
}

fn port(transport: &UdpTransport) -> u16 {
    transport.bound().next().unwrap().address.port()
}

fn client(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn receive(client: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    buffer.truncate(length);
    (buffer, from)
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_reply_leaves_from_the_address_that_was_dialled() {
    let (transport, arrived) = listen("0.0.0.0:0");
    let client = client("127.0.0.2:0");
    for dialled in ["127.0.0.1", "127.0.0.3", "127.9.8.7"] {
        let dialled = SocketAddr::new(dialled.parse().unwrap(), port(&transport));
        client.send_to(b"question", dialled).unwrap();
        let (bytes, hop) = arrived.recv_timeout(PATIENCE).unwrap();
        assert_eq!(&bytes[..], b"question");
        let remote = client.local_addr().unwrap();
        assert_eq!(hop, Hop { transport: Transport::Udp, listener: 0, local: dialled, remote });
        assert!(transport.sender().send(&hop, b"answer"));
        assert_eq!(receive(&client), (b"answer".to_vec(), dialled));
    }
    let metrics = transport.metrics().next().unwrap();
    assert_eq!((metrics.sent_datagrams.load(Relaxed), metrics.sent_bytes.load(Relaxed)), (3, 18));
    assert_eq!((metrics.received_datagrams.load(Relaxed), metrics.received_bytes.load(Relaxed)), (3, 24));
}

#[test]
fn a_listener_on_one_address_answers_from_it() {
    let (transport, arrived) = listen("127.0.0.3:0");
    let client = client("127.0.0.1:0");
    let dialled = SocketAddr::new("127.0.0.3".parse().unwrap(), port(&transport));
    client.send_to(b"x", dialled).unwrap();
    let (_, hop) = arrived.recv_timeout(PATIENCE).unwrap();
    assert_eq!(hop.local, dialled);
    assert!(transport.sender().send(&hop, b"y"));
    assert_eq!(receive(&client).1, dialled);
}

#[test]
fn ipv6_and_ipv4_are_listened_on_side_by_side() {
    // A free port of one version may be taken in the other: tried again.
    let both = || {
        let port = port(&bind("0.0.0.0:0"));
        let configs = [format!("0.0.0.0:{port}"), format!("[::]:{port}")];
        UdpTransport::bind(&configs.map(|address| ListenerConfig::new(address.parse().unwrap())), &mut BindSockets)
    };
    let mut transport = (0..20).find_map(|_| both().ok()).unwrap();
    let port = port(&transport);
    let (sender, arrived) = mpsc::channel();
    transport.start(Arc::new(move |bytes, hop| drop(sender.send((bytes, hop))))).unwrap();
    for (number, from, to) in [(0, "127.0.0.1:0", "127.0.0.1"), (1, "[::1]:0", "::1")] {
        let client = client(from);
        let dialled = SocketAddr::new(to.parse().unwrap(), port);
        client.send_to(b"x", dialled).unwrap();
        let (_, hop) = arrived.recv_timeout(PATIENCE).unwrap();
        assert_eq!((hop.listener, hop.local, hop.remote), (number, dialled, client.local_addr().unwrap()));
        assert!(transport.sender().send(&hop, b"y"));
        assert_eq!(receive(&client), (b"y".to_vec(), dialled));
    }
}

#[test]
fn the_longest_datagram_arrives_whole_and_so_does_an_empty_one() {
    let (transport, arrived) = listen("127.0.0.1:0");
    let client = client("127.0.0.2:0");
    let long: Vec<u8> = (0..65_507u32).map(|n| (n % 251) as u8).collect();
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), port(&transport));
    client.send_to(&long, to).unwrap();
    let (bytes, hop) = arrived.recv_timeout(PATIENCE).unwrap();
    assert!(bytes == long);
    assert!(transport.sender().send(&hop, &bytes));
    assert!(receive(&client).0 == long);
    client.send_to(b"", to).unwrap();
    assert_eq!(arrived.recv_timeout(PATIENCE).unwrap().0.len(), 0);
}

#[test]
fn what_the_kernel_drops_while_we_sleep_is_counted_to_the_last_datagram() {
    const SENT: u64 = 2000;
    let config = ListenerConfig { receive_buffer_bytes: 20_000, ..ListenerConfig::new("127.0.0.1:0".parse().unwrap()) };
    let mut transport = UdpTransport::bind(&[config], &mut BindSockets).unwrap();
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let handler_gate = gate.clone();
    transport.start(Arc::new(move |_, _| drop(handler_gate.lock().unwrap()))).unwrap();
    let client = client("127.0.0.2:0");
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), port(&transport));
    for _ in 0..SENT {
        client.send_to(&[b'x'; 500], to).unwrap();
    }
    drop(closed);
    let metrics = transport.metrics().next().unwrap();
    let received = || metrics.received_datagrams.load(Relaxed);
    // The count is told with the next datagram that finds room, so some more are sent until all are accounted for.
    let sent = Cell::new(SENT);
    wait_until("each datagram is either received or counted as dropped", || {
        let counted = received() + metrics.kernel_drops.load(Relaxed);
        if counted < sent.get() {
            client.send_to(b"more", to).unwrap();
            sent.set(sent.get() + 1);
        }
        counted == sent.get()
    });
    assert!(metrics.kernel_drops.load(Relaxed) > SENT / 2);
}

#[test]
fn sending_never_waits_and_never_fails_the_sender() {
    let (transport, arrived) = listen("127.0.0.1:0");
    let client = client("127.0.0.2:0");
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), port(&transport));
    client.send_to(b"x", to).unwrap();
    let (_, hop) = arrived.recv_timeout(PATIENCE).unwrap();
    let sender = transport.sender();
    assert!(!sender.send(&Hop { listener: 7, ..hop }, b"no such listener"));
    assert!(!sender.send(&hop, &[0; 65_508]), "longer than a datagram");
    assert!(!sender.send(&Hop { local: "192.0.2.1:5060".parse().unwrap(), ..hop }, b"not our address"));
    assert!(!sender.send(&hop.towards("[::1]:5060".parse().unwrap()), b"another IP version"));
    assert!(!sender.send(&hop.towards("127.0.0.2:0".parse().unwrap()), b"no port"));
    assert_eq!(transport.metrics().next().unwrap().send_errors.load(Relaxed), 4);
    // A closed port is nothing that UDP tells, and the listener goes on.
    let gone = UdpSocket::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    assert!(sender.send(&hop.towards(gone), b"nobody"));
    assert!(sender.send(&hop.towards(gone), b"nobody again"));
    client.send_to(b"still here", to).unwrap();
    assert_eq!(&arrived.recv_timeout(PATIENCE).unwrap().0[..], b"still here");
    assert_eq!(transport.metrics().next().unwrap().receive_errors.load(Relaxed), 0);
}

#[test]
fn a_handler_that_panics_costs_one_datagram() {
    let mut transport = bind("127.0.0.1:0");
    let (sender, arrived) = mpsc::channel();
    transport
        .start(Arc::new(move |bytes: Bytes, _| {
            assert_ne!(&bytes[..], b"poison");
            drop(sender.send(bytes));
        }))
        .unwrap();
    let client = client("127.0.0.2:0");
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), port(&transport));
    client.send_to(b"poison", to).unwrap();
    client.send_to(b"water", to).unwrap();
    assert_eq!(&arrived.recv_timeout(PATIENCE).unwrap()[..], b"water");
    assert_eq!(transport.metrics().next().unwrap().handler_panics.load(Relaxed), 1);
}

#[test]
fn an_address_in_use_is_named() {
    let first = bind("127.0.0.1:0");
    let address = first.bound().next().unwrap().address;
    let error = UdpTransport::bind(&[ListenerConfig::new(address)], &mut BindSockets).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("SIP cannot listen on UDP {address} (section sip.udp): ")),
        "{error}"
    );
    assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
    // Also from a listener on all addresses: otherwise each would get a part of the datagrams.
    let all = ListenerConfig::new(SocketAddr::new("0.0.0.0".parse().unwrap(), address.port()));
    assert!(UdpTransport::bind(&[all], &mut BindSockets).is_err());
}

#[test]
fn buffers_are_reported_as_they_are() {
    let config = ListenerConfig {
        receive_buffer_bytes: 150_000,
        send_buffer_bytes: 100_000,
        ..ListenerConfig::new("127.0.0.1:0".parse().unwrap())
    };
    let bound = UdpTransport::bind(&[config], &mut BindSockets).unwrap().bound().next().unwrap();
    assert_eq!((bound.receive_buffer_bytes, bound.send_buffer_bytes), (150_000, 100_000));
    let config = ListenerConfig { send_buffer_bytes: 1 << 30, ..config };
    let bound = UdpTransport::bind(&[config], &mut BindSockets).unwrap().bound().next().unwrap();
    assert!(bound.send_buffer_bytes < 1 << 30, "the system's limit shows");
}

#[test]
fn dropping_the_transport_stops_receiving_at_once_and_frees_the_address() {
    let (transport, arrived) = listen("127.0.77.1:0");
    let address = transport.bound().next().unwrap().address;
    let start = Instant::now();
    drop(transport);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(arrived.recv().is_err(), "the handler is gone");
    drop(UdpSocket::bind(address).unwrap());
}

#[test]
fn the_edge_answers_what_it_can_on_the_wire_and_survives_the_rest() {
    let mut transport = bind("0.0.0.0:0");
    let edge = Arc::new(Edge::new(2, 3));
    let (sorting, sender) = (edge.clone(), transport.sender());
    // Both lanes are full all the time.
    transport
        .start(Arc::new(move |bytes, hop| {
            sorting.receive(
                bytes,
                hop,
                |_, _, message, _| Pushed::Full(message),
                |to, answer| assert!(sender.send(to, answer)),
            );
        }))
        .unwrap();
    let client = client("127.0.0.2:0");
    let to = SocketAddr::new("127.0.0.3".parse().unwrap(), port(&transport));
    let via = client.local_addr().unwrap();
    for garbage in [b"\x80\0rtp".as_slice(), b"\0", &[0xff; 60_000], b"INVITE", b"SIP/2.0 200 OK\r\n\r\n"] {
        client.send_to(garbage, to).unwrap();
    }
    client.send_to(b"\r\n\r\n", to).unwrap();
    assert_eq!(receive(&client), (b"\r\n".to_vec(), to));
    let invite = |length| {
        format!(
            "INVITE sip:ivr@127.0.0.3 SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:ivr@127.0.0.3>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    for (length, status) in [(0, "SIP/2.0 503 "), (50, "SIP/2.0 400 ")] {
        client.send_to(invite(length).as_bytes(), to).unwrap();
        let (answer, from) = receive(&client);
        assert_eq!(from, to);
        assert!(answer.starts_with(status.as_bytes()), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(edge.metrics().new_work_answered.load(Relaxed), 1);
    assert_eq!(edge.metrics().malformed_answered.load(Relaxed), 1);
}
