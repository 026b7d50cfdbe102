//! Two peers, a wire of 10 ms with scripted losses, and a clock that jumps from deadline to deadline.

use base::{LoopId, MS, Now, Random};
use bytes::Bytes;
use sip_core::{
    AcceptedInvite, AcceptedStep, ClientTransactionId, Dialog, Endpoint, EndpointConfig, EndpointEvent, HeaderName,
    Hop, Message, MessageBuilder, Method, Output, ServerTransactionId, Transport,
};

pub(crate) use Who::{Alice, Bob};

const LATENCY_MS: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Alice,
    Bob,
}

impl Who {
    fn other(self) -> Who {
        match self {
            Alice => Bob,
            Bob => Alice,
        }
    }
}

/// One side: its endpoint and the little of a core that the scenarios need.
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    pub(crate) events: Vec<EndpointEvent>,
    /// A 2xx that waits for its ACK; repeated by the world.
    pub(crate) accepted: Option<AcceptedInvite>,
    /// The 2xx was given up.
    pub(crate) no_ack: bool,
    pub(crate) dialog: Option<Dialog>,
    hop: Hop,
}

struct Flight {
    due_ns: u64,
    to: Who,
    message: Bytes,
}

struct Sent {
    at_ms: u64,
    from: Who,
    label: String,
    message: Message,
}

pub(crate) struct World {
    pub(crate) now: Now,
    alice: Peer,
    bob: Peer,
    flights: Vec<Flight>,
    losses: Vec<(Who, String, usize)>,
    sent: Vec<Sent>,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            now: Now::default(),
            alice: Peer::new(1, "127.0.0.1:5060", "127.0.0.2:5060"),
            bob: Peer::new(2, "127.0.0.2:5060", "127.0.0.1:5060"),
            flights: Vec::new(),
            losses: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(crate) fn peer(&mut self, who: Who) -> &mut Peer {
        match who {
            Alice => &mut self.alice,
            Bob => &mut self.bob,
        }
    }

    /// The next `count` messages of `who` with this label (`INVITE`, `200 INVITE`) are lost.
    pub(crate) fn lose(&mut self, who: Who, label: &str, count: usize) {
        self.losses.push((who, label.to_owned(), count));
    }

    /// When `who` sent messages with this label, lost ones included, milliseconds.
    pub(crate) fn sent(&self, who: Who, label: &str) -> Vec<u64> {
        let of = |sent: &&Sent| sent.from == who && sent.label == label;
        self.sent.iter().filter(of).map(|sent| sent.at_ms).collect()
    }

    /// The last message that `who` sent.
    pub(crate) fn last_sent(&self, who: Who) -> Message {
        let of = |sent: &&Sent| sent.from == who;
        self.sent.iter().rev().find(of).expect("something was sent").message.clone()
    }

    /// The operating system tells `who` that the other side cannot be reached.
    pub(crate) fn reports_unreachable(&mut self, who: Who) {
        let now = self.now;
        let peer = self.peer(who);
        peer.forget_and_restore();
        let hop = peer.hop;
        peer.endpoint.handle_transport_error(now, hop);
        self.flush(who);
    }

