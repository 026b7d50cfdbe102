//! One call as a user agent client (RFC 3261 §8.1, §13.2, §15.1.1, §17.1): messages and expired timers go in, messages,
//! timers and what became of the call come out.
//!
//! ```text
//!             200: ACK                hang_up: BYE            final response
//!  Calling ─────────────► Up ─────────────────────► Leaving ─────────────────► Ended
//!    │ │                  │ BYE received: 200                                    ▲
//!    │ │                  └──────────────────────────────────────────────────────┤
//!    │ └─ 3xx-6xx: ACK, or no response at all ───────────────────────────────────┤
//!    └─ no final answer in time: CANCEL ──► Cancelling ── 487: ACK; 200: ACK, BYE ┘
//! ```

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::incoming::{Incoming, Kind};
use super::target::{Target, is_local, literal_address};
use crate::failure::Failure;
use crate::stats::SipStats;
use crate::timers::Timer;

/// RFC 3261 §17.1.1.1, recommended 500 ms.
const T1_NS: u64 = 500_000_000;
/// RFC 3261 §17.1.2.2: the longest pause between repetitions of a non-INVITE request.
const T2_NS: u64 = 4_000_000_000;
/// Timers B and F of RFC 3261 §17.1: 64·T1.
const GIVE_UP_NS: u64 = 64 * T1_NS;
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// What all calls of a thread have in common.
#[derive(Debug)]
pub(crate) struct UacConfig {
    /// Who is called.
    pub target: Target,
    /// Our signalling address.
    pub local: SocketAddr,
    /// CANCEL, or failure where nothing was heard at all, after this time.
    pub answer_timeout_ns: u64,
    /// Whether the far end may direct us to addresses other than loopback.
    pub any_network: bool,
}

/// What the owner of the call has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send this datagram.
    Send { what: What, bytes: Bytes, to: SocketAddr },
    /// Arm the timer this far from now.
    Arm(Timer, u64),
    /// Disarm it.
    Stop(Timer),
    /// The call is up; the body of the 200.
    Answered(Bytes),
    /// The far end hung up; [`Action::Ended`] follows.
    RemoteBye,
    /// Nothing more will happen, except repeated messages.
    Ended,
    /// Something went wrong. The call may go on to its end.
    Failed(Failure, String),
}

/// What kind of message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Invite,
    Ack,
    Cancel,
    Bye,
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Cancelling,
    Up,
    Leaving,
    Ended,
}

/// The user agent client of one call.
#[derive(Debug)]
pub(crate) struct Uac {
    config: Arc<UacConfig>,
    call_id: String,
    from: String,
    branch: String,
    state: State,
    /// A provisional response came: no more INVITEs, and CANCEL is allowed.
    proceeding: bool,
    invite: Bytes,
    /// The ACK of the final response, sent again whenever that comes again.
    ack: Option<(Bytes, SocketAddr)>,
    /// The BYE or CANCEL that waits for its response.
    request: Option<(What, Bytes, SocketAddr)>,
    repeat_ns: u64,
    dialog: Option<Dialog>,
    /// BYEs of both ends crossed: ours may be refused.
    crossed: bool,
    /// CLOCK_REALTIME of the first INVITE and the first BYE, to compare with the kernel's receive times.
    invited_ns: u64,
    left_ns: u64,
}

#[derive(Debug)]
struct Dialog {
    /// The To value of the 200, with its tag.
    to: String,
    remote_tag: Option<String>,
    remote_target: String,
    routes: Vec<String>,
    next_hop: SocketAddr,
}

