//! A folder with a configuration, and the built server run in it, again and again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::{Opened, Store, StoreConfig};

use crate::callers::Callers;

/// Ports of RTP that one server gets: two for each call.
const RTP_PORTS: u16 = 520;
/// The access key that the provisioning names.
pub(crate) const KEY: &str = "vb_0123456789abcdefghijklmnopqrstuv";
/// The password of extension 1000.
pub(crate) const PASSWORD: &str = "open sesame";

/// A folder of one test's own, with ports of its own.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) sip: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// What a run of the program ended with.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Folder {
    /// Numbers: `wait` answers and waits, `record` records meanwhile, `short` hangs up at once.
    pub(crate) fn new(name: &str) -> Folder {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("flowswitch-data-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let sip = free_ports(25_600, 25_799, 3, count);
        let rtp = free_ports(26_000, 30_999, RTP_PORTS, count);
        let folder = Folder { path, sip: local(sip), http: local(sip + 1) };
        let config = format!(
            "data_dir = \"data\"\nprovision = [\"numbers.json\"]\ndrain_seconds = 1\n\
             [sip.udp]\naddress = \"127.0.0.1\"\nport = {sip}\n[sip.tls]\nport = {tls}\n[http]\naddress = \"127.0.0.1\"\nport = {http}\n\
             [rtp]\naddress = \"127.0.0.1\"\nfirst_port = {rtp}\nlast_port = {last}\nready_pairs = 64\nrest_ms = 100\n\
             [log]\nformat = \"json\"\n",
            http = sip + 1,
            tls = sip + 2,
            last = rtp + RTP_PORTS - 1,
        );
        fs::write(folder.path.join("server.toml"), config).unwrap();
        fs::write(folder.path.join("numbers.json"), provisioning().to_string()).unwrap();
        folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowswitch"));
        command.args(arguments).args(["--config", "server.toml"]).current_dir(&self.path);
        command
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn start(&self) -> Server<'_> {
        let log = File::options().create(true).append(true).open(self.path.join("log")).unwrap();
        let child = self.command(&["serve"]).stdout(log).stderr(Stdio::inherit()).spawn().unwrap();
        self.ready(child)
    }

    fn ready(&self, child: Child) -> Server<'_> {
        let mut server = Server { child, folder: self };
        let end = Instant::now() + Duration::from_secs(20);
        while !self.get("/readyz").starts_with("HTTP/1.1 200") {
            assert!(server.child.try_wait().unwrap().is_none(), "it does not start:\n{}", self.log());
            assert!(Instant::now() < end, "it is not ready: {}\n{}", self.get("/readyz"), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// A server whose files may be limited: it is told so by an error, as of a full disk, and not by a signal. Its log goes
    /// nowhere, and what it says at its end is kept.
    pub(crate) fn start_unlimited(&self) -> Server<'_> {
        let script = "trap '' XFSZ; exec \"$0\" serve --config server.toml";
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_flowswitch")]).current_dir(&self.path);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        self.ready(child)
    }

    /// Runs a command that ends by itself, within 15 s.
    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(15);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = child.wait_with_output().unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Ended { code: output.status.code(), out: text(&output.stdout), error: text(&output.stderr) }
    }

    /// The store, while no server runs.
    pub(crate) fn open(&self) -> Opened {
        Store::open(StoreConfig::new(self.data())).unwrap()
    }

    /// What all servers in it have logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path.join("log")).unwrap_or_default()
    }

    /// Waits until so many calls are on record: a 200 to an INVITE goes out before its record is on the disk.
    pub(crate) fn await_calls(&self, count: usize) {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let calls = self.get("/v1.0/calls?page_size=100");
            if calls.matches("\"hangup_reason\"").count() == count {
                return;
            }
            assert!(Instant::now() < end, "{count} calls were made, and these are on record: {calls}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The answer to a GET with the access key, head and body; empty if there is none.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect_timeout(&self.http, Duration::from_secs(1)) {
            stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            let joint = if path.contains('?') { '&' } else { '?' };
            let _ = write!(
                stream,
                "GET {path}{joint}accesskey={KEY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.read_to_string(&mut answer);
        }
        answer
    }

    /// The JSON of an answer of 200 to a request with the access key and this body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.answer(method, path, body);
        let (head, json) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        serde_json::from_str(json).unwrap()
    }

    /// The same, whatever it is.
    pub(crate) fn answer(&self, method: &str, path: &str, body: &Value) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Every file below the data folder with its contents, but for the lock, which every start makes anew.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // SQLite's index of the write-ahead log is made anew whenever the database is looked at.
                let passing = ["lock", "flowswitch.sqlite-shm"].iter().any(|name| path.ends_with(name));
                match path.is_dir() {
                    true => folders.push(path),
                    false if passing => {}
                    false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
                }
            }
        }
        found
    }

    /// The segment files of the event log, oldest first.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data().join("log")).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "log"));
        paths.sort();
        paths
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server<'a> {
    child: Child,
    folder: &'a Folder,
}

