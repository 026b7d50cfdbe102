//! The World: real control loops and media workers on a virtual clock, links that misbehave by seed, and scripted phones.
//!
//! Nothing here waits. The clock jumps to whatever is due next: a packet, a timer of control, a tick, a repetition.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use base::{LoopId, MS, Now};
use bytes::Bytes;
use call::{Control, Effect, HttpJob, Input, NoteKind, Snapshot};
use sip_core::{Hop, Message, Transport, loop_of, loop_of_request_sent, second_way};

use crate::ladder::Ladder;
use crate::link::{Cargo, Link, Way};
use crate::media_sim::MediaSim;
use crate::mode::Mode;
use crate::phone_rtp::PhoneRtp;
use crate::phone_sip::PhoneSip;

/// Virtual time begins here: no deadline can be mistaken for "not set".
const START: Now = Now { mono_ns: 1_000_000 * MS, wall_us: 1_800_000_000_000_000 };
/// The World's server.
pub(crate) const SERVER: &str = "127.0.0.1:5060";

/// What is on its way and arrives at a moment.
enum Delivery {
    SipToServer { from: SocketAddr, text: Bytes },
    RtpToServer { from: SocketAddr, to: SocketAddr, data: Vec<u8> },
    SipToPhone { phone: usize, text: Bytes },
    RtpToPhone { phone: usize, data: Vec<u8>, rtcp: bool },
    Answer { owner: usize, input: Input },
}

pub(crate) struct PhoneState {
    pub(crate) sip: PhoneSip,
    pub(crate) rtp: PhoneRtp,
    pub(crate) link: Link,
}

/// Everything there is.
pub(crate) struct WorldState {
    pub(crate) now: Now,
    pub(crate) ladder: Ladder,
    pub(crate) phones: Vec<PhoneState>,
    pub(crate) controls: Vec<Control>,
    pub(crate) media: MediaSim,
    pub(crate) snapshot: Snapshot,
    pub(crate) notes: Vec<call::Note>,
    /// Sounds that were asked for and are not wanted any more.
    pub(crate) sounds_forgotten: usize,
    pub(crate) crashes: Vec<call::CrashReport>,
    /// What would have gone to the event log.
    pub(crate) log: Vec<model::LogEntry>,
    pub(crate) web: crate::web::Web,
    pub(crate) replies: Vec<(u64, call::Reply)>,
    /// Bindings as they were saved last, by extension.
    pub(crate) saved: BTreeMap<uuid::Uuid, Vec<model::Binding>>,
    pub(crate) journal: Vec<(Now, usize, Input)>,
    pub(crate) effects: Vec<Vec<u8>>,
    /// The workers' facts reach nobody.
    pub(crate) facts_are_lost: bool,
    /// The store cannot write.
    pub(crate) store_fails: bool,
    /// The store says nothing.
    pub(crate) store_is_silent: bool,
    mode: Mode,
    inputs_seen: u64,
    by_ip: BTreeMap<IpAddr, usize>,
    queue: BTreeMap<(u64, u64), Delivery>,
    next_number: u64,
}

pub(crate) fn new_control(owner: usize) -> Control {
    Control::new(LoopId(owner as u8), [owner as u8 + 1; 32], Default::default())
}

