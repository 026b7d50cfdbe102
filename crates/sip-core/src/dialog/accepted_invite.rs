//! The 2xx to an INVITE until its ACK. Its repetition is the UAS core's matter, not the transaction's: RFC 3261 §13.3.1.4.

use base::{MS, Now};
use serde::{Deserialize, Serialize};

use crate::transaction::{BaseTimers, ServerTransactionId};
use crate::{Message, Method};

/// A 2xx that waits for its ACK. Made when the 2xx is sent; dropped when the ACK has come or [`NoAck`](AcceptedStep::NoAck).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptedInvite {
    transaction: ServerTransactionId,
    response: Message,
    /// CSeq number of the INVITE, which the ACK repeats.
    cseq: u32,
    interval_ns: u64,
    longest_interval_ns: u64,
    repeat_at_ns: u64,
    give_up_at_ns: u64,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedStep {
    /// Give [`AcceptedInvite::response`] to [`Endpoint::respond`](crate::Endpoint::respond) again.
    Repeat,
    /// 64*T1 have passed: confirm the dialog's end by BYE (RFC 3261 §13.3.1.4).
    NoAck,
}

impl AcceptedInvite {
    /// Takes note of a 2xx sent at `now` in answer to the INVITE of `transaction`. None when `response` is no 2xx to an INVITE.
    pub fn new(
        now: Now,
        transaction: ServerTransactionId,
        response: Message,
        timers: &BaseTimers,
    ) -> Option<AcceptedInvite> {
        let cseq = response.cseq().ok()?.number;
        let is_success = response.status().is_some_and(|status| (200..300).contains(&status));
        if !is_success || response.method() != &Method::Invite {
            return None;
        }
        Some(AcceptedInvite {
            transaction,
            response,
            cseq,
            interval_ns: timers.t1_ms.max(1) * MS,
            longest_interval_ns: timers.t2_ms.max(1) * MS,
            repeat_at_ns: now.after_ms(timers.t1_ms.max(1)),
            give_up_at_ns: now.after_ms(timers.transaction_ms()),
        })
    }

    /// The transaction to repeat the response in.
    pub fn transaction(&self) -> ServerTransactionId {
        self.transaction
    }

    /// The 2xx.
    pub fn response(&self) -> &Message {
        &self.response
    }

    /// Whether `ack` acknowledges this 2xx: same dialog (the caller's matter) and same CSeq number, RFC 3261 §13.2.2.4.
    pub fn is_acknowledged_by(&self, ack: &Message) -> bool {
        ack.method() == &Method::Ack && ack.cseq().is_ok_and(|cseq| cseq.number == self.cseq)
    }

    /// When [`AcceptedInvite::handle_timeout`] is due, monotonic nanoseconds.
    pub fn next_deadline(&self) -> u64 {
        self.repeat_at_ns.min(self.give_up_at_ns)
    }

    /// What is due at `now`, if anything. Intervals double from T1 up to T2, over every transport: there may be unreliable
    /// ones behind the next hop.
    pub fn handle_timeout(&mut self, now: Now) -> Option<AcceptedStep> {
        if now.mono_ns >= self.give_up_at_ns {
            return Some(AcceptedStep::NoAck);
        }
        if now.mono_ns < self.repeat_at_ns {
            return None;
        }
        self.interval_ns = (self.interval_ns * 2).min(self.longest_interval_ns);
        self.repeat_at_ns = now.mono_ns.saturating_add(self.interval_ns);
        Some(AcceptedStep::Repeat)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message(start: &str, cseq: &str) -> Message {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: x\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse_datagram(Bytes::from(text)).unwrap()
    }

    fn accepted(status: &str, cseq: &str) -> Option<AcceptedInvite> {
        let response = message(&format!("SIP/2.0 {status}"), cseq);
        AcceptedInvite::new(Now::default(), ServerTransactionId(1), response, &BaseTimers::default())
    }

    #[test]
    fn a_2xx_is_repeated_at_t1_doubling_to_t2_and_given_up_after_64_t1() {
        let mut accepted = accepted("200 OK", "7 INVITE").unwrap();
        let mut repeats_ms = Vec::new();
        let end_ms = loop {
            let now = Now { mono_ns: accepted.next_deadline(), wall_us: 0 };
            match accepted.handle_timeout(now) {
                Some(AcceptedStep::Repeat) => repeats_ms.push(now.mono_ns / MS),
                Some(AcceptedStep::NoAck) => break now.mono_ns / MS,
                None => panic!("a deadline without anything due"),
            }
        };
        assert_eq!(repeats_ms, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(end_ms, 32_000);
    }

    #[test]
    fn only_the_ack_with_the_number_of_the_invite_acknowledges() {
        let accepted = accepted("200 OK", "7 INVITE").unwrap();
        assert!(accepted.is_acknowledged_by(&message("ACK sip:c@d SIP/2.0", "7 ACK")));
        assert!(!accepted.is_acknowledged_by(&message("ACK sip:c@d SIP/2.0", "6 ACK")));
        assert!(!accepted.is_acknowledged_by(&message("INFO sip:c@d SIP/2.0", "7 INFO")));
    }

    #[test]
    fn only_a_2xx_to_an_invite_waits_for_an_ack() {
        assert!(accepted("180 Ringing", "7 INVITE").is_none());
        assert!(accepted("486 Busy", "7 INVITE").is_none());
        assert!(accepted("200 OK", "7 BYE").is_none());
    }
}
