//! What an event costs on its way to one receiver: `cargo test --release -p api --test sending -- --ignored --nocapture speed`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use api::WebhookConfig;
use model::{
    Action, Address, AddressType, Call, CallStatus, CallType, Direction, HangupBy, HangupReason, LogBody, LogEntry,
    Resource, Timestamp,
};
use serde_json::{Map, json};
use store::Accepted;
use uuid::Uuid;

use crate::receiver::{Manner, Receiver};
use crate::sender::{Sender, config};

/// Events of a run.
const EVENTS: u64 = 45_000;

#[test]
#[ignore = "measures"]
fn speed() {
    // 500 calls/s with six events each, as the log accepts them: in groups.
    measure("3000 events/s in groups of 30", Some(Duration::from_millis(10)));
    measure("all at once", None);
}

/// Sends groups of 30, one each `pause`.
#[expect(clippy::print_stdout, reason = "the figures are for the person who asked for them")]
fn measure(what: &str, pause: Option<Duration>) {
    let runtime = |name: &str| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name(name).enable_all().build().unwrap()
    };
    // The receiver and the feeder have threads of their own, so that the sender's work can be told apart.
    let (other, own) = (runtime("receiver"), runtime("sender"));
    let receiver = other.block_on(Receiver::start(Manner::Status(200)));
    let sender =
        own.block_on(async { Sender::start(WebhookConfig { queue: usize::MAX, queue_bytes: usize::MAX, ..config() }) });
    let customer = sender.customer(1, &receiver.url());
    let entries: Vec<LogEntry> = (0..EVENTS).map(|n| entry(customer, n)).collect();
    let (began, before) = (Instant::now(), busy());
    thread::scope(|scope| {
        let feeder = thread::Builder::new().name("feeder".into()).spawn_scoped(scope, || {
            let mut accepted = (1..).zip(entries).map(|(seq, entry)| Accepted { seq, entry });
            for n in 1.. {
                let group: Arc<[Accepted]> = accepted.by_ref().take(30).collect();
                if group.is_empty() {
                    return;
                }
                sender.live.try_send(group).unwrap();
                if let Some(pause) = pause {
                    thread::sleep((began + pause * n).saturating_duration_since(Instant::now()));
                }
            }
        });
        feeder.unwrap().join().unwrap();
    });
    while sender.number(|numbers| &numbers.delivered) < EVENTS {
        thread::sleep(Duration::from_millis(20));
    }
    let (seconds, after) = (began.elapsed().as_secs_f64(), busy());
    let each: Vec<String> = after
        .iter()
        .map(|(name, ns)| (name, (ns - before.get(name).unwrap_or(&0)) as f64 / 1e3 / EVENTS as f64))
        .filter(|(_, us)| *us >= 0.05)
        .map(|(name, us)| format!("{name} {us:.1}"))
        .collect();
    assert_eq!(sender.webhooks.metrics().attempts_failed.load(Ordering::Relaxed), 0);
    println!("{what}: {:.0} events/s; us of CPU per event by thread: {}", EVENTS as f64 / seconds, each.join(", "));
}

/// Nanoseconds that the threads of each name have run.
fn busy() -> BTreeMap<String, u64> {
    let mut busy = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let text = |file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
        let ns: u64 = text("schedstat").split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or_default();
        *busy.entry(text("comm").trim().to_owned()).or_default() += ns;
    }
    busy
}

/// Event `n`: what a call that talks shows.
fn entry(customer_id: Uuid, n: u64) -> LogEntry {
    let id = Uuid::from_u128(u128::from(n / 6));
    let at = Some(Timestamp::from_us(1_790_000_000_000_000 + n));
    let call = Call {
        id,
        customer_id,
        flow_id: Uuid::from_u128(2),
        activeflow_id: Uuid::nil(),
        kind: CallType::Flow,
        master_call_id: Uuid::nil(),
        chained_call_ids: Vec::new(),
        owner_type: String::new(),
        owner_id: Uuid::nil(),
        recording_id: Uuid::nil(),
        recording_ids: Vec::new(),
        groupcall_id: Uuid::nil(),
        confbridge_id: Uuid::nil(),
        mute_direction: String::new(),
        metadata: Map::new(),
        source: Address::new(AddressType::Tel, "+821100000001", "Caller"),
        destination: Address::new(AddressType::Tel, "+821100000002", ""),
        status: CallStatus::Progressing,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: at,
        tm_progressing: at,
        tm_hangup: None,
        tm_create: at,
        tm_update: at,
        tm_delete: None,
    };
    let option = json!({"text": "Welcome. Please wait for the next free agent.", "language": "en-US"});
    let action = Action { id: "greeting".into(), kind: "talk".into(), option: Some(option), ..Action::start() };
    let resource = Resource::Call(Arc::new(call), Some(Arc::new(action)));
    let body = LogBody::Event { name: "call_progressing".into(), resource, extra: Map::new() };
    LogEntry { at_us: n, customer_id, call_id: id, activeflow_id: Uuid::nil(), body }
}
