//! A web server of a few lines, whose answers are a function of path and request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Answers on 127.0.0.1 until the process ends.
pub(crate) struct Web {
    pub(crate) base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// `answer` is given the path and the whole head of the request, and writes the whole response.
    pub(crate) fn start(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), requests.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (answer, seen) = (answer.clone(), seen.clone());
                std::thread::spawn(move || serve(connection.unwrap(), &*answer, &seen));
            }
        });
        Web { base, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// How often a path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

fn serve(mut connection: TcpStream, answer: &dyn Fn(&str, &str) -> Vec<u8>, seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut octet = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if connection.read(&mut octet).unwrap_or(0) == 0 {
            return;
        }
        head.push(octet[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    seen.lock().unwrap().push(path.clone());
    let _ = connection.write_all(&answer(&path, &head));
}

/// A whole response that closes its connection.
pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut all =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    all.extend(body);
    all
}

/// A WAV file of so many ms at 8 kHz, µ-law.
pub(crate) fn wav(duration_ms: u32) -> Vec<u8> {
    super::wav_file::wav_file(7, 1, 8_000, 8, &vec![0x31; duration_ms as usize * 8])
}

/// Never comes in time.
pub(crate) fn too_late() -> Vec<u8> {
    std::thread::sleep(Duration::from_secs(3));
    Vec::new()
}

/// A web server that sends the beginning of a body at once and then one octet every 100 ms, or nothing more.
pub(crate) struct Drip {
    base: String,
    body: Arc<Mutex<Vec<u8>>>,
    drips: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Drip {
    /// A body of so many octets, of which so many come at once.
    pub(crate) fn start(length: usize, at_once: usize) -> Drip {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let drip = Drip {
            base,
            body: Arc::new(Mutex::new(vec![0; length])),
            drips: Arc::new(AtomicBool::new(true)),
            asked: Arc::default(),
            open: Arc::default(),
        };
        let (body, drips, asked, open) = (drip.body.clone(), drip.drips.clone(), drip.asked.clone(), drip.open.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let (body, drips, open) = (body.lock().unwrap().clone(), drips.clone(), open.clone());
                asked.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    let _ = connection.read(&mut [0; 4_096]);
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    let mut alive = connection.write_all(head.as_bytes()).is_ok();
                    alive &= connection.write_all(&body[..at_once]).is_ok();
                    for octet in &body[at_once..] {
                        if !alive {
                            break;
                        }
                        std::thread::sleep(Duration::from_millis(100));
                        alive = !drips.load(Ordering::SeqCst) || connection.write_all(&[*octet]).is_ok();
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        drip
    }

    /// It sends nothing more after the beginning.
    pub(crate) fn stopped(self) -> Drip {
        self.drips.store(false, Ordering::SeqCst);
        self
    }

    /// It sends this instead of zeros.
    pub(crate) fn sending(self, body: Vec<u8>) -> Drip {
        *self.body.lock().unwrap() = body;
        self
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// How many connections there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many of them are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn wait_for(&self, asked: usize) {
        let until = Instant::now() + Duration::from_secs(10);
        while self.asked() < asked && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(self.asked() >= asked, "{} of {asked}", self.asked());
    }
}