impl Uac {
    /// Begins a call: the INVITE with `sdp` goes out. `name` must be unlike that of any other call and free of `@`.
    pub(crate) fn start(
        config: Arc<UacConfig>,
        name: &str,
        sdp: &str,
        realtime_ns: u64,
        actions: &mut Vec<Action>,
    ) -> Uac {
        let local = config.local;
        let mut uac = Uac {
            call_id: format!("{name}@{}", local.ip()),
            from: format!("<sip:load@{local}>;tag=f{name}"),
            branch: format!("z9hG4bK{name}"),
            state: State::Calling,
            proceeding: false,
            invite: Bytes::new(),
            ack: None,
            request: None,
            repeat_ns: T1_NS,
            dialog: None,
            crossed: false,
            invited_ns: realtime_ns,
            left_ns: 0,
            config,
        };
        let headers = format!(
            "Contact: <sip:load@{local}>\r\nAllow: {ALLOW}\r\nUser-Agent: flowswitch-load\r\nContent-Type: application/sdp\r\n"
        );
        let to = format!("<{}>", uac.config.target.uri);
        let uri = uac.config.target.uri.clone();
        uac.invite = uac.write("INVITE", 1, &uac.branch, &uri, &to, &[], &headers, sdp);
        actions.push(Action::Send { what: What::Invite, bytes: uac.invite.clone(), to: uac.config.target.address });
        actions.push(Action::Arm(Timer::Repeat, T1_NS));
        actions.push(Action::Arm(Timer::GiveUp, uac.config.answer_timeout_ns));
        uac
    }

    /// The Call-ID, for messages to people.
    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Ends an answered call by BYE; nothing in any other state.
    pub(crate) fn hang_up(&mut self, realtime_ns: u64, actions: &mut Vec<Action>) {
        if self.state == State::Up {
            self.state = State::Leaving;
            self.left_ns = realtime_ns;
            self.send_bye(actions);
        }
    }

    /// A message with this call's Call-ID.
    pub(crate) fn receive(
        &mut self,
        message: &Incoming,
        kernel_ns: u64,
        sip: &mut SipStats,
        actions: &mut Vec<Action>,
    ) {
        match &message.kind {
            Kind::Request(method) => self.receive_request(method, message, sip, actions),
            Kind::Response(status) => match message.cseq_method.as_str() {
                "INVITE" => self.receive_invite_response(*status, message, kernel_ns, sip, actions),
                "BYE" => self.receive_bye_response(*status, message, kernel_ns, sip, actions),
                _ => {}
            },
        }
    }

    /// [`Timer::Repeat`] or [`Timer::GiveUp`] has expired.
    pub(crate) fn expire(&mut self, timer: Timer, sip: &mut SipStats, actions: &mut Vec<Action>) {
        match (timer, self.state) {
            (Timer::Repeat, State::Calling) if !self.proceeding => {
                sip.invite_repeated += 1;
                self.repeat_ns *= 2;
                actions.push(Action::Send {
                    what: What::Invite,
                    bytes: self.invite.clone(),
                    to: self.config.target.address,
                });
                actions.push(Action::Arm(Timer::Repeat, self.repeat_ns));
            }
            (Timer::Repeat, State::Cancelling | State::Leaving) => {
                if let Some((what, bytes, to)) = &self.request {
                    sip.bye_repeated += u64::from(*what == What::Bye);
                    self.repeat_ns = (self.repeat_ns * 2).min(T2_NS);
                    actions.push(Action::Send { what: *what, bytes: bytes.clone(), to: *to });
                    actions.push(Action::Arm(Timer::Repeat, self.repeat_ns));
                }
            }
            (Timer::GiveUp, State::Calling) if !self.proceeding => {
                // RFC 3261 §9.1: no CANCEL before a provisional response.
                self.fail(Failure::NoResponse, "no response to the INVITE", actions);
                self.end(actions);
            }
            (Timer::GiveUp, State::Calling) => {
                sip.cancelled += 1;
                self.fail(Failure::NoAnswer, "no final response to the INVITE: cancelled", actions);
                self.state = State::Cancelling;
                // RFC 3261 §9.1: Request-URI, Call-ID, To, From, CSeq number and the top Via as in the INVITE.
                let to = format!("<{}>", self.config.target.uri);
                let cancel = self.write("CANCEL", 1, &self.branch, &self.config.target.uri, &to, &[], "", "");
                self.send_request(What::Cancel, cancel, self.config.target.address, actions);
            }
            (Timer::GiveUp, State::Leaving) => {
                self.fail(Failure::ByeNoResponse, "no response to the BYE", actions);
                self.end(actions);
            }
            (Timer::GiveUp, State::Cancelling) => self.end(actions),
            _ => {}
        }
    }

