//! What one call costs in its control loop: INVITE, answer, ACK, `sleep`, BYE, and all of its events, without sockets or threads.
//! Calls follow each other every two milliseconds and last for 200 ms, so that the tables are as full as under such a load:
//! a transaction is remembered for 32 s.

use std::collections::VecDeque;

use base::{LoopId, MS, Now, StreamId, WorkerId};
use bytes::Bytes;
use call::{Control, Effect, Input, Snapshot};
use criterion::{Criterion, criterion_group, criterion_main};
use media_core::{Command, Event, PortLease, StreamStats};
use serde_json::json;
use sip_core::{EndpointConfig, Hop, Message, Transport};
use support::flow_and_number;

/// The server's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Between two calls.
const APART_NS: u64 = 2 * MS;
/// Calls that are up at once.
const UP: usize = 100;
/// Calls until the first transactions are forgotten.
const UNTIL_STEADY: usize = 17_000;

struct Caller {
    control: Control,
    now: Now,
    hop: Hop,
    effects: Vec<Effect>,
    next_slot: u32,
    calls: u64,
    /// Call number and the To header of its answer, oldest first.
    up: VecDeque<(u64, String)>,
    to: String,
}

impl Caller {
    fn new() -> Caller {
        let (local, remote) = ("127.0.0.1:5060".parse(), "127.0.0.2:5060".parse());
        let (local, remote) = (local.expect("an address"), remote.expect("an address"));
        let mut caller = Caller {
            control: Control::new(LoopId(0), [7; 32], EndpointConfig::default()),
            now: Now { mono_ns: 1_000_000_000, wall_us: 1_800_000_000_000_000 },
            hop: Hop { transport: Transport::Udp, listener: 0, local, remote },
            effects: Vec::new(),
            next_slot: 0,
            calls: 0,
            up: VecDeque::new(),
            to: String::new(),
        };
        let mut snapshot = Snapshot::default();
        let actions = json!([{"type": "answer"}, {"type": "sleep", "option": {"duration": 86_400_000}}]);
        let (flow, number) = flow_and_number(1, "sleep", actions);
        snapshot.flows.insert(flow.id, flow);
        snapshot.numbers.insert(number.number.clone(), number);
        snapshot.settings.open_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        snapshot.settings.port_stock = 64;
        snapshot.settings.max_calls = 10_000;
        snapshot.settings.max_new_calls_per_second = 100_000;
        caller.input(Input::Snapshot(Box::new(snapshot)));
        for _ in 0..UNTIL_STEADY {
            caller.call();
        }
        caller
    }

    fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.control.handle(self.now, input, &mut self.effects);
            for effect in self.effects.drain(..) {
                match effect {
                    Effect::WantPorts { ipv6, count } => {
                        let leases = (0..count).map(|at| lease(self.next_slot + at)).collect();
                        self.next_slot += count;
                        inputs.push_back(Input::Ports { ipv6, leases });
                    }
                    Effect::Media(Command::Close { stream }) => {
                        inputs.push_back(Input::Media(Event::Closed { stream, stats: StreamStats::default() }));
                    }
                    Effect::Transmit { message, .. } if message.starts_with(b"SIP/2.0 200") => {
                        let text = String::from_utf8_lossy(&message);
                        let to = text.lines().find(|line| line.starts_with("To:")).expect("an answer has a To");
                        to.clone_into(&mut self.to);
                    }
                    _ => {}
                }
            }
        }
    }

    fn sip(&mut self, text: String) {
        let message = Message::parse_datagram(Bytes::from(text)).expect("it is well-formed");
        let hop = self.hop;
        self.input(Input::Sip { message, hop });
    }

    /// One call more, and the end of the one that has lasted long enough.
    fn call(&mut self) {
        self.now.mono_ns += APART_NS;
        self.now.wall_us += APART_NS / 1_000;
        if self.control.next_deadline().is_some_and(|due_ns| due_ns <= self.now.mono_ns) {
            self.input(Input::Timeout);
        }
        self.calls += 1;
        let number = self.calls;
        let body = format!(
            "v=0\r\no=load {number} 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        );
        let to = "To: <sip:sleep@127.0.0.1>";
        let type_line = "Content-Type: application/sdp\r\n";
        self.sip(request(
            "INVITE",
            number,
            1,
            "i",
            to,
            &format!("{type_line}Content-Length: {}\r\n\r\n{body}", body.len()),
        ));
        let to = std::mem::take(&mut self.to);
        assert!(to.contains("tag="), "call {number} was not answered");
        self.sip(request("ACK", number, 1, "a", &to, "Content-Length: 0\r\n\r\n"));
        self.up.push_back((number, to));
        if self.up.len() > UP
            && let Some((number, to)) = self.up.pop_front()
        {
            self.sip(request("BYE", number, 2, "b", &to, "Content-Length: 0\r\n\r\n"));
        }
    }
}

fn lease(slot: u32) -> PortLease {
    let stream = StreamId { worker: WorkerId((slot % 2) as u8), slot: slot % 20_000, lease: slot / 20_000 + 1 };
    PortLease { stream, rtp_port: 10_000 + (slot % 20_000) as u16 * 2, ipv6: false }
}

fn request(method: &str, call: u64, cseq: u32, branch: &str, to: &str, rest: &str) -> String {
    // Spread as the random ids of callers are.
    let spread = call.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{method} sip:sleep@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK{spread:016x}{branch};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:load@127.0.0.2>;tag={spread:08x}\r\n{to}\r\nCall-ID: {spread:016x}-{call}@127.0.0.2\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:load@127.0.0.2:5060>\r\nUser-Agent: flowswitch-load\r\n{rest}"
    )
}

fn calls(criterion: &mut Criterion) {
    let mut caller = Caller::new();
    criterion.bench_function("call/answered_sleep_bye", |bench| bench.iter(|| caller.call()));
}

criterion_group!(benches, calls);
criterion_main!(benches);
