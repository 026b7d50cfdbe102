//! The SIP half of a scripted phone. Its messages are plain text written here, not built by the code under test.

use std::fmt::Write as _;
use std::net::SocketAddr;

use base::MS;
use sip_core::{Message, Transport};

use crate::digest::Account;

/// The content type of a session description.
const SDP: &str = "application/sdp";

/// RFC 3261 §17.1.1.1.
const T1_NS: u64 = 500 * MS;

/// What a phone offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Address in the c= line; `0.0.0.0` holds the old way.
    pub address: String,
    /// RTP port.
    pub port: u16,
    /// Payload types in order, as in the m= line.
    pub formats: Vec<u8>,
    /// `sendrecv`, `sendonly`, `recvonly` or `inactive`.
    pub direction: &'static str,
    /// Packet length asked for.
    pub ptime_ms: u16,
    /// The o= version.
    pub version: u32,
}

impl Offer {
    /// PCMU, PCMA and telephone-event 101, both ways, 20 ms.
    pub fn usual(rtp: SocketAddr) -> Offer {
        Offer {
            address: rtp.ip().to_string(),
            port: rtp.port(),
            formats: vec![0, 8, 101],
            direction: "sendrecv",
            ptime_ms: 20,
            version: 1,
        }
    }

    /// As text.
    pub fn text(&self) -> String {
        let formats: Vec<String> = self.formats.iter().map(u8::to_string).collect();
        let mut sdp = format!(
            "v=0\r\no=phone 7 {} IN IP4 {}\r\ns=-\r\nc=IN IP4 {}\r\nt=0 0\r\nm=audio {} RTP/AVP {}\r\n",
            self.version,
            self.address,
            self.address,
            self.port,
            formats.join(" ")
        );
        for format in &self.formats {
            let _ = match format {
                0 => write!(sdp, "a=rtpmap:0 PCMU/8000\r\n"),
                8 => write!(sdp, "a=rtpmap:8 PCMA/8000\r\n"),
                9 => write!(sdp, "a=rtpmap:9 G722/8000\r\n"),
                event => write!(sdp, "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n"),
            };
        }
        let _ = write!(sdp, "a=ptime:{}\r\na={}\r\n", self.ptime_ms, self.direction);
        sdp
    }
}

/// A request that is repeated until it is answered (RFC 3261 §17.1).
#[derive(Clone, Debug)]
pub(crate) struct Repeating {
    pub(crate) text: String,
    pub(crate) method: String,
    pub(crate) cseq: u32,
    pub(crate) next_ns: u64,
    interval_ns: u64,
    give_up_ns: u64,
}

/// One call of a phone, the caller's side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dialog {
    pub(crate) user: String,
    pub(crate) call_id: String,
    pub(crate) from_tag: String,
    pub(crate) to_tag: String,
    pub(crate) cseq: u32,
    /// CSeq number of the last INVITE, for its ACK and CANCEL.
    pub(crate) invite_cseq: u32,
    pub(crate) invite_branch: String,
    /// Every response in order: status, CSeq method, whole message.
    pub(crate) responses: Vec<(u16, String, Message)>,
    /// Requests of the server, by method.
    pub(crate) requests: Vec<(String, Message)>,
    pub(crate) repeating: Vec<Repeating>,
}

/// What the phone does on its own.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Acknowledge 2xx to INVITE.
    pub acks_success: bool,
    /// Acknowledge every other final response to INVITE.
    pub acks_failure: bool,
    /// Answer BYE with 200.
    pub answers_bye: bool,
    /// Repeat requests that get no answer.
    pub repeats: bool,
    /// The host that it dials; none: the server's address.
    pub dials_at: Option<String>,
    /// Further header lines of an INVITE, each with its end.
    pub invite_lines: String,
    /// Value of the Expires in an INVITE.
    pub expires_s: Option<u32>,
    /// SDP to put into the ACK (after a late offer).
    pub sdp_in_ack: Option<String>,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            acks_success: true,
            acks_failure: true,
            answers_bye: true,
            repeats: true,
            dials_at: None,
            invite_lines: String::new(),
            expires_s: None,
            sdp_in_ack: None,
        }
    }
}

/// The SIP half.
#[derive(Clone, Debug)]
pub(crate) struct PhoneSip {
    pub(crate) name: String,
    /// Where its messages come from.
    pub(crate) address: SocketAddr,
    /// What it takes for its own address: another one behind a NAT.
    pub(crate) own_address: SocketAddr,
    pub(crate) server: SocketAddr,
    /// It listens at its own address for connections.
    pub(crate) takes_connections: bool,
    /// What carries its messages.
    pub(crate) transport: Transport,
    pub(crate) manners: Manners,
    pub(crate) dialog: Dialog,
    /// Its account, if it has one.
    pub(crate) account: Option<Account>,
    branches: u32,
    calls: u32,
}

