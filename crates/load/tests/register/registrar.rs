//! A small registrar on 127.0.0.1: one nonce, both algorithms, contacts in memory, the password of X is `load-X`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use md5::{Digest, Md5};
use sha2::Sha256;

/// What it does wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The 200 lists no contact.
    pub lists_nothing: bool,
    /// Anybody is let in who has credentials at all.
    pub trusts_everybody: bool,
    /// The nonce is too old after so many uses.
    pub nonce_uses: Option<u32>,
}

pub(crate) struct Registrar {
    pub(crate) address: SocketAddr,
    pub(crate) sha256_seen: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Registrar {
    pub(crate) fn start(faults: Faults) -> Registrar {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let sha256_seen = Arc::new(AtomicU32::new(0));
        let (stopped, seen) = (stop.clone(), sha256_seen.clone());
        let thread = std::thread::spawn(move || {
            let mut state = State { faults, bindings: BTreeMap::new(), nonce: 1, uses: 0, sha256_seen: seen };
            let mut buffer = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    let response = state.answer(std::str::from_utf8(&buffer[..length]).unwrap());
                    socket.send_to(response.as_bytes(), from).unwrap();
                }
            }
        });
        Registrar { address, sha256_seen, stop, thread: Some(thread) }
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct State {
    faults: Faults,
    /// Address of record to contacts.
    bindings: BTreeMap<String, Vec<String>>,
    nonce: u32,
    uses: u32,
    sha256_seen: Arc<AtomicU32>,
}

impl State {
    fn answer(&mut self, request: &str) -> String {
        let Some(credentials) = field(request, "Authorization") else { return self.challenge(request, false) };
        if self.faults.nonce_uses.is_some_and(|uses| self.uses >= uses) {
            (self.nonce, self.uses) = (self.nonce + 1, 0);
        }
        if parameter(credentials, "nonce") != Some(format!("n{}", self.nonce)) {
            return self.challenge(request, true);
        }
        self.uses += 1;
        if !self.faults.trusts_everybody && !self.is_right(credentials) {
            return self.challenge(request, false);
        }
        let user = parameter(credentials, "username").unwrap();
        let contact = field(request, "Contact").unwrap().to_owned();
        let contacts = self.bindings.entry(user).or_default();
        contacts.retain(|one| *one != contact);
        let expires = field(request, "Expires").unwrap();
        if expires != "0" {
            contacts.push(contact);
        }
        let listed = contacts.iter().filter(|_| !self.faults.lists_nothing);
        let listed: String = listed.map(|one| format!("Contact: {one};expires={expires}\r\n")).collect();
        respond(request, "200 OK", &listed)
    }

    fn challenge(&self, request: &str, stale: bool) -> String {
        let header = |algorithm: &str| {
            let (nonce, stale) = (self.nonce, if stale { ", stale=true" } else { "" });
            format!(
                "WWW-Authenticate: Digest realm=\"a, b\", nonce=\"n{nonce}\", qop=\"auth\", algorithm={algorithm}{stale}\r\n"
            )
        };
        respond(request, "401 Unauthorized", &(header("SHA-256") + &header("MD5")))
    }

    fn is_right(&self, credentials: &str) -> bool {
        let of = |name: &str| parameter(credentials, name).unwrap_or_default();
        let sha256 = of("algorithm") == "SHA-256";
        self.sha256_seen.fetch_add(u32::from(sha256), Ordering::Relaxed);
        let hash = |text: String| -> String {
            let digest: Vec<u8> = if sha256 { Sha256::digest(text).to_vec() } else { Md5::digest(text).to_vec() };
            digest.iter().map(|octet| format!("{octet:02x}")).collect()
        };
        let user = of("username");
        let secret = hash(format!("{user}:a, b:load-{user}"));
        let request = hash(format!("REGISTER:{}", of("uri")));
        let (nonce, count, ours) = (of("nonce"), of("nc"), of("cnonce"));
        of("response") == hash(format!("{secret}:{nonce}:{count}:{ours}:auth:{request}"))
    }
}

fn respond(request: &str, status: &str, headers: &str) -> String {
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
        .iter()
        .map(|name| format!("{name}: {}\r\n", field(request, name).unwrap()))
        .collect();
    format!("SIP/2.0 {status}\r\n{copied}{headers}Content-Length: 0\r\n\r\n")
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn parameter(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!(" {name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(rest) => rest.split_once('"')?.0,
        None => rest.split(',').next()?,
    };
    Some(value.to_owned())
}
