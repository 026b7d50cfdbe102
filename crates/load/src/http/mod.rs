//! `flowswitch load http`: reads and writes against a REST API at a steady rate, over connections that are kept open.
//!
//! Each request has a time at which it is due, whatever became of those before; how long it took is counted from then on. So a
//! server that stands still for a second has a second in its figures, not one slow request.

mod connection;
pub(crate) mod message;
mod mix;
mod sender;

use std::collections::BTreeMap;
use std::net::ToSocketAddrs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::args::HttpArgs;
use crate::error::{Doing, Error, usage};
use crate::fault::{self, Fault, fault};
use crate::histogram::Histogram;
use crate::meter::{Meter, ServerUse};
use crate::notes::Notes;
use crate::plan::may_use;
use crate::report::{Demands, Report, Table, spread, to_value};
use crate::sys::{self, StopSignals};
use connection::{Connection, Server};
use mix::Mix;
use sender::Sender;

/// What is distorted on purpose.
pub(crate) const FAULTS: &[Fault] = &[
    fault("wrong-path", "one request in ten is for something that is not there", "http.wrong_status"),
    fault("cut-body", "the last octet of one body in ten is left out", "http.wrong_body"),
    fault("other-id", "another resource is awaited than was asked for", "http.wrong_body"),
    fault("lose-response", "one response in ten is not looked at", "http.timed_out"),
    fault("close-connection", "the connection is closed after one response in ten", "http.reconnected"),
    Fault { limit: 250.0, ..fault("late-response", "each response comes a second later", "http.reads.latency.p99_ms") },
];

/// What must be zero with `--strict`.
const STRICT: &[&str] = &["http.wrong_status", "http.wrong_body", "http.timed_out", "http.broken", "http.reconnected"];

/// The figures under `http.`
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub sent: u64,
    pub answered: u64,
    /// Responses with a status that is not the wanted one.
    pub wrong_status: u64,
    /// Responses whose body is not what it should be.
    pub wrong_body: u64,
    /// Requests without response in time.
    pub timed_out: u64,
    /// Requests whose connection ended, or whose response was no HTTP.
    pub broken: u64,
    /// Connections made again.
    pub reconnected: u64,
    /// Responses by status.
    pub statuses: BTreeMap<String, u64>,
    pub reads: Side,
    pub writes: Side,
    /// How much later than planned a request was sent by a connection that had nothing else to do.
    pub own_lateness: Histogram,
    pub notes: Notes,
}

/// Reads or writes.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Side {
    /// Faultless responses.
    pub done: u64,
    /// Those per second.
    pub per_second: f64,
    /// From the time at which a request was due until its response was there.
    pub latency: Histogram,
}

impl Figures {
    fn merge(&mut self, other: &Figures) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.wrong_status += other.wrong_status;
        self.wrong_body += other.wrong_body;
        self.timed_out += other.timed_out;
        self.broken += other.broken;
        self.reconnected += other.reconnected;
        for (status, count) in &other.statuses {
            *self.statuses.entry(status.clone()).or_default() += count;
        }
        for (mine, theirs) in [(&mut self.reads, &other.reads), (&mut self.writes, &other.writes)] {
            mine.done += theirs.done;
            mine.latency.merge(&theirs.latency);
        }
        self.own_lateness.merge(&other.own_lateness);
        self.notes.merge(&other.notes);
    }
}

