//! A small REST API on 127.0.0.1 with flows and numbers, for the tester to ask.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it does wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Lists have no `next_page_token`.
    pub no_token: bool,
    /// The connection ends with each response.
    pub closes: bool,
    /// Each response comes this much later.
    pub delay_ms: u64,
}

pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    flows: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Api {
    /// It lives as long as the test's process.
    pub(crate) fn start(faults: Faults) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let flows = Arc::new(Mutex::new(BTreeMap::from([(id(1), "first".to_owned())])));
        let shared = flows.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let flows = shared.clone();
                std::thread::spawn(move || serve(&stream.unwrap(), &flows, faults));
            }
        });
        Api { address, flows }
    }

    pub(crate) fn flows(&self) -> usize {
        self.flows.lock().unwrap().len()
    }
}

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn serve(stream: &TcpStream, flows: &Mutex<BTreeMap<String, String>>, faults: Faults) {
    let mut from = BufReader::new(stream.try_clone().unwrap());
    let mut to = stream;
    loop {
        let (mut start, mut length, mut key) = (String::new(), 0, String::new());
        if from.read_line(&mut start).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name {
                "Content-Length" => length = value.parse().unwrap(),
                "Authorization" => key = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body).unwrap();
        std::thread::sleep(Duration::from_millis(faults.delay_ms));
        let mut words = start.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let (status, body) = if key == "Bearer vb_right" {
            answer(method, path, flows, faults)
        } else {
            ("401 Unauthorized", "{\"error\":{}}".to_owned())
        };
        let close = if faults.closes { "Connection: close\r\n" } else { "" };
        let length =
            if status.starts_with("204") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let response = format!("HTTP/1.1 {status}\r\n{close}{length}\r\n{body}");
        if to.write_all(response.as_bytes()).is_err() || faults.closes {
            return;
        }
    }
}

fn answer(method: &str, path: &str, flows: &Mutex<BTreeMap<String, String>>, faults: Faults) -> (&'static str, String) {
    let mut flows = flows.lock().unwrap();
    let path = path.split('?').next().unwrap();
    let one = path.strip_prefix("/v1.0/flows/");
    let show = |id: &str| ("200 OK", format!("{{\"id\":\"{id}\"}}"));
    match (method, one) {
        ("POST", None) => {
            let id = id(flows.len() + 1000 + rand());
            flows.insert(id.clone(), "new".to_owned());
            show(&id)
        }
        ("GET" | "PUT", Some(one)) if flows.contains_key(one) => show(one),
        ("DELETE", Some(one)) if flows.remove(one).is_some() => ("204 No Content", String::new()),
        ("GET", _) if path.starts_with("/v1.0/numbers/") && path.matches('/').count() == 3 => show(&path[14..]),
        ("GET", None) if path.matches('/').count() == 2 => {
            let token = if faults.no_token { "" } else { ",\"next_page_token\":\"\"" };
            ("200 OK", format!("{{\"result\":[{{\"id\":\"{}\"}}]{token}}}", id(1)))
        }
        _ => ("404 Not Found", "{\"error\":{\"status\":\"NOT_FOUND\"}}".to_owned()),
    }
}

/// Unlike any other number of this process.
fn rand() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(10_000, Ordering::Relaxed)
}
