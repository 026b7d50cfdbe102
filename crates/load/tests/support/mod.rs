//! A small SIP and RTP responder on 127.0.0.1 for the caller to call: it knows just enough, and shares no code with it.
//!
//! Users: `echo` sends frames back in a stream of its own, `menu` plays 440 Hz until a digit and 700 Hz after it, `prompt`
//! plays 1000 Hz for two seconds, `bye` hangs up after 300 ms, `ringing` never answers, `room1` to `room9` are conferences,
//! `talk` is silent for 200 ms and then plays 500 Hz, anything else is 404.

mod room;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const T1: Duration = Duration::from_millis(500);

/// The running target; it ends when dropped.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    pub(crate) fn start() -> Target {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut server = Server { socket, calls: HashMap::new(), next_mix: Instant::now() };
            while !stopped.load(Ordering::Relaxed) {
                server.turn();
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        Target { address, stop, thread: Some(thread) }
    }

    pub(crate) fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.address)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Server {
    socket: UdpSocket,
    calls: HashMap<String, Call>,
    next_mix: Instant,
}

struct Call {
    user: String,
    peer: SocketAddr,
    invite: String,
    /// Closed with the call.
    rtp: Option<UdpSocket>,
    rtp_peer: SocketAddr,
    answered: Instant,
    /// The 200 is sent again at this time, until the ACK.
    answer: Option<(String, Instant, Duration)>,
    /// So is our BYE, until its answer.
    bye: Option<(String, Instant, Duration)>,
    said_bye: bool,
    over: bool,
    sequence: u16,
    timestamp: u32,
    next_frame: Instant,
    frames: u32,
    digit_seen: bool,
    /// What it said and the room has not yet heard.
    said: room::Said,
}

impl Server {
    fn turn(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            self.receive(&text, from);
        }
        let now = Instant::now();
        while now >= self.next_mix {
            self.next_mix += Duration::from_millis(20);
            room::mix(self.calls.values_mut());
        }
        for call in self.calls.values_mut() {
            if call.over {
                call.rtp = None;
                continue;
            }
            for (text, at, pause) in [&mut call.answer, &mut call.bye].into_iter().flatten() {
                if now >= *at {
                    self.socket.send_to(text.as_bytes(), call.peer).unwrap();
                    *pause *= 2;
                    *at = now + *pause;
                }
            }
            call.sound(now);
            if call.user == "bye"
                && !call.said_bye
                && call.answer.is_none()
                && now >= call.answered + Duration::from_millis(300)
            {
                call.said_bye = true;
                let bye = call.make_bye(self.socket.local_addr().unwrap());
                self.socket.send_to(bye.as_bytes(), call.peer).unwrap();
                call.bye = Some((bye, now + T1, T1));
            }
        }
    }

    fn receive(&mut self, text: &str, from: SocketAddr) {
        let call_id = header(text, "Call-ID").to_owned();
        let method = text.split(' ').next().unwrap();
        match method {
            "INVITE" if !self.calls.contains_key(&call_id) => self.invite(text, from, call_id),
            "INVITE" => {}
            "ACK" => {
                if let Some(call) = self.calls.get_mut(&call_id) {
                    call.answer = None;
                }
            }
            "BYE" => match self.calls.get_mut(&call_id) {
                Some(call) => {
                    call.over = true;
                    self.respond(text, from, "200 OK", "", "");
                }
                None => self.respond(text, from, "481 Call/Transaction Does Not Exist", "", ""),
            },
            "CANCEL" => {
                self.respond(text, from, "200 OK", "", "");
                if let Some(call) = self.calls.get_mut(&call_id) {
                    call.over = true;
                    let invite = call.invite.clone();
                    self.respond(&invite, from, "487 Request Terminated", "", "");
                }
            }
            "SIP/2.0" => {
                if let Some(call) = self.calls.get_mut(&call_id) {
                    call.bye = None;
                    call.over = true;
                }
            }
            other => panic!("unexpected {other}"),
        }
    }

    fn invite(&mut self, text: &str, from: SocketAddr, call_id: String) {
        self.respond(text, from, "100 Trying", "", "");
        let user = text.split(['@', ':']).nth(1).unwrap().to_owned();
        let known = ["echo", "menu", "prompt", "bye", "ringing", "talk"].contains(&user.as_str());
        if !known && !user.starts_with("room") {
            return self.respond(text, from, "404 Not Found", "", "");
        }
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        rtp.set_nonblocking(true).unwrap();
        let ip = text.split("c=IN IP4 ").nth(1).unwrap().split("\r\n").next().unwrap();
        let port = text.split("m=audio ").nth(1).unwrap().split(' ').next().unwrap();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            rtp.local_addr().unwrap().port()
        );
        let now = Instant::now();
        let mut call = Call {
            peer: from,
            invite: text.to_owned(),
            rtp: Some(rtp),
            rtp_peer: format!("{ip}:{port}").parse().unwrap(),
            answered: now,
            answer: None,
            bye: None,
            said_bye: false,
            over: false,
            sequence: 65_500,
            timestamp: 1000,
            next_frame: now + Duration::from_millis(20),
            frames: 0,
            digit_seen: false,
            said: room::Said::default(),
            user,
        };
        if call.user == "ringing" {
            self.respond(text, from, "180 Ringing", "", "");
        } else {
            let contact = format!(
                "Contact: <sip:target@{}>\r\nContent-Type: application/sdp\r\n",
                self.socket.local_addr().unwrap()
            );
            let answer = response(text, "200 OK", &contact, &sdp);
            self.socket.send_to(answer.as_bytes(), from).unwrap();
            call.answer = Some((answer, now + T1, T1));
        }
        self.calls.insert(call_id, call);
    }

    fn respond(&self, request: &str, to: SocketAddr, status: &str, headers: &str, body: &str) {
        self.socket.send_to(response(request, status, headers, body).as_bytes(), to).unwrap();
    }
}

