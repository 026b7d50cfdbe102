//! Callers: what they would say next, right or wrong, and what they do to a message on its way.

use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::{Hop, Message, Method, Transport};

use crate::accounts::{Accounts, USERS};
use crate::cases::Dice;
use crate::flows::NUMBERS;

/// Signs and words at which readers of SIP and SDP decide something.
pub(crate) const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n ",
    b"\n",
    b"\0",
    b"\xff",
    b":",
    b";",
    b",",
    b"<",
    b">",
    b"\"",
    b"\\",
    b"@",
    b";tag=",
    b";lr",
    b"%00",
    b"sip:",
    b"tel:+1",
    b"sips:",
    b"[::1]",
    b"0.0.0.0",
    b"255.255.255.255:0",
    b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n",
    b"Content-Length: 0\r\n",
    b"Route: <sip:0.0.0.0:0;lr>\r\n",
    b"Record-Route: <sip:127.0.0.3:9;lr>\r\n",
    b"Require: 100rel\r\n",
    b"Contact: *\r\n",
    b"Contact: <sip:a@[::]:0>\r\n",
    b"CSeq: 4294967295 BYE\r\n",
    b"2147483647",
    b"4294967296",
    b"-1",
    b"Authorization: Digest ",
    b"Expires: 0\r\n",
    b"nc=ffffffff",
    b"m=audio 0 RTP/AVP 0\r\n",
    b"c=IN IP6 ::1\r\n",
    b"a=inactive\r\n",
    b"a=ptime:0\r\n",
];

/// Bodies of INFO.
const KEYS: [&str; 5] = ["Signal=5\r\nDuration=160\r\n", "Signal= #\nDuration= 80", "7", "Duration==\r\n", ""];

const BODIES: [&str; 7] = [
    "v=0\r\no=a 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n",
    "v=0\r\no=a 1 2 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
    "v=0\r\no=a 1 3 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=video 6000 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n",
    "v=0\r\no=a 1 4 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n",
    "v=0\r\no=a 1 5 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n",
    "this is no description",
    "",
];

/// A stranger, and two who say that they are from here.
const FROM: [&str; 3] = ["sip:far@127.0.0.2", "sip:1000@127.0.0.1", "sip:2000@127.0.0.1"];

/// One dialog as its caller sees it.
#[derive(Clone)]
struct Dialog {
    call_id: String,
    from_tag: String,
    from: &'static str,
    to_tag: String,
    cseq: u32,
    branch: String,
    number: &'static str,
    hop: Hop,
    contact: String,
    /// A final response was seen; whether it was a 2xx.
    accepted: Option<bool>,
}

#[derive(Default)]
pub(crate) struct FarEnd {
    dialogs: Vec<Dialog>,
    /// Requests of the server that may be answered.
    asked: Vec<(Message, Hop)>,
    accounts: Accounts,
    /// What was sent before, to be repeated and mutated.
    before: Vec<(Bytes, Hop)>,
}

fn hop(dice: &mut Dice) -> Hop {
    let (local, remote) = match dice.below(12) {
        0 => ("[::1]:5060", "[::1]:5070".to_owned()),
        1 => ("127.0.0.1:5060", "192.0.2.1:5060".to_owned()),
        2 => ("127.0.0.1:5060", "127.0.0.9:0".to_owned()),
        n => ("127.0.0.1:5060", format!("127.0.0.{n}:5060")),
    };
    Hop {
        transport: Transport::Udp,
        listener: dice.below(3) as u16,
        local: local.parse().unwrap(),
        remote: remote.parse::<SocketAddr>().unwrap(),
    }
}

impl FarEnd {
    /// What the server sent: tags and requests are remembered.
    pub(crate) fn hears(&mut self, message: Message, hop: Hop) {
        if message.is_request() {
            self.asked.push((message, hop));
            let surplus = self.asked.len().saturating_sub(8);
            drop(self.asked.drain(..surplus));
            return;
        }
        self.accounts.hear(&message);
        let Some(dialog) = self.dialogs.iter_mut().find(|dialog| dialog.call_id == message.call_id()) else { return };
        if let Some(tag) = message.to_tag() {
            tag.clone_into(&mut dialog.to_tag);
        }
        if let (Some(status @ 200..), Method::Invite) = (message.status(), message.method()) {
            dialog.accepted = Some(status < 300);
        }
    }

    /// One datagram: mostly what a caller would say, or something that was said before, whole or not.
    pub(crate) fn says(&mut self, dice: &mut Dice) -> (Bytes, Hop) {
        let (text, hop) = match dice.below(20) {
            0..=3 if !self.before.is_empty() => {
                let (text, hop) = dice.pick(&self.before).clone();
                if dice.one_in(2) {
                    return (text, hop);
                }
                let mut text = text.to_vec();
                let others: Vec<&Bytes> = self.before.iter().map(|(text, _)| text).collect();
                dice.mutate(&mut text, PIECES, &others);
                return (text.into(), hop);
            }
            4 => {
                let most = if dice.one_in(20) { 65_507 } else { 600 };
                let length = dice.below(most);
                let word = *dice.pick(PIECES);
                let text = (0..length).map(|at| if dice.one_in(3) { dice.next() as u8 } else { word[at % word.len()] });
                (text.collect(), hop(dice))
            }
            5 | 6 if !self.asked.is_empty() => self.answers(dice),
            7..=9 => self.invites(dice),
            10..=12 => {
                let hop = hop(dice);
                (self.accounts.register(dice, &hop.remote.to_string()), hop)
            }
            _ if self.dialogs.is_empty() => self.invites(dice),
            _ => self.goes_on(dice),
        };
        let text = Bytes::from(text);
        self.before.push((text.clone(), hop));
        let surplus = self.before.len().saturating_sub(40);
        drop(self.before.drain(..surplus));
        (text, hop)
    }

