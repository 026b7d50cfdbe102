//! A WebSocket client, spoken by hand (RFC 6455).

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A connection after the upgrade.
pub(crate) struct WebSocket(pub(crate) TcpStream);

impl WebSocket {
    /// Asks for an upgrade with more lines in the head; also gives the head of the 101.
    pub(crate) async fn open(address: SocketAddr, path: &str, more: &str) -> (WebSocket, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}{more}\r\n").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        (WebSocket(stream), head)
    }

    /// Sends one frame; `first` is its first octet.
    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            middle @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        // A mask of zeros leaves the payload as it is.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame's first octet and payload; none when the connection is closed.
    pub(crate) async fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let mut length = usize::from(self.0.read_u8().await.unwrap());
        if length == 126 {
            length = usize::from(self.0.read_u16().await.unwrap());
        }
        let mut octets = vec![0; length];
        self.0.read_exact(&mut octets).await.unwrap();
        Some((first, octets))
    }
}

/// What asks for an upgrade.
pub(crate) const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The code of a close frame; without any it is called 1005 (RFC 6455 §7.1.5).
pub(crate) fn close_code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}