fn response(request: &str, status: &str, headers: &str, body: &str) -> String {
    let tag = if status.starts_with("100") || header(request, "To").contains("tag=") { "" } else { ";tag=target" };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        header(request, "Via"),
        header(request, "From"),
        header(request, "To"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
        body.len()
    )
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("no {name} in {text}"))
}

impl Call {
    fn make_bye(&self, local: SocketAddr) -> String {
        let contact = header(&self.invite, "Contact").trim_matches(['<', '>']);
        format!(
            "BYE {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKbye{}\r\nMax-Forwards: 70\r\nFrom: {};tag=target\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
            self.rtp_peer.port(),
            header(&self.invite, "To"),
            header(&self.invite, "From"),
            header(&self.invite, "Call-ID")
        )
    }

    fn sound(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        while let Some((length, _)) = self.rtp.as_ref().and_then(|rtp| rtp.recv_from(&mut buffer).ok()) {
            if buffer[1] & 0x7f == 101 {
                self.digit_seen |= buffer[13] & 0x80 != 0;
            } else if self.user == "echo" {
                self.send(&buffer[12..length]);
            } else if self.user.starts_with("room") {
                self.said.push(&buffer[12..length]);
            }
        }
        let tone_hz = match self.user.as_str() {
            "menu" if self.digit_seen => 700.0,
            "menu" => 440.0,
            "prompt" if self.frames < 100 => 1000.0,
            "talk" if self.frames < 10 => 0.0,
            "talk" => 500.0,
            _ => return,
        };
        if now >= self.next_frame {
            self.next_frame += Duration::from_millis(20);
            let first = self.frames * 160;
            let payload: Vec<u8> = (0..160).map(|i| tone_octet(f64::from(first + i) * tone_hz / 8000.0)).collect();
            self.send(&payload);
            self.frames += 1;
        }
    }

    fn send(&mut self, payload: &[u8]) {
        let mut packet = vec![0x80, 0];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend([9, 9, 9, 9]);
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        let Some(rtp) = &self.rtp else { return };
        // The caller may be gone.
        if let Err(error) = rtp.send_to(&packet, self.rtp_peer) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}

/// µ-law of a sine of amplitude 8000 at `turns`, by search through the few codes that a coarse sine needs.
fn tone_octet(turns: f64) -> u8 {
    let wanted = 8000.0 * (turns * std::f64::consts::TAU).sin();
    let magnitude = wanted.abs() + 132.0;
    let segment = (7..15).find(|bit| magnitude < f64::from(1u32 << (bit + 1))).unwrap() - 7;
    let step = (magnitude as u32 >> (segment + 3)) & 0x0f;
    let sign = if wanted < 0.0 { 0u32 } else { 0x80 };
    !((sign ^ 0x80) | (segment << 4) | step) as u8
}
