//! A run: threads started, watched and joined, and the report made.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::args::CommonArgs;
use crate::error::{Doing, Error};
use crate::plan::Plan;
use crate::report::{self, Demands, Report};
use crate::stats::Stats;
use crate::sys::{self, StopSignals};
use crate::watch::{LOOK_MS, Watch};
use crate::worker::{Shared, Worker};

/// The threads begin together this long after the first was made.
const START_AFTER_NS: u64 = 50_000_000;
/// A progress line this often.
const PROGRESS_MS: u64 = 5_000;

/// Makes the calls of `plan`. With `signals`, SIGINT and SIGTERM end it early, in order.
pub(crate) fn run(plan: Plan, args: &CommonArgs, signals: Option<&StopSignals>) -> Result<Report, Error> {
    Demands { requirements: plan.requirements.clone(), sabotage: None }.check_names(&report::blank_of_calls(&plan))?;
    // Two sockets per call, and those of calls that ended a moment ago.
    let ended = plan.hold_ns.map_or(0.0, |_| plan.rate);
    sys::raise_open_files(u64::from(plan.calls) * 2 + ended as u64 + 64).doing(|| "room for the sockets".to_owned())?;
    // Keeps the kernel stamping from now to the end, whatever sockets the calls open and close.
    let _stamping = sys::bind_udp((plan.from_ip, 0).into(), 0).doing(|| format!("a socket on {}", plan.from_ip))?;
    let pid = args.server_pid;
    let mut watch = Watch::begin(pid).doing(|| format!("reading /proc/{}", pid.unwrap_or_default()))?;
    let plan = Arc::new(plan);
    let shared = Arc::new(Shared::default());
    let start_ns = sys::monotonic_ns() + START_AFTER_NS;
    let mut workers = Vec::new();
    for index in 0..plan.threads {
        workers.push(
            Worker::new(plan.clone(), shared.clone(), index, start_ns).doing(|| "the caller's sockets".to_owned())?,
        );
    }
    let threads: Vec<_> = workers
        .into_iter()
        .map(|worker| thread::Builder::new().name("load".to_owned()).spawn(move || worker.run()))
        .collect::<io::Result<_>>()
        .doing(|| "the caller's threads".to_owned())?;
    let mut looks = 0;
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        if sys::wait_for_stop(signals, Duration::from_millis(LOOK_MS)) {
            shared.stop.store(true, Ordering::Relaxed);
        }
        let up = shared.up.load(Ordering::Relaxed);
        let ending = shared.stop.load(Ordering::Relaxed) || sys::monotonic_ns() >= start_ns + plan.duration_ns;
        watch.look(up, up >= plan.calls, ending);
        looks += 1;
        if !args.no_progress && looks % (PROGRESS_MS / LOOK_MS) == 0 {
            progress(looks * LOOK_MS / 1000, up, &shared);
        }
    }
    let mut stats = Stats::default();
    for thread in threads {
        let counted = thread.join().expect("a thread of the caller does not panic");
        stats.merge(&counted.doing(|| "waiting for packets".to_owned())?);
    }
    if args.settle > 0 {
        sys::wait_for_stop(signals, Duration::from_secs(args.settle));
    }
    let (figures, server) = watch.end(stats.calls.started, plan.sabotage.as_ref());
    Ok(report::of_calls(&plan, &figures, &stats, &server))
}

fn progress(seconds: u64, up: u32, shared: &Shared) {
    let (started, failed) = (shared.started.load(Ordering::Relaxed), shared.failed.load(Ordering::Relaxed));
    // Who closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{seconds} s: {up} calls up, {started} started, {failed} failed");
}