/// Asks for as long as is wanted and tells what was found.
pub(crate) fn run(args: &HttpArgs, signals: Option<&StopSignals>) -> Result<Report, Error> {
    let (demands, sabotaged) = fault::demands(&args.report, STRICT, FAULTS)?;
    demands.check_names(&json!({ "http": Figures::default(), "server": ServerUse::default() }))?;
    let sensible = |rate: f64| rate.is_finite() && (0.0..=100_000.0).contains(&rate);
    if !sensible(args.reads) || !sensible(args.writes) || args.reads + args.writes == 0.0 {
        return usage("--reads and --writes must be from 0 to 100000, and not both 0");
    }
    let mix = Mix::read(args.mix.as_deref())?;
    if (args.reads > 0.0 && mix.reads.is_empty()) || (args.writes > 0.0 && mix.writes.is_empty()) {
        return usage("the mix has no reads or no writes, but some are wanted");
    }
    let server = server(args)?;
    let ids = ids(&mix, &server)?;
    let mut meter = Meter::begin(args.server_pid).doing(|| "reading the server's process".to_owned())?;
    let start_ns = sys::monotonic_ns() + 50_000_000;
    let (reads, writes, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let writers = if args.writes == 0.0 {
        0
    } else if args.reads == 0.0 {
        args.connections
    } else {
        args.connections / 2
    };
    let mut figures = Figures::default();
    let took_s = thread::scope(|scope| {
        let threads: Vec<_> = (0..args.connections)
            .map(|index| {
                let is_writer = index < writers;
                let (turn, rate) = if is_writer { (&writes, args.writes) } else { (&reads, args.reads) };
                let sender = Sender {
                    server: &server,
                    mix: &mix,
                    ids: &ids,
                    is_writer,
                    index: u64::from(index),
                    turn,
                    every_ns: 1e9 / rate,
                    start_ns,
                    end_ns: start_ns + args.duration * 1_000_000_000,
                    stop: &stop,
                    sabotaged,
                };
                scope.spawn(move || sender.run())
            })
            .collect();
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            if sys::wait_for_stop(signals, Duration::from_millis(50)) {
                stop.store(true, Ordering::Relaxed);
            }
            meter.look(sys::monotonic_ns());
        }
        for thread in threads {
            figures.merge(&thread.join().expect("a thread of the tester does not panic"));
        }
        (sys::monotonic_ns() - start_ns) as f64 / 1e9
    });
    figures.reads.per_second = figures.reads.done as f64 / took_s;
    figures.writes.per_second = figures.writes.done as f64 / took_s;
    Ok(report(args, &figures, &meter.end(), &demands))
}

fn server(args: &HttpArgs) -> Result<Server, Error> {
    let host = args.base.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let Some(host) = host.filter(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' '])) else {
        return usage(format!("`{}` is not of the form http://HOST:PORT", args.base));
    };
    let with_port = if host.rsplit(']').next().is_some_and(|rest| rest.contains(':')) {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let address = with_port.to_socket_addrs().doing(|| format!("the address of {host}"))?.next();
    let address = address.ok_or_else(|| Error::Usage(format!("{host} has no address")))?;
    may_use(address.ip(), args.i_own_this_network)?;
    let timeout = Duration::from_millis(args.timeout_ms.clamp(1, 3_600_000));
    if args.key.contains(|letter: char| !letter.is_ascii_graphic()) {
        return usage("--key has blanks or control characters");
    }
    Ok(Server { address, host: host.to_owned(), key: args.key.clone(), timeout })
}

/// The ids of every list that a read takes them from.
fn ids(mix: &Mix, server: &Server) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut connection = Connection::new(server);
    let mut found = BTreeMap::new();
    for list in mix.reads.iter().filter_map(|read| read.ids_of.as_ref()) {
        let response = connection.ask("GET", list, None).doing(|| format!("GET {list}"))?;
        let value: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let items = value.get("result").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<String> = items.iter().filter_map(|item| mix::id_of(item).ok().map(str::to_owned)).collect();
        if ids.is_empty() {
            return usage(format!("GET {list} answered {} and named no resource", response.status));
        }
        found.insert(list.clone(), ids);
    }
    Ok(found)
}

/// The mix as a file.
pub(crate) fn usual_mix() -> &'static str {
    Mix::usual()
}

fn report(args: &HttpArgs, figures: &Figures, server: &Option<ServerUse>, demands: &Demands) -> Report {
    let mut table = Table::default();
    table.heading(&format!("{} ({} connections)", args.base, args.connections));
    for (name, side) in [("reads", &figures.reads), ("writes", &figures.writes)] {
        table.row(name, format_args!("{} done, {:.1} per second", side.done, side.per_second));
        table.row(&format!("{name}, latency"), spread(&side.latency));
    }
    let statuses: Vec<String> = figures.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    table.row("statuses", statuses.join(", "));
    table.row("own lateness", spread(&figures.own_lateness));
    table.faults(&[
        ("wrong status", figures.wrong_status),
        ("wrong body", figures.wrong_body),
        ("without response", figures.timed_out),
        ("broken", figures.broken),
        ("connected again", figures.reconnected),
    ]);
    if let Some(server) = server {
        table.row(
            "server",
            format_args!(
                "{:.0} ms of processor time ({:.0} % of one), {} KiB before, {} peak, {} after",
                server.cpu_ms, server.cpu_percent, server.before.rss_kib, server.peak.rss_kib, server.after.rss_kib
            ),
        );
    }
    figures.notes.tell(&mut table);
    let settings = json!({ "url": args.base, "reads": args.reads, "writes": args.writes, "duration_s": args.duration });
    let value = json!({ "settings": settings, "http": to_value(figures), "server": server });
    Report::new(value, table, demands, figures.answered == 0)
}