    fn invites(&mut self, dice: &mut Dice) -> (Vec<u8>, Hop) {
        let dialog = Dialog {
            call_id: format!("c{}", dice.next()),
            from_tag: format!("f{}", dice.below(1000)),
            from: FROM[dice.below(FROM.len())],
            to_tag: String::new(),
            cseq: *dice.pick(&[1, 1, 1, 77, u32::MAX >> 1]),
            branch: format!("z9hG4bK{}", dice.next()),
            number: NUMBERS[dice.below(NUMBERS.len())],
            hop: hop(dice),
            contact: (*dice.pick(&[
                "<sip:a@127.0.0.2:5060>",
                "<sip:a@127.0.0.2:5060>",
                "<sip:a@far.example;transport=tcp>",
                "<tel:+1>",
                "<sip:[::]:0>",
            ]))
            .to_owned(),
            accepted: None,
        };
        let credentials = self.credentials(dice, &dialog);
        let text = write(dice, &dialog, "INVITE", "INVITE", &dialog.branch, &credentials);
        let hop = dialog.hop;
        self.dialogs.push(dialog);
        let surplus = self.dialogs.len().saturating_sub(12);
        drop(self.dialogs.drain(..surplus));
        (text, hop)
    }

    /// Some calls are those of phones.
    fn credentials(&mut self, dice: &mut Dice, dialog: &Dialog) -> String {
        if !dice.one_in(3) {
            return String::new();
        }
        let (user, uri) = (*dice.pick(&USERS), format!("sip:{}@127.0.0.1", dialog.number));
        self.accounts.authorization(dice, &Method::Invite, user, &uri)
    }

    /// The next request of a dialog; mostly one that fits its state.
    fn goes_on(&mut self, dice: &mut Dice) -> (Vec<u8>, Hop) {
        let index = dice.below(self.dialogs.len());
        let kind = match (self.dialogs[index].accepted, dice.below(10)) {
            (None, 0..=4) => "CANCEL",
            (Some(_), 0..=4) => "ACK",
            (_, 5) => "BYE",
            (_, 6 | 7) => "INVITE",
            (_, 8) => *dice.pick(&["OPTIONS", "INFO", "INFO", "UPDATE", "REGISTER", "ACK", "CANCEL", "PRACK"]),
            _ => "ACK",
        };
        let dialog = &mut self.dialogs[index];
        let new_branch = match (kind, dialog.accepted) {
            ("CANCEL", _) | ("ACK", Some(false)) => false,
            ("ACK", _) => true,
            _ => {
                dialog.cseq = dialog.cseq.wrapping_add(*dice.pick(&[1, 1, 1, 0, 5, u32::MAX]));
                true
            }
        };
        let branch = if new_branch { format!("z9hG4bK{}", dice.next()) } else { dialog.branch.clone() };
        if kind == "INVITE" {
            dialog.branch.clone_from(&branch);
            dialog.accepted = None;
        }
        let dialog = self.dialogs[index].clone();
        let hop = if dice.one_in(20) { hop(dice) } else { dialog.hop };
        let credentials = if kind == "INVITE" { self.credentials(dice, &dialog) } else { String::new() };
        (write(dice, &dialog, kind, kind, &branch, &credentials), hop)
    }

    fn answers(&mut self, dice: &mut Dice) -> (Vec<u8>, Hop) {
        let (request, hop) = dice.pick(&self.asked).clone();
        let status = *dice.pick(&[200, 200, 100, 180, 481, 408, 302, 500, 699]);
        let response = sip_core::MessageBuilder::response_to(&request, status, "Whatever").build();
        (response.as_bytes().to_vec(), hop)
    }
}

fn write(
    dice: &mut Dice,
    dialog: &Dialog,
    method: &str,
    cseq_method: &str,
    branch: &str,
    credentials: &str,
) -> Vec<u8> {
    let Dialog { call_id, from_tag, to_tag, from, cseq, number, contact, hop, .. } = dialog;
    let to = if to_tag.is_empty() || method == "CANCEL" || dice.one_in(30) {
        String::new()
    } else {
        format!(";tag={to_tag}")
    };
    let body = match method {
        "INVITE" => {
            let most = if dice.one_in(3) { BODIES.len() } else { 2 };
            *dice.pick(&BODIES[..most])
        }
        "ACK" if dice.one_in(2) => *dice.pick(&BODIES),
        "INFO" => *dice.pick(&KEYS),
        _ => "",
    };
    let content_type = match method {
        _ if body.is_empty() => "",
        "INFO" => *dice.pick(&["Content-Type: application/dtmf-relay\r\n", "Content-Type: application/dtmf\r\n"]),
        _ => "Content-Type: application/sdp\r\n",
    };
    let extra = *dice.pick(&[
        "",
        "",
        "",
        "",
        "Require: 100rel\r\n",
        "Supported: timer\r\n",
        "Record-Route: <sip:127.0.0.8;lr>\r\n",
        "Max-Forwards: 0\r\n",
    ]);
    let sent_by = hop.remote;
    format!(
        "{method} sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by};rport;branch={branch}\r\nMax-Forwards: 70\r\n\
         From: \"F\" <{from}>;tag={from_tag}\r\nTo: <sip:{number}@127.0.0.1>{to}\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} {cseq_method}\r\nContact: {contact}\r\n{extra}{credentials}{content_type}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
