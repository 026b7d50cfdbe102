//! `flowswitch load`: calls any SIP target many times at once and proves, frame by frame, what comes back.
//!
//! Entry: [`Args`] (the command line) and [`run`]; [`execute`] for use without a terminal. Each call is a small user agent
//! client of its own; its RTP, SDP and statistics are written apart from the server's, so that one cannot hide the other's
//! mistakes. Only message parsing is shared, with `sip-core`.
//!
//! ```text
//!  main thread: plan ─► Worker × threads ─► Stats ──┐
//!    every 50 ms: calls up, /proc of the server ────┴─► Report: table, JSON, requirements
//!  Worker: epoll over its calls' sockets, one timer heap, Uac + Media per call
//! ```
//!
//! Invariants: targets are on loopback unless the user vouches for the network; every received frame is counted in exactly
//! one way; what the caller itself did late or lost is never put on the server's account.

mod args;
mod error;
mod failure;
mod histogram;
mod media;
mod plan;
mod ports;
mod reflect;
mod report;
mod require;
mod room;
mod rtp;
mod run;
mod sabotage;
mod server_process;
mod sip;
mod stats;
mod sys;
mod timers;
mod watch;
mod worker;

use std::io::{self, Write};
use std::process::ExitCode;

pub use args::{Args, CallArgs, Command, CommonArgs, End, LimitArgs, Mode, ReflectArgs, RtpArgs};
use error::Doing;
pub use error::Error;
use plan::Plan;
pub use report::Report;
pub use rtp::g711::Codec;
use sys::StopSignals;

/// Does what the command line asks, prints the table or the JSON, and tells how it went: 0 all requirements met, 1 one was
/// not, or the run was sabotaged. SIGINT and SIGTERM end the run in order. An error is for the caller to print; use 2 as
/// the exit code of [`Error::Usage`].
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    if args.call.common.sabotage.as_deref() == Some("list") {
        write_out(&sabotage::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let signals = StopSignals::block();
    if let Some(Command::Reflect(args)) = &args.command {
        reflect::run(args, Some(&signals))?;
        return Ok(ExitCode::SUCCESS);
    }
    let common = args.common();
    let report = make_calls(args, Some(&signals))?;
    let json = || format!("{:#}\n", report.json());
    match &common.json {
        Some(path) if path.as_os_str() == "-" => write_out(&json())?,
        Some(path) => {
            write_out(&report.to_string())?;
            std::fs::write(path, json()).doing(|| format!("writing {}", path.display()))?;
        }
        None => write_out(&report.to_string())?,
    }
    Ok(if report.unmet().is_empty() && !report.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the calls of the command line and returns the figures, without touching signals or standard output.
pub fn execute(args: &Args) -> Result<Report, Error> {
    make_calls(args, None)
}

fn make_calls(args: &Args, signals: Option<&StopSignals>) -> Result<Report, Error> {
    let plan = match &args.command {
        Some(Command::Rtp(rtp)) => Plan::of_rtp(rtp)?,
        Some(Command::Reflect(_)) => return error::usage("the reflector makes no calls"),
        None => Plan::of_calls(&args.call)?,
    };
    run::run(plan, args.common(), signals)
}

/// The names that `--sabotage` takes.
pub fn sabotage_kinds() -> impl Iterator<Item = &'static str> {
    sabotage::KINDS.iter().map(|kind| kind.name)
}

impl Args {
    fn common(&self) -> &CommonArgs {
        match &self.command {
            Some(Command::Rtp(rtp)) => &rtp.common,
            _ => &self.call.common,
        }
    }
}

fn write_out(text: &str) -> Result<(), Error> {
    io::stdout().write_all(text.as_bytes()).doing(|| "writing to standard output".to_owned())
}
