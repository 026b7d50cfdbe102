//! The built server, alive on the wire, and what strangers, broken phones and missing files do to it: nothing.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by unwrap, its helpers as well

mod phone;
mod rubbish;
mod server;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use phone::Phone;
use rubbish::Noise;
use serde_json::{Value, json};
use server::Server;

const SSRC: u32 = 0x5eed_0001;

fn provisioning(actions: &Value) -> Value {
    let id = "b1d0c0de-0002-4000-8000-000000000001";
    json!({
        "flows": [{ "id": id, "name": "test", "actions": actions }],
        "numbers": [{ "number": "test", "call_flow_id": id }],
    })
}

fn echo() -> Value {
    provisioning(&json!([{ "type": "answer" }, { "type": "echo", "option": { "duration": 120_000 } }]))
}

/// Talks in frames of noise until told to stop, and then a little to hear the last ones. Gives (sent, come back).
fn talk(phone: &Phone, to: SocketAddr, stop: &AtomicBool) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut noise, mut sent, mut heard) = (Noise::new(99), Vec::new(), Vec::new());
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let frame = noise.octets(160);
        phone.rtp.send_to(&phone::rtp(SSRC, sent.len() as u16, &frame), to).unwrap();
        sent.push(frame);
        next += Duration::from_millis(20);
        heard.extend(phone.hear(next.saturating_duration_since(Instant::now())));
    }
    heard.extend(phone.hear(Duration::from_millis(300)));
    for (from, _) in &heard {
        assert_eq!(*from, to, "sound came from somewhere else");
    }
    // Before the first frame and after the last there may be frames of silence: all of one value.
    let is_silence = |frame: &Vec<u8>| frame.windows(2).all(|pair| pair[0] == pair[1]);
    (sent, heard.into_iter().map(|(_, frame)| frame).filter(|frame| !is_silence(frame)).collect())
}

/// An echo call goes on while `attack` runs; every frame must come back, in order, once, unaltered.
fn undisturbed(server: &Server, attack: impl FnOnce(SocketAddr)) {
    let mut phone = Phone::new(server.sip, "test");
    let media = phone.call();
    let stop = AtomicBool::new(false);
    let (sent, heard) = std::thread::scope(|scope| {
        let talking = scope.spawn(|| talk(&phone, media, &stop));
        std::thread::sleep(Duration::from_millis(500));
        // Told to stop even if the attack fails, so that the failure is seen.
        let attacked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attack(media)));
        std::thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        let talked = talking.join().unwrap();
        if let Err(panic) = attacked {
            std::panic::resume_unwind(panic);
        }
        talked
    });
    assert!(sent.len() > 40, "only {} frames were sent", sent.len());
    let lost: Vec<usize> = (0..sent.len()).filter(|number| !heard.contains(&sent[*number])).collect();
    assert!(sent == heard, "{} frames sent, {} came back, lost: {lost:?}", sent.len(), heard.len());
    phone.hang_up();
}

fn a_new_call_is_taken(server: &Server) {
    undisturbed(server, |_| {});
}