    fn receive_invite_response(
        &mut self,
        status: u16,
        message: &Incoming,
        kernel_ns: u64,
        sip: &mut SipStats,
        actions: &mut Vec<Action>,
    ) {
        if self.state == State::Calling && !self.proceeding {
            sip.first_response.add(kernel_ns.saturating_sub(self.invited_ns));
        }
        match (status, self.state) {
            (0..200, State::Calling) => {
                self.proceeding = true;
                actions.push(Action::Stop(Timer::Repeat));
            }
            (0..200, _) => {}
            (200..300, State::Calling) => {
                sip.setup.add(kernel_ns.saturating_sub(self.invited_ns));
                match self.confirm(message, actions) {
                    Ok(()) => {
                        self.state = State::Up;
                        actions.push(Action::Stop(Timer::Repeat));
                        actions.push(Action::Stop(Timer::GiveUp));
                        actions.push(Action::Answered(message.body.clone()));
                    }
                    Err(reason) => {
                        self.fail(Failure::BadAnswer, &reason, actions);
                        self.end(actions);
                    }
                }
            }
            // RFC 3261 §9.1: the 200 was faster than the CANCEL; the call is up and is ended by BYE.
            (200..300, State::Cancelling) => {
                if self.confirm(message, actions).is_ok() {
                    self.state = State::Leaving;
                    self.left_ns = kernel_ns;
                    self.send_bye(actions);
                } else {
                    self.end(actions);
                }
            }
            (200..300, State::Up | State::Leaving | State::Ended) if self.dialog.is_some() => {
                sip.answer_repeated += 1;
                self.repeat_ack(actions);
            }
            // We had given up: the far end must not be left with a call that nobody has.
            (200..300, State::Ended) => {
                if self.confirm(message, actions).is_ok()
                    && let Some((bye, to)) = self.bye()
                {
                    actions.push(Action::Send { what: What::Bye, bytes: bye, to });
                }
            }
            (_, State::Calling | State::Cancelling) => {
                // RFC 3261 §17.1.1.3: the ACK of a refusal belongs to the INVITE's transaction, with the To of the response.
                let ack = self.write("ACK", 1, &self.branch, &self.config.target.uri, &message.to, &[], "", "");
                self.ack = Some((ack, self.config.target.address));
                self.repeat_ack(actions);
                if self.state == State::Calling {
                    self.fail(Failure::Refused(status), &message.start_line, actions);
                }
                self.end(actions);
            }
            _ => self.repeat_ack(actions),
        }
    }

    fn receive_bye_response(
        &mut self,
        status: u16,
        message: &Incoming,
        kernel_ns: u64,
        sip: &mut SipStats,
        actions: &mut Vec<Action>,
    ) {
        if self.state != State::Leaving || status < 200 {
            return;
        }
        if status < 300 {
            sip.bye.add(kernel_ns.saturating_sub(self.left_ns));
        } else if !self.crossed {
            self.fail(Failure::ByeRefused(status), &message.start_line, actions);
        }
        self.end(actions);
    }

    fn receive_request(&mut self, method: &str, message: &Incoming, sip: &mut SipStats, actions: &mut Vec<Action>) {
        let ours = self.dialog.as_ref().is_some_and(|dialog| {
            message.from_tag == dialog.remote_tag
                && message.to_tag.as_deref().is_some_and(|tag| self.from.ends_with(tag))
        });
        let (status, reason) = match (method, self.state) {
            ("ACK", _) => return,
            ("BYE", State::Up | State::Leaving | State::Ended) if ours => (200, "OK"),
            ("BYE" | "INVITE", _) if !ours => (481, "Call/Transaction Does Not Exist"),
            ("OPTIONS", _) => (200, "OK"),
            ("INVITE", _) => (488, "Not Acceptable Here"),
            _ => (405, "Method Not Allowed"),
        };
        let response = message.respond(status, reason, ALLOW);
        actions.push(Action::Send { what: What::Response, bytes: response, to: message.from_address });
        if method != "BYE" {
            sip.other_requests += 1;
            return;
        }
        match self.state {
            State::Up if status == 200 => {
                sip.server_byes += 1;
                actions.push(Action::RemoteBye);
                self.end(actions);
            }
            State::Leaving if status == 200 => {
                sip.server_byes += u64::from(!self.crossed);
                self.crossed = true;
            }
            State::Ended => sip.server_bye_repeated += 1,
            _ => sip.strays += 1,
        }
    }

