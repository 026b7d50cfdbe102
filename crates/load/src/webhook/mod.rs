//! `flowswitch load webhook-sink`: receives webhooks, looks whether each call's events are whole, in order and signed, and
//! behaves badly where it is told to.

mod events;
mod receiver;

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::args::SinkArgs;
use crate::error::{Doing, Error, usage};
use crate::fault::{self, Fault, fault};
use crate::plan::may_use;
use crate::report::{Demands, Report, Table, spread, to_value};
use crate::sys::{self, Epoll, StopSignals};
use events::{EventFigures, Events};
use receiver::Receiver;

/// What is distorted on purpose.
pub(crate) const FAULTS: &[Fault] = &[
    fault("lose-created", "call_created is not looked at", "webhook.headless"),
    fault("lose-hangup", "call_hangup is not looked at", "webhook.unfinished"),
    fault("repeat-event", "each event is looked at twice", "webhook.duplicates"),
    fault("late-event", "a call_ringing is looked at after each call_hangup", "webhook.after_end"),
    fault("cut-body", "the last octet of each body is left out", "webhook.malformed"),
    fault("wrong-secret", "another secret is expected", "webhook.signature_wrong"),
    fault("no-signature", "no signature is looked at", "webhook.unsigned"),
    fault("lose-call", "one call in ten is not looked at at all", "webhook.calls_missing"),
];

/// What must be zero with `--strict`.
const STRICT: &[&str] = &[
    "webhook.unfinished",
    "webhook.headless",
    "webhook.out_of_order",
    "webhook.after_end",
    "webhook.duplicates",
    "webhook.malformed",
    "webhook.untracked",
    "webhook.signature_wrong",
    "webhook.unsigned",
    "webhook.wrong_request",
    "webhook.calls_missing",
    "webhook.turned_away",
];

/// The figures under `webhook.` that come of the requests.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RequestFigures {
    pub connections: u64,
    /// Connections beyond the number that are served at a time.
    pub turned_away: u64,
    /// Requests, in whatever state.
    pub requests: u64,
    /// Requests that are not POST with `Content-Type: application/json`.
    pub wrong_request: u64,
    /// Events with the right signature.
    pub signed: u64,
    /// Events with a wrong one.
    pub signature_wrong: u64,
    /// Events without one, though there is a secret.
    pub unsigned: u64,
    /// Events that were behaved badly with.
    pub mistreated: u64,
    /// Redirects that were followed.
    pub redirects_followed: u64,
    /// Octets of endless bodies that were taken.
    pub octets_taken: u64,
}

/// How far `--calls` is off.
#[derive(Clone, Debug, Default, Serialize)]
struct Awaited {
    calls_missing: u64,
}

/// All that is counted.
#[derive(Clone, Debug, Default, Serialize)]
struct Figures {
    #[serde(flatten)]
    requests: RequestFigures,
    #[serde(flatten)]
    events: EventFigures,
    #[serde(flatten)]
    awaited: Awaited,
}

/// What all connections share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub events: Mutex<Events>,
    pub requests: Mutex<RequestFigures>,
    pub count: AtomicU64,
    pub stop: AtomicBool,
}

/// Receives until its time is over or it is told to stop.
pub(crate) fn run(args: &SinkArgs, signals: Option<&StopSignals>) -> Result<Report, Error> {
    let (demands, sabotaged) = fault::demands(&args.report, STRICT, FAULTS)?;
    demands.check_names(&json!({ "webhook": Figures::default() }))?;
    may_use(args.listen.ip(), args.i_own_this_network)?;
    if !(0.0..=100.0).contains(&args.share) {
        return usage("--share must be from 0 to 100");
    }
    if signals.is_none() && args.duration.is_none() {
        return usage("without signals --duration must say when to end");
    }
    let listener = TcpListener::bind(args.listen).doing(|| format!("listening on {}", args.listen))?;
    listener.set_nonblocking(true).doing(|| "the listener".to_owned())?;
    let mut epoll = Epoll::new().doing(|| "waiting for connections".to_owned())?;
    epoll.add(&listener, 0).doing(|| "waiting for connections".to_owned())?;
    let shared = Shared::default();
    let end_ns = args.duration.map(|seconds| sys::monotonic_ns() + seconds * 1_000_000_000);
    let receiver = Receiver { args, sabotaged, shared: &shared, open: Mutex::default() };
    thread::scope(|scope| {
        while end_ns.is_none_or(|end_ns| sys::monotonic_ns() < end_ns) && !sys::wait_for_stop(signals, Duration::ZERO) {
            if epoll.wait(50_000_000).is_err() {
                break;
            }
            while let Ok((stream, _)) = listener.accept() {
                receiver.accept(scope, stream);
            }
        }
        shared.stop.store(true, Ordering::Relaxed);
        receiver.close_all();
    });
    let mut events = shared.events.into_inner().unwrap_or_default();
    events.settle();
    let requests = shared.requests.into_inner().unwrap_or_default();
    let missing = args.calls.map_or(0, |wanted| wanted.abs_diff(events.figures.complete));
    let awaited = Awaited { calls_missing: missing };
    let figures = Figures { requests, events: events.figures.clone(), awaited };
    Ok(report(args, &figures, &events, &demands))
}

fn report(args: &SinkArgs, figures: &Figures, events: &Events, demands: &Demands) -> Report {
    let (requests, of) = (&figures.requests, &figures.events);
    let mut table = Table::default();
    table.heading(&format!("webhooks on {} ({:?})", args.listen, args.behave));
    table.row(
        "events",
        format_args!("{} in {} requests, {} connections", of.events, requests.requests, requests.connections),
    );
    let names: Vec<String> = of.names.iter().map(|(name, count)| format!("{name} {count}")).collect();
    table.row("by name", names.join(", "));
    table.row("calls", format_args!("{}, {} of them from beginning to end", of.calls, of.complete));
    table.row("call_created after", spread(&of.created_delay));
    table.row("call_hangup after", spread(&of.hangup_delay));
    table.row("signed", requests.signed);
    if requests.mistreated > 0 {
        table.row(
            "behaved badly",
            format_args!(
                "with {} events; {} redirects followed, {} octets of endless bodies taken",
                requests.mistreated, requests.redirects_followed, requests.octets_taken
            ),
        );
    }
    table.faults(&[
        ("calls missing", figures.awaited.calls_missing),
        ("without call_hangup", of.unfinished),
        ("without call_created", of.headless),
        ("out of order", of.out_of_order),
        ("after call_hangup", of.after_end),
        ("duplicates", of.duplicates),
        ("retries", of.retries),
        ("malformed", of.malformed),
        ("not tracked", of.untracked),
        ("wrong signature", requests.signature_wrong),
        ("unsigned", requests.unsigned),
        ("wrong request", requests.wrong_request),
        ("connections turned away", requests.turned_away),
    ]);
    events.notes.tell(&mut table);
    let mut value = to_value(figures);
    if let Some(object) = value.as_object_mut() {
        object.insert("notes".to_owned(), to_value(&events.notes));
    }
    Report::new(json!({ "webhook": value }), table, demands, requests.requests == 0)
}
