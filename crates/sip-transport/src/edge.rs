//! Sorting at the edge: what a message is, which loop it belongs to and by which lane it goes there (RFC 3261 §18.1.2, §18.2.1).

use std::sync::atomic::AtomicU64;

use base::LoopId;
use bytes::Bytes;
use sip_core::{Hop, Message, Method, ParseError, loop_of, stateless};

use crate::metrics::add;

/// The two ways into a control loop from the network. Calls that exist are not held up by calls that want to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Responses, ACK, CANCEL, and requests within a dialog.
    Dialog,
    /// Requests that begin something.
    NewWork,
}

impl Lane {
    /// The lane of `message`.
    pub fn of(message: &Message) -> Lane {
        // A CANCEL makes room, and the ACK of a refused INVITE stops its repetition, so neither is new work.
        let dialog = message.is_response()
            || matches!(message.method(), Method::Ack | Method::Cancel)
            || message.to_tag().is_some();
        if dialog { Lane::Dialog } else { Lane::NewWork }
    }
}

/// What became of a message that was to go into a lane.
#[derive(Debug)]
pub enum Pushed {
    /// It is in the lane.
    Taken,
    /// The lane is full; here it is again.
    Full(Message),
}

/// What the edge has seen since its start.
#[derive(Debug, Default)]
pub struct EdgeMetrics {
    /// Requests put into a lane.
    pub requests: AtomicU64,
    /// Responses put into a lane.
    pub responses: AtomicU64,
    /// Datagrams of nothing but line ends or zeros.
    pub keep_alives: AtomicU64,
    /// Datagrams that are no SIP message.
    pub malformed: AtomicU64,
    /// Those of them that were answered by 400 or 505.
    pub malformed_answered: AtomicU64,
    /// Requests that found the lane for new work full.
    pub new_work_full: AtomicU64,
    /// Those of them that were answered by 503.
    pub new_work_answered: AtomicU64,
    /// Messages that found the lane for dialogs full and were dropped: datagrams, whose senders repeat them, and what came
    /// over a connection that was given up because the lane stayed full.
    pub dialog_full: AtomicU64,
}

/// The edge: keeps nothing but counters and may be used by all listeners at the same time.
#[derive(Debug)]
pub struct Edge {
    loops: u8,
    retry_after_s: u32,
    metrics: EdgeMetrics,
}

impl Edge {
    /// Sorts for `loops` control loops (at least one). A 503 asks to come back after `retry_after_s` seconds.
    pub fn new(loops: u8, retry_after_s: u32) -> Edge {
        Edge { loops: loops.max(1), retry_after_s, metrics: EdgeMetrics::default() }
    }

    /// The counters.
    pub fn metrics(&self) -> &EdgeMetrics {
        &self.metrics
    }

    /// Sorts one datagram. `push` puts a message into a lane without waiting and gives it back if that is full; `send`
    /// sends a stateless answer. At most one of them is done, but for a full lane, which may be followed by a 503.
    pub fn receive(
        &self,
        datagram: Bytes,
        hop: Hop,
        push: impl FnOnce(LoopId, Lane, Message, Hop) -> Pushed,
        send: impl FnOnce(&Hop, &[u8]),
    ) {
        if self.receive_whole(datagram, hop, push, send).is_some() {
            add(&self.metrics.dialog_full, 1);
        }
    }

    /// As [`Edge::receive`], but gives back a message that found the lane for dialogs full: what came over a connection is not
    /// repeated, so it is to be tried again by [`Edge::hand_on`].
    pub fn receive_whole(
        &self,
        text: Bytes,
        hop: Hop,
        push: impl FnOnce(LoopId, Lane, Message, Hop) -> Pushed,
        send: impl FnOnce(&Hop, &[u8]),
    ) -> Option<Message> {
        let message = match Message::parse_datagram(text.clone()) {
            Ok(message) => message,
            Err(error) => {
                self.unreadable(&text, &error, &hop, send);
                return None;
            }
        };
        let lane = Lane::of(&message);
        let refused = self.hand_on(message, hop, push)?;
        if lane == Lane::Dialog {
            return Some(refused);
        }
        add(&self.metrics.new_work_full, 1);
        if let Some((to, answer)) = stateless::service_unavailable(&refused, &hop, self.retry_after_s) {
            add(&self.metrics.new_work_answered, 1);
            send(&to, &answer);
        }
        None
    }

