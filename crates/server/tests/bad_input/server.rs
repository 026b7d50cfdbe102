//! The built server as a process of its own, on free ports of 127.0.0.1, with a folder of its own; killed when dropped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::phone::{LOCAL, eventually};

/// Ports of RTP that one server gets.
const RTP_PORTS: u16 = 20;

pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    pub(crate) sip: SocketAddr,
    http: SocketAddr,
}

impl Server {
    /// Starts it with this provisioning; `sounds` are files of its media folder.
    pub(crate) fn start(provisioning: &serde_json::Value, sounds: &[(&str, &[u8])]) -> Server {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("flowswitch-bad-input-{}-{count}", std::process::id()));
        fs::create_dir_all(folder.join("media")).unwrap();
        for (name, bytes) in sounds {
            fs::write(folder.join("media").join(name), bytes).unwrap();
        }
        fs::write(folder.join("numbers.json"), provisioning.to_string()).unwrap();
        let sip = free_ports(25_900, 25_999, 2, count);
        let rtp = free_ports(31_000, 31_999, RTP_PORTS, count);
        let folder_text = folder.display();
        let config = format!(
            "data_dir = \"{folder_text}/data\"\nprovision = [\"{folder_text}/numbers.json\"]\ndrain_seconds = 2\n\
             [sip]\ntls = []\nt1_ms = 100\nt2_ms = 400\nt4_ms = 500\n\
             [sip.udp]\naddress = \"127.0.0.1\"\nport = {sip}\n[http]\naddress = \"127.0.0.1\"\nport = {http}\n\
             [rtp]\naddress = \"127.0.0.1\"\nfirst_port = {rtp}\nlast_port = {last}\nready_pairs = 4\nrest_ms = 100\n\
             [media]\nfolder = \"{folder_text}/media\"\n[log]\nformat = \"json\"\n",
            http = sip + 1,
            last = rtp + RTP_PORTS - 1,
        );
        fs::write(folder.join("server.toml"), config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_flowswitch"))
            .args(["serve", "--config"])
            .arg(folder.join("server.toml"))
            .stdout(File::create(folder.join("log")).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let address = |port| SocketAddr::from((LOCAL, port));
        let server = Server { child, folder, sip: address(sip), http: address(sip + 1) };
        eventually("the server is ready", Duration::from_secs(10), || {
            server.get("/readyz").starts_with("HTTP/1.1 200")
        });
        server
    }

    /// The answer to a GET, head and body; empty if there is none.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect_timeout(&self.http, Duration::from_secs(1)) {
            stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let _ = stream.read_to_string(&mut answer);
        }
        answer
    }

    /// The sum of a metric over its labels.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let text = self.get("/metrics");
        let name = format!("flowswitch_{name}");
        let mut values = text.lines().filter_map(|line| {
            let (head, value) = line.rsplit_once(' ')?;
            (head.split('{').next() == Some(name.as_str())).then(|| value.parse::<u64>().unwrap())
        });
        let first = values.next().unwrap_or_else(|| panic!("there is no metric {name}"));
        first + values.sum::<u64>()
    }

    /// What it logged until now.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// It lives, nothing in it panicked, and all calls are gone.
    pub(crate) fn is_sound(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server is gone:\n{}", self.log());
        assert!(self.get("/healthz").starts_with("HTTP/1.1 200"), "{}", self.get("/healthz"));
        for counter in ["call_panics_total", "udp_handler_panics_total", "media_sounds_panics_total"] {
            assert_eq!(self.number(counter), 0, "{counter}");
        }
        assert!(!self.log().contains("panicked"), "{}", self.log());
        // A call whose 200 nobody acknowledges lives for 64 * T1 = 6.4 s, its BYE for as long again.
        for gauge in ["calls", "call_streams", "media_worker_open_streams"] {
            eventually(gauge, Duration::from_secs(15), || self.number(gauge) == 0);
        }
    }

    /// SIGTERM ends it by itself, with success.
    pub(crate) fn ends_cleanly(mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(8);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "still there 8 s after SIGTERM:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}:\n{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The first of `count` ports that nobody has, an even one. Tests that run at the same time begin at different places.
pub(crate) fn free_ports(first: u16, last: u16, count: u16, server: u16) -> u16 {
    let places = (last + 1 - first) / count;
    let begin = ((std::process::id() + u32::from(server) * 7) % u32::from(places)) as u16;
    let free = |port: u16| {
        let address = (Ipv4Addr::UNSPECIFIED, port);
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    (0..places)
        .map(|step| first + (begin + step) % places * count)
        .find(|port| (*port..*port + count).all(free))
        .unwrap_or_else(|| panic!("no {count} free ports between {first} and {last}"))
}