    /// Runs the clock on by `ms`.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end_ns = self.now.mono_ns + ms * MS;
        while let Some(next_ns) = self.next_deadline().filter(|next_ns| *next_ns <= end_ns) {
            self.now.mono_ns = self.now.mono_ns.max(next_ns);
            self.advance();
        }
        self.now.mono_ns = end_ns;
    }

    /// Runs until nothing is in flight and no timer runs, at most an hour.
    pub(crate) fn run_until_idle(&mut self) {
        self.run_ms(3_600_000);
        assert_eq!(self.next_deadline(), None, "something still runs after an hour");
    }

    fn next_deadline(&self) -> Option<u64> {
        let of_peer = |peer: &Peer| {
            let repeat_ns = peer.accepted.as_ref().map(AcceptedInvite::next_deadline);
            [peer.endpoint.next_deadline(), repeat_ns].into_iter().flatten().min()
        };
        let in_flight = self.flights.iter().map(|flight| flight.due_ns).min();
        [of_peer(&self.alice), of_peer(&self.bob), in_flight].into_iter().flatten().min()
    }

    fn advance(&mut self) {
        let now = self.now;
        while let Some(index) = self.flights.iter().position(|flight| flight.due_ns <= now.mono_ns) {
            let flight = self.flights.remove(index);
            let message = Message::parse_datagram(flight.message).expect("peers send what can be parsed");
            self.receive(flight.to, message);
        }
        for who in [Alice, Bob] {
            self.peer(who).handle_timeout(now);
            self.flush(who);
            let endpoint = &self.peer(who).endpoint;
            assert!(endpoint.timer_len() == 0 || !endpoint.is_empty(), "a timer outlives its transaction");
        }
    }

    /// Lets `message` arrive at `who` now, as if the other had sent it.
    pub(crate) fn receive(&mut self, who: Who, message: Message) {
        let now = self.now;
        let peer = self.peer(who);
        peer.forget_and_restore();
        let hop = peer.hop;
        peer.endpoint.handle_message(now, message, hop);
        self.flush(who);
    }

    /// Takes what the endpoint of `who` wants: messages onto the wire, events to the core.
    pub(crate) fn flush(&mut self, who: Who) {
        while let Some(output) = self.peer(who).endpoint.poll_output() {
            match output {
                Output::Transmit { message, .. } => self.transmit(who, message),
                Output::Event(event) => self.peer(who).take_event(event),
            }
        }
    }

    fn transmit(&mut self, from: Who, message: Bytes) {
        let parsed = Message::parse_datagram(message.clone()).expect("endpoints send what can be parsed");
        let label = label(&parsed);
        self.sent.push(Sent { at_ms: self.now.mono_ns / MS, from, label: label.clone(), message: parsed });
        let loss = self.losses.iter_mut().find(|(who, lost, count)| *who == from && *lost == label && *count > 0);
        if let Some((_, _, count)) = loss {
            *count -= 1;
            return;
        }
        let due_ns = self.now.mono_ns + LATENCY_MS * MS;
        self.flights.push(Flight { due_ns, to: from.other(), message });
    }

    pub(crate) fn sends(&mut self, who: Who, request: MessageBuilder) -> ClientTransactionId {
        let now = self.now;
        let peer = self.peer(who);
        peer.forget_and_restore();
        let hop = peer.hop;
        let transaction = peer.endpoint.request(now, request, hop, 7);
        self.flush(who);
        transaction
    }

    pub(crate) fn invites(&mut self, who: Who) -> ClientTransactionId {
        self.sends(who, request(Method::Invite))
    }

    pub(crate) fn cancels(&mut self, who: Who, invite: ClientTransactionId) {
        let now = self.now;
        let peer = self.peer(who);
        peer.forget_and_restore();
        peer.endpoint.cancel(now, invite);
        self.flush(who);
    }

    /// Answers without a dialog.
    pub(crate) fn answers(&mut self, who: Who, (transaction, request): &(ServerTransactionId, Message), status: u16) {
        let response = MessageBuilder::response_to(request, status, "")
            .to_tag("bobtag")
            .header(HeaderName::Contact, "<sip:bob@127.0.0.2>")
            .build();
        self.responds(who, *transaction, response);
    }

    pub(crate) fn responds(&mut self, who: Who, transaction: ServerTransactionId, response: Message) {
        let now = self.now;
        let peer = self.peer(who);
        peer.forget_and_restore();
        peer.endpoint.respond(now, transaction, response);
        self.flush(who);
    }

    /// Answers the INVITE by 200 and repeats it until the ACK, as a core does.
    pub(crate) fn accepts(&mut self, who: Who, (transaction, request): &(ServerTransactionId, Message)) {
        let now = self.now;
        let tag = self.peer(who).endpoint.new_tag();
        let mut dialog = Dialog::of_uas(request, &tag).expect("the INVITE has all that a dialog needs");
        dialog.confirm();
        let ok = dialog.response_to(request, 200).header(HeaderName::Contact, "<sip:bob@127.0.0.2>").build();
        let peer = self.peer(who);
        let timers = peer.endpoint.config().timers;
        peer.accepted = AcceptedInvite::new(now, *transaction, ok.clone(), &timers);
        peer.dialog = Some(dialog);
        self.responds(who, *transaction, ok);
    }

    /// Acknowledges a 2xx and takes its dialog.
    pub(crate) fn acknowledges(&mut self, who: Who, ok: &Message) -> Message {
        let dialog = Dialog::of_uac(ok).expect("the 2xx has all that a dialog needs");
        let peer = self.peer(who);
        peer.forget_and_restore();
        let hop = peer.hop;
        let ack = peer.endpoint.send(dialog.ack(ok.cseq().unwrap().number), hop);
        peer.dialog = Some(dialog);
        self.flush(who);
        ack
    }

    /// Sends a request in the dialog of `who`.
    pub(crate) fn sends_in_dialog(&mut self, who: Who, method: Method) -> ClientTransactionId {
        let request = self.peer(who).dialog.as_mut().expect("there is a dialog").request(method);
        self.sends(who, request)
    }

    /// All gauges of both sides are back at zero.
    pub(crate) fn assert_empty(&mut self) {
        for who in [Alice, Bob] {
            let endpoint = &self.peer(who).endpoint;
            assert_eq!((endpoint.len(), endpoint.timer_len()), (0, 0), "{who:?} still holds something");
        }
    }
}

