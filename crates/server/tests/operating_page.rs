//! `docs/operating.md` and the running server name the same metrics.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PAGE: &str = include_str!("../../../docs/operating.md");

/// A server of our own, in a folder of its own; it ends with the test.
struct Server {
    child: Child,
    folder: PathBuf,
    http_port: u16,
}

impl Server {
    fn start() -> Server {
        let folder = std::env::temp_dir().join(format!("flowswitch-operating-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let sip_port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let http_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Few port pairs, on the other side of the range from which the ports above come.
        let first = if sip_port < 30_000 { 40_000 } else { 20_000 };
        let child = Command::new(env!("CARGO_BIN_EXE_flowswitch"))
            .arg("serve")
            .current_dir(&folder)
            .env("FLOWSWITCH_SIP__UDP__ADDRESS", "127.0.0.1")
            .env("FLOWSWITCH_SIP__UDP__PORT", sip_port.to_string())
            // Its ports would be those of UDP and the one above, which nobody has looked for.
            .env("FLOWSWITCH_SIP__TCP", "[]")
            .env("FLOWSWITCH_SIP__TLS", "[]")
            .env("FLOWSWITCH_HTTP__ADDRESS", "127.0.0.1")
            .env("FLOWSWITCH_HTTP__PORT", http_port.to_string())
            .env("FLOWSWITCH_RTP__FIRST_PORT", first.to_string())
            .env("FLOWSWITCH_RTP__LAST_PORT", (first + 19).to_string())
            .env("FLOWSWITCH_MEDIA__WORKERS", "1")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Server { child, folder, http_port }
    }

    fn metrics(&self) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", self.http_port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "the server does not come up: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_metric_is_on_the_page_and_the_page_names_no_other() {
    let answer = Server::start().metrics();
    let printed: BTreeSet<&str> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| on_this_machine(name))
        .collect();
    assert!(printed.len() > 100, "only {}:\n{answer:.1000}", printed.len());
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let named: BTreeSet<&str> = PAGE
        .match_indices("flowswitch_")
        .map(|(at, _)| PAGE[at..].split(|c| !is_name(c)).next().unwrap_or_default())
        .filter(|name| on_this_machine(name))
        .collect();
    let missing: Vec<_> = printed.difference(&named).collect();
    let gone: Vec<_> = named.difference(&printed).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not on the page: {missing:?}\nnot printed: {gone:?}");
    // Named in passing is not explained: each has a row of a table.
    for name in printed {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
        let cells: Vec<&str> = row.unwrap_or_else(|| panic!("{name} has no row")).split(" | ").collect();
        assert!(cells.len() == 3 && cells.iter().all(|cell| cell.len() > 5), "{name}: {cells:?}");
    }
}

/// Where the kernel has no tables of UDP the metrics made of them are not there, and are not asked for.
fn on_this_machine(name: &str) -> bool {
    !name.starts_with("flowswitch_kernel_udp_") || Path::new("/proc/net/snmp").exists()
}

/// The page's own promises about keys are about keys that exist.
#[test]
fn every_key_on_the_page_is_in_the_configuration() {
    let manual = include_str!("../../../conf/flowswitch.toml");
    let mut keys = BTreeSet::new();
    let mut section = "";
    for line in manual.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains([' ', '#', '"'])) {
            keys.insert(if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") });
        }
    }
    let sections = [
        "sip.",
        "http.",
        "rtp.",
        "media.",
        "flow.",
        "calls.",
        "control.",
        "log.",
        "store.",
        "webhook.",
        "speech.",
        "registrar.",
        "recordings.",
        "api.",
    ];
    let mut seen = 0;
    for word in PAGE.split('`').skip(1).step_by(2) {
        let word = word.split(" = ").next().unwrap_or_default();
        if sections.iter().any(|section| word.starts_with(section)) {
            assert!(keys.contains(word), "the page names {word}, which is no key");
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen}");
}