impl WorldState {
    pub(crate) fn new(mode: Mode) -> WorldState {
        WorldState {
            now: START,
            ladder: Ladder::default(),
            phones: Vec::new(),
            controls: (0..usize::from(mode.loops)).map(new_control).collect(),
            media: MediaSim::new(2),
            snapshot: Snapshot::default(),
            notes: Vec::new(),
            sounds_forgotten: 0,
            crashes: Vec::new(),
            log: Vec::new(),
            web: crate::web::Web::default(),
            replies: Vec::new(),
            saved: BTreeMap::new(),
            journal: Vec::new(),
            effects: Vec::new(),
            facts_are_lost: false,
            store_fails: false,
            store_is_silent: false,
            mode,
            inputs_seen: 0,
            by_ip: BTreeMap::new(),
            queue: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// Nanoseconds since the scenario began.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.now.mono_ns - START.mono_ns
    }

    pub(crate) fn line(&mut self, what: &str) {
        self.ladder.line(self.elapsed_ns(), what);
    }

    /// Tells every loop what is valid from now on.
    pub(crate) fn publish(&mut self) {
        self.snapshot.number += 1;
        for owner in 0..self.controls.len() {
            let snapshot = Box::new(self.snapshot.clone());
            self.input(owner, Input::Snapshot(snapshot));
        }
    }

    pub(crate) fn add_phone(&mut self, name: &str) -> usize {
        let index = self.phones.len();
        let ip = IpAddr::from([127, 0, 1 + (index / 200) as u8, 10 + (index % 200) as u8]);
        let address = |port: u16| SocketAddr::new(ip, port);
        self.by_ip.insert(ip, index);
        self.phones.push(PhoneState {
            sip: PhoneSip::new(name, address(5060), SERVER.parse().expect("an address")),
            rtp: PhoneRtp::new(address(4000), 0x1000 + index as u32),
            link: Link::new(index as u16),
        });
        index
    }

    fn enqueue(&mut self, at_ns: u64, delivery: Delivery) {
        self.next_number += 1;
        self.queue.insert((at_ns, self.next_number), delivery);
    }

    /// A phone sends a SIP message.
    pub(crate) fn phone_sends(&mut self, phone: usize, text: String) {
        let name = self.phones[phone].sip.name.clone();
        let arrivals = self.phones[phone].link.arrivals(Way::ToServer, Cargo::Sip);
        let mark = if arrivals.is_empty() { " (lost)" } else { "" };
        self.line(&format!("{name} -> server  {}{mark}", crate::describe::message(text.as_bytes())));
        let from = self.phones[phone].sip.address;
        for after_ns in arrivals {
            let text = Bytes::from(text.clone());
            self.enqueue(self.now.mono_ns + after_ns, Delivery::SipToServer { from, text });
        }
    }

    /// A phone sends an RTP packet, `delay_ns` from now.
    pub(crate) fn phone_sends_rtp(&mut self, phone: usize, delay_ns: u64, data: Vec<u8>) {
        let Some(to) = self.phones[phone].rtp.remote else { return };
        let from = self.phones[phone].rtp.address;
        for after_ns in self.phones[phone].link.arrivals(Way::ToServer, Cargo::Rtp) {
            let at_ns = self.now.mono_ns + delay_ns + after_ns;
            self.enqueue(at_ns, Delivery::RtpToServer { from, to, data: data.clone() });
        }
    }

    /// The next moment at which something is due.
    fn next_moment(&self) -> Option<u64> {
        let queue = self.queue.keys().next().map(|(at_ns, _)| *at_ns);
        let controls = self.controls.iter().filter_map(Control::next_deadline).min();
        let phones = self
            .phones
            .iter()
            .filter_map(|phone| [phone.sip.next_deadline(), phone.rtp.next_frame_ns].into_iter().flatten().min());
        [queue, controls, self.media.next_deadline(), phones.min()].into_iter().flatten().min()
    }

    /// Goes to the next moment, not beyond `limit_ns`, and does all that is due there. False: nothing was left to do.
    pub(crate) fn step(&mut self, limit_ns: u64) -> bool {
        let moment_ns = match self.next_moment() {
            Some(moment_ns) if moment_ns <= limit_ns => moment_ns.max(self.now.mono_ns),
            _ => {
                self.goes_to(limit_ns);
                return false;
            }
        };
        self.goes_to(moment_ns);
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > moment_ns {
                break;
            }
            let delivery = entry.remove();
            self.deliver(delivery);
        }
        for owner in 0..self.controls.len() {
            if self.controls[owner].next_deadline().is_some_and(|due_ns| due_ns <= moment_ns) {
                self.input(owner, Input::Timeout);
            }
        }
        self.media.tick(moment_ns);
        self.collect_media();
        self.collect_recordings();
        self.run_phones(moment_ns);
        true
    }

    /// Both clocks are reckoned from the start: what is rounded off does not add up with the number of steps.
    fn goes_to(&mut self, moment_ns: u64) {
        self.now = START.plus_ns(moment_ns.max(self.now.mono_ns) - START.mono_ns);
    }

