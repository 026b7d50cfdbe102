//! Receivers: good ones, slow ones, hostile ones.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers with this status.
    Status(u16),
    /// Answers with these statuses, one after the other, then with the last one.
    Statuses(Vec<u16>),
    /// Reads and says nothing.
    Hang,
    /// Closes the connection after the request.
    Drop,
    /// Sends on to itself.
    Loop,
    /// Answers with these bytes.
    Raw(Vec<u8>),
    /// Sends a body that does not end.
    Endless,
    /// Sends an octet of its body each second.
    Trickle,
    /// Answers 200 after so long.
    Slow(Duration),
    /// Sends on to here.
    To(String),
    /// Answers 200 with this body.
    Body(Vec<u8>),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) manner: Arc<Mutex<Manner>>,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    pub(crate) connections: Arc<Mutex<usize>>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver {
            address: listener.local_addr().unwrap(),
            manner: Arc::new(Mutex::new(manner)),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (manner, requests, connections) =
            (receiver.manner.clone(), receiver.requests.clone(), receiver.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, manner.clone(), requests.clone()));
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Waits until so many requests came.
    pub(crate) async fn wait_for(&self, count: usize) {
        for _ in 0..1_000 {
            if self.count() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} requests came", self.count());
    }
}

async fn serve(mut stream: TcpStream, manner: Arc<Mutex<Manner>>, requests: Arc<Mutex<Vec<Request>>>) {
    let mut octets: Vec<u8> = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut octets).await else { return };
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        let manner = manner.lock().unwrap().clone();
        let status = |status: u16| format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes();
        let answer = match manner {
            Manner::Status(code) => status(code),
            Manner::Statuses(codes) => status(codes[number.min(codes.len() - 1)]),
            Manner::Hang => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
            Manner::Drop => return,
            Manner::Loop => b"HTTP/1.1 307 X\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Manner::To(location) => {
                format!("HTTP/1.1 307 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
            }
            Manner::Raw(octets) => {
                let _ = stream.write_all(&octets).await;
                return;
            }
            Manner::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").await;
                while stream.write_all(&[0; 65_536]).await.is_ok() {}
                return;
            }
            Manner::Trickle => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                return;
            }
            Manner::Slow(time) => {
                tokio::time::sleep(time).await;
                status(200)
            }
            Manner::Body(body) => {
                let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
                answer.extend(body);
                answer
            }
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, octets: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&octets[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            let total = end + 4 + length.unwrap_or(0);
            if octets.len() >= total {
                let body = octets[end + 4..total].to_vec();
                octets.drain(..total);
                return Some(Request { head, body });
            }
        }
        let mut more = [0; 16_384];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => octets.extend_from_slice(&more[..count]),
        }
    }
}
