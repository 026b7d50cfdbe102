//! One connection to the API that is kept open, and the requests that go over it one after the other.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::message::{read_body, read_head};

/// A longer response is no answer of this API.
const LARGEST: u64 = 16 << 20;

/// Where and how.
#[derive(Debug)]
pub(super) struct Server {
    pub address: SocketAddr,
    pub host: String,
    pub key: String,
    pub timeout: Duration,
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A connection, if there is one at the moment.
pub(super) struct Connection<'a> {
    server: &'a Server,
    stream: Option<BufReader<TcpStream>>,
    /// How often one had to be made after the first.
    pub reconnected: u64,
    connected: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(server: &'a Server) -> Connection<'a> {
        Connection { server, stream: None, reconnected: 0, connected: false }
    }

    /// Ends the connection; the next request makes a new one.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a request and waits for its response. After an error the connection is closed.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: Option<&str>) -> io::Result<Response> {
        let response = self.try_to_ask(method, path, body);
        if response.is_err() {
            self.stream = None;
        }
        response
    }

    fn try_to_ask(&mut self, method: &str, path: &str, body: Option<&str>) -> io::Result<Response> {
        let Server { host, key, .. } = self.server;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n");
        if !key.is_empty() {
            text.push_str(&format!("Authorization: Bearer {key}\r\n"));
        }
        if let Some(body) = body {
            text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body.unwrap_or_default());
        let stream = self.connect()?;
        stream.get_mut().write_all(text.as_bytes())?;
        let head = read_head(stream)?.ok_or(io::ErrorKind::ConnectionAborted)?;
        let status = head.status().ok_or_else(|| io::Error::other("the response has no status"))?;
        let body = read_body(stream, &head, LARGEST)?;
        if head.closes() {
            self.stream = None;
        }
        Ok(Response { status, body })
    }

    fn connect(&mut self) -> io::Result<&mut BufReader<TcpStream>> {
        if self.stream.is_none() {
            self.reconnected += u64::from(self.connected);
            let stream = TcpStream::connect_timeout(&self.server.address, self.server.timeout)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(self.server.timeout))?;
            stream.set_write_timeout(Some(self.server.timeout))?;
            self.connected = true;
            self.stream = Some(BufReader::new(stream));
        }
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