    /// Puts a message into its lane, or gives it back when that is full.
    pub fn hand_on(
        &self,
        message: Message,
        hop: Hop,
        push: impl FnOnce(LoopId, Lane, Message, Hop) -> Pushed,
    ) -> Option<Message> {
        let counter = if message.is_request() { &self.metrics.requests } else { &self.metrics.responses };
        match push(loop_of(&message, self.loops), Lane::of(&message), message, hop) {
            Pushed::Taken => {
                add(counter, 1);
                None
            }
            Pushed::Full(message) => Some(message),
        }
    }

    fn unreadable(&self, datagram: &[u8], error: &ParseError, hop: &Hop, send: impl FnOnce(&Hop, &[u8])) {
        if error.is_keep_alive() {
            add(&self.metrics.keep_alives, 1);
            // RFC 5626 §3.5.1: a double line end is a ping, a single one is its answer and ends there.
            if datagram == b"\r\n\r\n" {
                send(hop, b"\r\n");
            }
            return;
        }
        add(&self.metrics.malformed, 1);
        tracing::debug!(%hop, %error, "a datagram is no SIP message");
        if let Some((to, answer)) = stateless::bad_request(error, hop) {
            add(&self.metrics.malformed_answered, 1);
            send(&to, &answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::Ordering::Relaxed;

    use base::Random;
    use sip_core::{Transport, loop_of_user, new_branch, new_tag};

    use super::*;

    fn hop() -> Hop {
        Hop {
            transport: Transport::Udp,
            listener: 0,
            local: "127.0.0.1:5060".parse().unwrap(),
            remote: "127.0.0.2:5070".parse().unwrap(),
        }
    }

    /// A message with this start line, To parameters, branch and method.
    fn text(start: &str, to: &str, branch: &str, method: &str) -> String {
        format!(
            "{start}\r\nVia: SIP/2.0/UDP 127.0.0.2:5070;rport;branch={branch}\r\nFrom: <sip:a@127.0.0.2>;tag=far\r\n\
             To: <sip:ivr@127.0.0.1>{to}\r\nCall-ID: 1@127.0.0.2\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    fn request(method: &str, to: &str) -> String {
        text(&format!("{method} sip:ivr@127.0.0.1 SIP/2.0"), to, "z9hG4bKfar", method)
    }

    /// What became of a datagram: lane and loop, and what was sent.
    fn sort(edge: &Edge, datagram: &[u8], full: bool) -> (Option<(LoopId, Lane)>, Option<String>) {
        let (pushed, sent) = (RefCell::new(None), RefCell::new(None));
        let push = |owner, lane, message, _| {
            *pushed.borrow_mut() = Some((owner, lane));
            if full { Pushed::Full(message) } else { Pushed::Taken }
        };
        let send = |to: &Hop, bytes: &[u8]| {
            assert_eq!((to.local, to.remote), (hop().local, hop().remote));
            *sent.borrow_mut() = Some(String::from_utf8(bytes.to_vec()).unwrap());
        };
        edge.receive(Bytes::copy_from_slice(datagram), hop(), push, send);
        (pushed.into_inner(), sent.into_inner())
    }

    #[test]
    fn only_what_begins_something_is_new_work() {
        #[track_caller]
        fn check(text: &str, lane: Lane) {
            let (pushed, sent) = sort(&Edge::new(1, 5), text.as_bytes(), false);
            assert_eq!((pushed, sent), (Some((LoopId(0), lane)), None));
        }
        for method in ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "BYE", "FOO"] {
            check(&request(method, ""), Lane::NewWork);
            check(&request(method, ";tag=ours"), Lane::Dialog);
        }
        check(&request("ACK", ""), Lane::Dialog);
        check(&request("CANCEL", ""), Lane::Dialog);
        check(&text("SIP/2.0 200 OK", ";tag=x", "z9hG4bKx", "OPTIONS"), Lane::Dialog);
    }

    #[test]
    fn a_message_goes_to_the_loop_that_its_tag_or_branch_names() {
        let edge = Edge::new(3, 5);
        let mut random = Random::from_seed([1; 32]);
        for owner in (0..3).map(LoopId) {
            let tag = format!(";tag={}", new_tag(owner, &mut random));
            assert_eq!(sort(&edge, request("BYE", &tag).as_bytes(), false).0, Some((owner, Lane::Dialog)));
            let branch = new_branch(owner, &mut random);
            let response = text("SIP/2.0 200 OK", ";tag=x", &branch, "BYE");
            assert_eq!(sort(&edge, response.as_bytes(), false).0, Some((owner, Lane::Dialog)));
        }
        let invite = sort(&edge, request("INVITE", "").as_bytes(), false).0.unwrap();
        let cancel = sort(&edge, request("CANCEL", "").as_bytes(), false).0.unwrap();
        assert_eq!(invite.0, cancel.0);
        for call_id in 0..20 {
            let register = request("REGISTER", "").replace("Call-ID: 1@", &format!("Call-ID: {call_id}@"));
            let sorted = sort(&edge, register.as_bytes(), false).0;
            assert_eq!(sorted, Some((loop_of_user("IVR", 3), Lane::NewWork)), "by the user of its To");
        }
    }

    #[test]
    fn new_work_that_finds_no_room_gets_503_and_dialogs_get_silence() {
        let edge = Edge::new(1, 7);
        let (_, sent) = sort(&edge, request("INVITE", "").as_bytes(), true);
        let answer = sent.unwrap();
        assert!(answer.starts_with("SIP/2.0 503 "), "{answer}");
        assert!(answer.contains("\r\nRetry-After: 7\r\n"), "{answer}");
        assert_eq!(sort(&edge, request("INVITE", "").as_bytes(), true).1, Some(answer), "the same bytes again");
        assert_eq!(sort(&edge, request("BYE", ";tag=x").as_bytes(), true).1, None);
        assert_eq!(sort(&edge, request("ACK", "").as_bytes(), true).1, None);
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let metrics = edge.metrics();
        assert_eq!((count(&metrics.new_work_full), count(&metrics.new_work_answered)), (2, 2));
        assert_eq!((count(&metrics.dialog_full), count(&metrics.requests)), (2, 0));
    }

    #[test]
    fn keep_alives_are_answered_only_where_they_ask_for_it() {
        #[track_caller]
        fn check(datagram: &[u8], answer: Option<&str>) {
            let edge = Edge::new(1, 5);
            assert_eq!(sort(&edge, datagram, false), (None, answer.map(str::to_owned)));
            assert_eq!(edge.metrics().keep_alives.load(Relaxed), 1);
            assert_eq!(edge.metrics().malformed.load(Relaxed), 0);
        }
        check(b"\r\n\r\n", Some("\r\n"));
        check(b"\r\n", None);
        check(b"", None);
        check(b"\0\0\0\0", None);
    }

    #[test]
    fn a_broken_request_is_told_so_and_garbage_is_only_counted() {
        let edge = Edge::new(1, 5);
        let broken = request("INVITE", "").replace("Content-Length: 0", "Content-Length: 99");
        let (pushed, sent) = sort(&edge, broken.as_bytes(), false);
        assert_eq!(pushed, None);
        assert!(sent.unwrap().starts_with("SIP/2.0 400 "));
        for garbage in [b"\x80\x00\x12\x34hello".as_slice(), b"GET / HTTP/1.1\r\n\r\n", &[0xff; 1200]] {
            assert_eq!(sort(&edge, garbage, false), (None, None));
        }
        let broken_response = text("SIP/2.0 200 OK", "", "z9hG4bKx", "BYE").replace("CSeq", "X-CSeq");
        assert_eq!(sort(&edge, broken_response.as_bytes(), false), (None, None));
        assert_eq!(edge.metrics().malformed.load(Relaxed), 5);
        assert_eq!(edge.metrics().malformed_answered.load(Relaxed), 1);
    }
}
