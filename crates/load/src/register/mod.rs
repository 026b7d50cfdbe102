//! `flowswitch load register`: many phones register, refresh and perhaps leave, and each 200 must list the phone's contact.

mod accounts;
mod client;
mod figures;
mod user;

use std::net::{IpAddr, Ipv4Addr};

use crate::args::RegisterArgs;
use crate::error::{Doing, Error, usage};
use crate::fault::{self, Fault, fault};
use crate::meter::Meter;
use crate::plan::may_use;
use crate::report::Report;
use crate::sip::target::Target;
use crate::sys::{self, StopSignals};
use client::Client;
use figures::{blank, report};
use user::Common;

/// What is distorted on purpose.
pub(crate) const FAULTS: &[Fault] = &[
    fault("wrong-password", "everybody has a wrong password", "register.refused"),
    fault("right-password", "those who should have a wrong password have the right one", "register.wrong_accepted"),
    fault("forget-contact", "the contacts of each 200 are not looked at", "register.unlisted"),
    fault("lose-request", "the first request of each user is not sent", "register.repeated"),
    fault("lose-response", "no response is looked at", "register.timed_out"),
    fault("cut-response", "one response in ten is cut short", "register.malformed"),
    fault("keep-contact", "who leaves asks for an hour instead of nothing", "register.still_listed"),
    Fault { limit: 250.0, ..fault("late-response", "each response comes a second later", "register.refresh.p99_ms") },
];

/// What must be zero with `--strict`.
const STRICT: &[&str] = &[
    "register.refused",
    "register.wrong_accepted",
    "register.unlisted",
    "register.still_listed",
    "register.wrong_expires",
    "register.timed_out",
    "register.unanswerable",
    "register.malformed",
    "register.strays",
    "register.kernel_dropped",
    "register.send_errors",
];

/// Registers, refreshes, leaves, and tells what was found.
pub(crate) fn run(args: &RegisterArgs, signals: Option<&StopSignals>) -> Result<Report, Error> {
    let (demands, sabotaged) = fault::demands(&args.report, STRICT, FAULTS)?;
    demands.check_names(&blank())?;
    if args.server_pid.is_none() && demands.requirements.iter().any(|one| one.figure.contains("kib_per")) {
        return usage("what a registration takes of memory needs --server-pid");
    }
    for (name, rate) in [("--rate", args.rate), ("--refresh-rate", args.refresh_rate)] {
        if !(rate.is_finite() && rate > 0.0 && rate <= 20_000.0) {
            return usage(format!("{name} must be above 0 and at most 20000"));
        }
    }
    if !(0.0..=100.0).contains(&args.wrong_password) {
        return usage("--wrong-password must be from 0 to 100");
    }
    let registrar = Target::parse(&args.registrar).map_err(Error::Usage)?;
    may_use(registrar.address.ip(), args.i_own_this_network)?;
    let from_ip = match (args.from_ip, registrar.address.ip()) {
        (Some(ip), _) => ip,
        (None, ip) if ip == IpAddr::V4(Ipv4Addr::LOCALHOST) => Ipv4Addr::new(127, 0, 0, 2).into(),
        (None, ip) if ip.is_loopback() => ip,
        (None, _) => return usage("--from-ip is needed for a registrar that is not on loopback"),
    };
    let accounts = accounts::accounts(args)?;
    let sockets = (accounts.len() as u64).div_ceil(u64::from(args.users_per_socket));
    sys::raise_open_files(sockets + 64).doing(|| "room for the sockets".to_owned())?;
    let host = args.registrar.get(4..).unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).split(';').next().unwrap_or_default();
    let common = Common {
        run: sys::realtime_ns() ^ u64::from(std::process::id()).rotate_left(48),
        domain: args.domain.clone().unwrap_or_else(|| host.to_owned()),
        expires: args.expires,
        algorithm: args.algorithm,
        keeps: sabotaged.is("keep-contact"),
        timeout_ns: args.timeout_ms.clamp(1, 3_600_000) * 1_000_000,
    };
    let meter = Meter::begin(args.server_pid).doing(|| "reading the server's process".to_owned())?;
    let client = Client::new(args, common, registrar.address, from_ip, accounts, sabotaged, meter)
        .doing(|| format!("sockets on {from_ip}"))?;
    let (figures, server) = client.run(signals).doing(|| "waiting for responses".to_owned())?;
    Ok(report(args, &figures, &server, &demands))
}
