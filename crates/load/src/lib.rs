//! `flowswitch load`: calls any SIP target many times at once and proves, frame by frame, what comes back; registers phones,
//! asks a REST API, receives webhooks and looks into recorded files in the same way.
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
mod digest;
mod error;
mod failure;
mod fault;
mod histogram;
mod http;
mod media;
mod meter;
mod notes;
mod plan;
mod ports;
mod reflect;
mod register;
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
mod wav;
mod webhook;

mod worker;

use std::io::{self, Write};
use std::process::ExitCode;

pub use args::{
    Algorithm, Args, Behaviour, CallArgs, CheckWavArgs, Command, CommonArgs, Content, End, HttpArgs, LimitArgs, Mode,
    ReflectArgs, RegisterArgs, ReportArgs, RtpArgs, SinkArgs,
};
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
    if args.sabotage() == Some("list") {
        let faults = args.faults();
        write_out(&faults.map_or_else(sabotage::list, fault::list))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(Command::Http(args)) = &args.command
        && args.mix.as_deref() == Some("list")
    {
        write_out(http::usual_mix())?;
        return Ok(ExitCode::SUCCESS);
    }
    let signals = StopSignals::block();
    if let Some(Command::Reflect(args)) = &args.command {
        reflect::run(args, Some(&signals))?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = make(args, Some(&signals))?;
    let json = || format!("{:#}\n", report.json());
    match args.json() {
        Some(path) if path.as_os_str() == "-" => write_out(&json())?,
        Some(path) => {
            write_out(&report.to_string())?;
            std::fs::write(path, json()).doing(|| format!("writing {}", path.display()))?;
        }
        None => write_out(&report.to_string())?,
    }
    Ok(if report.unmet().is_empty() && !report.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Does what the command line asks and returns the figures, without touching signals or standard output.
pub fn execute(args: &Args) -> Result<Report, Error> {
    make(args, None)
}

fn make(args: &Args, signals: Option<&StopSignals>) -> Result<Report, Error> {
    match &args.command {
        None => run::run(Plan::of_calls(&args.call)?, &args.call.common, signals),
        Some(Command::Rtp(rtp)) => run::run(Plan::of_rtp(rtp)?, &rtp.common, signals),
        Some(Command::Reflect(_)) => error::usage("the reflector makes no calls"),
        Some(Command::Register(args)) => register::run(args, signals),
        Some(Command::Http(args)) => http::run(args, signals),
        Some(Command::WebhookSink(args)) => webhook::run(args, signals),
        Some(Command::CheckWav(args)) => wav::run(args),
    }
}

/// The names that `--sabotage` takes for calls.
pub fn sabotage_kinds() -> impl Iterator<Item = &'static str> {
    sabotage::KINDS.iter().map(|kind| kind.name)
}

/// The names that `--sabotage` takes for the tool of a command line; none for calls.
pub fn fault_kinds(args: &Args) -> impl Iterator<Item = &'static str> {
    args.faults().unwrap_or_default().iter().map(|fault| fault.name)
}

impl Args {
    /// What a tool other than calls can be sabotaged by.
    fn faults(&self) -> Option<&'static [fault::Fault]> {
        match &self.command {
            None | Some(Command::Rtp(_) | Command::Reflect(_)) => None,
            Some(Command::Register(_)) => Some(register::FAULTS),
            Some(Command::Http(_)) => Some(http::FAULTS),
            Some(Command::WebhookSink(_)) => Some(webhook::FAULTS),
            Some(Command::CheckWav(_)) => Some(wav::FAULTS),
        }
    }

    fn report_args(&self) -> Option<&ReportArgs> {
        match &self.command {
            None | Some(Command::Rtp(_) | Command::Reflect(_)) => None,
            Some(Command::Register(args)) => Some(&args.report),
            Some(Command::Http(args)) => Some(&args.report),
            Some(Command::WebhookSink(args)) => Some(&args.report),
            Some(Command::CheckWav(args)) => Some(&args.report),
        }
    }

    fn common(&self) -> &CommonArgs {
        match &self.command {
            Some(Command::Rtp(rtp)) => &rtp.common,
            _ => &self.call.common,
        }
    }

    fn sabotage(&self) -> Option<&str> {
        self.report_args().map_or(&self.common().sabotage, |report| &report.sabotage).as_deref()
    }

    fn json(&self) -> Option<&std::path::PathBuf> {
        self.report_args().map_or(&self.common().json, |report| &report.json).as_ref()
    }
}

fn write_out(text: &str) -> Result<(), Error> {
    io::stdout().write_all(text.as_bytes()).doing(|| "writing to standard output".to_owned())
}