impl PhoneSip {
    pub(crate) fn new(name: &str, address: SocketAddr, server: SocketAddr) -> PhoneSip {
        PhoneSip {
            name: name.to_owned(),
            address,
            own_address: address,
            server,
            takes_connections: false,
            transport: Transport::Udp,
            manners: Manners::default(),
            dialog: Dialog::default(),
            account: None,
            branches: 0,
            calls: 0,
        }
    }

    fn next_branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK-{}-{}", self.name, self.branches)
    }

    fn begin_dialog(&mut self, user: &str) {
        self.calls += 1;
        self.dialog = Dialog {
            user: user.to_owned(),
            call_id: format!("call-{}-{}", self.name, self.calls),
            from_tag: format!("{}-tag-{}", self.name, self.calls),
            ..Dialog::default()
        };
    }

    /// A request of this dialog with a branch of its own; its body, if any, is a session description.
    pub(crate) fn request(&mut self, method: &str, body: Option<&str>) -> (String, u32) {
        self.request_with(method, body.map(|body| (SDP, body)))
    }

    /// The same with a body of this content type.
    pub(crate) fn request_with(&mut self, method: &str, body: Option<(&str, &str)>) -> (String, u32) {
        self.dialog.cseq += 1;
        let branch = self.next_branch();
        if method == "INVITE" {
            self.dialog.invite_cseq = self.dialog.cseq;
            self.dialog.invite_branch.clone_from(&branch);
        }
        let uri = self.dialled();
        let credentials = self.account.as_mut().filter(|_| method == "INVITE");
        let credentials = credentials.and_then(|account| account.authorization(method, &uri));
        let line = credentials.map_or(String::new(), |value| format!("Proxy-Authorization: {value}\r\n"));
        (self.text_with(method, &branch, self.dialog.cseq, body, &line), self.dialog.cseq)
    }

    /// What the phone calls, as a URI.
    fn dialled(&self) -> String {
        match &self.manners.dials_at {
            Some(host) => format!("sip:{}@{host}", self.dialog.user),
            None => format!("sip:{}@{}", self.dialog.user, self.server),
        }
    }

    /// The next REGISTER of the account.
    pub(crate) fn register(&mut self) -> (String, u32) {
        let (branch, server, me) = (self.next_branch(), self.server, self.own_address);
        let name = self.name.clone();
        let account = self.account.as_mut().expect("the phone has an account");
        account.cseq += 1;
        let authorization = account.authorization("REGISTER", &format!("sip:{server}"));
        let authorization = authorization.map_or(String::new(), |value| format!("Authorization: {value}\r\n"));
        let (user, to, cseq) = (&account.user, &account.to, account.cseq);
        let lines = account.lines.replace("{user}", user).replace("{me}", &me.to_string());
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {me};branch={branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@{server}>;tag={name}-account\r\n\
             To: <sip:{to}@{server}>\r\n\
             Call-ID: account-of-{name}\r\n\
             CSeq: {cseq} REGISTER\r\n\
             User-Agent: Phone of {name}\r\n\
             {authorization}{lines}Content-Length: 0\r\n\r\n"
        );
        (text, cseq)
    }

    /// The first INVITE of a new dialog.
    pub(crate) fn invite(&mut self, user: &str, body: Option<&str>) -> (String, u32) {
        self.begin_dialog(user);
        self.request("INVITE", body)
    }

    /// RFC 3261 §9.1: the CANCEL has the INVITE's branch and number.
    pub(crate) fn cancel(&self) -> String {
        let mut early = self.clone();
        early.dialog.to_tag.clear();
        early.text("CANCEL", &self.dialog.invite_branch, self.dialog.invite_cseq, None)
    }

    /// The ACK: of a 2xx with a branch of its own, of anything else with the INVITE's (RFC 3261 §17.1.1.3).
    pub(crate) fn ack(&mut self, success: bool) -> String {
        let branch = if success { self.next_branch() } else { self.dialog.invite_branch.clone() };
        let body = if success { self.manners.sdp_in_ack.take() } else { None };
        self.text("ACK", &branch, self.dialog.invite_cseq, body.as_deref())
    }

    fn text(&self, method: &str, branch: &str, cseq: u32, body: Option<&str>) -> String {
        self.text_with(method, branch, cseq, body.map(|body| (SDP, body)), "")
    }

    fn text_with(&self, method: &str, branch: &str, cseq: u32, body: Option<(&str, &str)>, extra: &str) -> String {
        let Dialog { call_id, from_tag, to_tag, .. } = &self.dialog;
        let dialled = self.dialled();
        let (me, server, name) = (self.own_address, self.server, &self.name);
        // A phone with an account says that it is from the server.
        let from = match &self.account {
            Some(account) => format!("sip:{}@{server}", account.user),
            None => format!("sip:{name}@{}", me.ip()),
        };
        let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let (content_type, body) = body.unwrap_or_default();
        let expires = self.manners.expires_s.filter(|_| method == "INVITE");
        let expires = expires.map_or(String::new(), |seconds| format!("Expires: {seconds}\r\n"));
        let lines = if method == "INVITE" { self.manners.invite_lines.as_str() } else { "" };
        let content_type = match content_type.is_empty() || body.is_empty() {
            true => String::new(),
            false => format!("Content-Type: {content_type}\r\n"),
        };
        let via = self.transport.via_name();
        format!(
            "{method} {dialled} SIP/2.0\r\n\
             Via: SIP/2.0/{via} {me};branch={branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: \"{name}\" <{from}>;tag={from_tag}\r\n\
             To: <{dialled}>{to_tag}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:{name}@{me}>\r\n\
             {extra}{lines}{expires}{content_type}Content-Length: {length}\r\n\r\n{body}",
            length = body.len(),
        )
    }

    pub(crate) fn keep_repeating(&mut self, now_ns: u64, method: &str, cseq: u32, text: String) {
        if self.manners.repeats {
            self.dialog.repeating.push(Repeating {
                text,
                method: method.to_owned(),
                cseq,
                next_ns: now_ns + T1_NS,
                interval_ns: T1_NS,
                give_up_ns: now_ns + 64 * T1_NS,
            });
        }
    }

    /// When a request is to be repeated next.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.dialog.repeating.iter().map(|request| request.next_ns).min()
    }

    /// The requests that are due again.
    pub(crate) fn due(&mut self, now_ns: u64) -> Vec<String> {
        let mut texts = Vec::new();
        self.dialog.repeating.retain(|request| request.give_up_ns > now_ns);
        for request in &mut self.dialog.repeating {
            if request.next_ns <= now_ns {
                texts.push(request.text.clone());
                request.interval_ns *= 2;
                request.next_ns = now_ns + request.interval_ns;
            }
        }
        texts
    }

    /// Takes a message of the server; what the phone sends at once because of it.
    pub(crate) fn receive(&mut self, message: &Message) -> Vec<String> {
        match message.status() {
            Some(status) => self.receive_response(status, message),
            None => self.receive_request(message),
        }
    }

    fn receive_response(&mut self, status: u16, message: &Message) -> Vec<String> {
        let cseq = message.cseq().expect("the server writes a CSeq");
        let (number, method) = (cseq.number, cseq.method.to_string());
        self.dialog.repeating.retain(|request| {
            let answered = request.cseq == number && request.method == method;
            // A provisional response ends the repetition of an INVITE only (RFC 3261 §17.1.2.2 slows the others down).
            !(answered && (status >= 200 || method == "INVITE"))
        });
        self.dialog.responses.push((status, method.clone(), message.clone()));
        if let (401 | 407, Some(account)) = (status, &mut self.account) {
            account.learn(&String::from_utf8_lossy(message.as_bytes()));
        }
        if method != "INVITE" || number != self.dialog.invite_cseq {
            return Vec::new();
        }
        if status > 100
            && let Some(tag) = message.to_tag()
        {
            self.dialog.to_tag = tag.to_string();
        }
        match status {
            200..=299 if self.manners.acks_success => vec![self.ack(true)],
            300.. if self.manners.acks_failure => vec![self.ack(false)],
            _ => Vec::new(),
        }
    }

    fn receive_request(&mut self, message: &Message) -> Vec<String> {
        let method = message.method().to_string();
        self.dialog.requests.push((method.clone(), message.clone()));
        if method == "BYE" && self.manners.answers_bye {
            return vec![answer(message, 200, "OK")];
        }
        Vec::new()
    }
}

/// A response to a request of the server, by hand: the headers that RFC 3261 §8.2.6.2 says to copy.
pub(crate) fn answer(request: &Message, status: u16, reason: &str) -> String {
    let mut response = format!("SIP/2.0 {status} {reason}\r\n");
    let text = String::from_utf8_lossy(request.as_bytes());
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if ["via", "from", "to", "call-id", "cseq"].contains(&name.as_str()) {
            response.push_str(line);
            response.push_str("\r\n");
        }
    }
    response.push_str("Content-Length: 0\r\n\r\n");
    response
}