    /// Makes the dialog of a 200 (RFC 3261 §12.1.2) and sends its ACK.
    fn confirm(&mut self, message: &Incoming, actions: &mut Vec<Action>) -> Result<(), String> {
        let remote_target = message.contact.clone().ok_or("the 200 has no usable Contact")?;
        // RFC 3261 §12.1.2: the route set is the Record-Route of the response in reverse order.
        let routes: Vec<String> = message.record_route.iter().rev().cloned().collect();
        let first = routes.first().map_or(remote_target.as_str(), |route| route.trim_matches(['<', '>']));
        let next_hop = literal_address(first).unwrap_or(self.config.target.address);
        if !self.config.any_network && !is_local(next_hop.ip()) {
            return Err(format!("the 200 directs us to {next_hop}, which needs --i-own-this-network"));
        }
        let dialog =
            Dialog { to: message.to.clone(), remote_tag: message.to_tag.clone(), remote_target, routes, next_hop };
        let branch = format!("{}a", self.branch);
        let ack = self.write("ACK", 1, &branch, &dialog.remote_target, &dialog.to, &dialog.routes, "", "");
        self.ack = Some((ack, next_hop));
        self.dialog = Some(dialog);
        self.repeat_ack(actions);
        Ok(())
    }

    fn repeat_ack(&self, actions: &mut Vec<Action>) {
        if let Some((bytes, to)) = &self.ack {
            actions.push(Action::Send { what: What::Ack, bytes: bytes.clone(), to: *to });
        }
    }

    fn bye(&self) -> Option<(Bytes, SocketAddr)> {
        let dialog = self.dialog.as_ref()?;
        let branch = format!("{}b", self.branch);
        let bye = self.write("BYE", 2, &branch, &dialog.remote_target, &dialog.to, &dialog.routes, "", "");
        Some((bye, dialog.next_hop))
    }

    fn send_bye(&mut self, actions: &mut Vec<Action>) {
        if let Some((bye, to)) = self.bye() {
            self.send_request(What::Bye, bye, to, actions);
        }
    }

    fn send_request(&mut self, what: What, bytes: Bytes, to: SocketAddr, actions: &mut Vec<Action>) {
        self.request = Some((what, bytes.clone(), to));
        self.repeat_ns = T1_NS;
        actions.push(Action::Send { what, bytes, to });
        actions.push(Action::Arm(Timer::Repeat, T1_NS));
        actions.push(Action::Arm(Timer::GiveUp, GIVE_UP_NS));
    }

    fn fail(&self, failure: Failure, reason: &str, actions: &mut Vec<Action>) {
        actions.push(Action::Failed(failure, reason.to_owned()));
    }

    fn end(&mut self, actions: &mut Vec<Action>) {
        self.state = State::Ended;
        actions.push(Action::Stop(Timer::Repeat));
        actions.push(Action::Stop(Timer::GiveUp));
        actions.push(Action::Ended);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a request, each once")]
    fn write(
        &self,
        method: &str,
        cseq: u32,
        branch: &str,
        uri: &str,
        to: &str,
        routes: &[String],
        headers: &str,
        body: &str,
    ) -> Bytes {
        let mut text = String::with_capacity(768);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n",
            local = self.config.local,
            from = self.from,
            call_id = self.call_id,
        );
        for route in routes {
            let _ = write!(text, "Route: {route}\r\n");
        }
        let _ = write!(text, "{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        Bytes::from(text)
    }
}
