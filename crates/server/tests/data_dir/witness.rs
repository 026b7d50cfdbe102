//! One who is told of events as they happen: a WebSocket (RFC 6455), read by hand.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Folder, KEY};

/// Events with the time at which each arrived. It ends with the connection.
pub(crate) struct Witness(Receiver<(Instant, Value)>);

impl Witness {
    /// Subscribes to everything of the only customer.
    pub(crate) fn new(folder: &Folder) -> Witness {
        let mut stream = TcpStream::connect(folder.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(
            stream,
            "GET /v1.0/ws?accesskey={KEY} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            head.push(octet[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let customer = flowswitch_server::provision::default_customer();
        let wish = format!("{{\"type\":\"subscribe\",\"topics\":[\"customer_id:{customer}:\"]}}");
        // A client's frames are masked (§5.3); a mask of zeros changes nothing. At most 125 octets (§5.2).
        let mut frame = vec![0x81, 0x80 | u8::try_from(wish.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(wish.as_bytes());
        stream.write_all(&frame).unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            while let Some((kind, payload)) = read_frame(&mut stream) {
                if kind == 1 && sender.send((Instant::now(), serde_json::from_slice(&payload).unwrap())).is_err() {
                    return;
                }
            }
        });
        Witness(receiver)
    }

    /// Waits for one event of this name; what came before it is dropped.
    pub(crate) fn wait_for(&self, name: &str) {
        loop {
            let (_, event) = self.0.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("no {name} came"));
            if event["type"] == name {
                return;
            }
        }
    }

    /// Everything until the end of the connection.
    pub(crate) fn all(self) -> Vec<(Instant, Value)> {
        self.0.iter().collect()
    }
}

/// One frame of the server's, which has no mask (§5.2): its kind and payload.
fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            u64::from(u16::from_be_bytes(length))
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length).ok()?;
            u64::from_be_bytes(length)
        }
        short => u64::from(short),
    };
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).ok()?;
    Some((head[0] & 0x0f, payload))
}