    fn run_phones(&mut self, moment_ns: u64) {
        for phone in 0..self.phones.len() {
            for text in self.phones[phone].sip.due(moment_ns) {
                self.phone_sends(phone, text);
            }
            if self.phones[phone].rtp.next_frame_ns.is_some_and(|due_ns| due_ns <= moment_ns) {
                self.phones[phone].rtp.next_frame_ns = None;
                if let Some(frame) = self.phones[phone].rtp.frame(moment_ns) {
                    self.phone_sends_rtp(phone, 0, frame);
                }
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::SipToServer { from, text } => self.sip_to_server(from, text),
            Delivery::RtpToServer { from, to, data } => {
                self.media.receive(self.now.mono_ns, &data, from, to.port());
                self.collect_media();
            }
            Delivery::SipToPhone { phone, text } => {
                let message = Message::parse_datagram(text).expect("what the server sends can be parsed");
                let texts = self.phones[phone].sip.receive(&message);
                if message.status().is_some_and(|status| (180..300).contains(&status)) {
                    self.phones[phone].learn_remote(&message);
                }
                for text in texts {
                    self.phone_sends(phone, text);
                }
            }
            Delivery::RtpToPhone { phone, data, rtcp } => {
                let at_ns = self.now.mono_ns;
                match rtcp {
                    true => self.phones[phone].rtp.heard_rtcp += 1,
                    false => self.phones[phone].rtp.receive(at_ns, &data),
                }
            }
            Delivery::Answer { owner, input } => self.input(owner, input),
        }
    }

    /// What the edge does: parse, find the loop.
    fn sip_to_server(&mut self, from: SocketAddr, text: Bytes) {
        let local = SERVER.parse().expect("an address");
        let phone = self.by_ip.get(&from.ip());
        let transport = phone.map_or(Transport::Udp, |phone| self.phones[*phone].sip.transport);
        let hop = Hop { transport, listener: u16::from(transport.is_reliable()), local, remote: from };
        match Message::parse_datagram(text) {
            Ok(message) => {
                let owner = loop_of(&message, self.mode.loops);
                self.input(usize::from(owner.0), Input::Sip { message, hop });
            }
            Err(error) => self.line(&format!("server: malformed message from {from}: {error}")),
        }
    }

    /// Gives one input to one loop; here the promises of the design are put to the test.
    pub(crate) fn input(&mut self, owner: usize, input: Input) {
        self.journal.push((self.now, owner, input.clone()));
        let mut effects = Vec::new();
        self.controls[owner].handle(self.now, input, &mut effects);
        self.effects.push(rmp_serde::to_vec_named(&effects).expect("effects can be written"));
        self.inputs_seen += 1;
        if self.mode.forgets_at(self.inputs_seen) {
            let written = self.controls[owner].write_down();
            self.controls[owner] = Control::take_up(&written).expect("what was written can be read");
            assert!(written == self.controls[owner].write_down(), "state changed by being written and read");
        }
        for effect in effects {
            self.carry_out(owner, effect);
        }
    }

    fn carry_out(&mut self, owner: usize, effect: Effect) {
        match effect {
            Effect::Transmit { hop, message } => self.server_sends(hop, message),
            Effect::Media(command) => {
                if let Some(line) = crate::describe::command(&command) {
                    self.line(&format!("server: {line}"));
                }
                self.media.apply(self.now.mono_ns, LoopId(owner as u8), command);
                self.collect_media();
            }
            Effect::WantPorts { ipv6, count } => {
                let leases = if ipv6 { Vec::new() } else { self.media.lease(count) };
                self.enqueue(self.now.mono_ns + MS, Delivery::Answer { owner, input: Input::Ports { ipv6, leases } });
            }
            Effect::PrepareSound { cell, step, urls } => {
                let delay_ms = MediaSim::delay_ms(&urls);
                let outcome = self.media.prepare(&urls);
                let input = Input::Sound { cell, step, outcome };
                self.enqueue(self.now.after_ms(delay_ms), Delivery::Answer { owner, input });
            }
            Effect::PrepareSpeech { cell, step, speech } => {
                let delay_ms = MediaSim::delay_ms(std::slice::from_ref(&speech.text));
                let outcome = self.media.speak(&speech);
                let input = Input::Sound { cell, step, outcome };
                self.enqueue(self.now.after_ms(delay_ms), Delivery::Answer { owner, input });
            }
            Effect::ForgetSound { .. } => self.sounds_forgotten += 1,
            Effect::Http(job) => {
                let outcome = self.web.request(&job.request);
                let HttpJob { cell, step, activeflow_id, wait, request, .. } = job;
                let input = match outcome.failure() {
                    _ if wait => Some(Input::Http { cell, step, outcome }),
                    Some(reason) => {
                        let action_id = request.action_id;
                        Some(Input::WebhookFailed { cell, activeflow_id, step, action_id, reason })
                    }
                    None => None,
                };
                if let Some(input) = input {
                    self.enqueue(self.now.after_ms(10), Delivery::Answer { owner, input });
                }
            }
            Effect::Log(entry) => self.log.push(*entry),
            Effect::Send(letter) => {
                // A loop that the settings speak of and that is not here is a lost one.
                let to = usize::from(letter.owner(self.snapshot.settings.loops).0);
                if to >= self.controls.len() {
                    return;
                }
                self.enqueue(self.now.mono_ns, Delivery::Answer { owner: to, input: Input::Message(letter) });
            }
            Effect::Reply { token, reply } => self.replies.push((token, reply)),
            Effect::SaveBindings { token, extension_id, bindings } => {
                let saved = !self.store_fails;
                if saved {
                    self.saved.insert(extension_id, bindings);
                }
                if !self.store_is_silent {
                    let input = Input::Saved { token, saved };
                    self.enqueue(self.now.after_ms(5), Delivery::Answer { owner, input });
                }
            }
            Effect::Note(note) => {
                if let Some(line) = crate::describe::note(&note.kind) {
                    self.line(&format!("server: {line}"));
                }
                self.notes.push(note);
            }
            Effect::KeepCrash(report) => self.crashes.push(*report),
        }
    }

    fn server_sends(&mut self, hop: Hop, text: Bytes) {
        let phone = self.by_ip.get(&hop.remote.ip()).copied();
        let Some(phone) = phone.filter(|phone| self.phones[*phone].sip.address == hop.remote) else {
            self.line(&format!("server -> nobody at {}  {}", hop.remote, crate::describe::message(&text)));
            return self.find_another_way(hop, text);
        };
        let arrivals = self.phones[phone].link.arrivals(Way::ToPeer, Cargo::Sip);
        let mark = if arrivals.is_empty() { " (lost)" } else { "" };
        let name = self.phones[phone].sip.name.clone();
        self.line(&format!("{name} <- server  {}{mark}", crate::describe::message(&text)));
        for after_ns in arrivals {
            let text = text.clone();
            self.enqueue(self.now.mono_ns + after_ns, Delivery::SipToPhone { phone, text });
        }
    }

    /// What the sender does about a message whose connection is gone.
    fn find_another_way(&mut self, hop: Hop, text: Bytes) {
        let message = Message::parse_datagram(text.clone()).expect("what the server sends can be parsed");
        let other = second_way(&message, &hop);
        let listens = |phone: &PhoneState, at| phone.sip.own_address == at && phone.sip.takes_connections;
        if let Some(other) = other.filter(|hop| self.phones.iter().any(|phone| listens(phone, hop.remote))) {
            let phone = self.by_ip[&other.remote.ip()];
            self.phones[phone].sip.address = other.remote;
            return self.server_sends(other, text);
        }
        if let Some(owner) = loop_of_request_sent(&message).filter(|_| hop.transport.is_reliable()) {
            let delivery = Delivery::Answer { owner: usize::from(owner.0), input: Input::Undelivered(message) };
            self.enqueue(self.now.mono_ns + MS / 10, delivery);
        }
    }

    /// Sends on what the workers have sent, and hands their facts to control.
    fn collect_media(&mut self) {
        for packet in std::mem::take(&mut self.media.outside.packets) {
            let rtcp = packet.from.port() % 2 == 1;
            let Some(phone) = self.by_ip.get(&packet.to.ip()).copied() else { continue };
            if !self.phones[phone].rtp.is_at(packet.to) {
                continue;
            }
            for after_ns in self.phones[phone].link.arrivals(Way::ToPeer, Cargo::Rtp) {
                let data = packet.data.clone();
                self.enqueue(self.now.mono_ns + after_ns, Delivery::RtpToPhone { phone, data, rtcp });
            }
        }
        for (owner, event) in std::mem::take(&mut self.media.outside.events) {
            if self.facts_are_lost {
                continue;
            }
            if let media_core::Event::Closed { stream, .. } = event {
                self.media.give_back(stream);
            }
            let input = Input::Media(event);
            self.enqueue(self.now.mono_ns + MS / 10, Delivery::Answer { owner: usize::from(owner.0), input });
        }
    }

    /// Tells the ladder and control what recordings report.
    fn collect_recordings(&mut self) {
        for (owner, source, recording, fact) in std::mem::take(&mut self.media.recording_news) {
            self.line(&format!("server: {}", crate::describe::recording(&fact)));
            if self.facts_are_lost {
                continue;
            }
            let input = Input::Recording { source, recording, fact };
            self.enqueue(self.now.mono_ns + MS / 10, Delivery::Answer { owner: usize::from(owner.0), input });
        }
    }

    pub(crate) fn has_note(&self, wanted: impl Fn(&NoteKind) -> bool) -> bool {
        self.notes.iter().any(|note| wanted(&note.kind))
    }
}

impl PhoneState {
    /// Where the server wants RTP: from the SDP of its response.
    fn learn_remote(&mut self, message: &Message) {
        let body = message.body();
        let text = String::from_utf8_lossy(&body);
        let field = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix).map(str::to_owned));
        let (Some(address), Some(media)) = (field("c=IN IP4 "), field("m=audio ")) else { return };
        let port = media.split(' ').next().and_then(|port| port.parse().ok());
        if let (Ok(ip), Some(port)) = (address.parse(), port) {
            self.rtp.remote = Some(SocketAddr::new(ip, port));
        }
    }
}