impl Server<'_> {
    /// SIGKILL: what a power loss is to a process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill {signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// [`Server::ends_cleanly`], with callers who answer meanwhile.
    pub(crate) fn ends_cleanly_while(mut self, callers: &mut Callers) {
        self.signal("-TERM");
        let end = Instant::now() + Duration::from_secs(12);
        let status = loop {
            callers.listen(Duration::from_millis(10));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "still there:\n{}", self.folder.log());
        };
        assert!(status.success(), "{status}:\n{}", self.folder.log());
    }

    /// From now on no file of it grows beyond so many octets, or `unlimited`.
    pub(crate) fn limit_files(&self, octets: impl std::fmt::Display) {
        let (process, limit) = (format!("--pid={}", self.child.id()), format!("--fsize={octets}:"));
        assert!(Command::new("prlimit").args([process, limit]).status().unwrap().success());
    }

    /// Waits for its end, with callers who answer meanwhile; what it said on standard error.
    pub(crate) fn ends_with_words(mut self, callers: &mut Callers, time: Duration) -> Ended {
        let end = Instant::now() + time;
        let status = loop {
            callers.listen(Duration::from_millis(10));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "still there after {time:?}");
        };
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        Ended { code: status.code(), out: String::new(), error }
    }

    /// Waits for its end.
    pub(crate) fn ends_within(mut self, time: Duration) -> ExitStatus {
        let end = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "still there after {time:?}:\n{}", self.folder.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGTERM, and the end, with success.
    pub(crate) fn ends_cleanly(self) {
        let folder = self.folder;
        self.signal("-TERM");
        let status = self.ends_within(Duration::from_secs(12));
        assert!(status.success(), "{status}:\n{}", folder.log());
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn provisioning() -> Value {
    let id = |number: u8| format!("b1d0c0de-0003-4000-8000-00000000000{number}");
    let wait = json!({ "type": "sleep", "option": { "duration": 120_000 } });
    json!({
        "flows": [
            { "id": id(1), "name": "wait", "actions": [{ "type": "answer" }, wait] },
            { "id": id(2), "name": "record", "actions": [
                { "type": "answer" }, { "type": "recording_start", "option": { "format": "wav" } }, wait,
            ] },
            { "id": id(4), "name": "beep", "actions": [
                { "type": "answer" }, { "type": "recording_start", "option": { "beep_start": true } }, wait,
            ] },
            { "id": id(3), "name": "short", "actions": [{ "type": "answer" }, { "type": "hangup" }] },
        ],
        "numbers": [
            { "number": "wait", "call_flow_id": id(1) },
            { "number": "record", "call_flow_id": id(2) },
            { "number": "short", "call_flow_id": id(3) },
            { "number": "beep", "call_flow_id": id(4) },
        ],
        "extensions": [{ "extension": "1000", "password": PASSWORD }],
        "accesskeys": [{ "name": "test", "token": KEY }],
    })
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The first of `count` ports that nobody has, an even one. Tests that run at the same time begin at different places.
fn free_ports(first: u16, last: u16, count: u16, test: u16) -> u16 {
    let places = (last + 1 - first) / count;
    let begin = ((std::process::id() + u32::from(test) * 3) % u32::from(places)) as u16;
    let free = |port: u16| {
        let address = (Ipv4Addr::UNSPECIFIED, port);
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    (0..places)
        .map(|step| first + (begin + step) % places * count)
        .find(|port| (*port..*port + count).all(free))
        .unwrap_or_else(|| panic!("no {count} free ports between {first} and {last}"))
}

/// Overwrites octets of a file from `at` on.
pub(crate) fn spoil(path: &Path, at: usize, octets: usize) {
    let mut contents = fs::read(path).unwrap();
    let end = (at + octets).min(contents.len());
    contents[at..end].fill(0xa5);
    fs::write(path, contents).unwrap();
}