#[test]
fn rubbish_on_the_sip_port_is_dropped_or_refused_and_calls_go_on() {
    let mut server = Server::start(&echo(), &[]);
    undisturbed(&server, |_| {
        let stranger = Phone::new(server.sip, "nobody");
        for datagram in rubbish::sip(&stranger.request("INVITE", 1, &stranger.offer())) {
            stranger.send(&datagram);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    assert!(server.number("edge_malformed_total") > 500, "{}", server.number("edge_malformed_total"));
    assert!(server.number("edge_malformed_answered_total") > 0);
    assert_eq!(server.number("calls_total"), 1);
    a_new_call_is_taken(&server);
    server.is_sound();
    server.ends_cleanly();
}

#[test]
fn a_malformed_request_that_can_be_answered_is_answered_by_400() {
    let mut server = Server::start(&echo(), &[]);
    for (from, to) in [("CSeq: 1 INVITE", "CSeq: INVITE"), ("Content-Length: ", "Content-Length: 7")] {
        let phone = Phone::new(server.sip, "test");
        let broken = String::from_utf8(phone.request("INVITE", 1, &phone.offer())).unwrap().replace(from, to);
        phone.send(broken.as_bytes());
        let answer = phone.expect("SIP/2.0 400");
        assert!(answer.contains("Call-ID: "), "{answer}");
    }
    server.is_sound();
}

#[test]
fn broken_sdp_is_refused_with_its_reason_and_calls_go_on() {
    let mut server = Server::start(&echo(), &[]);
    undisturbed(&server, |_| {
        let good = Phone::new(server.sip, "test").offer();
        let mut wrong = Vec::new();
        for (what, body, wanted) in rubbish::sdp(&good) {
            let (status, text) = Phone::new(server.sip, "test").invite(&body);
            if status != wanted {
                wrong.push(format!("{what}: {wanted} expected, came {text}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
    a_new_call_is_taken(&server);
    server.is_sound();
    server.ends_cleanly();
}

#[test]
fn strangers_at_the_ports_of_a_call_are_not_heard_and_get_no_sound() {
    let mut server = Server::start(&echo(), &[]);
    undisturbed(&server, |media| {
        let control = SocketAddr::new(media.ip(), media.port() + 1);
        // One at the caller's own address, one elsewhere.
        let strangers = ["127.0.0.2:0", "127.0.0.7:0"].map(|address| UdpSocket::bind(address).unwrap());
        for datagram in rubbish::media(SSRC) {
            for stranger in &strangers {
                stranger.send_to(&datagram, media).unwrap();
                stranger.send_to(&datagram, control).unwrap();
            }
            // Up to 2000 datagrams a second at each port: forty times what a call sends.
            std::thread::sleep(Duration::from_millis(1));
        }
        let [neighbour, elsewhere] = strangers;
        elsewhere.set_nonblocking(true).unwrap();
        assert!(elsewhere.recv_from(&mut [0; 2048]).is_err(), "a stranger got something");
        // RTCP is taken from any port of the caller's address, and answered there: reports (RFC 3550 §6), never sound.
        neighbour.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2048];
        while let Ok((length, _)) = neighbour.recv_from(&mut buffer) {
            assert!(length > 1 && (200..=207).contains(&buffer[1]), "a stranger got {:?}", &buffer[..length.min(20)]);
        }
    });
    let dropped: u64 = ["foreign_source", "malformed_rtp", "malformed_rtcp", "foreign_rtcp", "rtcp_on_rtp_port"]
        .iter()
        .map(|reason| server.number(&format!("media_worker_drop_{reason}_total")))
        .sum();
    assert!(dropped > 2000, "{dropped}");
    assert_eq!(server.number("media_worker_digits_received_total"), 0);
    a_new_call_is_taken(&server);
    server.is_sound();
    server.ends_cleanly();
}

#[test]
fn prompts_that_are_missing_broken_or_forbidden_are_skipped_and_logged_and_the_flow_goes_on() {
    let urls = json!(["file:missing.wav", "file:broken.wav", "file:cut.wav", "file:../server.toml", "file:good.wav"]);
    let actions = json!([
        { "type": "answer" },
        { "type": "play", "option": { "stream_urls": ["file:missing.wav"] } },
        { "type": "play", "option": { "stream_urls": urls } },
        { "type": "hangup" },
    ]);
    let good = wav();
    let broken = Noise::new(3).octets(5000);
    let mut server = Server::start(
        &provisioning(&actions),
        &[("good.wav", &good), ("broken.wav", &broken), ("cut.wav", &good[..30])],
    );
    let mut phone = Phone::new(server.sip, "test");
    phone.call();
    let heard = phone.hear(Duration::from_millis(1500));
    let marked = heard.iter().filter(|(_, frame)| frame.chunks(2).all(|pair| pair == MARK)).count();
    assert_eq!(marked, 25, "frames of the good prompt");
    phone.is_hung_up();
    let log = server.log();
    for name in ["missing.wav", "broken.wav", "cut.wav", "../server.toml"] {
        assert!(log.contains(name), "{name} is not in the log:\n{log}");
    }
    server.is_sound();
    server.ends_cleanly();
}

/// What the sound of [`wav`] is in G.711 µ-law: 8031 and -8031.
const MARK: [u8; 2] = [0xa0, 0x20];

/// Half a second that goes up and down with each sample: RIFF WAV, PCM, one channel, 8 kHz, 16 bit.
fn wav() -> Vec<u8> {
    let sound: Vec<u8> = [8031_i16, -8031].repeat(2000).into_iter().flat_map(i16::to_le_bytes).collect();
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&(36 + sound.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    file.extend_from_slice(&(sound.len() as u32).to_le_bytes());
    file.extend_from_slice(&sound);
    file
}
