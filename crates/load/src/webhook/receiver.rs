//! One thread for each connection of a sender of webhooks.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread::{self, Scope};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Shared;
use crate::args::{Behaviour, SinkArgs};
use crate::digest::hex;
use crate::fault::Sabotaged;
use crate::http::message::{Head, read_body, read_head};
use crate::sys;

/// Connections served at a time.
const CONNECTIONS: usize = 512;
/// An event is smaller than this.
const LARGEST: u64 = 4 << 20;
/// What an endless body has.
const HUGE: u64 = 1 << 30;

pub(super) struct Receiver<'a> {
    pub args: &'a SinkArgs,
    pub sabotaged: Sabotaged,
    pub shared: &'a Shared,
    /// To end them at the end.
    pub open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl Receiver<'_> {
    pub(super) fn accept<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, stream: TcpStream) {
        let mut requests = lock(&self.shared.requests);
        requests.connections += 1;
        let number = requests.connections;
        let mut open = lock(&self.open);
        let prepared = stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true));
        let (true, Ok(kept)) = (open.len() < CONNECTIONS && prepared.is_ok(), stream.try_clone()) else {
            requests.turned_away += 1;
            return;
        };
        open.insert(number, kept);
        drop(open);
        scope.spawn(move || {
            // However it ends, the connection is over; what was received of it has been counted.
            let _ = self.serve(&stream);
            lock(&self.open).remove(&number);
        });
    }

    pub(super) fn close_all(&self) {
        for stream in lock(&self.open).values() {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut from = BufReader::new(stream);
        while let Some(head) = read_head(&mut from)? {
            let mut body = read_body(&mut from, &head, LARGEST)?;
            let number = self.shared.count.fetch_add(1, Ordering::Relaxed);
            // Spread evenly over all events.
            let before = number as f64 * self.args.share / 100.0;
            let badly =
                self.args.behave != Behaviour::Ok && (before + self.args.share / 100.0).floor() > before.floor();
            self.count(&head, &body, badly);
            if self.sabotaged.is("cut-body") {
                body.pop();
            }
            self.take(&body, !badly);
            thread::sleep(Duration::from_millis(self.args.delay_ms));
            if badly {
                self.misbehave(stream, &head)?;
            } else {
                (&*stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            }
            if head.closes() {
                break;
            }
        }
        Ok(())
    }

    fn count(&self, head: &Head, body: &[u8], badly: bool) {
        let mut requests = lock(&self.shared.requests);
        requests.requests += 1;
        requests.mistreated += u64::from(badly);
        requests.redirects_followed += u64::from(head.start.contains("/redirected"));
        let is_json = head.field("Content-Type").is_some_and(|kind| kind.starts_with("application/json"));
        requests.wrong_request += u64::from(!is_json || !head.start.starts_with("POST "));
        let Some(secret) = &self.args.secret else { return };
        let key = if self.sabotaged.is("wrong-secret") { "another" } else { secret };
        let signature = head.field("X-VoIPBIN-Signature").filter(|_| !self.sabotaged.is("no-signature"));
        let counter = match signature {
            None => &mut requests.unsigned,
            Some(signature) if signature == signature_of(key, body) => &mut requests.signed,
            Some(_) => &mut requests.signature_wrong,
        };
        *counter += 1;
    }

    fn take(&self, body: &[u8], answered: bool) {
        let says = |name: &str| {
            let name = format!("\"{name}\"");
            body.windows(name.len()).any(|part| part == name.as_bytes())
        };
        let mut events = lock(&self.shared.events);
        let now_ns = sys::realtime_ns();
        let lost = (self.sabotaged.is("lose-created") && says("call_created"))
            || (self.sabotaged.is("lose-hangup") && says("call_hangup"))
            || (self.sabotaged.is("lose-call") && one_call_in_ten(body));
        if lost {
            return;
        }
        events.take(body, answered, now_ns);
        if self.sabotaged.is("repeat-event") {
            events.take(body, answered, now_ns);
        }
        if self.sabotaged.is("late-event") && says("call_hangup") {
            let text = String::from_utf8_lossy(body).replace("\"call_hangup\"", "\"call_ringing\"");
            events.take(text.as_bytes(), answered, now_ns);
        }
    }

    fn misbehave(&self, mut stream: &TcpStream, head: &Head) -> io::Result<()> {
        match self.args.behave {
            Behaviour::Ok => Ok(()),
            Behaviour::Hang => {
                while !self.shared.stop.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(io::ErrorKind::Interrupted.into())
            }
            Behaviour::Drop => stream.shutdown(Shutdown::Both),
            Behaviour::Redirect => {
                let path = head.start.split(' ').nth(1).unwrap_or("/");
                let path = path.strip_suffix("/redirected").unwrap_or(path);
                let location = format!("http://{}{}/redirected", self.args.listen, path.trim_end_matches('/'));
                let text =
                    format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(text.as_bytes())
            }
            Behaviour::Error => stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
            Behaviour::Huge => {
                stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n").as_bytes())?;
                let part = [b'x'; 1 << 16];
                for _ in 0..HUGE / part.len() as u64 {
                    stream.write_all(&part)?;
                    lock(&self.shared.requests).octets_taken += part.len() as u64;
                }
                Ok(())
            }
            Behaviour::Nonsense => {
                stream.write_all(b"\0\xff this is no HTTP \r\r\n\n: : :\r\n\r\n")?;
                stream.shutdown(Shutdown::Both)
            }
        }
    }
}

/// `sha256=` and the HMAC of the body, as spec/resources.md §12 says.
fn signature_of(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

/// By its id, so that all events of the call are lost.
fn one_call_in_ten(body: &[u8]) -> bool {
    let event: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let id = event.as_ref().and_then(|event| event.get("data")?.get("id")?.as_str());
    id.is_some_and(|id| id.bytes().map(u64::from).sum::<u64>().is_multiple_of(10))
}

/// A thread that panicked while it held the lock has left plain counters behind.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.3.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let signature = signature_of("Jefe", b"what do ya want for nothing?");
        assert_eq!(signature, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