impl Peer {
    fn new(number: u8, local: &str, remote: &str) -> Peer {
        let hop = Hop {
            transport: Transport::Udp,
            listener: 0,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
        };
        let random = Random::from_seed([number; 32]);
        Peer {
            endpoint: Endpoint::new(LoopId(number), random, EndpointConfig::default()),
            events: Vec::new(),
            accepted: None,
            no_ack: false,
            dialog: None,
            hop,
        }
    }

    /// The state is written down, dropped, and taken up again.
    fn forget_and_restore(&mut self) {
        self.endpoint = restored(&self.endpoint);
        if let Some(accepted) = &self.accepted {
            self.accepted = Some(restored(accepted));
        }
        if let Some(dialog) = &self.dialog {
            self.dialog = Some(restored(dialog));
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.forget_and_restore();
        self.endpoint.handle_timeout(now);
        let Some(accepted) = &mut self.accepted else { return };
        match accepted.handle_timeout(now) {
            Some(AcceptedStep::Repeat) => {
                let (transaction, response) = (accepted.transaction(), accepted.response().clone());
                self.endpoint.respond(now, transaction, response);
            }
            Some(AcceptedStep::NoAck) => {
                self.accepted = None;
                self.no_ack = true;
            }
            None => {}
        }
    }

    fn take_event(&mut self, event: EndpointEvent) {
        if let EndpointEvent::Ack { request, .. } = &event
            && self.accepted.as_ref().is_some_and(|accepted| accepted.is_acknowledged_by(request))
        {
            self.accepted = None;
        }
        self.events.push(event);
    }

    /// Takes the only event, which is a request of `method`.
    pub(crate) fn request(&mut self, method: Method) -> (ServerTransactionId, Message) {
        match self.only_event() {
            EndpointEvent::Request { transaction, request, .. } if *request.method() == method => {
                (transaction, request)
            }
            other => panic!("expected {method}, got {other:?}"),
        }
    }

    /// Takes all responses; there is nothing else.
    pub(crate) fn responses(&mut self) -> Vec<Message> {
        let take = |event| match event {
            EndpointEvent::Response { response, owner: 7, .. } => response,
            other => panic!("expected responses only, got {other:?}"),
        };
        std::mem::take(&mut self.events).into_iter().map(take).collect()
    }

    /// Takes all responses as their status codes.
    pub(crate) fn statuses(&mut self) -> Vec<u16> {
        self.responses().iter().map(|response| response.status().unwrap()).collect()
    }

    pub(crate) fn only_event(&mut self) -> EndpointEvent {
        assert_eq!(self.events.len(), 1, "expected one event: {:?}", self.events);
        self.events.remove(0)
    }
}

fn restored<T: serde::Serialize + serde::de::DeserializeOwned>(state: &T) -> T {
    let saved = rmp_serde::to_vec(state).expect("the state can be written down");
    rmp_serde::from_slice(&saved).expect("what was written down can be restored")
}

/// `INVITE` or `200 INVITE`.
pub(crate) fn label(message: &Message) -> String {
    match message.status() {
        Some(status) => format!("{status} {}", message.method()),
        None => message.method().to_string(),
    }
}

/// A request out of any dialog, without Via.
pub(crate) fn request(method: Method) -> MessageBuilder {
    MessageBuilder::request(method.clone(), "sip:bob@127.0.0.2")
        .header(HeaderName::From, "<sip:alice@127.0.0.1>;tag=alicetag")
        .header(HeaderName::To, "<sip:bob@127.0.0.2>")
        .header(HeaderName::CallId, "call-1")
        .header(HeaderName::CSeq, format!("1 {method}"))
        .header(HeaderName::Contact, "<sip:alice@127.0.0.1>")
}
