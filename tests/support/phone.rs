//! A scripted phone, as the scenarios speak of it: `alice.calls("ivr"); alice.gets(200); alice.presses('1');`

use std::cell::RefCell;
use std::rc::Rc;

use base::MS;

use crate::link::Link;
use crate::phone_rtp::Heard;
use crate::phone_sip::{Manners, Offer};
use crate::world::{PhoneState, WorldState};

/// Longest that a phone waits for something, virtual time: more than any timer of RFC 3261.
const PATIENCE_NS: u64 = 40_000 * MS;

/// A phone of a [`crate::World`].
#[derive(Clone)]
pub struct Phone {
    pub(crate) world: Rc<RefCell<WorldState>>,
    pub(crate) index: usize,
}

impl Phone {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut PhoneState) -> T) -> T {
        act(&mut self.world.borrow_mut().phones[self.index])
    }

    pub(crate) fn send(&self, text: String) {
        self.world.borrow_mut().phone_sends(self.index, text);
    }

    /// Sends a request of the dialog and repeats it until it is answered; its body, if any, is a session description.
    pub(crate) fn request(&self, method: &str, body: Option<&str>) {
        self.request_with(method, body.map(|body| ("application/sdp", body)));
    }

    fn request_with(&self, method: &str, body: Option<(&str, &str)>) {
        let now_ns = self.world.borrow().now.mono_ns;
        let text = self.with(|phone| {
            let (text, cseq) = phone.sip.request_with(method, body);
            phone.sip.keep_repeating(now_ns, method, cseq, text.clone());
            text
        });
        self.send(text);
    }

    /// The usual offer of this phone.
    pub fn offer(&self) -> Offer {
        self.with(|phone| Offer::usual(phone.rtp.address))
    }

    /// Sends an INVITE for `user` with the usual offer.
    pub fn calls(&self, user: &str) {
        let offer = self.offer().text();
        self.calls_with(user, Some(&offer));
    }

    /// Sends an INVITE for `user` with this body, or with none (late offer).
    pub fn calls_with(&self, user: &str, body: Option<&str>) {
        let now_ns = self.world.borrow().now.mono_ns;
        let text = self.with(|phone| {
            let (text, cseq) = phone.sip.invite(user, body);
            phone.sip.keep_repeating(now_ns, "INVITE", cseq, text.clone());
            text
        });
        self.send(text);
    }

    /// Calls `user` and waits for the 200 and its ACK to have arrived.
    pub fn is_connected_to(&self, user: &str) {
        self.calls(user);
        self.gets(200);
        self.waits_ms(20);
    }

    /// Sends a re-INVITE with this body, or with none.
    pub fn reinvites(&self, body: Option<&str>) {
        self.request("INVITE", body);
    }

    /// Cancels the INVITE.
    pub fn cancels(&self) {
        let now_ns = self.world.borrow().now.mono_ns;
        let text = self.with(|phone| {
            let text = phone.sip.cancel();
            let cseq = phone.sip.dialog.invite_cseq;
            phone.sip.keep_repeating(now_ns, "CANCEL", cseq, text.clone());
            text
        });
        self.send(text);
    }

    /// Hangs up with BYE.
    pub fn hangs_up(&self) {
        self.request("BYE", None);
    }

    /// Sends any request of the dialog.
    pub fn asks(&self, method: &str) {
        self.request(method, None);
    }

    /// Sends INFO with this body; with an empty content type it says none.
    pub fn informs(&self, content_type: &str, body: &str) {
        self.request_with("INFO", Some((content_type, body)));
    }

    /// Presses a key and reports it by INFO, as `application/dtmf-relay`; waits for the 200.
    pub fn presses_by_info(&self, signal: &str) {
        let before = self.count(200, "INFO");
        self.informs("application/dtmf-relay", &format!("Signal={signal}\r\nDuration=160\r\n"));
        self.waits_until("got 200 for its INFO", |phone| {
            let of_info = |(status, method, _): &&(u16, String, _)| *status == 200 && method == "INFO";
            phone.sip.dialog.responses.iter().filter(of_info).count() > before
        });
    }

    /// Sends a request once more with an older CSeq number than the last one.
    pub fn asks_out_of_order(&self, method: &str) {
        let text = self.with(|phone| {
            let last = phone.sip.dialog.cseq;
            phone.sip.dialog.cseq = last.saturating_sub(2);
            let (text, _) = phone.sip.request(method, None);
            phone.sip.dialog.cseq = last;
            text
        });
        self.send(text);
    }

    /// Sends the INVITE's ACK by hand.
    pub fn acks(&self) {
        let text = self.with(|phone| phone.sip.ack(true));
        self.send(text);
    }

    /// Sends exactly this. `{me}` and `{server}` are filled in.
    pub fn sends_raw(&self, text: &str) {
        let (me, server) = self.with(|phone| (phone.sip.address.to_string(), phone.sip.server.to_string()));
        self.send(text.replace("{me}", &me).replace("{server}", &server));
    }

    /// How the phone behaves on its own from now on.
    pub fn behaves(&self, change: impl FnOnce(&mut Manners)) {
        self.with(|phone| change(&mut phone.sip.manners));
    }

    /// Puts the phone behind a NAT: it writes a private address into its messages.
    pub fn is_behind_nat(&self) {
        self.with(|phone| phone.sip.own_address = "10.1.2.3:5060".parse().expect("an address"));
    }

    /// It calls over a TCP connection, which has a port of its own, and repeats nothing.
    pub fn speaks_tcp(&self) {
        self.connects_by(sip_core::Transport::Tcp);
    }

    /// It is a web page, which speaks SIP over a WebSocket (RFC 7118).
    pub fn is_a_page(&self) {
        self.connects_by(sip_core::Transport::Ws);
    }

    fn connects_by(&self, transport: sip_core::Transport) {
        self.with(|phone| {
            phone.sip.transport = transport;
            phone.sip.manners.repeats = false;
        });
        self.moves_to_port(40_000);
    }

    /// Others may connect to it at the address in its Contact.
    pub fn takes_connections(&self) {
        self.with(|phone| phone.sip.takes_connections = true);
    }

    /// It writes the address that its messages come from.
    pub fn has_address_of_its_own(&self) {
        self.with(|phone| phone.sip.own_address = phone.sip.address);
    }

    /// Its messages come from another port from now on, and what is sent to the former one is lost: a NAT has forgotten it.
    pub fn moves_to_port(&self, port: u16) {
        self.with(|phone| phone.sip.address.set_port(port));
    }

    /// How its link treats packets from now on.
    pub fn link(&self, change: impl FnOnce(&mut Link)) {
        self.with(|phone| change(&mut phone.link));
    }

    /// Speaks a sine from now on.
    pub fn speaks(&self, hz: f64) {
        let now_ns = self.world.borrow().now.mono_ns;
        self.with(|phone| {
            phone.rtp.tone_hz = Some(hz);
            phone.rtp.next_frame_ns = Some(now_ns);
        });
    }

    /// Sends nothing any more.
    pub fn falls_silent(&self) {
        self.with(|phone| {
            phone.rtp.tone_hz = None;
            phone.rtp.next_frame_ns = None;
        });
    }

    /// Presses a key for 100 ms: RFC 4733 events with payload type 101, and lets them arrive.
    pub fn presses(&self, key: char) {
        self.presses_for(key, 100, 3);
    }

    /// Presses a key for `held_ms`; only `ends` of the three end packets are sent. Waits until it is over.
    pub fn presses_for(&self, key: char, held_ms: u64, ends: usize) {
        self.press(key, held_ms, ends);
        self.waits_ms(held_ms + 20);
    }

    /// Begins to press a key and does not wait.
    pub fn starts_to_press(&self, key: char, held_ms: u64) {
        self.press(key, held_ms, 3);
    }

    fn press(&self, key: char, held_ms: u64, ends: usize) {
        let packets = self.with(|phone| phone.rtp.key_press(key, 101, held_ms, ends));
        for (delay_ns, packet) in packets {
            self.world.borrow_mut().phone_sends_rtp(self.index, delay_ns, packet);
        }
    }

    /// The share of the power at `hz` in all sound heard so far.
    pub fn share_so_far(&self, hz: f64) -> f64 {
        self.with(|phone| phone.rtp.share_of_sound(hz))
    }

    /// Lets virtual time pass.
    pub fn waits_ms(&self, ms: u64) {
        let mut world = self.world.borrow_mut();
        let limit_ns = world.now.mono_ns + ms * MS;
        while world.step(limit_ns) {}
    }

    /// Runs the world until `done`; fails with the ladder when it never is.
    pub(crate) fn waits_until(&self, what: &str, mut done: impl FnMut(&PhoneState) -> bool) {
        let limit_ns = self.world.borrow().now.mono_ns + PATIENCE_NS;
        loop {
            let mut world = self.world.borrow_mut();
            if done(&world.phones[self.index]) {
                return;
            }
            if !world.step(limit_ns) {
                let name = world.phones[self.index].sip.name.clone();
                panic!("{name} never {what}; what happened:\n{}", world.ladder.text());
            }
        }
    }

    /// Waits for a response with this status to the last INVITE.
    pub fn gets(&self, status: u16) {
        self.gets_for(status, "INVITE");
    }

    /// Waits for a response with this status to the last request of this method.
    pub fn gets_for(&self, status: u16, method: &str) {
        self.waits_until(&format!("got {status} for its {method}"), |phone| {
            let dialog = &phone.sip.dialog;
            dialog.responses.iter().rev().any(|(found, of, message)| {
                let number = message.cseq().map_or(0, |cseq| cseq.number);
                let current = if of == "INVITE" || of == "CANCEL" { dialog.invite_cseq } else { number };
                *found == status && of == method && number == current
            })
        });
    }

    /// Waits for a request of this method from the server.
    pub fn is_asked(&self, method: &str) {
        self.waits_until(&format!("was sent {method}"), |phone| {
            phone.sip.dialog.requests.iter().any(|(found, _)| found == method)
        });
    }

    /// How many responses with this status came to requests of this method, repetitions included.
    pub fn count(&self, status: u16, method: &str) -> usize {
        self.with(|phone| {
            phone.sip.dialog.responses.iter().filter(|(found, of, _)| *found == status && of == method).count()
        })
    }

    /// How many requests of this method came, repetitions included.
    pub fn count_requests(&self, method: &str) -> usize {
        self.with(|phone| phone.sip.dialog.requests.iter().filter(|(found, _)| found == method).count())
    }

    /// The text of the newest request of the server with this method; empty if there is none.
    pub fn last_request(&self, method: &str) -> String {
        self.with(|phone| {
            let found = phone.sip.dialog.requests.iter().rev().find(|(found, _)| found == method);
            found.map(|(_, message)| String::from_utf8_lossy(message.as_bytes()).into_owned()).unwrap_or_default()
        })
    }

    /// The last message of the server with this status, as text.
    pub fn last_response(&self, status: u16) -> String {
        self.with(|phone| {
            let found = phone.sip.dialog.responses.iter().rev().find(|(found, _, _)| *found == status);
            found.map(|(_, _, message)| String::from_utf8_lossy(message.as_bytes()).into_owned()).unwrap_or_default()
        })
    }

    /// Listens for `ms` and returns the share of the power at `hz` in what it heard then, 0 to 1.
    pub fn share_of(&self, hz: f64, ms: u64) -> f64 {
        let since_ns = self.world.borrow().now.mono_ns;
        self.waits_ms(ms);
        self.with(|phone| phone.rtp.share_of(hz, since_ns))
    }

    /// Listens for 400 ms: the tone must be nearly all there is.
    pub fn hears(&self, hz: f64) {
        let share = self.share_of(hz, 400);
        assert!(share > 0.9, "{hz} Hz makes up {share:.3} of what is heard\n{}", self.world.borrow().ladder.text());
    }

    /// Listens for 400 ms: all of `present` are there in about the same strength, and none of `absent`.
    pub fn hears_only(&self, present: &[f64], absent: &[f64]) {
        let since_ns = self.world.borrow().now.mono_ns;
        self.waits_ms(400);
        let share = |hz: &f64| self.with(|phone| phone.rtp.share_of(*hz, since_ns));
        let (found, others): (Vec<f64>, Vec<f64>) =
            (present.iter().map(share).collect(), absent.iter().map(share).collect());
        let least = 0.8 / present.len() as f64;
        assert!(found.iter().all(|share| *share > least), "{present:?} Hz make up {found:.3?} of what is heard");
        assert!(others.iter().all(|share| *share < 0.02), "{absent:?} Hz make up {others:.3?} of what is heard");
    }

    /// Listens for 400 ms: packets come, and they are silent.
    pub fn hears_silence(&self) {
        let since_ns = self.world.borrow().now.mono_ns;
        self.waits_ms(400);
        let (count, loud) = self.with(|phone| {
            let heard = phone.rtp.heard.iter().filter(|packet| packet.at_ns >= since_ns);
            let silent = |packet: &Heard| packet.payload.iter().all(|&octet| octet == 0xff || octet == 0xd5);
            heard.fold((0, 0), |(count, loud), packet| (count + 1, loud + usize::from(!silent(packet))))
        });
        assert!(count >= 18, "only {count} packets came in 400 ms");
        assert_eq!(loud, 0, "{loud} of {count} packets are not silent");
    }

    /// Listens for 400 ms: nothing comes.
    pub fn hears_nothing(&self) {
        let before = self.heard().len();
        self.waits_ms(400);
        let after = self.heard().len();
        assert_eq!(before, after, "{} packets came", after - before);
    }

    /// Every RTP packet so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.with(|phone| phone.rtp.heard.clone())
    }

    /// RTCP packets so far.
    pub fn heard_rtcp(&self) -> u32 {
        self.with(|phone| phone.rtp.heard_rtcp)
    }
}
